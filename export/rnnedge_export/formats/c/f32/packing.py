"""Weights as the constant arrays of generated sources, and back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

from ..cells import CELLS
from ..writers.arrays import Array, Tensors, rows, unpack

PACKED: dict[type[kinds.Layer], Callable[[Any, Tensors, float], Tensors]] = {
    kinds.Affine: lambda layer, tensors, gap: dict(tensors),
    kinds.Difference: lambda layer, tensors, gap: dict(tensors),
    graph.Constant: lambda layer, tensors, gap: dict(tensors),
    graph.Depthwise: lambda layer, tensors, gap: {
        name: tensor.ravel() for name, tensor in tensors.items()
    },
    kinds.Embedding: lambda layer, tensors, gap: {"table": tensors["weight"].ravel()},
    kinds.Linear: lambda layer, tensors, gap: {
        "rows": rows(tensors["bias"], tensors["weight"])
    },
    kinds.Lru: lambda layer, tensors, gap: {
        "rows": rows(tensors["bias"], tensors["weight"])
    },
    **{kind: cell.pack for kind, cell in CELLS.items()},
}
"""The layers that have weights."""


def layer_tensors(spec: ModelSpec, weights: Weights, k: int) -> Tensors:
    """The weights of layer k by their names within it."""
    names = spec.layers[k].weight_shapes()
    return {name: weights[f"layers.{k}.{name}"] for name in names}


def added_biases(
    layer: kinds.Layer | kinds.RecurrentLayer, tensors: Tensors
) -> Tensors:
    """`tensors` of a layer, the biases that the arithmetic adds replaced by their sum."""
    if not isinstance(layer, kinds.RecurrentLayer):
        return tensors
    added = {name: tensor for name, tensor in tensors.items() if tensor.ndim == 2}
    biases = tensors["bias_ih"], tensors["bias_hh"]
    return added | CELLS[type(layer)].biases(layer, *biases)


def pack_layer(layer: kinds.Layer, tensors: Tensors, gap: float = 0.0) -> Tensors:
    """The constant arrays of one layer, by their suffix in C.

    Args:
        layer: one of the chain.
        tensors: its weights as `added_biases` gives them.
        gap: what stands where there is no weight.
    """
    pack = PACKED.get(type(layer))
    return pack(layer, tensors, gap) if pack else {}


def unpack_layer(layer: kinds.Layer, packed: Tensors) -> Tensors:
    """The tensors that `pack_layer` was given; raises as `unpack`."""
    zeros = {name: np.zeros(shape) for name, shape in layer.weight_shapes().items()}
    shapes = {name: t.shape for name, t in added_biases(layer, zeros).items()}
    return unpack(partial(pack_layer, layer), shapes, packed, np.float32)


def biases_of(
    spec: ModelSpec,
    weights: Mapping[str, NDArray[Any]],
    layers: Iterable[int] | None = None,
) -> dict[str, str]:
    """Biases that the arrays hold added only, as base64 of float32, by canonical name.

    Args:
        spec: the model.
        weights: of it, those of `layers` at least.
        layers: positions; None: all.
    """
    return {
        name: base64.b64encode(weights[name].astype("<f4").tobytes()).decode()
        for k in (range(len(spec.layers)) if layers is None else layers)
        if isinstance(spec.layers[k], kinds.RecurrentLayer)
        for name in (f"layers.{k}.bias_ih", f"layers.{k}.bias_hh")
    }


def packed_of(arrays: Mapping[str, Array], k: int) -> Tensors:
    """The arrays of layer `k` by their suffix, of those of a source."""
    start = f"{k}_"
    return {
        name.removeprefix(start): array
        for name, array in arrays.items()
        if name.startswith(start)
    }


def read_layer(
    layer: kinds.Layer, packed: Tensors, biases: Mapping[str, str], k: int
) -> Tensors:
    """The weights of layer `k` out of its arrays.

    Args:
        layer: the layer.
        packed: its arrays by suffix.
        biases: those that the arrays hold added only (`biases_of`).
        k: its position.

    Raises:
        KeyError, ValueError: an array or a bias is missing, or the sums are others.
    """
    tensors = unpack_layer(layer, packed)
    if not isinstance(layer, kinds.RecurrentLayer):
        return tensors
    whole = {name: tensor for name, tensor in tensors.items() if tensor.ndim == 2}
    for name in ("bias_ih", "bias_hh"):
        content = base64.b64decode(biases[f"layers.{k}.{name}"], validate=True)
        whole[name] = np.frombuffer(content, "<f4").astype(np.float32)
    sums = added_biases(layer, whole)
    for name, tensor in tensors.items():
        if tensor.tobytes() != sums[name].tobytes():
            raise ValueError(f"layers.{k}.{name}")
    return whole
