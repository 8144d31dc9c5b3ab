"""An int8 artifact of an export: written, proved and judged before it gets its name."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path

import rnnedge_runtime
from rnnedge_runtime.integer_numerics import INTEGER_NUMERICS
from rnnedge_runtime.metadata import Metadata
from rnnedge_runtime.quantised import QuantisedModel
from rnnedge_runtime.weights import NUMERICS

from .draft import Draft
from .int8 import SUFFIX, Int8
from .parity import compare, step_through
from .proof import Recording
from .quantisation_report import measure_quantisation
from .rnne import build_rnne, quick_engine
from .subject import Subject


class IntegerDraft(Draft):
    """A Draft whose model is in integers.

    Its difference from PyTorch is reported and has no limit; the rise of its error on the
    test part has one.
    """

    def __init__(
        self,
        format_name: str,
        folder: Path,
        name: str,
        request: Int8,
        quantised: QuantisedModel,
    ) -> None:
        super().__init__(format_name, folder, name + SUFFIX)
        self.request = request
        self.quantised = quantised

    def write(self, subject: Subject, recording: Recording, *, is_only: bool) -> str:
        """Write the temporary file; the golden outputs are those of the integers."""
        content = build_rnne(self.describe(subject, recording), self.quantised)
        self.temporary.write_bytes(content)
        self.is_written = True
        return ""

    def describe(self, subject: Subject, recording: Recording) -> Metadata:
        return Metadata(
            spec=subject.spec,
            digest=self.quantised.digest,
            numerics=INTEGER_NUMERICS,
            golden=recording.golden,
            producer=f"rnnedge {rnnedge_runtime.__version__}",
        )

    def prove(self, subject: Subject, recording: Recording) -> str:
        """Load the artifact, compare it with the definition and with the float model.

        Raises:
            ParityError: the engine gives other bytes than the NumPy definition.
        """
        self.model = model = rnnedge_runtime.load(self.artifact)
        y = step_through(model.engine, model.spec, recording.x)
        parity = compare(y, recording.y, model.spec, recording.float32_errors)
        self.parity = dataclasses.replace(parity, limit=math.inf)
        metadata = dataclasses.replace(
            self.describe(subject, recording), digest=subject.digest, numerics=NUMERICS
        )
        float_engine = quick_engine(metadata, subject.weights)
        self.quantisation = measure_quantisation(
            self.request,
            self.quantised,
            (float_engine, model.engine),
            recording.x,
            (
                len(build_rnne(metadata, subject.weights, engine=float_engine)),
                self.artifact.stat().st_size,
            ),
        )
        return ""

    def check(self, report: str | os.PathLike[str] | None) -> None:
        """Raise ParityError when an error on the test part rises by more than allowed."""
        assert self.quantisation is not None
        self.quantisation.check()
