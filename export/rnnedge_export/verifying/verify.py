"""`verify`: what an artifact promises, tried on this machine. Needs no torch for `.onnx`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..formats.registry import format_of
from ..tools.threads import torch_threads
from . import file_checks, reference_checks, stream_checks
from .check import Check, VerifyReport
from .cross_checks import DIFFERENCE, compare_pair
from .evidence import Evidence

_CHECKS: tuple[Callable[[Evidence], Iterable[Check]], ...] = (
    file_checks.integrity,
    file_checks.javascript,
    reference_checks.weights,
    file_checks.golden_steps,
    file_checks.judged_at_export,
    file_checks.compiled,
    file_checks.long_run,
    stream_checks.run_equals_step,
    stream_checks.chunks_equal_run,
    stream_checks.state_changes,
    stream_checks.snapshot_restores,
    stream_checks.implausible_readings,
    stream_checks.forecasts_fill_holes,
    reference_checks.single_steps,
    reference_checks.drift,
    reference_checks.definition,
)


def verify(
    paths: Sequence[str | os.PathLike[str]], *, backend: str | None = None
) -> VerifyReport:
    """Check artifacts against themselves, the float64 reference and each other.

    Args:
        paths: artifacts; several are taken for the same model in other formats.
        backend: used for the files it reads; a `.pt` needs `torchscript`.

    Raises:
        FormatError: a file that is not a whole artifact, or that `backend` does not read.
        MissingDependencyError: the backend's package is not installed.
    """
    models = [format_of(path).load(Path(path), backend) for path in paths]
    verified = [
        Evidence(model, models[:k] + models[k + 1 :]) for k, model in enumerate(models)
    ]
    with torch_threads(1):
        checks = [found for one in verified for make in _CHECKS for found in make(one)]
        for k, other in enumerate(verified[1:], start=1):
            checks += compare_pair(_sibling(verified[:k], other), other)
    if all(item.is_integer for item in verified):
        why = "pass the float file of the same run too"
        checks.append(verified[0].not_checked(DIFFERENCE, why))
    return VerifyReport(tuple(checks))


def _sibling(earlier: list[Evidence], one: Evidence) -> Evidence:
    """The first artifact before it of the same numerics, else the very first."""
    numerics = one.model.metadata.numerics
    same = [item for item in earlier if item.model.metadata.numerics == numerics]
    return (same or earlier)[0]
