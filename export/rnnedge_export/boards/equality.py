"""The promise tried on a board: the bytes of the host, step by step, over carried state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import RnnEdgeError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.model import Model

from ..compare.runs import step_through
from ..compare.verification_stream import stream_like
from ..formats.c.source import CSource
from .board import Board
from .emulator import RUN_TIMEOUT_S, run_image
from .image import MODEL_FLAGS, build, runner_glue
from .job import RUN_ROWS, Answer, Job
from .tools import require_tools

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
        readings, times = readings_like(model, num_steps)
        self.inputs = model.engine.inputs
        self.x = self.inputs.rows(readings, times)
        stream = model.stream()
        first = stream.run(readings[:_SNAPSHOT_AT], _part(times, 0, _SNAPSHOT_AT))
        self.snapshot = stream.snapshot()
        rest = stream.run(
            readings[_SNAPSHOT_AT:], _part(times, _SNAPSHOT_AT, num_steps)
        )
        self.y = np.concatenate([first, rest]).astype(np.float32)
        self.golden_y = step_through(model.engine, model.spec, model.golden.x)
        self._readings, self._times = readings, times

    def resumed(self, snapshot: bytes) -> Rows:
        """`[50, O]` outputs that follow a snapshot taken where `snapshot` was.

        Raises:
            FormatError, StateError: it is not a snapshot of the model.
        """
        stream = self.model.stream()
        stream.restore(snapshot)
        times = _part(self._times, _RESUMED.start, _RESUMED.stop)
        return stream.run(self._readings[_RESUMED], times).astype(np.float32)


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
    num_steps = _num_steps(board, sources)
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


def _num_steps(board: Board, sources: Sequence[CSource]) -> int:
    is_quick = all(source.has_integers for source in sources)
    return STREAM_STEPS if board.has_float_unit or is_quick else SOFT_FLOAT_STEPS


def readings_like(
    model: Model, num_steps: int
) -> tuple[Rows, NDArray[np.int64] | None]:
    """Readings `[T, F]` like the recorded ones, some missing where they may be; times `[T]`."""
    spec = model.spec
    rng = np.random.default_rng(_SEED)
    rows = stream_like(spec, model.golden)
    readings = np.resize(rows, (num_steps, spec.input_size))[
        :, : spec.num_features
    ].copy()
    is_held = np.array([feature.missing == "hold" for feature in spec.features])
    is_missing = (rng.random(readings.shape) < 0.02) & is_held
    readings[is_missing] = np.resize(
        np.array([np.nan, np.inf, -np.inf], np.float32), is_missing.sum()
    )
    if not spec.derived:
        return readings, None
    period = spec.sample_period_s or 60.0
    times = _TIMES[1] + np.rint(np.arange(num_steps) * period).astype(np.int64)
    return readings, times


def _part(
    times: NDArray[np.int64] | None, start: int, stop: int
) -> NDArray[np.int64] | None:
    return None if times is None else times[start:stop]


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
    answers: Iterator[Answer], run: HostRun, num_steps: int
) -> Iterator[Comparison]:
    y = run.y[:num_steps]
    spec = run.model.spec
    yield Comparison("golden", _difference(_rows(answers), run.golden_y, spec))
    first = _rows(answers)
    snapshot = cast(bytes, next(answers))
    stepped = np.concatenate([first, _rows(answers)])
    yield Comparison("stream", _difference(stepped, y, spec))
    several = np.concatenate(
        [_rows(answers) for _ in range(0, len(y[:_RUN_STEPS]), RUN_ROWS)]
    )
    yield Comparison("N x 1 = 1 x N", _difference(several, stepped[:_RUN_STEPS], spec))
    yield Comparison("snapshot out", _snapshot(run, snapshot, stepped))
    status, resumed = _status(answers), _rows(answers)
    detail = _difference(resumed, y[_RESUMED], spec)
    yield Comparison("snapshot in", f"refused with {status}" if status else detail)
    status, unchanged = _status(answers), _rows(answers)
    detail = _difference(unchanged, y[_AFTER_REFUSAL], spec)
    yield Comparison("bad snapshot", detail if status else "was not refused")
    if run.source.has_integers:
        yield Comparison("step_q", _difference(_rows(answers), y[:_RUN_STEPS], spec))
    status = _status(answers)
    yield Comparison("self-test", f"gave {status}" if status else "")
    detail = _derived(answers, run)
    if spec.derived:
        yield Comparison("time", detail)


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


def _derived(answers: Iterator[Answer], run: HostRun) -> str:
    spec = run.model.spec
    for time in _TIMES:
        found = _rows(answers)[:, : 2 * len(spec.derived)]
        if not spec.derived:
            continue
        expected = run.inputs.derived(np.array([time], np.int64))
        if found.tobytes() != expected.tobytes():
            return f"at time {time}"
    return ""


def _rows(answers: Iterator[Answer]) -> Rows:
    return cast(Rows, next(answers))


def _status(answers: Iterator[Answer]) -> int:
    return cast(int, next(answers))


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
