"""A generated source in integers, read back: its tensors out of the arrays of `NAME.c`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.numerics.w8a16 import LARGEST_VALUE
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import (
    QuantisedModel,
    Tensor,
    TensorType,
    tensor_types,
)

from ..f32.packing import packed_of, read_layer
from .graph_packing import read_graph_tensors
from .packing import unpack_integer_layer

Arrays = dict[str, NDArray[Any]]

_ARRAY = re.compile(
    r"const (?:RNNE_ALIGNED )?(float|int8|int16|int32)(?:_t)? (\w+)\[(\d+)\] = "
    r"\{([^{}]*)\};"
)
_OUTPUTS = {"step": "output_step", "offset": "output_shift"}
_TYPES = {"float": np.float32, "int8": np.int8, "int16": np.int16, "int32": np.int32}


def constant_arrays(text: str, prefix: str) -> Arrays:
    """Constant arrays by their names without `prefix`.

    Raises:
        ValueError: a number or a size that is none.
    """
    arrays: Arrays = {}
    for kind, name, size, body in _ARRAY.findall(text):
        items = body.replace("f", "").split(",")
        with np.errstate(over="ignore"):  # infinity is refused with its tensor
            values = np.array(items, dtype=np.float64).astype(_TYPES[kind])
        if len(values) != int(size):
            raise ValueError(name)
        arrays[name.removeprefix(prefix)] = values
    return arrays


def read_tensors(
    spec: ModelSpec, content: Mapping[str, Any], arrays: Arrays
) -> QuantisedModel:
    """The model whose source says `content` and has these arrays.

    Raises:
        KeyError, ValueError: they do not fit the spec.
        FormatError, SpecError: as `QuantisedModel`.
    """
    kept = frozenset(int(k) for k in content["kept"])
    found: dict[str, NDArray[Any]] = {
        name: np.array(values) for name, values in dict(content["scalars"]).items()
    }
    types = tensor_types(spec, kept)
    if is_graph(spec):
        roles = tuple(part.role for part in layer_roles(spec, kept))
        found |= read_graph_tensors(spec, roles, types, content, arrays)
        return QuantisedModel(spec, kept, _typed(types, found))
    found |= _conversions(types, found, arrays)
    for k, (layer, part) in enumerate(
        zip(spec.layers, layer_roles(spec, kept), strict=True)
    ):
        packed = packed_of(arrays, k)
        own: Mapping[str, NDArray[Any]] = {}
        if part.role == "float":
            own = read_layer(layer, packed, dict(content["biases"]), k)
        elif part.role == "integer":
            own = unpack_integer_layer(layer, _shapes(k, layer, types), packed)
        found |= {f"layers.{k}.{name}": tensor for name, tensor in own.items()}
    return QuantisedModel(spec, kept, _typed(types, found))


def _typed(
    types: Mapping[str, TensorType], found: Mapping[str, NDArray[Any]]
) -> dict[str, Tensor]:
    return {
        name: found[name].astype(kind).reshape(shape)
        for name, (kind, shape) in types.items()
    }


def _shapes(
    k: int, layer: Layer, types: Mapping[str, TensorType]
) -> dict[str, tuple[int, ...]]:
    """Of the tensors of a layer that are in arrays."""
    is_map = layer.kind == "activation"
    start = f"layers.{k}."
    return {
        name.removeprefix(start): shape
        for name, (_, shape) in types.items()
        if name.startswith(start) and not name.endswith(".bits") and not is_map
    }


def _conversions(
    types: Mapping[str, TensorType], known: Arrays, arrays: Arrays
) -> Arrays:
    """Tensors of the borders of segments, without those that are known."""
    found: Arrays = {}
    open_limits = {"low": -LARGEST_VALUE, "high": LARGEST_VALUE}
    for name, (_, shape) in types.items():
        place, k, last = name.split(".")
        if place == "layers" or name in known:
            continue
        if place == "output":
            inner, outer = f"out_{k}_{last}", _OUTPUTS[last]
            found[name] = arrays[inner if inner in arrays else outer]
        elif k != "0":
            found[name] = arrays[f"in_{k}_{last}"]
        elif last in open_limits:
            found[name] = arrays.get(last, np.full(shape, open_limits[last]))
        else:
            is_plain = last.startswith(("turn_", "reading_"))
            found[name] = arrays[last if is_plain else f"input_{last}"]
    return found
