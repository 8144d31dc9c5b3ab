"""From float weights to integers, of a graph (docs/numerics.md, "Graphs").

Every value that a layer computes has one unit, a power of two: so states are exact as
floats, and what goes round a loop is not rounded by a change of unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.numerics import w8a16
from rnnedge_runtime.spec import graph_layers, layers
from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.graph_roles import LayerRole, converted_in, converted_out
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_graph import (
    LARGEST_PORT_GAIN,
    MOST_PLACES,
)
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, Tensor
from rnnedge_runtime.spec.weights import Weights

from . import scales
from .scales import HEADROOM, Float64
from .seen import Ranges

PRODUCTS = (layers.Linear, layers.RecurrentLayer)
"""Kinds whose bias takes up what the model input's zero stands for."""


def power_unit(largest: float) -> float:
    """The power of two in which `largest` with its headroom is at most the largest int16."""
    needed = max(HEADROOM * largest, 2.0**-30) / w8a16.LARGEST_VALUE
    return float(2.0 ** math.ceil(math.log2(needed)))


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


class GraphQuantiser:
    """Walks the layers once; `units` are of the values, `[N]` each."""

    def __init__(
        self,
        spec: ModelSpec,
        weights: Weights,
        ranges: Ranges,
        kept: frozenset[int],
        rows: Mapping[type[layers.Layer], Callable[..., scales.Scale]],
    ) -> None:
        """`rows` put the tensors of a layer and return its unit (`graph_rows.py`)."""
        self.spec = spec
        self.weights = weights
        self.ranges = ranges
        self.kept = kept
        self.rows = rows
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
                np.asarray(self.rows[type(layer)](self, k, layer, given), np.float64),
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
