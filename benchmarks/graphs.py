"""Graphs of layers beside ONNX Runtime: `python -m benchmarks.graphs`.

ONNX Runtime runs the `.onnx` file that is exported of the same network. Both sides run in turn
in one process, on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import rnnedge_runtime
from rnnedge.benching.timing import Block, time_blocks
from rnnedge.benching.ways import native, native_plain, onnx_run
from rnnedge.cli.show.terminal import print_table
from rnnedge_runtime.backends.onnx import open_onnx
from rnnedge_runtime.spec.graph_layers import Combine, Concat, Memory, Norm, Window
from rnnedge_runtime.spec.layers import Activation, Affine, Gru, Layer, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.engine import initial_state

from .networks import INTEGERS, save

HIDDEN = 32
INPUTS = 8
OUTPUTS = 4
TAPS = 3
NUM_STEPS = 10_000
TARGET = "conv + GRU + LayerNorm"
TARGET_RATIO = 10
"""ONNX Runtime's `run` of one step over `step(x, out=y)` of the network TARGET."""

Wiring = tuple[tuple[int, ...], ...]


def _spec(layers: tuple[Layer, ...], wiring: Wiring = ()) -> ModelSpec:
    return ModelSpec(
        features=tuple(Feature(f"x_{k}") for k in range(INPUTS)),
        targets=(Target("y"),),
        layers=layers,
        horizon=OUTPUTS,
        wiring=wiring,
    )


def _conv_gru_norm() -> ModelSpec:
    """A causal convolution of 3 steps, a GRU, a LayerNorm with its factors, a head."""
    return _spec(
        (
            Window(INPUTS, TAPS, 1),
            Linear(TAPS * INPUTS, HIDDEN),
            Activation(HIDDEN, "relu"),
            Gru(HIDDEN, HIDDEN),
            Norm(HIDDEN, 1e-5, 1, True),
            Affine(HIDDEN, True),
            Linear(HIDDEN, OUTPUTS),
        )
    )


def _residual_stack() -> ModelSpec:
    """Two blocks of LayerNorm, GRU and what came in; a head that sees the input, too."""
    layers: list[Layer] = [Linear(INPUTS, HIDDEN)]
    reads: list[tuple[int, ...]] = [(-1,)]
    for _ in range(2):
        came_in = len(layers) - 1
        layers += [
            Norm(HIDDEN, 1e-5, 1, True),
            Affine(HIDDEN, True),
            Gru(HIDDEN, HIDDEN),
            Combine(HIDDEN, "add"),
        ]
        reads += [(came_in + k,) for k in range(3)] + [(came_in + 3, came_in)]
    last = len(layers) - 1
    layers += [Concat((HIDDEN, INPUTS)), Linear(HIDDEN + INPUTS, OUTPUTS)]
    return _spec(tuple(layers), (*reads, (last, -1), (last + 1,)))


def _own_cell() -> ModelSpec:
    """A cell of a user: tanh of a LayerNorm over input and state, in a loop."""
    return _spec(
        (
            Memory(HIDDEN, 5),
            Concat((INPUTS, HIDDEN)),
            Linear(INPUTS + HIDDEN, HIDDEN),
            Norm(HIDDEN, 1e-5, 1, True),
            Affine(HIDDEN, True),
            Activation(HIDDEN, "tanh"),
            Linear(HIDDEN, OUTPUTS),
        ),
        ((), (-1, 0), (1,), (2,), (3,), (4,), (5,)),
    )


GRAPHS: Mapping[str, Callable[[], ModelSpec]] = {
    TARGET: _conv_gru_norm,
    "residual GRU x2": _residual_stack,
    "own cell with LayerNorm": _own_cell,
}


def _onnx_sequence(path: Path, x: np.ndarray) -> Block:
    metadata, engine = open_onnx(path)
    state = initial_state(metadata.spec.graph_state, 1, np.float32)

    def block(size: int) -> None:
        nonlocal state
        for _ in range(size):
            _, state = engine.run(x[None], state)

    return block


def _native_sequence(path: Path, x: np.ndarray) -> Block:
    stream = rnnedge_runtime.load(path, backend="native").stream()

    def block(size: int) -> None:
        for _ in range(size):
            stream.run(x)

    return block


def measure(
    spec: ModelSpec, name: str, folder: Path, seconds: float
) -> dict[str, float]:
    """Microseconds a step, by way."""
    files = save(spec, folder, name.replace(" ", "_"))
    x = np.random.default_rng(1).standard_normal((16, INPUTS)).astype(np.float32)
    steps = {
        "native": native(files[".rnne"], x),
        "onnx": onnx_run(files[".onnx"], x),
        "plain": native_plain(files[".rnne"], x),
        "int8": native(files[INTEGERS], x),
    }
    found = time_blocks(steps, seconds=seconds)
    rows = np.tile(x, (NUM_STEPS // len(x), 1))
    runs = {
        "run": _native_sequence(files[".rnne"], rows),
        "onnx_run": _onnx_sequence(files[".onnx"], rows),
    }
    times = time_blocks(runs, seconds=0, rounds=max(3, round(5 * seconds)))
    return {name: timing.p50 for name, timing in found.items()} | {
        name: timing.p50 / len(rows) for name, timing in times.items()
    }


def main() -> None:
    """Print a table of steps and one of runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    seconds = parser.parse_args().seconds
    steps = [["one step, us", "ours, out=", "ours", "int8", "ORT run", "ratio", "goal"]]
    runs = [[f"{NUM_STEPS:,} steps in one call, us a step", "ours", "ORT", "ratio"]]
    with tempfile.TemporaryDirectory(prefix="rnnedge-") as folder:
        for name, make in GRAPHS.items():
            found = measure(make(), name, Path(folder), seconds)
            ways = ("native", "plain", "int8", "onnx")
            steps.append(
                [
                    name,
                    *(f"{found[way]:.2f}" for way in ways),
                    f"{found['onnx'] / found['native']:.1f}",
                    f"{TARGET_RATIO}" if name == TARGET else "",
                ]
            )
            ratio = found["onnx_run"] / found["run"]
            runs.append(
                [
                    name,
                    f"{found['run']:.3f}",
                    f"{found['onnx_run']:.3f}",
                    f"{ratio:.1f}",
                ]
            )
    print_table(steps)
    print_table(runs)


if __name__ == "__main__":
    main()
