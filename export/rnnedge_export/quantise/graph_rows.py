"""The tensors of a graph's layers in integers: a row a kind (`graph_quantiser.py`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rnnedge_runtime.backends.graph_reference import FUNCTIONS
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.numerics import w8a16
from rnnedge_runtime.numerics.w8a16_functions import LOG_BITS, TABLE_SIZE
from rnnedge_runtime.numerics.w8a16_lru import STEP_BITS
from rnnedge_runtime.spec import graph_layers, layers
from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.w8a16_graph import (
    LARGEST_EPS_PLACES,
    LARGEST_PORT_GAIN,
    MOST_NORM_BITS,
    STATE_BITS,
)

from . import scales
from .chain_quantiser import ChainQuantiser
from .scales import HEADROOM, Float64

if TYPE_CHECKING:
    from .graph_quantiser import GraphQuantiser

_LN2 = math.log(2)
_HALF_TABLE = 32768
_COARSEST_POWER = _LN2 * LARGEST_PORT_GAIN / 2.0 ** (LOG_BITS + 1)
"""Largest unit of an argument of exp whose gain can be told."""


def bits_of(unit: float) -> int:
    """Fraction bits of a power of two."""
    return -round(math.log2(unit))


Given = tuple[Float64, ...]


def _affine(q: GraphQuantiser, k: int, layer: layers.Affine, given: Given) -> float:
    scale, shift = q.weight(k, "scale"), q.weight(k, "shift")
    unit = q.own(k)
    q.put_gains(k, gain=given[0] * scale / unit)
    q.put_bias(k, (shift if layer.inverse else -shift * scale) / unit)
    return unit


def _linear(q: GraphQuantiser, k: int, layer: layers.Linear, given: Given) -> Float64:
    units = given[0]
    if layer.positions > 1:
        common = units.max()
        q.put_gains(k, gain=units / common)
        units = np.full(layer.input_size // layer.positions, common)
    rows = scales.rows_of(q.weight(k, "weight") * units)
    finest = scales.finest_unit(rows[1])
    unit = np.full(len(finest), q.own(k))
    while (unit[0] < finest).any():
        unit = 2 * unit
    q.put_product(k, "", rows, unit)
    q.put_bias(k, (q.weight(k, "bias") + q.taken_up(k, "weight")) / unit)
    return np.tile(unit, layer.positions)


def _activation(
    q: GraphQuantiser, k: int, layer: layers.Activation, given: Given
) -> float:
    units, unit = given[0], q.own(k)
    match layer.function:
        case "tanh" | "sigmoid":
            q.put_gains(k, gain=units / scales.FUNCTION_UNITS[layer.function])
            return scales.STATE_UNIT
        case "relu":
            q.put_gains(k, gain=units / unit)
        case "log":
            q.put_gains(k, gain=units * 0 + _LN2 * 2.0**-LOG_BITS / unit)
            q.put_bias(k, np.log(units) / unit)
        case "sqrt":
            q.put_gains(k, gain=np.sqrt(units) * 2.0**-16 / unit)
        case "rsqrt":
            q.put_gains(k, gain=2.0**-30 / np.sqrt(units) / unit)
        case "reciprocal":
            q.put_gains(k, gain=2.0**-30 / units / unit)
        case "step":
            q.put_gains(k, gain=units * 0 + 1 / unit)
        case "floor":
            unit = max(unit, 1.0)
            q.put_gains(k, gain=units / unit)
        case _:
            _put_table(q, k, layer, units)
    return unit


def _put_table(
    q: GraphQuantiser, k: int, layer: layers.Activation, units: Float64
) -> None:
    """Over all that its argument can be; of exp over what it was, and some room."""
    unit, middle = q.own(k), 0.0
    reach = w8a16.LARGEST_VALUE * float(units.max())
    source = q.spec.reads[k][0]
    if layer.function == "exp" and source != INPUT:
        low, high = q.ranges.spans[source]
        room = (HEADROOM - 1) / 2 * max(high - low, 1.0)
        middle, reach = (low + high) / 2, (high - low) / 2 + room
    step = reach / w8a16.LARGEST_VALUE
    q.put_gains(k, gain=units / step)
    q.put_bias(k, np.array([-middle / step]))
    positions = np.linspace(-_HALF_TABLE, _HALF_TABLE, TABLE_SIZE) * step + middle
    with np.errstate(all="ignore"):
        values = FUNCTIONS[layer.function](positions, *layer.parameters) / unit
    limit = w8a16.LARGEST_VALUE
    q.put(k, "table", np.round(np.clip(np.nan_to_num(values), -limit, limit)))


def _softmax(q: GraphQuantiser, k: int, layer: layers.Softmax, given: Given) -> float:
    coarsest = float(given[0].max())
    if coarsest > _COARSEST_POWER:
        raise SpecError(
            f"int8: layer {k} (softmax): what it reads reaches "
            f"{coarsest * w8a16.LARGEST_VALUE / HEADROOM:.4g}, so one integer stands for "
            f"{coarsest:.2g}, and its powers need steps of {_COARSEST_POWER:.2g} or less. "
            f"Keep it in float with --keep-float {k} (keep_float=), or scale it down before."
        )
    q.put_gains(k, gain=given[0] / _LN2 * 2.0**LOG_BITS)
    if not layer.is_log:
        return scales.STATE_UNIT
    unit = q.own(k)
    q.put_gains(k, "out_", gain=np.array([_LN2 * 2.0**-LOG_BITS / unit]))
    return unit


def _combine(
    q: GraphQuantiser, k: int, layer: graph_layers.Combine, given: Given
) -> float:
    a, b = given
    unit = q.own(k)
    match layer.operation:
        case "multiply":
            q.put_gains(k, gain=a * b / unit)
        case "divide":
            q.put_gains(k, gain=a / b / unit)
        case "subtract":
            q.put_gains(k, gain_0=a / unit, gain_1=-b / unit)
        case _:
            q.put_gains(k, gain_0=a / unit, gain_1=b / unit)
    return unit


def _state_bits(q: GraphQuantiser, k: int, unit: float) -> float:
    bits = min(max(bits_of(unit), STATE_BITS.start), STATE_BITS.stop - 1)
    q.put(k, "state_bits", np.array([bits]))
    return float(2.0**-bits)


def _memory(
    q: GraphQuantiser, k: int, layer: graph_layers.Memory, given: Given
) -> float:
    """The gains from its next value are put when that is known."""
    return _state_bits(q, k, q.own(k))


def _window(
    q: GraphQuantiser, k: int, layer: graph_layers.Window, given: Given
) -> float:
    unit = _state_bits(q, k, q.own(k))
    q.put_gains(k, gain=given[0] / unit)
    return unit


def _norm(q: GraphQuantiser, k: int, layer: graph_layers.Norm, given: Given) -> float:
    common = float(given[0].max())
    q.put_gains(k, gain=given[0] / common)
    eps = layer.eps / (common / 64) ** 2
    places = max(0, math.ceil(math.log2(max(eps, 1) / LARGEST_PORT_GAIN)))
    places = min(places, LARGEST_EPS_PLACES)
    mantissa = min(round(eps * 2.0**-places), LARGEST_PORT_GAIN)
    q.put(k, "eps", np.array([mantissa]))
    q.put(k, "eps_places", np.array([places]))
    bits = min(max(bits_of(q.own(k)), 0), MOST_NORM_BITS)
    q.put(k, "norm_bits", np.array([bits]))
    return float(2.0**-bits)


def _sum(q: GraphQuantiser, k: int, layer: graph_layers.Sum, given: Given) -> float:
    unit = q.own(k)
    q.put_gains(k, gain=given[0] / unit)
    return unit


def _depthwise(
    q: GraphQuantiser, k: int, layer: graph_layers.Depthwise, given: Given
) -> float:
    table = q.weight(k, "weight") * given[0].reshape(layer.taps, layer.size)
    integers, row_units = scales.rows_of(table.T)
    unit = q.own(k)
    while (unit < scales.finest_unit(row_units)).any():
        unit = 2 * unit
    q.put_product(k, "", (integers.T, row_units), unit)
    q.put_bias(k, q.weight(k, "bias") / unit)
    return unit


def _lru(q: GraphQuantiser, k: int, layer: layers.Lru, given: Given) -> float:
    """Arguments have units of their own; the length of a step has 16 fraction bits."""
    rows = scales.rows_of(q.weight(k, "weight") * given[0])
    functions = np.array([scales.FUNCTION_UNITS[name] for name in layer.gates])
    unit = np.repeat(functions, layer.hidden_size)
    q.put_product(k, "", rows, unit)
    q.put_bias(k, q.weight(k, "bias") / unit)
    if layer.has_step:
        q.put_gains(k, gain=given[1] * 2.0**STEP_BITS)
    return scales.STATE_UNIT


def _constant(
    q: GraphQuantiser, k: int, layer: graph_layers.Constant, given: Given
) -> Float64:
    value = q.weight(k, "value")
    units = scales.units_of(np.abs(value))
    q.put(k, "value", np.round(value / units))
    return units


def _embedding(
    q: GraphQuantiser, k: int, layer: layers.Embedding, given: Given
) -> float:
    if layer.num_embeddings > w8a16.LARGEST_TABLE:
        raise SpecError(
            f"int8: layer {k} (embedding): its table has {layer.num_embeddings} rows, "
            f"and w8a16.v1 counts tokens to {w8a16.LARGEST_TABLE}. Keep it in float with "
            f"--keep-float {k} (keep_float=), or use a smaller vocabulary."
        )
    table = q.weight(k, "weight")
    unit = scales.unit_of(HEADROOM * float(np.abs(table).max()))
    integers, row_units = scales.rows_of(table, limit_sums=False)
    q.put(k, "weight", integers)
    q.put(k, "multiplier", np.round(row_units / unit * 2.0**w8a16.STATE_BITS))
    return unit


def _recurrent(
    q: GraphQuantiser, k: int, layer: layers.RecurrentLayer, given: Given
) -> scales.Scale:
    """As in a chain."""
    cells = ChainQuantiser(q.spec, q.weights, q.ranges, q.kept)
    cells.tensors, cells.unit = q.tensors, given[0]
    if q.spec.reads[k] == (INPUT,):
        cells.rest = q.rest
    cells.put_recurrent(k, layer)
    return cells.unit


GRAPH_ROWS: dict[type[layers.Layer], Callable[..., scales.Scale]] = {
    layers.Affine: _affine,
    layers.Linear: _linear,
    layers.Activation: _activation,
    layers.Softmax: _softmax,
    graph_layers.Combine: _combine,
    graph_layers.Concat: lambda q, k, layer, given: np.concatenate(given),
    graph_layers.Select: lambda q, k, layer, given: given[0][list(layer.indices)],
    graph_layers.Memory: _memory,
    graph_layers.Window: _window,
    graph_layers.Norm: _norm,
    graph_layers.Sum: _sum,
    graph_layers.Depthwise: _depthwise,
    graph_layers.Constant: _constant,
    layers.Embedding: _embedding,
    layers.Lru: _lru,
    **dict.fromkeys(layers.RECURRENT_LAYERS, _recurrent),
}
"""Of each kind, what puts its tensors and gives the unit of its value."""
