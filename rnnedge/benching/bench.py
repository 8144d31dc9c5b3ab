"""`bench`: every way to step the artifacts of one model, measured side by side.

The model in integers may stand beside it: another arithmetic of the same spec.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import rnnedge_runtime
from rnnedge_export.compare.runs import step_through
from rnnedge_export.compare.verification_stream import stream_like
from rnnedge_export.formats.registry import read_metadata
from rnnedge_runtime.backends import BACKENDS
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import FormatError, MissingDependencyError, SpecError
from rnnedge_runtime.formats.metadata import Metadata

from .footprint import Footprint, measure
from .timing import Timing, time_blocks
from .ways import WAYS, Inputs, Way

BASELINE = "ONNX Runtime run"

_ERROR_STEPS = 1000
_TIMED_INPUTS = 256


@dataclass(frozen=True, slots=True)
class Measurement:
    """One way to step one artifact.

    Attributes:
        way: its name, with `int8` for a model in integers.
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
        paths: `.rnne`, `.onnx` and `.pt` files of one model, and its `.rnne` in integers.
        seconds: of timing for each way; all are timed in turn in one process.
        processes: started for each way, to measure start-up and memory.

    Raises:
        FormatError: a file that is not a whole artifact, or artifacts of several models.
        SpecError: nothing there can step these files.
    """
    described = _same_model(paths)
    metadata = described[0]
    inputs = stream_like(metadata.spec, metadata.golden)
    rows, notes = _available(paths, described)
    blocks = {row.label: row.way.make(row.path, inputs[:_TIMED_INPUTS]) for row in rows}
    timings = time_blocks(blocks, seconds=seconds)
    judged = _judge(paths, inputs[:_ERROR_STEPS])
    baseline = BASELINE if BASELINE in timings else None
    size = metadata.spec.num_features
    measurements = [
        Measurement(
            way=row.label,
            artifact=row.path,
            nbytes=row.path.stat().st_size,
            timing=timings[row.label],
            ratio=timings[baseline].p50 / timings[row.label].p50 if baseline else None,
            footprint=measure(row.way, row.path, size, runs=processes),
            error=_error(row.way, row.path, inputs[:_ERROR_STEPS], judged),
        )
        for row in rows
    ]
    alone = measure(None, Path(paths[0]), size, runs=processes)
    return BenchReport(tuple(measurements), baseline, alone, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Row:
    """A way and the file it steps."""

    way: Way
    path: Path
    is_integer: bool

    @property
    def label(self) -> str:
        return f"{self.way.name}, int8" if self.is_integer else self.way.name


def _same_model(paths: Sequence[Path]) -> list[Metadata]:
    described = [read_metadata(path) for path in paths]
    first: dict[bool, int] = {}
    for k, metadata in enumerate(described):
        other = described[first.setdefault(metadata.is_integer, k)]
        if metadata.digest != other.digest or metadata.spec != described[0].spec:
            raise FormatError(
                f"bench: {paths[k]} holds model {metadata.digest[:12]}, {paths[0]} holds "
                f"{described[0].digest[:12]}. Name the artifacts of one model."
            )
    return described


def _available(
    paths: Sequence[Path], described: Sequence[Metadata]
) -> tuple[list[_Row], list[str]]:
    rows, notes = [], []
    files = {
        (path.suffix.lower(), metadata.is_integer): path
        for path, metadata in reversed(list(zip(paths, described, strict=True)))
    }
    suffixes = dict.fromkeys(way.suffix for way in WAYS)
    others = [path for path in paths if path.suffix.lower() not in suffixes]
    for other in others:
        notes.append(
            f"{other.name}: bench does not step {other.suffix} files, only "
            f"{', '.join(suffixes)}."
        )
    for way in WAYS:
        for is_integer in (False, True):
            path = files.get((way.suffix, is_integer))
            if path is None:
                continue
            if way.is_float and is_integer:
                if (way.suffix, False) not in files:
                    notes.append(f"{way.name}: {path.name} holds integers.")
                continue
            try:
                way.is_there()
            except MissingDependencyError as error:
                notes.append(f"{way.name}: {error}")
                continue
            rows.append(_Row(way, path, is_integer))
    if len(others) == len(paths):
        raise SpecError(
            f"bench: {' '.join(notes)} Name such an artifact of the same model."
        )
    if not rows:
        raise SpecError(
            f"bench: nothing here can step {', '.join(map(str, paths))}: "
            f"{' '.join(notes)} Install what is missing, or name an .rnne file."
        )
    return rows, notes


def _judge(paths: Sequence[Path], x: Inputs) -> np.ndarray | None:
    for path in paths:
        if path.suffix.lower() not in BACKENDS["reference"].suffixes:
            continue
        try:
            model = rnnedge_runtime.load(path, backend="reference")
        except (MissingDependencyError, SpecError):
            continue
        assert isinstance(model.engine, ReferenceEngine)
        return step_through(model.engine, model.spec, x)
    return None


def _error(way: Way, path: Path, x: Inputs, judged: np.ndarray | None) -> float | None:
    if judged is None or not way.backend:
        return None
    model = rnnedge_runtime.load(path, backend=way.backend)
    return float(np.abs(step_through(model.engine, model.spec, x) - judged).max())


def describe_machine() -> str:
    """Processor, cores, system, Python and the packages measured, in one line."""
    versions = [f"Python {platform.python_version()}"]
    for package in ("numpy", "onnxruntime", "torch"):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    cores = os.cpu_count() or 1
    system = f"{platform.system()} {platform.machine()}"
    return f"{_processor()}, {cores} cores, {system}; {', '.join(versions)}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    features = np.show_config(mode="dicts") or {}
    found = features.get("SIMD Extensions", {}).get("found", [])
    widest = next((name for name in reversed(found) if name.startswith("AVX")), "")
    name = names[0] if names else platform.machine()
    return f"{name} ({widest})" if widest else name
