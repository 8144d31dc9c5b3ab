"""What the study measures. Both sides of every ratio run in turn in one process."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import rnnedge_runtime
from rnnedge.benching.footprint import Footprint, measure
from rnnedge.benching.timing import Block, time_blocks
from rnnedge.benching.ways import WAYS, native, native_plain, onnx_run
from rnnedge_runtime.errors import MissingDependencyError
from rnnedge_runtime.formats.rnne_file import read_rnne
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from .lean_onnx import LeanSession
from .networks import INTEGERS, MANY, NETWORKS, SMALL, Network, empty_spec, save

NUM_STREAMS = 1000
NUM_STEPS = 10_000

Times = dict[str, float]
"""Figures by what was measured."""

_INPUTS = 16
_PASS_S = 0.01


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        seconds: of timing for each side of each single-step ratio.
        rounds: of the longer calls, both sides in turn.
        processes: for start-up and memory.
        networks: stepped one stream at a time.
        many: stepped as many streams and in long runs.
    """

    seconds: float = 2.0
    rounds: int = 15
    processes: int = 5
    networks: tuple[Network, ...] = NETWORKS
    many: tuple[Network, ...] = MANY


QUICK = Plan(0.01, 3, 1, SMALL, MANY[:1])


@dataclass(frozen=True, slots=True)
class Study:
    """All results, in us per step of one stream where nothing else is said.

    Attributes:
        single: steps of one stream: `native` and `int8` into `out`, `plain` to a new array;
            `artifact` is an exported `.onnx` file.
        many: steps in one call for many streams, or many steps of one.
        roofline: a step in C as a stream of weights, beside plain reading of as many bytes.
        overhead: a step with nothing to compute: in C, from Python into `out`, from Python.
        footprints: by way to step.
    """

    single: dict[Network, Times]
    many: dict[Network, Times]
    roofline: dict[Network, Times]
    overhead: Times
    footprints: dict[str, Footprint]


def run_study(folder: Path, plan: Plan, *, say: Callable[[str], None]) -> Study:
    """Measure everything; artifacts and the C loops are made in `folder`."""
    loops = Loops(folder)
    files = {item: save(item.spec(), folder, item.name) for item in plan.networks}
    single, many, roofline = {}, {}, {}
    for network in plan.networks:
        say(f"one step, {network.name}")
        single[network] = _single_step(network, files[network], plan.seconds)
        path = files[network][".rnne"]
        roofline[network] = _roofline(network, path, loops, plan.rounds)
    for network in plan.many:
        say(f"many streams and long runs, {network.name}")
        many[network] = _many_steps(network, files[network], plan.rounds)
    say("call overhead, start-up and memory")
    return Study(
        single,
        many,
        roofline,
        _call_overhead(folder, loops, plan),
        _footprints(files[SMALL[-1]], plan.processes),
    )


def _single_step(network: Network, files: dict[str, Path], seconds: float) -> Times:
    x = _inputs((_INPUTS, network.input_size))
    blocks = {
        "native": native(files[".rnne"], x),
        "int8": native(files[INTEGERS], x),
        "onnx": _lean(files).run_block(x),
        "plain": native_plain(files[".rnne"], x),
        "onnx_bind": _lean(files).bind_block(x),
        "artifact": onnx_run(files[".onnx"], x),
    }
    timings = time_blocks(blocks, seconds=seconds)
    return {name: timing.p50 for name, timing in timings.items()}


def _many_steps(network: Network, files: dict[str, Path], rounds: int) -> Times:
    batch = _inputs((NUM_STREAMS, network.input_size))
    sequence = _inputs((NUM_STEPS, network.input_size))
    exact = rnnedge_runtime.load(files[".rnne"], backend="native")
    fast = rnnedge_runtime.load(files[".rnne"], backend="native", numerics="fast")
    integers = rnnedge_runtime.load(files[INTEGERS], backend="native")
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "onnx_batch": (_onnx_call(files, batch[None]), NUM_STREAMS),
        "exact": (_fleet_call(exact, batch), NUM_STREAMS),
        "fast": (_fleet_call(fast, batch), NUM_STREAMS),
        "int8": (_fleet_call(integers, batch), NUM_STREAMS),
        "onnx_sequence": (_onnx_call(files, sequence[:, None]), NUM_STEPS),
        "run": (_run_call(exact, sequence), NUM_STEPS),
        "int8_run": (_run_call(integers, sequence), NUM_STEPS),
    }
    blocks = {name: _block(call) for name, (call, _) in calls.items()}
    timings = time_blocks(blocks, seconds=0, rounds=rounds)
    return {name: timings[name].p50 / size for name, (_, size) in calls.items()}


def _block(call: Callable[[], object]) -> Block:
    def block(size: int) -> None:
        for _ in itertools.repeat(None, size):
            call()

    return block


def _fleet_call(model: Any, x: np.ndarray) -> Callable[[], object]:
    fleet = model.streams(len(x))
    y = np.empty((len(x), model.spec.output_size), dtype=np.float32)
    return lambda: fleet.step(x, out=y)


def _run_call(model: Any, x: np.ndarray) -> Callable[[], object]:
    stream = model.stream()
    return lambda: stream.run(x)


def _onnx_call(files: dict[str, Path], x: np.ndarray) -> Callable[[], object]:
    """One call for `[T, B, I]`, its state carried."""
    session = _lean(files, x.shape[1])
    return lambda: session.run(x)


def _lean(files: dict[str, Path], batch_size: int = 1) -> LeanSession:
    metadata, weights = read_rnne(files[".rnne"])
    assert not isinstance(weights, QuantisedModel)
    return LeanSession(metadata.spec, weights, batch_size)


def _roofline(network: Network, path: Path, loops: Loops, rounds: int) -> Times:
    content, nbytes = path.read_bytes(), network.weights_nbytes
    repeats = max(3, round(_PASS_S / loops.step_s(content, 10)))
    steps, reads = [], []
    for _ in range(rounds):
        steps.append(loops.step_s(content, repeats))
        reads.append(loops.read_s(nbytes, repeats))
    step_s, read_s = float(np.median(steps)), float(np.median(reads))
    return {
        "weights_kb": nbytes / 1024,
        "step_us": 1e6 * step_s,
        "weights_gb_s": 1e-9 * nbytes / step_s,
        "read_gb_s": 1e-9 * nbytes / read_s,
        "share_percent": 100 * read_s / step_s,
    }


def _call_overhead(folder: Path, loops: Loops, plan: Plan) -> Times:
    path = save(empty_spec(), folder, "empty")[".rnne"]
    x = _inputs((_INPUTS, 1))
    blocks = {"native": native(path, x), "plain": native_plain(path, x)}
    timings = time_blocks(blocks, seconds=plan.seconds)
    core = [loops.step_s(path.read_bytes(), 10_000) for _ in range(plan.rounds)]
    return {"core": 1e6 * float(np.median(core))} | {
        name: timing.p50 for name, timing in timings.items()
    }


def _footprints(files: dict[str, Path], processes: int) -> dict[str, Footprint]:
    size = SMALL[-1].input_size
    found = {"numpy alone": measure(None, files[".rnne"], size, runs=processes)}
    for way in WAYS:
        if way.name in ("native", "ONNX Runtime run"):
            found[way.name] = measure(way, files[way.suffix], size, runs=processes)
    return found


def _inputs(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "runtime/core"


class Loops:
    """Times of loops in C, which are built in `folder`."""

    def __init__(self, folder: Path) -> None:
        library = ctypes.CDLL(str(_build(folder)))
        self._read = library.read_seconds
        self._read.restype = ctypes.c_double
        self._read.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
        self._step = library.step_seconds
        self._step.restype = ctypes.c_double
        self._step.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]

    def read_s(self, nbytes: int, repeats: int) -> float:
        """Seconds to read `nbytes` once."""
        return float(self._read(nbytes, repeats)) / repeats

    def step_s(self, file: bytes, num_steps: int) -> float:
        """Seconds of one `rnne_step` of the model in `file`."""
        return float(self._step(file, len(file), num_steps)) / num_steps


def _build(folder: Path) -> Path:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MissingDependencyError(
            "benchmarks: no C compiler was found, and the study times loops in C. "
            "Install gcc or clang."
        )
    objects = []
    flags = ["-fPIC", "-I", str(CORE / "include")]
    sources = {path: ["-O2"] for path in sorted((CORE / "src").glob("*/*.c"))}
    sources[Path(__file__).with_name("loops.c")] = ["-O3", "-march=native"]
    for source, level in sources.items():
        objects.append(str(folder / f"{source.stem}.o"))
        command = [compiler, *level, *flags, "-c", str(source), "-o", objects[-1]]
        subprocess.run(command, check=True, capture_output=True)
    library = folder / "loops.so"
    command = [compiler, "-shared", *objects, "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True)
    return library
