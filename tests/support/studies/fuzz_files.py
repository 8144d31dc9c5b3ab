"""Changed artifacts and saved states, signed again: an error of ours, or a model that steps.

    PYTHONPATH=tests python -m support.studies.fuzz_files ARTIFACTS STATES [SEED]

Exit code 1 and what to call again at the
first other exception, at a case of more than a few seconds, and at one that takes more memory
than docs/security.md says.

Shares of ARTIFACTS: `.rnne` in float 35 %, in integers 15 %, of graphs in both 15 %, `.onnx`
10 %, `.pt`, `.c` in float and integers and `.wasm` the rest in equal parts. A third of STATES
is of each kind of stream.
"""

from __future__ import annotations

import contextlib
import faulthandler
import random
import resource
import signal
import struct
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from support import programs
from support.artifacts import integer_rnne, quantised_model, save_artifact
from support.c_integer_models import DrawnIntegers
from support.c_models import write_c
from support.integer_graphs import drawn_graph, in_integers
from support.mutations import MUTATIONS, any_bytes
from support.strategies import random_readings, random_weights
from support.studies.hostile_files import resigned, snapshot_resummed
from support.wasm_models import write_wasm

from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.c.loading import load_c
from rnnedge_export.formats.registry import read_metadata
from rnnedge_export.formats.wasm.loading import load_wasm
from rnnedge_runtime import load
from rnnedge_runtime.errors import DataError, FormatError, NonFiniteError, RnnEdgeError
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.series_streams import SeriesStreams
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import (
    AddLast,
    Affine,
    Difference,
    Gru,
    Linear,
    Lstm,
    Rnn,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.reading import read_rows
from rnnedge_runtime.tables.rows.row import Row

LONGEST_S = 20
GRAPH_SEED = 0
_SERIES = b"RNNM"
_SERIES_HEADER_NBYTES = 12
MOST_NBYTES = 192 << 20
"""What one case may take beyond what is loaded: its file is of some ten kilobytes."""

SPEC = ModelSpec(
    (Feature("a", clip=(-3, 3), range=(-50, 50)), Feature("b", "C", "reject")),
    (Target("a"), Target("b")),
    (Difference(4, (0,)), Affine(5), Gru(5, 3), Lstm(3, 4, 2), Rnn(2, 3), Linear(3, 2)),
    derived=(DerivedInput(86_400, 0),),
    sample_period_s=60.0,
)
INTEGERS = ModelSpec(
    (Feature("a"), Feature("b")),
    (Target("a"), Target("b")),
    (
        Affine(2),
        Gru(2, 3),
        Lstm(3, 5, 2),
        Linear(2, 2),
        Affine(2, True),
        AddLast((0, 1)),
    ),
    sample_period_s=60.0,
)


@dataclass(frozen=True)
class Sample:
    """A good file.

    Attributes:
        name: of its kind.
        path: of the file, what belongs to it beside it.
        content: of the file; a changed one takes its place.
        share: of the cases.
        load: from a changed file to a model; None where it would run what is in it.
    """

    name: str
    path: Path
    content: bytes
    share: int
    load: Callable[[Path], Model] | None


class TooSlow(BaseException):
    """A case took more than LONGEST_S."""


def make_samples(folder: Path) -> list[Sample]:
    """A file of every kind; WebAssembly where its tools are."""
    weights = random_weights(SPEC, np.random.default_rng(0))
    model = quantised_model(
        INTEGERS, random_weights(INTEGERS, np.random.default_rng(1))
    )

    def numpy_c(path: Path) -> Model:
        return load_c(path, is_compiled=False)

    def numpy_wasm(path: Path) -> Model:
        return load_wasm(path, is_run=False)

    spec, graph_weights = drawn_graph(GRAPH_SEED)
    (folder / "graph").mkdir()
    graph = save_artifact(spec, graph_weights, folder / "graph", ".rnne")
    integer_graph = folder / "integer_graph.rnne"
    integer_graph.write_bytes(integer_rnne(in_integers(spec, graph_weights)))
    integers = folder / "integers.rnne"
    integers.write_bytes(integer_rnne(model))
    readings = random_readings(INTEGERS, np.random.default_rng(0), 64)
    drawn = DrawnIntegers(model, readings)
    source = generate_source(drawn.metadata, model, "q")
    for name, text in source.files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    found: list[tuple[str, Path, int, Callable[[Path], Model] | None]] = [
        ("rnne", save_artifact(SPEC, weights, folder, ".rnne"), 35, load),
        ("rnne in integers", integers, 15, load),
        ("rnne of a graph", graph, 8, load),
        ("rnne of a graph in integers", integer_graph, 7, load),
        ("onnx", save_artifact(SPEC, weights, folder, ".onnx"), 10, load),
        ("pt", save_artifact(SPEC, weights, folder, ".pt"), 6, None),
        ("c", write_c(SPEC, weights, "model", folder), 6, numpy_c),
        ("c in integers", folder / "q.c", 6, numpy_c),
    ]
    if not programs.reason("clang-14", "wasm-ld-14"):
        path = write_wasm(SPEC, 0, folder / "model.wasm", simd=False)
        found.append(("wasm", path, 7, numpy_wasm))
    return [
        Sample(name, path, path.read_bytes(), share, opener)
        for name, path, share, opener in found
    ]


def try_artifact(sample: Sample, seed: int) -> str:
    """What came of one changed file: `refused` or `loaded`."""
    rng = random.Random(seed)
    suffix = sample.path.suffix
    changed = MUTATIONS[suffix](sample.content, rng)
    path = sample.path
    path.write_bytes(resigned(changed, suffix))
    try:
        metadata = read_metadata(path)
        if sample.load is None:
            return "loaded"
        model = sample.load(path)
    except RnnEdgeError:
        return "refused"
    assert len(metadata.spec.outputs) == metadata.spec.output_size
    step_through(model, rng)
    return "loaded"


def step_through(model: Model, rng: random.Random) -> None:
    """Three steps; a reading may be missing or too large."""
    spec = model.spec
    stream = model.stream()
    for t in range(3):
        reading = [rng.choice((0.5, -1.0, 1e30, float("nan"))) for _ in spec.features]
        with contextlib.suppress(NonFiniteError, FormatError):
            stream.step(reading, time=60 * t)
    stream.restore(stream.snapshot())


def rows_of(spec: ModelSpec, series: bool) -> list[Row]:
    """Twelve rows of a table, of two series or one."""
    head = (
        ["time", "s", *spec.feature_names] if series else ["time", *spec.feature_names]
    )
    lines = [",".join(head) + "\n"]
    for t in range(12):
        cells = [
            str(1_700_000_000 + 60 * t),
            *("uv"[t % 2] for _ in range(series)),
            "1",
            "2",
        ]
        lines.append(",".join(cells) + "\n")
    found = read_rows(
        iter(lines), spec, where="fuzz", series="s" if series else None, time="time"
    )
    return list(found.rows)


def make_states(model: Model) -> list[tuple[str, bytes, Callable[[bytes], object]]]:
    """A saved state of every kind, and what restores it and goes on."""
    plain, several = rows_of(model.spec, False), rows_of(model.spec, True)
    stream, rows, series = model.stream(), RowStream(model), SeriesStreams(model)
    for t in range(3):
        stream.step([1, 2], time=60 * t)
    for row in plain[:6]:
        rows.advance(row)
    for row in several[:6]:
        series.advance(row)

    def go_on(blob: bytes) -> None:
        other = model.stream()
        other.restore(blob)
        other.step([1, 2], time=240)
        other.snapshot()

    def go_on_rows(blob: bytes) -> None:
        other = RowStream(model)
        other.restore(blob)
        _advance(other, plain[6:])

    def go_on_series(blob: bytes) -> None:
        other = SeriesStreams(model)
        other.restore(blob)
        _advance(other, several[6:])

    return [
        ("stream", stream.snapshot(), go_on),
        ("rows", rows.snapshot(), go_on_rows),
        ("series", series.snapshot(), go_on_series),
    ]


def _advance(stream: RowStream | SeriesStreams, rows: list[Row]) -> None:
    for row in rows:
        with contextlib.suppress(DataError):
            y = stream.advance(row)
            assert y is None or len(y) == 2
    stream.snapshot()


def try_state(blob: bytes, go_on: Callable[[bytes], object], seed: int) -> str:
    """What came of one changed state, every checksum in it made again."""
    rng = random.Random(seed)
    try:
        go_on(any_state(blob, rng))
    except RnnEdgeError:
        return "refused"
    return "loaded"


def any_state(blob: bytes, rng: random.Random) -> bytes:
    """A state with a change: of several series mostly within that of one."""
    if blob[:4] == _SERIES and rng.random() < 0.7:
        parts, at = [], _SERIES_HEADER_NBYTES
        while at < len(blob) - 4:
            end = at + 4 + int.from_bytes(blob[at : at + 4], "little")
            parts.append(blob[at + 4 : end])
            at = end
        k = rng.randrange(1, len(parts), 2)
        parts[k] = any_state(parts[k], rng)
        body = b"".join(struct.pack("<I", len(part)) + part for part in parts)
        return snapshot_resummed(blob[:_SERIES_HEADER_NBYTES] + body + bytes(4))
    changed = any_bytes(blob, rng, start=rng.choice((0, 4)))
    inner = changed.find(b"RNNS", 4)
    if inner > 0 and rng.random() < 0.7:
        changed = changed[:inner] + snapshot_resummed(changed[inner:-4]) + changed[-4:]
    return snapshot_resummed(changed) if len(changed) > 4 else changed


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """An end to the memory and the time of a case."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + MOST_NBYTES
    old = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGALRM, old)


@dataclass
class Found:
    """What came of the cases.

    Attributes:
        outcomes: by kind.
        faults: what other exceptions say, and the case of the first of each.
    """

    outcomes: dict[str, Counter[str]]
    faults: dict[str, str]

    def count(
        self, kind: str, case: int, call: Callable[..., str], *given: Any
    ) -> None:
        signal.alarm(LONGEST_S)
        try:
            outcome = call(*given, case)
        except (Exception, TooSlow) as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            fault = f"{kind}: {type(error).__name__} in {frame.filename}:{frame.lineno}"
            self.faults.setdefault(
                fault, f"case {case}\n" + "".join(traceback.format_exception(error))
            )
            outcome = "OTHER"
        finally:
            signal.alarm(0)
        self.outcomes.setdefault(kind, Counter())[outcome] += 1


def fuzz(found: Found, num_artifacts: int, num_states: int, seed: int) -> None:
    """Try so many changed states and artifacts, the kinds mixed."""
    with tempfile.TemporaryDirectory() as name:
        samples = make_samples(Path(name))
        for sample in samples:  # what is imported at the first call
            read_metadata(sample.path)
            if sample.load is not None:
                step_through(sample.load(sample.path), random.Random(0))
        states = make_states(load(samples[1].path))
        turns = [sample for sample in samples for _ in range(sample.share)]
        random.Random(0).shuffle(turns)
        with limits():
            for k in range(num_states):
                kind, blob, go_on = states[k % len(states)]
                found.count(kind, seed + k, try_state, blob, go_on)
            for k in range(num_artifacts):
                sample = turns[k % len(turns)]
                found.count(sample.name, seed + k, try_artifact, sample)


def main(arguments: list[str]) -> int:
    """Print what came of every kind."""
    faulthandler.enable()
    num_artifacts, num_states, *rest = map(int, arguments)
    seed = rest[0] if rest else random.randrange(2**32)
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = Found({}, {})
    with contextlib.suppress(KeyboardInterrupt):  # what was found until then is told
        fuzz(found, num_artifacts, num_states, seed)
    for kind, outcomes in found.outcomes.items():
        words = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(outcomes.items()))
        print(f"{kind}: {sum(outcomes.values()):,} cases, {words}")
    num_faults = sum(outcomes["OTHER"] for outcomes in found.outcomes.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"other exceptions: {num_faults}; peak memory {peak / 1024:.0f} MB")
    for fault, first in found.faults.items():
        print(f"{fault}, {first}")
    return 1 if num_faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
