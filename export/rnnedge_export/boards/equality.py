"""The promise tried on a board: the bytes of the host, step by step, over carried state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import RnnEdgeError, SpecError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.stream import Stream

from ..compare.runs import step_through
from ..compare.verification_stream import stream_like
from ..formats.c.source import CSource, read_source
from ..formats.registry import FORMATS, format_of
from .board import Board, require_tools
from .image import MODEL_FLAGS, RUN_TIMEOUT_S, build, run_image, runner_glue
from .job import RUN_ROWS, Job

STREAM_STEPS = 5000
SOFT_FLOAT_STEPS = 500
"""Steps of the carried stream of a float model on a board without a float unit."""

_SNAPSHOT_AT = 200
_RESUMED = slice(_SNAPSHOT_AT, _SNAPSHOT_AT + 50)
_AFTER_REFUSAL = slice(_RESUMED.stop, _RESUMED.stop + 10)
_RUN_STEPS = 61  # no multiple of the rows of one call
_TIMES = (-1, 1_700_000_000, 2**40)
_SEED = 11

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One check of one model on one board.

    Attributes:
        name: `golden` (recorded steps), `stream` (carried state), `N x 1 = 1 x N` (a run),
            `snapshot out` (saved on the board, restored on the host), `snapshot in` (the
            other way), `bad snapshot` (a changed one refused, the state as before),
            `step_q` (integers) and `time` (derived inputs) where there are any,
            `self-test`.
        detail: "" where every byte was equal, else where the first one was not.
    """

    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BoardReport:
    """What became of one model on one board."""

    board: str
    model: str
    num_steps: int
    comparisons: tuple[Comparison, ...]

    @property
    def has_failed(self) -> bool:
        """Whether a byte differed."""
        return any(comparison.detail for comparison in self.comparisons)


class HostRun:
    """What the host's engine gives on the rows that the boards are tried on.

    Args:
        source: the model as C.
        model: the same one on an engine of the same numerics, for example `numpy`.
        num_steps: of the longest stream.
    """

    def __init__(
        self, source: CSource, model: Model, num_steps: int = STREAM_STEPS
    ) -> None:
        self.source = source
        self.model = model
        readings, times = _readings_like(model, num_steps)
        self.inputs = model.engine.inputs
        self.x = self.inputs.rows(readings, times)
        self._readings, self._times = readings, times
        stream = model.stream()
        first = self._run(stream, slice(_SNAPSHOT_AT))
        self.snapshot = stream.snapshot()
        rest = self._run(stream, slice(_SNAPSHOT_AT, num_steps))
        self.y = np.concatenate([first, rest])
        self.golden_y = step_through(model.engine, model.spec, model.golden.x)

    def resumed(self, snapshot: bytes) -> Rows:
        """`[50, O]` outputs that follow a snapshot taken where `snapshot` was.

        Raises:
            FormatError, StateError: it is not a snapshot of the model.
        """
        stream = self.model.stream()
        stream.restore(snapshot)
        return self._run(stream, _RESUMED)

    def _run(self, stream: Stream, steps: slice) -> Rows:
        times = None if self._times is None else self._times[steps]
        return stream.run(self._readings[steps], times).astype(np.float32)


def check_on_board(
    board: Board,
    runs: Sequence[HostRun],
    *,
    model_flags: Sequence[str] = MODEL_FLAGS,
    compiler: str | None = None,
    timeout_s: float = RUN_TIMEOUT_S,
) -> list[BoardReport]:
    """Build the models into one image, run it, and compare every byte with the host's.

    Args:
        board: where.
        runs: models with what the host gave.
        model_flags: flags of the models' files.
        compiler: another compiler for the models' files.
        timeout_s: what the emulated program may take.

    Raises:
        MissingDependencyError: a tool is not installed; names its package.
        BoardError: a source does not compile, or the program fails.
    """
    require_tools(board)
    sources = [run.source for run in runs]
    is_quick = board.has_float_unit or all(source.has_integers for source in sources)
    num_steps = STREAM_STEPS if is_quick else SOFT_FLOAT_STEPS
    job = Job(tuple(sources))
    for index, run in enumerate(runs):
        job.select(index)
        _ask(job, run, num_steps)
    with TemporaryDirectory(prefix="rnnedge-") as folder:
        image = build(
            board,
            "runner.c",
            sources,
            Path(folder),
            glue=runner_glue(sources),
            model_flags=model_flags,
            compiler=compiler,
        )
        content, _ = run_image(board, image, job.content(), timeout_s=timeout_s)
    answers = job.answers(content, board.name)
    return [
        BoardReport(
            board.name,
            run.source.name,
            min(num_steps, len(run.x)),
            tuple(_compare(answers, run, num_steps)),
        )
        for run in runs
    ]


def c_sources(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The C sources among artifacts.

    Raises:
        SpecError: there is none.
    """
    sources = [Path(path) for path in paths if format_of(path) is FORMATS["c"]]
    if not sources:
        raise SpecError(
            f"verify: '{Path(paths[0]).name}' is not a C source, and only these are run on "
            "boards. Export the model with --format c, and verify NAME.c."
        )
    return sources


def verify_on_boards(
    sources: Sequence[Path], boards: Sequence[Board]
) -> Iterator[BoardReport]:
    """Try every generated source on every board.

    The judge is the float32 reference in NumPy on the weights read from the source.

    Raises:
        FormatError: a file is not a whole artifact.
        BoardError: a source does not compile, or its program fails.
    """
    for path in sources:
        run = HostRun(read_source(path)[0], FORMATS["c"].compute(path))
        for board in boards:
            yield from check_on_board(board, [run])


def _readings_like(
    model: Model, num_steps: int
) -> tuple[Rows, NDArray[np.int64] | None]:
    """Readings `[T, F]` like the recorded ones, some missing where they may be; times `[T]`."""
    spec = model.spec
    rng = np.random.default_rng(_SEED)
    rows = np.resize(stream_like(spec, model.golden), (num_steps, spec.input_size))
    readings = rows[:, : spec.num_features].copy()
    is_held = np.array([f.missing in ("hold", "predict") for f in spec.features])
    is_missing = (rng.random(readings.shape) < 0.02) & is_held
    readings[is_missing] = np.resize(
        np.array([np.nan, np.inf, -np.inf], np.float32), is_missing.sum()
    )
    if not spec.derived:
        return readings, None
    period = spec.sample_period_s or 60.0
    times = _TIMES[1] + np.rint(np.arange(num_steps) * period).astype(np.int64)
    return readings, times


def _ask(job: Job, run: HostRun, num_steps: int) -> None:
    x = run.x[:num_steps]
    job.reset()
    job.step(run.model.golden.x)
    job.reset()
    job.step(x[:_SNAPSHOT_AT])
    job.save()
    job.step(x[_SNAPSHOT_AT:])
    job.reset()
    job.run(x[:_RUN_STEPS])
    job.restore(run.snapshot)
    job.step(x[_RESUMED])
    job.restore(_corrupted(run.snapshot))
    job.step(x[_AFTER_REFUSAL])
    if run.source.has_integers:
        job.reset()
        job.step_integers(x[:_RUN_STEPS])
    job.selftest()
    for time in _TIMES:
        job.time(time)


def _compare(
    answers: Iterator[bytes], run: HostRun, num_steps: int
) -> Iterator[Comparison]:
    y, spec = run.y[:num_steps], run.model.spec

    def rows() -> Rows:
        return _rows(next(answers), spec.output_size)

    yield Comparison("golden", _difference(rows(), run.golden_y, spec))
    first, snapshot = rows(), next(answers)
    stepped = np.concatenate([first, rows()])
    yield Comparison("stream", _difference(stepped, y, spec))
    calls = range(0, len(y[:_RUN_STEPS]), RUN_ROWS)
    several = np.concatenate([rows() for _ in calls])
    yield Comparison("N x 1 = 1 x N", _difference(several, stepped[:_RUN_STEPS], spec))
    yield Comparison("snapshot out", _snapshot(run, snapshot, stepped))
    status = _status(next(answers))
    detail = _difference(rows(), y[_RESUMED], spec)
    yield Comparison("snapshot in", f"refused with {status}" if status else detail)
    status = _status(next(answers))
    detail = _difference(rows(), y[_AFTER_REFUSAL], spec)
    yield Comparison("bad snapshot", detail if status else "was not refused")
    if run.source.has_integers:
        yield Comparison("step_q", _difference(rows(), y[:_RUN_STEPS], spec))
    status = _status(next(answers))
    yield Comparison("self-test", f"gave {status}" if status else "")
    found = [(time, _rows(next(answers), spec.input_size)) for time in _TIMES]
    if spec.derived:
        yield Comparison("time", _derived(found, run))


def _snapshot(run: HostRun, snapshot: bytes, stepped: Rows) -> str:
    try:
        resumed = run.resumed(snapshot)
    except RnnEdgeError as error:
        return str(error)
    if snapshot != run.snapshot:
        pairs = zip(snapshot, run.snapshot, strict=True)
        place = next(k for k, (one, other) in enumerate(pairs) if one != other)
        return f"byte {place} is not the host's"
    return _difference(resumed, stepped[_RESUMED], run.model.spec)


def _derived(found: list[tuple[int, Rows]], run: HostRun) -> str:
    for time, rows in found:
        expected = run.inputs.derived(np.array([time], np.int64))
        if rows[:, : 2 * len(run.model.spec.derived)].tobytes() != expected.tobytes():
            return f"at time {time}"
    return ""


def _rows(answer: bytes, width: int) -> Rows:
    return np.frombuffer(answer, "<f4").reshape(-1, width).astype(np.float32)


def _status(answer: bytes) -> int:
    return int.from_bytes(answer, "little", signed=True)


def _corrupted(snapshot: bytes) -> bytes:
    middle = len(snapshot) // 2
    return snapshot[:middle] + bytes([snapshot[middle] ^ 1]) + snapshot[middle + 1 :]


def _difference(found: Rows, expected: Rows, spec: ModelSpec) -> str:
    """Where the first byte differs; a NaN equals a NaN, whatever its payload."""
    is_equal = found.view(np.uint32) == expected.view(np.uint32)
    is_equal |= np.isnan(found) & np.isnan(expected)
    if is_equal.all():
        return ""
    step, output = np.argwhere(~is_equal)[0]
    return (
        f"step {step}, {spec.outputs[output].name}: "
        f"{found[step, output]:.9g} against {expected[step, output]:.9g}"
    )
