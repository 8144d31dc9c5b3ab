"""Graphs that are measured on boards: what each kind of work costs, and whole ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rnnedge_export.boards.board import Board
from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.measuring import Measurement, measure
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

from .mcu_models import INT8, Setting, Subject, drawn_subject

GRAPH_SETTINGS = tuple(
    Setting(name)
    for name in ("cortex-m0plus", "cortex-m4f", "cortex-m55", "rv32imac", "aarch64")
)
SIZE = 32
TIMES = 2
SAME_CORE = {"microbit": "cortex-m0plus"}

Layer = kinds.Layer
LAYERS: dict[str, tuple[Layer, int]] = {
    "copy": (graph.Select(SIZE, tuple(reversed(range(SIZE)))), 1),
    "add": (graph.Combine(SIZE, "add"), 2),
    "multiply": (graph.Combine(SIZE, "multiply"), 2),
    "divide": (graph.Combine(SIZE, "divide"), 2),
    "curve": (kinds.Activation(SIZE, "gelu"), 1),
    "root": (kinds.Activation(SIZE, "sqrt"), 1),
    "norm": (graph.Norm(SIZE, 1e-3), 1),
    "sum": (graph.Sum(SIZE, 4), 1),
    "softmax": (kinds.Softmax(SIZE), 1),
}
"""One of each, by what `graph_work.py` calls its work, and how many values it reads."""


def fit_done(
    say: Callable[[str], None], boards: Sequence[str] = tuple(BOARDS)
) -> dict[str, dict[str, dict[str, Any]]]:
    """By numerics, by board: `done` and `done_nbytes` of `costs.json`."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for is_integer in (False, True):
        key = INTEGER_NUMERICS if is_integer else NUMERICS
        subjects = {name: _repeated(name, is_integer=is_integer) for name in LAYERS}
        base = _repeated("", is_integer=is_integer)
        found[key] = {}
        for name in boards:
            if name in SAME_CORE:
                continue
            found[key][name] = _fit_board(BOARDS[name], base, subjects)
            say(f"{key} {name}: {found[key][name]}")
        for name in SAME_CORE.keys() & set(boards):
            found[key][name] = found[key][SAME_CORE[name]]
    return found


def _fit_board(
    board: Board, base: Subject, subjects: dict[str, Subject]
) -> dict[str, Any]:
    first = measure(board, base.source, base.x)
    done, nbytes = {}, {}
    for name, subject in subjects.items():
        found = measure(board, subject.source, subject.x)
        values = SIZE * (len(subject.spec.layers) - len(base.spec.layers))
        done[name] = round(_more(found, first) / values, 1)
        nbytes[name] = max(0, found.flash_nbytes - first.flash_nbytes)
    return {"done": done, "done_nbytes": nbytes}


def _more(found: Measurement, first: Measurement) -> int:
    return max(0, (found.max_instructions or 0) - (first.max_instructions or 0))


def _repeated(name: str, *, is_integer: bool) -> Subject:
    """A product, its square, and layers of one kind: `TIMES` where one can read the other."""
    layers: list[Layer] = [kinds.Linear(SIZE, SIZE), graph.Combine(SIZE, "multiply")]
    reads: list[tuple[int, ...]] = [(-1,), (0, 0)]
    if name:
        layer, count = LAYERS[name]
        for _ in range(TIMES if layer.output_size == SIZE else 1):
            reads.append((len(layers) - 1, 0)[:count])
            layers.append(layer)
    spec = ModelSpec(
        tuple(Feature(f"x{k}") for k in range(SIZE)),
        tuple(Target(f"y{k}") for k in range(layers[-1].output_size)),
        tuple(layers),
        wiring=tuple(reads),
    )
    title = f"{name or 'base'}{INT8 * is_integer}"
    return drawn_subject(title, f"g_{name or 'base'}", spec, is_integer=is_integer)


def denoiser(hidden_size: int = 32, *, is_integer: bool = False) -> Subject:
    """`denoiser_spec` with drawn weights."""
    spec = denoiser_spec(hidden_size)
    title = f"denoiser{INT8 * is_integer} {hidden_size}"
    return drawn_subject(title, "denoiser", spec, is_integer=is_integer)


def denoiser_spec(hidden_size: int, taps: int = 3) -> ModelSpec:
    """A convolution over time, a norm, a GRU with a residual, and two heads."""
    bands = 16
    layers: list[Layer] = [
        graph.Window(bands, taps),
        kinds.Linear(bands * taps, hidden_size),
        graph.Norm(hidden_size, 1e-5),
        kinds.Activation(hidden_size, "relu"),
        kinds.Gru(hidden_size, hidden_size),
        graph.Combine(hidden_size, "add"),
        kinds.Linear(hidden_size, bands),
        kinds.Activation(bands, "sigmoid"),
        kinds.Linear(hidden_size, 1),
        kinds.Activation(1, "sigmoid"),
        graph.Concat((bands, 1)),
    ]
    reads: list[tuple[int, ...]] = [(-1,), (0,), (1,), (2,), (3,), (3, 4)]
    reads += [(5,), (6,), (5,), (8,), (7, 9)]
    return ModelSpec(
        tuple(Feature(f"band_{k}") for k in range(bands)),
        (*(Target(f"gain_{k}") for k in range(bands)), Target("voice")),
        tuple(layers),
        wiring=tuple(reads),
    )
