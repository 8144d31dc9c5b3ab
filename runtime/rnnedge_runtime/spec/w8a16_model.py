"""A model in integers: which layers are, and the tensors that stand for its weights.

A chain of layers falls into segments that are integer and layers kept in float. A segment
begins by turning float values into int16 and ends by turning them back; the scaler around
it is part of these two conversions. docs/numerics.md ("w8a16.v1") says what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, unfit_file
from ..numerics import w8a16
from ..numerics.f32 import SMALLEST_MAGNITUDE
from . import graph_layers, layers
from .graph_roles import is_graph
from .layer_roles import LayerRole, holds_readings, layer_roles
from .model_spec import ModelSpec
from .w8a16_graph import graph_fault, graph_types
from .weights import spec_digest

Tensor = NDArray[np.float32] | NDArray[np.int8] | NDArray[np.int16] | NDArray[np.int32]
TensorType = tuple[str, layers.Shape]

LARGEST_RATE = 2.0**100
"""Limit of a rate (integers per unit), so that no denormal difference matters."""


def tensor_types(spec: ModelSpec, kept: frozenset[int]) -> dict[str, TensorType]:
    """NumPy type and shape of every tensor, in canonical order.

    Raises:
        SpecError: as `layer_roles`.
    """
    found: dict[str, TensorType] = {}
    roles = layer_roles(spec, kept)
    if is_graph(spec):
        return graph_types(
            spec, roles, lambda layer: LAYER_TENSORS[type(layer)](layer, False)
        )
    is_held = holds_readings(spec, kept)
    for k, (layer, part) in enumerate(zip(spec.layers, roles, strict=True)):
        if part.is_first:
            found |= _conversion_in(spec, k, is_held)
        if part.role == "float":
            for name, shape in layer.weight_shapes().items():
                found[f"layers.{k}.{name}"] = ("<f4", shape)
        elif part.role == "integer":
            for name, kind in LAYER_TENSORS[type(layer)](layer, is_held).items():
                found[f"layers.{k}.{name}"] = kind
        if part.is_last:
            size = (layer.output_size,)
            found[f"output.{k}.step"] = ("<f4", size)
            found[f"output.{k}.offset"] = ("<f4", size)
    return found


@dataclass(frozen=True)
class QuantisedModel:
    """A ModelSpec with its integer tensors, checked.

    Attributes:
        spec: the model's description, the same as in float.
        kept: positions of the layers kept in float by name.
        tensors: arrays by canonical name, of the types and shapes of `tensor_types`.

    Raises:
        SpecError: as `layer_roles`.
        FormatError: a tensor is missing, left over, of another type or shape, or a value
            is out of its range.
    """

    spec: ModelSpec
    kept: frozenset[int]
    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        types = self.types
        if list(types) != list(self.tensors):
            odd = sorted(set(types) ^ set(self.tensors)) or ["their order"]
            raise FormatError(
                f"integer model: {', '.join(odd)} does not fit the model description. "
                "Export it again."
            )
        for name, (kind, shape) in types.items():
            tensor = self.tensors[name]
            is_typed = tensor.dtype == np.dtype(kind) and tensor.shape == shape
            reason = "type or shape"
            if is_typed:
                reason = self._fault(name, tensor)
            if reason:
                found = f"tensor '{name}' does not fit: {reason}"
                raise unfit_file("integer model", found)

    def _fault(self, name: str, tensor: Tensor) -> str:
        """What is out of range in a tensor of the right type and shape; "" for nothing."""
        if self.is_graph and tensor.dtype != np.float32:
            fault = graph_fault(name, tensor)
            if fault is not None:
                return fault
        layer = self.spec.layers[int(name.split(".")[1])]
        is_turned = isinstance(layer, graph_layers.Depthwise) and tensor.ndim == 2
        reason = _range_fault(name, tensor.T if is_turned else tensor)
        return reason or ("" if name.startswith("value.") else self._layer_fault(name))

    def _layer_fault(self, name: str) -> str:
        """What a tensor's layer forbids though other layers may have it; "" for nothing."""
        layer = self.spec.layers[int(name.split(".")[1])]
        tensor, kind = self.tensors[name], name.rsplit(".", 1)[1]
        if kind == "multiplier" and isinstance(layer, layers.Embedding):
            largest = w8a16.LARGEST_TABLE_MULTIPLIER
            return f"multipliers above {largest}" if (tensor > largest).any() else ""
        if kind == "gain" and isinstance(layer, layers.AddLast):
            is_unclipped = self.holds_readings and layer.takes_readings
            is_large = not is_unclipped and np.abs(tensor).max() > w8a16.LARGEST_GAIN
            return f"magnitudes above {w8a16.LARGEST_GAIN}" if is_large else ""
        if kind.endswith("high"):
            low = self.tensors[f"{name.removesuffix('high')}low"]
            return "below its low" if (tensor < low).any() else ""
        if kind == "drop":
            return "negative" if (tensor < 0).any() else ""
        if kind == "multiple":
            return "multiples below 1" if (tensor < 1).any() else ""
        if kind != "bits":
            return ""
        is_scaled = isinstance(layer, layers.RecurrentLayer) and not layer.is_bounded
        bits = int(tensor[0])
        return "" if is_scaled or bits == w8a16.STATE_BITS else f"{bits} hidden bits"

    @property
    def is_graph(self) -> bool:
        """Whether the rules of graphs hold for it, not those of segments."""
        return is_graph(self.spec)

    @cached_property
    def roles(self) -> tuple[LayerRole, ...]:
        """How each layer is computed."""
        return layer_roles(self.spec, self.kept)

    @cached_property
    def types(self) -> dict[str, TensorType]:
        """`tensor_types` of its spec."""
        return tensor_types(self.spec, self.kept)

    @property
    def is_integer_only(self) -> bool:
        """Whether nothing between input and output conversion is float."""
        return all(part.role != "float" for part in self.roles)

    @cached_property
    def holds_readings(self) -> bool:
        """`holds_readings` of its spec."""
        return holds_readings(self.spec, self.kept)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) that identifies it (docs/format.md, "Digest")."""
        tensors = {
            name: self.tensors[name].astype(kind).tobytes()
            for name, (kind, _) in self.types.items()
        }
        kept = " ".join(map(str, sorted(self.kept)))
        return spec_digest(self.spec, tensors, w8a16.INTEGER_NUMERICS, kept)


def _conversion_in(spec: ModelSpec, k: int, is_held: bool) -> dict[str, TensorType]:
    if k > 0:
        return {f"input.{k}.rate": ("<f4", (spec.layers[k].input_size,))}
    size = (spec.input_size,)
    found: dict[str, TensorType] = {
        "input.0.shift": ("<f4", size),
        "input.0.rate": ("<f4", size),
        "input.0.step": ("<f4", size),
        "input.0.low": ("<i2", size),
        "input.0.high": ("<i2", size),
    }
    if is_held:
        found["input.0.reading_low"] = ("<i4", size)
        found["input.0.reading_high"] = ("<i4", size)
    if spec.derived:
        turns = (2 * len(spec.derived),)
        found["input.0.turn_gain"] = ("<i4", turns)
        found["input.0.turn_offset"] = ("<i4", turns)
    return found


def _recurrent_tensors(layer: layers.RecurrentLayer, _: bool) -> dict[str, TensorType]:
    shapes = layer.weight_shapes()
    rows = shapes["bias_hh"]
    found: dict[str, TensorType] = {
        "weight_ih": ("<i1", shapes["weight_ih"]),
        "weight_hh": ("<i1", shapes["weight_hh"]),
        "multiplier_ih": ("<i4", rows),
        "multiplier_hh": ("<i4", rows),
        "bias": ("<i4", rows),
    }
    if layer.blends:
        found["bias_hn"] = ("<i4", (layer.hidden_size,))
    else:
        found["bits"] = ("<i4", (len(layer.state_shapes()),))
    if "weight_hr" in shapes:
        found["weight_hr"] = ("<i1", shapes["weight_hr"])
        found["multiplier_hr"] = ("<i4", shapes["weight_hr"][:1])
    return found


LAYER_TENSORS: dict[type[layers.Layer], Callable[..., dict[str, TensorType]]] = {
    **dict.fromkeys(layers.RECURRENT_LAYERS, _recurrent_tensors),
    layers.Embedding: lambda layer, _: {
        "weight": ("<i1", (layer.num_embeddings, layer.embedding_dim)),
        "multiplier": ("<i4", (layer.num_embeddings,)),
    },
    layers.Linear: lambda layer, _: {
        "weight": ("<i1", (layer.output_size, layer.input_size)),
        "multiplier": ("<i4", (layer.output_size,)),
        "bias": ("<i4", (layer.output_size,)),
    },
    layers.Activation: lambda layer, _: {"gain": ("<i4", (1,))},
    layers.AddLast: lambda layer, is_held: dict.fromkeys(
        ("gain", "multiple" if is_held and not layer.is_clipped else "source_gain"),
        ("<i4", (layer.output_size,)),
    ),
    layers.Difference: lambda layer, _: dict.fromkeys(
        ("change_low", "change_high", "drop"), ("<i4", (len(layer.sources),))
    ),
}
"""Tensors of an integer layer by its kind; the second argument is `holds_readings`."""


def _range_fault(name: str, tensor: Tensor) -> str:
    """What is out of range in a tensor of the right type and shape; "" for nothing."""
    values = tensor.astype(np.float64)
    magnitude = np.abs(values)
    kind = name.rsplit(".", 1)[1]
    if tensor.dtype == np.float32:
        if not np.isfinite(values).all() or (magnitude > LARGEST_RATE).any():
            return "values beyond 2^100 or not finite"
        is_tiny = (magnitude > 0) & (magnitude < SMALLEST_MAGNITUDE)
        return "values below 2^-50" if is_tiny.any() else ""
    if kind == "bits":
        lowest = np.array([0, w8a16.CELL_BITS.start])[: len(values)]
        highest = np.array([w8a16.STATE_BITS, w8a16.CELL_BITS.stop - 1])[: len(values)]
        is_out = (values < lowest) | (values > highest)
        return f"fraction bits {values}" if is_out.any() else ""
    largest = _LARGEST.get(kind) or _LARGEST[kind.partition("_")[0]]
    if (magnitude > largest).any():
        return f"magnitudes above {largest}"
    if kind.startswith("multiplier") and (values < 0).any():
        return "negative multipliers"
    most = w8a16.LARGEST_ROW_SUM
    if tensor.dtype == np.int8 and (magnitude.sum(axis=1) > most).any():
        return f"a row's weights sum to more than {most}"
    return ""


_LARGEST = {
    "weight": w8a16.LARGEST_WEIGHT,
    "multiplier": w8a16.LARGEST_MULTIPLIER,
    "bias": w8a16.LARGEST_BIAS,
    "gain": w8a16.LARGEST_FUNCTION_GAIN,
    "source": w8a16.LARGEST_GAIN,
    "low": w8a16.LARGEST_VALUE,
    "high": w8a16.LARGEST_VALUE,
    "multiple": w8a16.LARGEST_MULTIPLE,
    "change": w8a16.LARGEST_CHANGE,
    "drop": w8a16.LARGEST_DROP,
    "reading_low": w8a16.LARGEST_READING,
    "reading_high": w8a16.LARGEST_READING,
    "turn_gain": w8a16.LARGEST_TURN_GAIN,
    "turn_offset": w8a16.LARGEST_TURN_OFFSET,
}
