"""An int8 artifact of an export: written, proved and judged before it gets its name."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.model import Model

from ..boards.costs import Fit
from ..capture.original import Subject
from ..probing.recording import Recording
from ..quantise.report import QuantisationReport
from ..quantise.request import SUFFIX
from .candidate import Draft


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
        fit: Fit | None,
        quantised: QuantisedModel,
        quantisation: QuantisationReport,
        *,
        simd: bool,
    ) -> None:
        super().__init__(format_name, folder, name + SUFFIX, fit, simd=simd)
        self.quantised = quantised
        self.quantisation: QuantisationReport = quantisation

    def describe(
        self, subject: Subject, recording: Recording
    ) -> tuple[Metadata, Parameters]:
        """As for a float model; the golden outputs become those of the integers."""
        metadata, _ = super().describe(subject, recording)
        described = dataclasses.replace(
            metadata,
            digest=self.quantised.digest,
            numerics=INTEGER_NUMERICS,
            int8_judgement=self.quantisation.judgement.text(),
            limits=None,
        )
        return described, self.quantised

    def prove(self, subject: Subject, recording: Recording) -> str:
        """As for a float model, without a limit for the difference from PyTorch."""
        note = super().prove(subject, recording)
        assert self.parity is not None
        self.parity = dataclasses.replace(self.parity, limit=math.inf)
        return note

    def judge_steps(
        self, model: Model, parameters: Parameters, recording: Recording
    ) -> None:
        """Integers round more than float32."""

    def check_weights(self, subject: Subject) -> None:
        """Every reader of integers has compared their digest."""

    def check(self, report: str | os.PathLike[str] | None) -> None:
        """Raise ParityError when an error on the test part rises by more than allowed."""
        self.quantisation.check()
