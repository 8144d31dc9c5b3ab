"""From float weights to integers: the scales, and the tensors of `w8a16.v1`.

Weights are scaled per output row by their largest magnitude. Everything else has static
scales from the ranges seen while the calibration stream ran through the float network with
its state carried, widened by `HEADROOM`.

What lies beyond the range of a tensor is set to the end of it, as a value that saturates is;
the judgement of the export says whether the model bears it (`report.py` counts both).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.numerics import w8a16
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.layers import (
    RECURRENT_LAYERS,
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    Lstm,
    RecurrentLayer,
    Rnn,
)
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, Tensor, tensor_types
from rnnedge_runtime.spec.weights import Weights

from . import scales
from .scales import HEADROOM, Float64, InputScales, Scale
from .seen import Ranges


class ChainQuantiser:
    """Walks the chain once; `unit` is the scale of the values between two layers."""

    def __init__(
        self, spec: ModelSpec, weights: Weights, ranges: Ranges, kept: frozenset[int]
    ) -> None:
        self.spec = spec
        self.weights = weights
        self.ranges = ranges
        self.kept = kept
        self.parts = layer_roles(spec, kept)
        self.tensors: dict[str, NDArray[np.generic]] = {}
        self.unit: Scale = 1.0
        self.shift: Scale = 0.0
        self.rest: Scale = 0.0
        self.inputs: InputScales | None = None
        self.unclipped = scales.unclipped_inputs(spec, kept)
        self.scaler = scales.folded_scaler(spec, kept)

    def model(self) -> QuantisedModel:
        for k, part in enumerate(self.parts):
            layer = self.spec.layers[k]
            if part.is_first:
                self._convert_in(k, layer)
            if part.role == "float":
                for name in layer.weight_shapes():
                    self._put(k, name, self.weights[f"layers.{k}.{name}"])
            elif part.role == "integer":
                _LAYERS[type(layer)](self, k, layer)
            elif k > 1 or (k == 1 and self.scaler != 1):
                self._fold_out(k)
            if part.is_last:
                self._convert_out(k, layer)
        types = tensor_types(self.spec, self.kept)
        ordered: dict[str, Tensor] = {
            name: np.ascontiguousarray(self.tensors[name].astype(kind))
            for name, (kind, _) in types.items()
        }
        try:
            return QuantisedModel(self.spec, self.kept, ordered)
        except FormatError:
            raise SpecError(
                "int8: two layers' value ranges differ by more than int8 can represent. "
                "Scale the features to about one, or leave out --int8."
            ) from None

    def _weight(self, k: int, name: str) -> Float64:
        return self.weights[f"layers.{k}.{name}"].astype(np.float64)

    def _convert_in(self, k: int, layer: Layer) -> None:
        if k > 0:
            largest = float(self.ranges.outputs[k - 1].max())
            self.unit = scales.unit_of(HEADROOM * largest)
            size = layer.input_size
            self.tensors[f"input.{k}.rate"] = np.full(size, 1 / self.unit)
            return
        size = self.spec.input_size
        shift, scale = np.zeros(size), np.ones(size)
        if self.scaler is not None:
            shift, scale = (
                self._weight(self.scaler, name)[:size] for name in ("shift", "scale")
            )
        if isinstance(layer, Embedding):
            self.inputs = scales.token_scales(layer.num_embeddings)
        else:
            self.inputs = scales.input_scales(
                self.spec,
                self.ranges,
                shift,
                scale,
                is_product=not isinstance(layer, Activation),
                unclipped=self.unclipped,
            )
        self.unit, self.rest = self.inputs.unit, self.inputs.rest
        for name, tensor in self.inputs.tensors.items():
            self.tensors[f"input.0.{name}"] = tensor

    def _embedding(self, k: int, layer: Embedding) -> None:
        if layer.num_embeddings > w8a16.LARGEST_TABLE:
            raise SpecError(
                f"int8: layer {k} (embedding): its table has {layer.num_embeddings} rows, "
                f"and w8a16.v1 counts tokens to {w8a16.LARGEST_TABLE}. Keep it in float with "
                f"--keep-float {k} (keep_float=), or use a smaller vocabulary."
            )
        table = self._weight(k, "weight")
        self.unit = scales.unit_of(HEADROOM * float(np.abs(table).max()))
        integers, row_units = scales.rows_of(table, limit_sums=False)
        self._put(k, "weight", integers)
        multiplier = np.round(row_units / self.unit * 2.0**w8a16.STATE_BITS)
        self._put(k, "multiplier", multiplier)

    def _linear(self, k: int, layer: Linear) -> None:
        rows = self._rows(k, "weight")
        unit = self._unit_after(k, scales.finest_unit(rows[1]))
        self._put_product(k, "", rows, unit)
        bias = self._weight(k, "bias") + self._taken_up(k, "weight")
        self._put(k, "bias", _bias(bias / unit))
        self.unit = unit

    def _activation(self, k: int, layer: Activation) -> None:
        unit = scales.FUNCTION_UNITS.get(layer.function, self.unit)
        self._put(
            k, "gain", self._gain(self.unit, unit, 1, w8a16.LARGEST_FUNCTION_GAIN)
        )
        self.unit = unit if layer.function == "relu" else scales.STATE_UNIT

    def _add_last(self, k: int, layer: AddLast) -> None:
        if self.unclipped is not None and not layer.is_clipped:
            self._add_reading(k, layer)
            return
        source = list(layer.sources)
        assert self.inputs is not None
        step, shift = self.inputs.step[source], self.inputs.shift[source]
        low, high = (self.tensors[f"input.0.{end}"][source] for end in ("low", "high"))
        reach = np.maximum(np.abs(low), np.abs(high)) * step
        units = np.broadcast_to(np.asarray(self.unit), reach.shape)
        largest = reach + w8a16.LARGEST_VALUE * np.abs(units)
        unit = np.maximum(
            scales.units_of(largest), np.maximum(step, np.abs(units)) / 1.9
        )
        self._put(k, "gain", self._gain(units, unit, len(source)))
        self._put(k, "source_gain", self._gain(step, unit, len(source)))
        self.unit = unit
        self.shift = self.shift + shift

    def _add_reading(self, k: int, layer: AddLast) -> None:
        """The reading in whole units of the output, so that it is exact however far."""
        source, n = list(layer.sources), layer.output_size
        assert self.inputs is not None
        multiple, unit = scales.reading_units(self.inputs.step[source], self.unit)
        self._put(
            k, "gain", self._gain(self.unit, unit, n, w8a16.LARGEST_FUNCTION_GAIN)
        )
        self._put(k, "multiple", multiple)
        self.unit = unit
        self.shift = self.shift + self.inputs.shift[source]

    def _difference(self, k: int, layer: Difference) -> None:
        assert self.inputs is not None
        step = self.inputs.step[list(layer.sources)]
        limits = (self._weight(k, end) for end in ("low", "high"))
        tensors, unit = scales.change_scales(step, *limits)
        for name, values in tensors.items():
            self._put(k, name, values)
        rest: Scale = step * 0
        size = self.spec.input_size
        if self.scaler is not None:
            scale = self._weight(self.scaler, "scale")[size:]
            rest = -self._weight(self.scaler, "shift")[size:] * scale
            unit = unit * scale
        self.unit = np.append(np.broadcast_to(np.asarray(self.unit), (size,)), unit)
        self.rest = np.append(np.broadcast_to(np.asarray(self.rest), (size,)), rest)

    def put_recurrent(self, k: int, layer: RecurrentLayer) -> None:
        size = layer.hidden_size
        units = tuple(scales.FUNCTION_UNITS[function] for function in layer.gates)
        hidden_unit, bits = scales.STATE_UNIT, w8a16.STATE_BITS
        inputs = self._rows(k, "weight_ih")
        if isinstance(layer, Rnn):
            if layer.nonlinearity == "relu":
                bits = self._hidden_bits(k, inputs[1])
                hidden_unit = 2.0**-bits
                units = (hidden_unit,)
            self._put(k, "bits", np.array([bits]))
        elif isinstance(layer, Lstm):
            cells = scales.cell_bits(HEADROOM * self.ranges.cells[k])
            if layer.proj_size:
                self.unit = scales.STATE_UNIT
                projection = self._rows(k, "weight_hr")
                bits = self._hidden_bits(k, projection[1])
                hidden_unit = 2.0**-bits
                self._put_product(k, "_hr", projection, hidden_unit)
            self._put(k, "bits", np.array([bits, cells]))
        rows = np.repeat(np.array(units), size)
        self._put_product(k, "_ih", inputs, rows)
        self.unit = hidden_unit
        self._put_product(k, "_hh", self._rows(k, "weight_hh"), rows)
        bias_ih = self._weight(k, "bias_ih") + self._taken_up(k, "weight_ih")
        bias_hh = self._weight(k, "bias_hh")
        if layer.blends:
            new = slice(-size, None)
            self._put(k, "bias_hn", _bias(bias_hh[new] / rows[new]))
            bias_hh[new] = 0
        self._put(k, "bias", _bias((bias_ih + bias_hh) / rows))

    def _fold_out(self, k: int) -> None:
        """An affine after the last integer layer: real = unit * q * scale + shift."""
        layer = self.spec.layers[k]
        assert isinstance(layer, Affine)
        scale, shift = self._weight(k, "scale"), self._weight(k, "shift")
        if not layer.inverse:
            shift = -shift * scale
        self.unit = self.unit * scale
        self.shift = shift

    def _convert_out(self, k: int, layer: Layer) -> None:
        size = layer.output_size
        step = np.broadcast_to(np.asarray(self.unit, dtype=np.float64), (size,))
        offset = np.broadcast_to(np.asarray(self.shift, dtype=np.float64), (size,))
        self.tensors[f"output.{k}.step"] = scales.floored(step)
        self.tensors[f"output.{k}.offset"] = scales.floored(offset)
        self.shift = 0.0

    def _taken_up(self, k: int, name: str) -> Scale:
        """What the inputs' zeros add to the sums of the first product."""
        rest, self.rest = self.rest, 0.0
        return self._weight(k, name) @ rest if np.any(rest) else 0.0

    def _rows(self, k: int, name: str) -> tuple[Float64, Float64]:
        """A weight that multiplies values of the unit `unit`, as `scales.rows_of` gives it."""
        return scales.rows_of(self._weight(k, name) * self.unit)

    def _put_product(
        self, k: int, name: str, rows: tuple[Float64, Float64], unit: Scale
    ) -> None:
        self._put(k, f"weight{name}", rows[0])
        self._put(k, f"multiplier{name}", scales.multipliers(rows[1], unit))

    def _unit_after(self, k: int, finest: Float64) -> Scale:
        """Unit of the output of layer k, each `finest` `[N]` or coarser.

        The layer behind it may decide.
        """
        layers = self.spec.layers
        follows = layers[k + 1] if k + 1 < len(layers) else None
        largest = HEADROOM * self.ranges.outputs[k]
        if self.parts[k].is_last or isinstance(follows, Affine | AddLast):
            return np.maximum(scales.units_of(largest), finest)
        if isinstance(follows, Activation) and follows.function != "relu":
            return scales.FUNCTION_UNITS[follows.function]
        return max(scales.unit_of(float(largest.max())), float(finest.max()))

    def _hidden_bits(self, k: int, row_units: Float64) -> int:
        """Fraction bits of a hidden state without bounds, made of rows of these units.

        A state beyond 32,767 saturates.
        """
        largest = scales.STATE_UNIT * HEADROOM * float(self.ranges.outputs[k].max())
        finest = float(scales.finest_unit(row_units).max())
        return max(-math.ceil(math.log2(max(largest, finest, scales.STATE_UNIT))), 0)

    def _gain(
        self, unit: Scale, after: Scale, size: int, largest: int = w8a16.LARGEST_GAIN
    ) -> Float64:
        gain = np.round(np.asarray(unit) / after * 2.0**w8a16.STATE_BITS)
        return np.broadcast_to(np.clip(gain, -largest, largest), (size,))

    def _put(self, k: int, name: str, values: NDArray[np.floating]) -> None:
        self.tensors[f"layers.{k}.{name}"] = values


def _bias(values: Float64) -> Float64:
    return np.clip(np.round(values), -w8a16.LARGEST_BIAS, w8a16.LARGEST_BIAS)


_LAYERS: dict[type[Layer], Callable[..., None]] = {
    Embedding: ChainQuantiser._embedding,
    Linear: ChainQuantiser._linear,
    Activation: ChainQuantiser._activation,
    AddLast: ChainQuantiser._add_last,
    Difference: ChainQuantiser._difference,
    **dict.fromkeys(RECURRENT_LAYERS, ChainQuantiser.put_recurrent),
}
"""Layers that have integers."""
