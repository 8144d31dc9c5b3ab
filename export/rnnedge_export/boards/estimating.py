"""What a model will cost on a board, from its layers alone: for machines without compilers.

The costs of a multiply-add, of a unit and of the code around them come from `costs.json`, which
`python -m benchmarks.mcu --fit` writes from measurements of bare cells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import numpy as np

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.layers import (
    RECURRENT_LAYERS,
    Embedding,
    Lstm,
    RecurrentLayer,
)
from rnnedge_runtime.spec.model_spec import ModelSpec

from ..formats.c.f32.layers import step_code
from ..formats.c.f32.packing import added_biases, pack_layer
from .board import Board
from .graph_work import done_by, integer_nbytes, is_integer_graph, repeated
from .image import SUPPORT
from .measuring import Measurement

_COUNTER_NBYTES = 8  # the number of steps, which also aligns the state


@dataclass(frozen=True, slots=True)
class Work:
    """What a step has to do, and what the model has to keep.

    Attributes:
        multiply_adds: of all products.
        units: of each kind of cell: gates computed together.
        layers: how many there are of each kind of cell, and `other`.
        values: numbers that pass through the other layers, inputs among them.
        done: what a graph does to how many values (`graph_work.py`).
        matrix_values: weights in matrices.
        other_values: biases, scales, limits.
        state_values: numbers of the state, held readings among them.
    """

    multiply_adds: int
    units: dict[str, int]
    layers: dict[str, int]
    values: int
    done: dict[str, int]
    matrix_values: int
    other_values: int
    state_values: int


@dataclass(frozen=True, slots=True)
class Costs:
    """Fitted costs of one numerics on one board; instructions and bytes.

    Attributes:
        multiply_add: instructions of one.
        unit: instructions of a unit by kind of cell.
        value: instructions of a value of the other layers.
        done: the same by what a graph does to it.
        call: instructions of the rest.
        code_nbytes: `base`, and what each layer adds by kind of cell or `other`.
        done_nbytes: code of what a graph does to values.
        stack_nbytes: of a step.
        matrix_nbytes: of a weight in a matrix, where the generator does not tell.
        other_nbytes: of another weight, where the generator does not tell.
        ram_nbytes: `base`, `value` of the state, and a unit by kind of cell, where the
            generator does not tell.
    """

    multiply_add: float
    unit: dict[str, float]
    value: float
    call: float
    code_nbytes: dict[str, float]
    stack_nbytes: int
    matrix_nbytes: float = 4.0
    other_nbytes: float = 4.0
    ram_nbytes: dict[str, float] | None = None
    done: dict[str, float] = field(default_factory=dict)
    done_nbytes: dict[str, float] = field(default_factory=dict)


def work_of(spec: ModelSpec) -> Work:
    """Count the operations and numbers of a model.

    Raises:
        SpecError: it is a graph that is not a chain of layers.
    """
    if spec.is_opaque:
        raise SpecError(
            "boards: the model is a graph that is not a chain of layers, and has no C "
            "source. Build it of the layers rnnedge knows."
        )
    matrices = others = values = tables = again = 0
    done: dict[str, int] = {}
    units: dict[str, int] = {}
    layers = {"other": 0}
    for layer in spec.layers:
        for shape in layer.weight_shapes().values():
            if len(shape) == 2:
                matrices += int(np.prod(shape))
                again += int(np.prod(shape)) * (repeated(layer) - 1)
            else:
                others += shape[0]
        if isinstance(layer, Embedding):
            tables += layer.num_embeddings * layer.embedding_dim
        if isinstance(layer, RecurrentLayer):
            units[layer.kind] = units.get(layer.kind, 0) + layer.hidden_size
            layers[layer.kind] = layers.get(layer.kind, 0) + 1
        else:
            layers["other"] += 1
            name, count = done_by(layer)
            done[name] = done.get(name, 0) + count
    values = done.pop("value", 0)
    return Work(
        multiply_adds=matrices - tables + again,
        units=units,
        layers=layers,
        values=values + spec.input_size,
        done=done,
        matrix_values=matrices,
        other_values=others,
        state_values=sum(entry.size for entry in spec.state),
    )


def estimate(board: Board, spec: ModelSpec, numerics: str = NUMERICS) -> Measurement:
    """The costs of a model on a board, marked as estimated.

    Raises:
        SpecError: no C source can be made of the model.
    """
    work, costs = work_of(spec), costs_of(board.name, numerics)
    counts = None
    if board.counter != "none":
        counts = round(
            costs.multiply_add * work.multiply_adds
            + sum(_cost(costs.unit, kind) * count for kind, count in work.units.items())
            + costs.value * work.values
            + sum(
                _of(costs.done, name, costs.value) * n for name, n in work.done.items()
            )
            + costs.call
        )
    is_integer = is_integer_graph(spec, numerics, NUMERICS)
    if numerics == NUMERICS:
        weights = packed_nbytes(spec)
    elif is_integer:
        weights = integer_nbytes(spec)[0]
    else:
        matrices = costs.matrix_nbytes * work.matrix_values
        weights = round(matrices + costs.other_nbytes * work.other_values)
    flash = weights + costs.code_nbytes["base"]
    flash += sum(_cost(costs.code_nbytes, kind) * n for kind, n in work.layers.items())
    flash += sum(_of(costs.done_nbytes, name, 0.0) for name in work.done)
    return Measurement(
        board.name,
        flash_nbytes=round(flash),
        ram_nbytes=_aligned(integer_nbytes(spec)[1])
        if is_integer
        else _state_nbytes(spec, work, costs),
        stack_nbytes=None if board.system == "wasm" else costs.stack_nbytes,
        min_instructions=counts,
        max_instructions=counts,
        is_estimated=True,
    )


def packed_nbytes(spec: ModelSpec) -> int:
    """Bytes of the float32 weights in the layout of the generator, gaps included."""
    nbytes = 0
    for layer in spec.layers:
        shapes = layer.weight_shapes().items()
        zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes}
        packed = pack_layer(layer, added_biases(layer, zeros))
        nbytes += sum(array.nbytes for array in packed.values())
    return nbytes


def _state_nbytes(spec: ModelSpec, work: Work, costs: Costs) -> int:
    """Bytes of NAME_state: known for float32, where the generator says what it holds."""
    if costs.ram_nbytes is not None:
        ram = costs.ram_nbytes
        units = sum(_cost(ram, kind) * count for kind, count in work.units.items())
        return round(ram["base"] + ram["value"] * work.state_values + units)
    code = step_code(spec, "model")
    return _aligned(4 * sum(size for _, size in (*code.state, *code.work)))


def _aligned(nbytes: int) -> int:
    """Of the state whose arrays have so many."""
    return _COUNTER_NBYTES * (1 - -nbytes // _COUNTER_NBYTES)


def costs_of(board: str, numerics: str) -> Costs:
    """The fitted costs.

    Raises:
        SpecError: none were fitted for the numerics.
    """
    found = _table().get(numerics, {}).get(board)
    if found is None:
        raise SpecError(
            f"boards: nothing is known of the costs of {numerics} on {board}. "
            "Install its compiler and emulator, `rnnedge devices` names them."
        )
    return Costs(**found)


def knows_costs(numerics: str) -> bool:
    """Whether costs were fitted for the numerics."""
    return numerics in _table()


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((SUPPORT / "costs.json").read_text("utf-8"))
    return table


def resized(spec: ModelSpec, hidden_size: int) -> ModelSpec:
    """The same chain of layers with another size of every recurrent layer."""
    size, layers = spec.layers[0].input_size, []
    for layer in spec.layers:
        names = {item.name for item in fields(layer)}
        changed: Any = layer
        for name in {"size", "input_size"} & names:
            changed = replace(changed, **{name: size})
        if isinstance(layer, Lstm):
            share = layer.proj_size * hidden_size // layer.hidden_size
            proj = max(1, min(hidden_size - 1, share)) if layer.proj_size else 0
            changed = Lstm(size, hidden_size, proj if hidden_size > 1 else 0)
        elif isinstance(layer, RecurrentLayer):
            changed = replace(changed, hidden_size=hidden_size)
        size = changed.output_size
        layers.append(changed)
    return replace(spec, layers=tuple(layers))


def _of(costs: dict[str, float], name: str, otherwise: float) -> float:
    """Of what a graph does; of what nothing was fitted to what the dearest costs."""
    return costs.get(name, max(costs.values(), default=otherwise))


def _cost(costs: dict[str, float], kind: str) -> float:
    """Of a kind of cell; of one that nothing was fitted to what the dearest costs."""
    known = [costs[c.kind] for c in RECURRENT_LAYERS if c.kind in costs]
    return costs.get(kind, max(known))
