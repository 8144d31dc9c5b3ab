"""From float weights to integers: the scales, and the tensors of `w8a16.v1`.

Weights are scaled per output row by their largest magnitude. Everything else has static
scales from the ranges seen while the calibration stream ran through the float network with
its state carried, widened by `HEADROOM`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.integer_numerics import (
    ARGUMENT_BITS,
    CELL_BITS,
    LARGEST_BIAS,
    LARGEST_GAIN,
    LARGEST_MULTIPLIER,
    LARGEST_ROW_SUM,
    LARGEST_STATE,
    LARGEST_VALUE,
    LARGEST_WEIGHT,
    STATE_BITS,
)
from rnnedge_runtime.layers import (
    NUM_GATES,
    Activation,
    AddLast,
    Affine,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    RecurrentLayer,
    Rnn,
)
from rnnedge_runtime.numerics import Float32
from rnnedge_runtime.quantised import QuantisedModel, Tensor, parts, tensor_types
from rnnedge_runtime.spec import ModelSpec
from rnnedge_runtime.weights import SMALLEST_MAGNITUDE, Weights

from .ranges import Ranges as Ranges
from .ranges import measure_ranges as measure_ranges

Float64 = NDArray[np.float64]
Scale = float | Float64
"""Real value of one unit; an array where every column has its own."""

HEADROOM = 2.0
"""Range given to activations and states, as a multiple of the largest value seen."""
STATE_UNIT = 2.0**-STATE_BITS
ARGUMENT_UNIT = 2.0**-ARGUMENT_BITS


def quantise(
    spec: ModelSpec, weights: Weights, ranges: Ranges, kept: frozenset[int]
) -> QuantisedModel:
    """The integer model of canonical weights.

    Args:
        spec: a chain of layers.
        weights: canonical weights of `spec`.
        ranges: what `measure_ranges` saw.
        kept: positions of layers kept in float.

    Raises:
        SpecError: a layer that is not kept has no integer form, or its values do not fit
            the integers; the message names it.
    """
    return _Quantiser(spec, weights, ranges, kept).model()


class _Quantiser:
    """Walks the chain once; `unit` is the scale of the values between two layers."""

    def __init__(
        self, spec: ModelSpec, weights: Weights, ranges: Ranges, kept: frozenset[int]
    ) -> None:
        self.spec = spec
        self.weights = weights
        self.ranges = ranges
        self.kept = kept
        self.parts = parts(spec, kept)
        self.tensors: dict[str, NDArray[np.generic]] = {}
        self.unit: Scale = 1.0
        self.shift: Float64 = np.zeros(spec.output_size)
        self.input_step: Float64 = np.ones(spec.input_size)
        self.input_shift: Float64 = np.zeros(spec.input_size)

    def model(self) -> QuantisedModel:
        for k, (layer, part) in enumerate(
            zip(self.spec.layers, self.parts, strict=True)
        ):
            if part.is_first:
                self._convert_in(k, layer)
            if part.role == "float":
                for name in layer.weight_shapes():
                    self.tensors[f"layers.{k}.{name}"] = self._weight(k, name)
            elif part.role == "integer":
                self._layer(k, layer)
            elif k > 0:
                self._fold_out(k)
            if part.is_last:
                self._convert_out(k, layer)
        types = tensor_types(self.spec, self.kept)
        ordered: dict[str, Tensor] = {
            name: np.ascontiguousarray(self.tensors[name].astype(kind))
            for name, (kind, _) in types.items()
        }
        return QuantisedModel(self.spec, self.kept, ordered)

    def _weight(self, k: int, name: str) -> Float32:
        return self.weights[f"layers.{k}.{name}"]

    def _convert_in(self, k: int, layer: Layer) -> None:
        if k > 0:
            largest = float(self.ranges.outputs[k - 1].max())
            self.unit = _unit(HEADROOM * largest)
            size = layer.input_size
            self.tensors[f"input.{k}.rate"] = np.full(size, 1 / self.unit)
            return
        spec = self.spec
        shift, scale = np.zeros(spec.input_size), np.ones(spec.input_size)
        if isinstance(layer, Affine):
            shift = self._weight(0, "shift").astype(np.float64)
            scale = self._weight(0, "scale").astype(np.float64)
        low, high = self._input_limits()
        if isinstance(layer, Embedding):
            unit, low, high = (
                1.0,
                low * 0,
                low * 0 + min(layer.num_embeddings, 32768) - 1,
            )
        else:
            unit = _unit(float(np.abs((np.stack([low, high]) - shift) * scale).max()))
        steps = _floored(unit / np.where(scale == 0, np.inf, scale))
        rate = np.where(scale == 0, 0, scale / unit)
        ends = np.sort(np.stack([(low - shift) * rate, (high - shift) * rate]), axis=0)
        ends = np.clip(np.floor(ends + 0.5), -LARGEST_VALUE, LARGEST_VALUE)
        self.unit, self.input_shift, self.input_step = unit, shift, steps
        self.tensors |= {
            "input.0.shift": shift,
            "input.0.rate": rate,
            "input.0.step": steps,
            "input.0.low": ends[0],
            "input.0.high": ends[1],
        }
        if spec.derived:
            turns = slice(spec.num_features, None)
            gain = np.round(rate[turns])
            self.tensors["input.0.turn_gain"] = gain
            self.tensors["input.0.turn_offset"] = np.round(
                -shift[turns] * rate[turns] * 2.0**STATE_BITS
            )

    def _input_limits(self) -> tuple[Float64, Float64]:
        """Raw values the input can take: its clip, or the range seen, widened."""
        spec = self.spec
        room = (HEADROOM - 1) / 2 * (self.ranges.high - self.ranges.low)
        low, high = self.ranges.low - room, self.ranges.high + room
        for k, feature in enumerate(spec.features):
            if feature.clip is not None:
                low[k], high[k] = feature.clip
        low[spec.num_features :], high[spec.num_features :] = -1.0, 1.0
        return low, high

    def _layer(self, k: int, layer: Layer) -> None:
        match layer:
            case Embedding():
                self._embedding(k, layer)
            case Linear():
                self._linear(k, layer)
            case Activation():
                self._activation(k, layer)
            case AddLast():
                self._add_last(k, layer)
            case Rnn() | Gru() | Lstm():
                self._recurrent(k, layer)

    def _embedding(self, k: int, layer: Embedding) -> None:
        table = self._weight(k, "weight").astype(np.float64)
        self.unit = _unit(HEADROOM * float(np.abs(table).max()))
        integers, row_units = _rows(table, limit_sums=False)
        self._put(k, "weight", integers)
        multiplier = np.round(row_units / self.unit * 2.0**STATE_BITS)
        self._put(k, "multiplier", multiplier)

    def _linear(self, k: int, layer: Linear) -> None:
        unit = self._unit_after(k)
        self._product(k, "weight", "multiplier", unit)
        bias = self._weight(k, "bias").astype(np.float64)
        self._put(k, "bias", self._bias(k, bias / unit))
        self.unit = unit

    def _activation(self, k: int, layer: Activation) -> None:
        unit: Scale = self.unit
        if layer.function == "tanh":
            unit = ARGUMENT_UNIT
        elif layer.function == "sigmoid":
            unit = 2 * ARGUMENT_UNIT
        self._put(k, "gain", self._gain(k, self.unit, unit, 1))
        self.unit = unit if layer.function == "relu" else STATE_UNIT

    def _add_last(self, k: int, layer: AddLast) -> None:
        source = list(layer.sources)
        step, shift = self.input_step[source], self.input_shift[source]
        low, high = (self.tensors[f"input.0.{end}"][source] for end in ("low", "high"))
        reach = np.maximum(np.abs(low), np.abs(high)) * step
        units = np.broadcast_to(np.asarray(self.unit), reach.shape)
        largest = reach + LARGEST_VALUE * np.abs(units)
        unit = np.maximum(_units(largest), np.maximum(step, np.abs(units)) / 1.9)
        self._put(k, "gain", self._gain(k, units, unit, len(source)))
        self._put(k, "source_gain", self._gain(k, step, unit, len(source)))
        self.unit = unit
        self.shift = self.shift + shift

    def _recurrent(self, k: int, layer: RecurrentLayer) -> None:
        size, gates = layer.hidden_size, NUM_GATES[layer.kind]
        if isinstance(layer, Rnn):
            bits = STATE_BITS
            if layer.nonlinearity == "relu":
                bits = self._hidden_bits(k)
            hidden_unit = 2.0**-bits
            units = np.array(
                [hidden_unit if layer.nonlinearity == "relu" else ARGUMENT_UNIT]
            )
            self._put(k, "bits", np.array([bits]))
        else:
            sigmoid, tanh = 2 * ARGUMENT_UNIT, ARGUMENT_UNIT
            is_lstm = isinstance(layer, Lstm)
            units = np.array(
                [sigmoid, sigmoid, tanh, sigmoid]
                if is_lstm
                else [sigmoid, sigmoid, tanh]
            )
            hidden_unit = STATE_UNIT
        if isinstance(layer, Lstm):
            bits = self._hidden_bits(k) if layer.proj_size else STATE_BITS
            hidden_unit = 2.0**-bits
            self._put(k, "bits", np.array([bits, self._cell_bits(k)]))
        rows = np.repeat(units, size)
        self._product(k, "weight_ih", "multiplier_ih", rows)
        self.unit = hidden_unit
        self._product(k, "weight_hh", "multiplier_hh", rows)
        bias_ih = self._weight(k, "bias_ih").astype(np.float64)
        bias_hh = self._weight(k, "bias_hh").astype(np.float64)
        if isinstance(layer, Gru):
            new = slice((gates - 1) * size, None)
            self._put(k, "bias_hn", self._bias(k, bias_hh[new] / rows[new]))
            bias_hh = bias_hh.copy()
            bias_hh[new] = 0
        self._put(k, "bias", self._bias(k, (bias_ih + bias_hh) / rows))
        if isinstance(layer, Lstm) and layer.proj_size:
            self.unit = STATE_UNIT
            self._product(k, "weight_hr", "multiplier_hr", np.array(hidden_unit))
            self.unit = hidden_unit

    def _fold_out(self, k: int) -> None:
        """An affine after the last integer layer: real = unit * q * scale + shift."""
        layer = self.spec.layers[k]
        assert isinstance(layer, Affine)
        scale = self._weight(k, "scale").astype(np.float64)
        shift = self._weight(k, "shift").astype(np.float64)
        if not layer.inverse:
            shift = -shift * scale
        self.unit = self.unit * scale
        self.shift = shift

    def _convert_out(self, k: int, layer: Layer) -> None:
        size = layer.output_size
        step = np.broadcast_to(np.asarray(self.unit, dtype=np.float64), (size,))
        offset = np.broadcast_to(
            self.shift if self.shift.shape == (size,) else 0.0, (size,)
        )
        self.tensors[f"output.{k}.step"] = _floored(step)
        self.tensors[f"output.{k}.offset"] = _floored(offset)
        self.shift = np.zeros(size)

    def _product(self, k: int, weight: str, multiplier: str, unit: Scale) -> None:
        integers, row_units = _rows(
            self._weight(k, weight).astype(np.float64) * self._column_units()
        )
        self._put(k, weight, integers)
        factors = np.round(row_units / unit * 2.0**32)
        if (factors > LARGEST_MULTIPLIER).any():
            raise self._too_large(k, weight, float(row_units.max()))
        self._put(k, multiplier, factors)

    def _column_units(self) -> Float64:
        return np.asarray(self.unit, dtype=np.float64)

    def _unit_after(self, k: int) -> Scale:
        """Unit of the output of layer k, which the layer behind it may decide."""
        layers = self.spec.layers
        follows = layers[k + 1] if k + 1 < len(layers) else None
        if self.parts[k].is_last or isinstance(follows, Affine | AddLast):
            return _units(HEADROOM * self._output_range(k))
        if isinstance(follows, Activation) and follows.function != "relu":
            if follows.function == "tanh":
                return ARGUMENT_UNIT
            return 2 * ARGUMENT_UNIT
        return _unit(HEADROOM * float(self._output_range(k).max()))

    def _output_range(self, k: int) -> Float64:
        return self.ranges.outputs[k]

    def _hidden_bits(self, k: int) -> int:
        largest = HEADROOM * float(self.ranges.outputs[k].max())
        bits = STATE_BITS - max(0, math.ceil(math.log2(max(largest, 2.0**-20))))
        if bits < 0:
            raise self._too_large(k, "hidden state", largest)
        return bits

    def _cell_bits(self, k: int) -> int:
        largest = HEADROOM * self.ranges.cells[k]
        room = math.floor(math.log2(LARGEST_STATE / max(largest, 2.0**-20)))
        if room < CELL_BITS.start:
            raise self._too_large(k, "cell state", largest)
        return min(room, CELL_BITS.stop - 1)

    def _bias(self, k: int, values: Float64) -> Float64:
        if (np.abs(values) > LARGEST_BIAS).any():
            raise self._too_large(k, "bias", float(np.abs(values).max()))
        return np.round(values)

    def _gain(self, k: int, unit: Scale, after: Scale, size: int) -> Float64:
        gain = np.round(np.asarray(unit) / after * 2.0**STATE_BITS)
        if (np.abs(gain) > LARGEST_GAIN).any():
            raise self._too_large(k, "scale", float(np.abs(gain).max()))
        return np.broadcast_to(gain, (size,))

    def _put(self, k: int, name: str, values: NDArray[np.floating]) -> None:
        self.tensors[f"layers.{k}.{name}"] = values

    def _too_large(self, k: int, what: str, found: float) -> SpecError:
        kind = self.spec.layers[k].kind
        return SpecError(
            f"int8: layer {k} ({kind}): its {what} reaches {found:.3g}, which the integers "
            f"of w8a16.v1 do not hold. Keep it in float with --keep-float {k}, or train "
            "with a smaller learning rate or weight decay."
        )


def _rows(table: Float64, *, limit_sums: bool = True) -> tuple[Float64, Float64]:
    """`[R, K]` as integers per row, and the real value `[R]` of one unit of a row."""
    largest = np.abs(table).max(axis=1)
    units = largest / LARGEST_WEIGHT
    if limit_sums:
        units = np.maximum(
            units, np.abs(table).sum(axis=1) / (LARGEST_ROW_SUM - table.shape[1])
        )
    safe = np.where(units == 0, 1.0, units)
    return np.round(table / safe[:, None]), units


def _unit(largest: float) -> float:
    return max(largest, SMALLEST_MAGNITUDE * LARGEST_VALUE) / LARGEST_VALUE


def _units(largest: Float64) -> Float64:
    return np.maximum(largest, SMALLEST_MAGNITUDE * LARGEST_VALUE) / LARGEST_VALUE


def _floored(values: Float64) -> Float64:
    return np.where(np.abs(values) < SMALLEST_MAGNITUDE, 0.0, values)
