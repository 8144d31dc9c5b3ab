"""`bench`: every way to step the artifacts of one model, measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rnnedge_runtime
from rnnedge_export.artifact_metadata import read_metadata
from rnnedge_export.parity import step_through
from rnnedge_export.verification_stream import stream_like
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import FormatError, MissingDependencyError, SpecError
from rnnedge_runtime.integer_numerics import INTEGER_NUMERICS
from rnnedge_runtime.metadata import Metadata

from .footprint import Footprint, measure
from .timing import Timing, time_blocks
from .ways import WAYS, Inputs, Way

BASELINE = "ONNX Runtime run"

_ERROR_STEPS = 1000
_TIMED_INPUTS = 256
_ENGINES = {
    "native": "native",
    "native, new array": "native",
    "ONNX Runtime run": "onnx",
    "ONNX Runtime IOBinding": "onnx",
    "TorchScript": "torchscript",
    "NumPy": "numpy",
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One way to step one artifact.

    Attributes:
        way: its name.
        artifact: the file.
        nbytes: size of the file.
        timing: us per step.
        ratio: how many times as fast as the baseline it is; None without a baseline.
        footprint: start-up and memory.
        error: largest difference from the float64 reference; None when there is none.
    """

    way: str
    artifact: Path
    nbytes: int
    timing: Timing
    ratio: float | None
    footprint: Footprint
    error: float | None


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All measurements of one run.

    Attributes:
        measurements: in the order of the ways.
        baseline: the way the ratios refer to; None when it could not run.
        numpy: a process that imports numpy alone.
        notes: ways that could not be measured, with the reason.
    """

    measurements: tuple[Measurement, ...]
    baseline: str | None
    numpy: Footprint
    notes: tuple[str, ...]


def bench(
    paths: Sequence[Path], *, seconds: float = 1.0, processes: int = 3
) -> BenchReport:
    """Measure artifacts of one model in every way that is there.

    Args:
        paths: `.rnne`, `.onnx` and `.pt` files of one model.
        seconds: of timing for each way; all are timed in turn in one process.
        processes: started for each way, to measure start-up and memory.

    Raises:
        FormatError: a file that is not a whole artifact, or artifacts of several models.
        SpecError: nothing there can step these files.
    """
    metadata = _same_model(paths)
    inputs = stream_like(metadata.spec, metadata.golden)
    ways, notes = _available(paths, metadata.numerics)
    blocks = {way.name: way.make(path, inputs[:_TIMED_INPUTS]) for way, path in ways}
    timings = time_blocks(blocks, seconds=seconds)
    judged = _judge(paths, inputs[:_ERROR_STEPS])
    baseline = BASELINE if BASELINE in timings else None
    size = metadata.spec.num_features
    measurements = [
        Measurement(
            way=way.name,
            artifact=path,
            nbytes=path.stat().st_size,
            timing=timings[way.name],
            ratio=timings[baseline].p50 / timings[way.name].p50 if baseline else None,
            footprint=measure(way, path, size, runs=processes),
            error=_error(way, path, inputs[:_ERROR_STEPS], judged),
        )
        for way, path in ways
    ]
    alone = measure(None, Path(paths[0]), size, runs=processes)
    return BenchReport(tuple(measurements), baseline, alone, tuple(notes))


def _same_model(paths: Sequence[Path]) -> Metadata:
    described = [read_metadata(path) for path in paths]
    for path, metadata in zip(paths, described, strict=True):
        if metadata.digest != described[0].digest:
            raise FormatError(
                f"bench: {path} holds model {metadata.digest[:12]}, {paths[0]} holds "
                f"{described[0].digest[:12]}. Name the artifacts of one model."
            )
    return described[0]


def _available(
    paths: Sequence[Path], numerics: str
) -> tuple[list[tuple[Way, Path]], list[str]]:
    ways, notes = [], []
    by_suffix = {path.suffix.lower(): path for path in reversed(paths)}
    for way in WAYS:
        path = by_suffix.get(way.suffix)
        if path is None:
            continue
        if way.is_float and numerics == INTEGER_NUMERICS:
            notes.append(f"{way.name}: the weights are integers ({numerics}).")
            continue
        try:
            way.is_there()
        except MissingDependencyError as error:
            notes.append(f"{way.name}: {error}")
            continue
        ways.append((way, path))
    if not ways:
        raise SpecError(
            f"bench: nothing here can step {', '.join(map(str, paths))}: "
            f"{' '.join(notes)} Install what is missing, or name an .rnne file."
        )
    return ways, notes


def _judge(paths: Sequence[Path], x: Inputs) -> np.ndarray | None:
    for path in paths:
        if path.suffix.lower() not in (".rnne", ".onnx"):
            continue
        try:
            model = rnnedge_runtime.load(path, backend="reference")
        except (MissingDependencyError, SpecError):
            continue
        assert isinstance(model.engine, ReferenceEngine)
        return step_through(model.engine, model.spec, x)
    return None


def _error(way: Way, path: Path, x: Inputs, judged: np.ndarray | None) -> float | None:
    if judged is None or way.name not in _ENGINES:
        return None
    model = rnnedge_runtime.load(path, backend=_ENGINES[way.name])
    return float(np.abs(step_through(model.engine, model.spec, x) - judged).max())
