"""One model in one arithmetic: what writers are given, and how the result is judged."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from functools import cached_property

import rnnedge_runtime
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.engine import Engine

from ..capture.original import Original
from ..compare.parity import Parity, compare, parity_error
from ..compare.runs import Array, run_through, side_by_side
from ..formats.rnne.writing import quick_engine
from ..probing.recording import Recording
from ..quantise.report import QuantisationReport, measure_quantisation
from ..quantise.request import SUFFIX, Int8


@dataclass(frozen=True, eq=False)
class Variant:
    """A model ready for every writer (`formats.variant.Variant`).

    Attributes:
        original: what is exported.
        recording: what PyTorch gave.
        metadata: what an artifact says of itself.
        parameters: canonical weights, or integers.
        quantisation: what integers cost; None of a float model.
    """

    original: Original
    recording: Recording
    metadata: Metadata
    parameters: Parameters
    quantisation: QuantisationReport | None = None

    @property
    def suffix(self) -> str:
        """Of the name of its artifacts."""
        return SUFFIX if self.quantisation else ""

    @cached_property
    def engine(self) -> Engine:
        """The quickest engine of its arithmetic here."""
        return quick_engine(self.metadata, self.parameters)

    @cached_property
    def defined_y(self) -> Array:
        """`[T, O]` what NumPy, which defines its bytes, gives on the recorded stream."""
        spec, x = self.metadata.spec, self.recording.x
        engine = numpy_engine(spec, self.parameters)
        y = side_by_side(engine, self.engine, spec, x)
        return run_through(engine, spec, x) if y is None else y

    def compare(self, y: Array, engine: Engine | None) -> Parity:
        """How far an artifact is from PyTorch.

        Integers round more than float32, so their difference has no limit here: what they
        cost has one.

        Args:
            y: `[T, O]` its outputs on the recorded stream.
            engine: takes its single steps; None where `engine` of the variant gives the
                same bytes.
        """
        recording, steps = self.recording, None
        if self.quantisation is None:
            steps = recording.judge_steps(engine or self.engine)
        parity = compare(
            y,
            recording.y,
            recording.spec,
            recording.limits,
            float32_errors=recording.float32_errors,
            steps=steps,
        )
        has_limit = recording.is_bounded and self.quantisation is None
        return parity if has_limit else replace(parity, limit=math.inf)

    def judge(
        self, title: str, parity: Parity, report: str | os.PathLike[str] | None
    ) -> None:
        """Raise ParityError where `parity` is not within the limits.

        The message names the format by its `title`, and the `report` where there is one.
        """
        if self.quantisation is not None:
            self.quantisation.check()
        elif not parity.is_within:
            judge = self.recording.judge
            raise parity_error(f"export to {title}", parity, report, judge)


def float_variant(original: Original, recording: Recording) -> Variant:
    """The model in float32."""
    metadata = Metadata(
        spec=original.spec,
        digest=original.digest,
        numerics=NUMERICS,
        golden=recording.golden,
        producer=f"rnnedge {rnnedge_runtime.__version__}",
        limits=recording.stored_limits,
    )
    return Variant(original, recording, metadata, original.weights)


def int8_variant(
    variant: Variant, integers: Int8, quantised: QuantisedModel
) -> Variant:
    """The model in integers, measured beside its float variant.

    Raises:
        ParityError: the engine gives other bytes than the definition, or the float model
            other numbers than PyTorch.
    """
    recording = variant.recording
    found = measure_quantisation(
        integers,
        quantised,
        variant.metadata,
        variant.original.weights,
        recording.x,
        recording,
    )
    metadata = replace(
        variant.metadata,
        digest=quantised.digest,
        numerics=INTEGER_NUMERICS,
        int8_judgement=found.judgement.text(),
        limits=None,
    )
    return Variant(variant.original, recording, metadata, quantised, found)
