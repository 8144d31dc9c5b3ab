"""From float weights to integers, of a graph (docs/numerics.md, "Graphs").

Every value that a layer computes has one unit, a power of two: so states are exact as
floats, and what goes round a loop is not rounded by a change of unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.graph_reference import FUNCTIONS
from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.numerics import w8a16
from rnnedge_runtime.numerics.w8a16_functions import LOG_BITS, TABLE_SIZE
from rnnedge_runtime.spec import graph_layers, layers
from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.graph_roles import LayerRole, converted_in, converted_out
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_graph import (
    LARGEST_EPS_PLACES,
    LARGEST_PORT_GAIN,
    MOST_NORM_BITS,
    MOST_PLACES,
    STATE_BITS,
)
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, Tensor
from rnnedge_runtime.spec.weights import Weights

from . import scales
from .quantiser import ChainQuantiser
from .ranges import Ranges
from .scales import HEADROOM, Float64

PRODUCTS = (layers.Linear, layers.RecurrentLayer)
"""Kinds whose bias takes up what the model input's zero stands for."""
_LN2 = math.log(2)
_HALF_TABLE = 32768


def quantise_graph(
    spec: ModelSpec, weights: Weights, ranges: Ranges, kept: frozenset[int]
) -> QuantisedModel:
    """As `quantise`, of a graph.

    Raises:
        SpecError: the ranges of two values differ by more than integers can represent.
    """
    return _GraphQuantiser(spec, weights, ranges, kept).model()


def power_unit(largest: float) -> float:
    """The power of two in which `largest` with its headroom is at most the largest int16."""
    needed = max(HEADROOM * largest, 2.0**-30) / w8a16.LARGEST_VALUE
    return float(2.0 ** math.ceil(math.log2(needed)))


def bits_of(unit: float) -> int:
    """Fraction bits of a power of two."""
    return -round(math.log2(unit))


def port_gains(*ratios: Float64) -> tuple[list[Float64], int]:
    """Gains of ratios of units, and the fraction bits they share.

    A ratio beyond any gain is the largest: what it moves saturates.
    """
    largest = max(float(np.abs(ratio).max()) for ratio in ratios)
    room = math.floor(math.log2((LARGEST_PORT_GAIN - 1) / max(largest, 2.0**-60)))
    places = min(max(room, 1), MOST_PLACES)
    return [
        np.clip(np.round(r * 2.0**places), -LARGEST_PORT_GAIN, LARGEST_PORT_GAIN)
        for r in ratios
    ], places


class _GraphQuantiser:
    """Walks the layers once; `units` are of the values, `[N]` each."""

    def __init__(
        self, spec: ModelSpec, weights: Weights, ranges: Ranges, kept: frozenset[int]
    ) -> None:
        self.spec = spec
        self.weights = weights
        self.ranges = ranges
        self.kept = kept
        self.roles = layer_roles(spec, kept)
        self.tensors: dict[str, NDArray[np.generic]] = {}
        self.units: dict[int, Float64] = {}
        self.rest = np.zeros(spec.input_size)
        self._incoming = converted_in(spec, self.roles)
        self._outgoing = converted_out(spec, self.roles)
        self._own = self._own_units()

    def model(self) -> QuantisedModel:
        if INPUT in self._incoming:
            self._convert_input()
        for k, (layer, part) in enumerate(
            zip(self.spec.layers, self.roles, strict=True)
        ):
            if part.role == "float":
                for name in layer.weight_shapes():
                    self.put(k, name, self.weights[f"layers.{k}.{name}"])
                if k in self._incoming:
                    self._convert_in(k, layer)
                continue
            reads = self.spec.reads[k]
            given = tuple(self.units[s] for s in reads if s in self.units)
            self.units[k] = np.broadcast_to(
                np.asarray(_LAYERS[type(layer)](self, k, layer, given), np.float64),
                (layer.output_size,),
            )
            if k in self._outgoing:
                self.tensors[f"value.{k}.step"] = self.units[k]
        for k, layer in enumerate(self.spec.layers):
            part = self.roles[k]
            if isinstance(layer, graph_layers.Memory) and part == LayerRole("integer"):
                self.put_gains(k, gain=self.units[layer.next] / self.units[k])
        return self._checked()

    def _checked(self) -> QuantisedModel:
        model = object.__new__(QuantisedModel)
        object.__setattr__(model, "spec", self.spec)
        object.__setattr__(model, "kept", self.kept)
        ordered: dict[str, Tensor] = {
            name: np.ascontiguousarray(np.asarray(self.tensors[name]).astype(kind))
            for name, (kind, _) in model.types.items()
        }
        try:
            return QuantisedModel(self.spec, self.kept, ordered)
        except FormatError:
            raise SpecError(
                "int8: two layers' value ranges differ by more than int8 can represent. "
                "Scale the features to about one, or leave out --int8."
            ) from None

    def _own_units(self) -> dict[int, float]:
        """The unit of what each layer computes; those of one wide sum are alike."""
        largest = {k: float(seen.max()) for k, seen in self.ranges.outputs.items()}
        for k, layer in enumerate(self.spec.layers):
            if isinstance(layer, graph_layers.Memory) and self.roles[k].is_wide:
                largest[layer.next] = max(largest[layer.next], largest[k])
        for k, layer in enumerate(self.spec.layers):
            if isinstance(layer, graph_layers.Memory) and self.roles[k].is_wide:
                largest[k] = largest[layer.next]
        return {k: power_unit(value) for k, value in largest.items()}

    def own(self, k: int) -> float:
        """The unit of what layer k computes."""
        return self._own[k]

    def weight(self, k: int, name: str) -> Float64:
        """A float weight of layer k."""
        return self.weights[f"layers.{k}.{name}"].astype(np.float64)

    def put(self, k: int, name: str, values: NDArray[np.generic]) -> None:
        """Set a tensor of layer k."""
        self.tensors[f"layers.{k}.{name}"] = values

    def put_gains(self, k: int, prefix: str = "", **ratios: Float64) -> None:
        """The gains of layer k by name, and the fraction bits they share."""
        gains, places = port_gains(*ratios.values())
        for name, gain in zip(ratios, gains, strict=True):
            self.put(k, f"{prefix}{name}", gain)
        self.put(k, f"{prefix}places", np.array([places]))

    def put_bias(self, k: int, values: Float64) -> None:
        """A bias in units of its output."""
        largest = w8a16.LARGEST_BIAS
        self.put(k, "bias", np.clip(np.round(values), -largest, largest))

    def put_product(
        self, k: int, name: str, rows: tuple[Float64, Float64], unit: scales.Scale
    ) -> None:
        """A weight by rows, and the multipliers to a unit."""
        self.put(k, f"weight{name}", rows[0])
        self.put(k, f"multiplier{name}", scales.multipliers(rows[1], unit))

    def taken_up(self, k: int, name: str) -> Float64:
        """What the zero of the model input adds to the sums of a product."""
        weight = self.weight(k, name)
        is_input = self.spec.reads[k] == (INPUT,) and weight.shape[1] == len(self.rest)
        return weight @ self.rest if is_input else np.zeros(len(weight))

    def _convert_input(self) -> None:
        """Columns have units of their own; their zero is moved where products read them."""
        low, high = scales.input_limits(self.spec, self.ranges)
        readers = [
            layer
            for k, layer in enumerate(self.spec.layers)
            if INPUT in self.spec.reads[k] and self.roles[k].role == "integer"
        ]
        is_product = all(
            isinstance(layer, PRODUCTS) and getattr(layer, "positions", 1) == 1
            for layer in readers
            if not isinstance(layer, layers.Embedding)
        )
        if is_product:
            middle = ((low + high) / 2).astype(np.float32).astype(np.float64)
            self.rest = np.where(np.abs(middle) > high - low, middle, 0.0)
        reach = np.maximum(np.abs(low - self.rest), np.abs(high - self.rest))
        self.units[INPUT] = scales.units_of(reach)
        self._put_conversion(INPUT, self.rest)

    def _convert_in(self, k: int, layer: layers.Layer) -> None:
        seen = HEADROOM * self.ranges.outputs[k]
        self.units[k] = scales.units_of(
            seen
            if layer.kind in ("select", "concat", "affine")
            else seen * 0 + seen.max()
        )
        self._put_conversion(k, np.zeros(layer.output_size))

    def _put_conversion(self, k: int, shift: Float64) -> None:
        self.tensors[f"value.{k}.shift"] = scales.floored(shift)
        self.tensors[f"value.{k}.rate"] = 1 / self.units[k]


Given = tuple[Float64, ...]


def _affine(q: _GraphQuantiser, k: int, layer: layers.Affine, given: Given) -> float:
    scale, shift = q.weight(k, "scale"), q.weight(k, "shift")
    unit = q.own(k)
    q.put_gains(k, gain=given[0] * scale / unit)
    q.put_bias(k, (shift if layer.inverse else -shift * scale) / unit)
    return unit


def _linear(q: _GraphQuantiser, k: int, layer: layers.Linear, given: Given) -> Float64:
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
    q: _GraphQuantiser, k: int, layer: layers.Activation, given: Given
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
        case _:
            _put_table(q, k, layer, units)
    return unit


def _put_table(
    q: _GraphQuantiser, k: int, layer: layers.Activation, units: Float64
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


def _softmax(q: _GraphQuantiser, k: int, layer: layers.Softmax, given: Given) -> float:
    q.put_gains(k, gain=given[0] / _LN2 * 2.0**LOG_BITS)
    if not layer.is_log:
        return scales.STATE_UNIT
    unit = q.own(k)
    q.put_gains(k, "out_", gain=np.array([_LN2 * 2.0**-LOG_BITS / unit]))
    return unit


def _combine(
    q: _GraphQuantiser, k: int, layer: graph_layers.Combine, given: Given
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


def _state_bits(q: _GraphQuantiser, k: int, unit: float) -> float:
    bits = min(max(bits_of(unit), STATE_BITS.start), STATE_BITS.stop - 1)
    q.put(k, "state_bits", np.array([bits]))
    return float(2.0**-bits)


def _memory(
    q: _GraphQuantiser, k: int, layer: graph_layers.Memory, given: Given
) -> float:
    """The gains from its next value are put when that is known."""
    return _state_bits(q, k, q.own(k))


def _window(
    q: _GraphQuantiser, k: int, layer: graph_layers.Window, given: Given
) -> float:
    unit = _state_bits(q, k, q.own(k))
    q.put_gains(k, gain=given[0] / unit)
    return unit


def _norm(q: _GraphQuantiser, k: int, layer: graph_layers.Norm, given: Given) -> float:
    common = float(given[0].max())
    q.put_gains(k, gain=given[0] / common)
    eps = layer.eps / (common / 64) ** 2
    places = max(0, math.ceil(math.log2(max(eps, 1) / LARGEST_PORT_GAIN)))
    places = min(places, LARGEST_EPS_PLACES)
    mantissa = min(round(eps * 2.0**-places), LARGEST_PORT_GAIN)
    q.put(k, "eps", np.array([mantissa]))
    q.put(k, "eps_places", np.array([places]))
    bits = min(max(bits_of(q.own(k)), STATE_BITS.start), MOST_NORM_BITS)
    q.put(k, "norm_bits", np.array([bits]))
    return float(2.0**-bits)


def _sum(q: _GraphQuantiser, k: int, layer: graph_layers.Sum, given: Given) -> float:
    unit = q.own(k)
    q.put_gains(k, gain=given[0] / unit)
    return unit


def _depthwise(
    q: _GraphQuantiser, k: int, layer: graph_layers.Depthwise, given: Given
) -> float:
    table = q.weight(k, "weight") * given[0].reshape(layer.taps, layer.size)
    integers, row_units = scales.rows_of(table.T)
    unit = q.own(k)
    while (unit < scales.finest_unit(row_units)).any():
        unit = 2 * unit
    q.put_product(k, "", (integers.T, row_units), unit)
    q.put_bias(k, q.weight(k, "bias") / unit)
    return unit


def _constant(
    q: _GraphQuantiser, k: int, layer: graph_layers.Constant, given: Given
) -> Float64:
    value = q.weight(k, "value")
    units = scales.units_of(np.abs(value))
    q.put(k, "value", np.round(value / units))
    return units


def _embedding(
    q: _GraphQuantiser, k: int, layer: layers.Embedding, given: Given
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
    q: _GraphQuantiser, k: int, layer: layers.RecurrentLayer, given: Given
) -> scales.Scale:
    """As in a chain."""
    cells = ChainQuantiser(q.spec, q.weights, q.ranges, q.kept)
    cells.tensors, cells.unit = q.tensors, given[0]
    if q.spec.reads[k] == (INPUT,):
        cells.rest = q.rest
    cells.put_recurrent(k, layer)
    return cells.unit


_LAYERS: dict[type[layers.Layer], Callable[..., scales.Scale]] = {
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
    **dict.fromkeys(layers.RECURRENT_LAYERS, _recurrent),
}
"""Of each kind, what puts its tensors and gives the unit of its value."""
