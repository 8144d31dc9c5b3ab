"""Integer tensors of a graph as the constants of generated sources, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, TensorType

from ..f32.packing import packed_of, read_layer
from ..writers.arrays import Tensors, padded
from ..writers.w8a16_graph_writer import is_uniform
from .packing import PACKED, pack_integer_layer, unpack_integer_layer

Arrays = Mapping[str, NDArray[Any]]

SCALARS = (
    *("places", "eps", "eps_places", "state_bits", "norm_bits", "bits"),
    *("out_gain", "out_places"),
)
"""Tensors that are numbers in the statements, as the bias of a function by its table is."""
GAINS = (("gain",), ("gain_0", "gain_1"))
"""Tensors of which one number stands for all, where it does for each of a row."""
_STORED = (graph.Memory, graph.Window)
"""Layers whose gains only change a unit: where they change nothing, there are none."""
_CHAIN = (kinds.Linear, kinds.Embedding, kinds.RecurrentLayer)
"""Layers whose weights lie as in a chain."""


def is_scalar(layer: kinds.Layer, name: str) -> bool:
    """Whether a tensor of a layer is in no array."""
    is_curve = isinstance(layer, kinds.Activation) and layer.function != "log"
    return name in SCALARS or (name == "bias" and is_curve)


def scalars_of(model: QuantisedModel) -> dict[str, list[float]]:
    """The tensors that are numbers in the statements."""
    found = {}
    for name, tensor in model.tensors.items():
        place, k, last = name.split(".")
        layer, part = model.spec.layers[int(k)], model.roles[int(k)]
        is_integer = place == "layers" and part.role == "integer"
        if is_integer and is_scalar(layer, last):
            found[name] = tensor.tolist()
    return found


def pack_graph_layer(layer: kinds.Layer, tensors: Tensors) -> Tensors:
    """The constant arrays of an integer layer of a graph, by their suffix in C."""
    arrays = {n: t for n, t in tensors.items() if not is_scalar(layer, n)}
    packed: Tensors = {}
    is_stored = isinstance(layer, _STORED) and "gain" in arrays
    if is_stored and (arrays["gain"] == 2 ** int(tensors["places"][0])).all():
        return {}
    for names in GAINS:
        found = [arrays.pop(name) for name in names if name in arrays]
        is_one = all(map(is_uniform, found))
        packed |= {
            n: t[:1] if is_one else t for n, t in zip(names, found, strict=False)
        }
    if isinstance(layer, _CHAIN):
        return packed | pack_integer_layer(layer, arrays)
    if isinstance(layer, graph.Constant):
        value = arrays["value"]
        arrays["value"] = np.pad(value, (0, padded(len(value)) - len(value)))
    return packed | {name: tensor.ravel() for name, tensor in arrays.items()}


def unpack_graph_layer(
    layer: kinds.Layer,
    shapes: Mapping[str, tuple[int, ...]],
    packed: Arrays,
    places: int,
) -> Tensors:
    """The tensors that `pack_graph_layer` was given, which had so many `places`.

    Raises:
        KeyError, ValueError: an array is missing or of another size.
    """
    found: Tensors = {}
    inner = {}
    for name, shape in shapes.items():
        if is_scalar(layer, name):
            continue
        size = int(np.prod(shape))
        is_gain = any(name in names for names in GAINS)
        if isinstance(layer, _CHAIN) and not is_gain:
            inner[name] = shape
        elif isinstance(layer, _STORED) and name not in packed:
            found[name] = np.full(size, 1 << places)
        elif is_gain and packed[name].size == 1:
            found[name] = np.full(size, packed[name][0])
        elif isinstance(layer, graph.Constant):
            found[name] = packed[name][:size]
        else:
            found[name] = packed[name]
        if name in found:
            found[name] = found[name].reshape(shape)
    if type(layer) in PACKED and inner:
        found |= unpack_integer_layer(layer, inner, dict(packed))
    return found


def conversion_arrays(model: QuantisedModel) -> Tensors:
    """The arrays of conversions between floats and integers, by their suffix in C."""
    found: Tensors = {}
    for name, tensor in model.tensors.items():
        place, k, last = name.split(".")
        if place != "value" or (last == "shift" and not tensor.tobytes().strip(b"\0")):
            continue
        start = f"out_{k}" if last == "step" else f"in_{_place(int(k))}"
        is_one = last != "shift" and is_uniform(tensor)
        found[f"{start}_{last}"] = tensor[:1] if is_one else tensor
    return found


def _place(k: int) -> str:
    return "x" if k == INPUT else str(k)


def read_graph_tensors(
    spec: ModelSpec,
    roles: tuple[str, ...],
    types: Mapping[str, TensorType],
    content: Mapping[str, Any],
    arrays: Arrays,
) -> dict[str, NDArray[Any]]:
    """All tensors of a graph but the scalars, of the arrays of its source.

    Raises:
        KeyError, ValueError: they do not fit the spec.
    """
    found: dict[str, NDArray[Any]] = {}
    for name, (_, shape) in types.items():
        place, k, last = name.split(".")
        if place == "value":
            start = f"out_{k}" if last == "step" else f"in_{_place(int(k))}"
            array = arrays.get(f"{start}_{last}")
            if array is None and last == "shift":
                array = np.zeros(shape, np.float32)
            elif array is None:
                raise KeyError(name)
            found[name] = np.full(shape, array[0]) if array.size == 1 else array
    for k, (layer, role) in enumerate(zip(spec.layers, roles, strict=True)):
        packed, start = packed_of(arrays, k), f"layers.{k}."
        if role == "float":
            own = read_layer(layer, packed, dict(content["biases"]), k)
        else:
            shapes = {
                name.removeprefix(start): shape
                for name, (_, shape) in types.items()
                if name.startswith(start)
            }
            places = dict(content["scalars"]).get(f"{start}places", [0])
            own = unpack_graph_layer(layer, shapes, packed, int(places[0]))
        found |= {f"{start}{name}": tensor for name, tensor in own.items()}
    return found
