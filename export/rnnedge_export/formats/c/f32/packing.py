"""Weights in the order in which the loops of `rnnedge_f32.h` read them, and back.

Packing only moves values and fills gaps, apart from biases that are added before. So it is
written once: done to the places of the values, it gives the way back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.layers import (
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    RecurrentLayer,
    Rnn,
)
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

Tensors = dict[str, NDArray[Any]]

PANEL = 16
"""Outputs of a panel; what is left is packed four by four, then one by one."""
UNITS = 4
"""Units of a cell whose gates stand together."""


def layer_tensors(spec: ModelSpec, weights: Weights, k: int) -> Tensors:
    """The weights of layer k by their names within it."""
    names = spec.layers[k].weight_shapes()
    return {name: weights[f"layers.{k}.{name}"] for name in names}


def added_biases(layer: Layer | RecurrentLayer, tensors: Tensors) -> Tensors:
    """`tensors` of a layer, the biases that the arithmetic adds replaced by their sum."""
    if not isinstance(layer, RecurrentLayer):
        return tensors
    b_ih, b_hh = tensors["bias_ih"], tensors["bias_hh"]
    bias = b_ih + b_hh
    added = {name: tensor for name, tensor in tensors.items() if tensor.ndim == 2}
    if isinstance(layer, Gru):
        n = slice(2 * layer.hidden_size, None)
        added |= {"bias_n_in": b_ih[n], "bias_n_rec": b_hh[n]}
        bias = bias[: 2 * layer.hidden_size]
    return added | {"bias": bias}


def pack_layer(layer: Layer, tensors: Tensors, gap: float = 0.0) -> Tensors:
    """The constant arrays of one layer, by their suffix in C.

    Args:
        layer: one of the chain.
        tensors: its weights as `added_biases` gives them.
        gap: what stands where there is no weight.
    """
    match layer:
        case Affine():
            return {"shift": tensors["shift"], "scale": tensors["scale"]}
        case Difference():
            return {"low": tensors["low"], "high": tensors["high"]}
        case Embedding():
            return {"table": tensors["weight"].ravel()}
        case Linear():
            return {"rows": _rows(tensors["bias"], tensors["weight"])}
        case Rnn():
            columns = np.hstack([tensors["weight_ih"], tensors["weight_hh"]])
            return {"rows": _rows(tensors["bias"], columns)}
        case Gru():
            return {"units": _gru(layer.hidden_size, tensors, gap)}
        case Lstm():
            columns = np.hstack([tensors["weight_ih"], tensors["weight_hh"]])
            columns = np.hstack([tensors["bias"][:, None], columns])
            packed = {"units": _units(columns, 4, gap).ravel()}
            if layer.proj_size:
                start = np.full(layer.proj_size, gap, dtype=columns.dtype)
                packed["projection"] = _rows(start, tensors["weight_hr"])
            return packed
    return {}


def unpack_layer(layer: Layer, packed: Tensors) -> Tensors:
    """The tensors that `pack_layer` was given.

    Raises:
        ValueError: an array is missing or of another size.
    """
    zeros = {name: np.zeros(shape) for name, shape in layer.weight_shapes().items()}
    shapes = {name: t.shape for name, t in added_biases(layer, zeros).items()}
    tensors, places, start = {}, {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=np.int64))
        places[name] = np.arange(start, start + size).reshape(shape)
        start += size
    flat = np.zeros(start, dtype=np.float32)
    for name, array in pack_layer(layer, places, gap=-1).items():
        if name not in packed or packed[name].size != array.size:
            raise ValueError(name)
        flat[array[array >= 0]] = packed[name][array >= 0]
    for name, place in places.items():
        tensors[name] = flat[place]
    return tensors


def _rows(bias: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """Panels of 16, 4 and 1 outputs: the bias, then a row per input."""
    columns = np.hstack([bias[:, None], weight])
    parts: list[NDArray[Any]] = []
    start = 0
    for width in (PANEL, UNITS, 1):
        while len(bias) - start >= width:
            parts.append(columns[start : start + width].T.ravel())
            start += width
    return np.concatenate(parts)


def _units(columns: NDArray[Any], num_gates: int, gap: float) -> NDArray[Any]:
    """`[G * H, K]` as `[blocks, K, G * 4]`: the gates of four units together."""
    hidden = len(columns) // num_gates
    blocks = -(-hidden // UNITS)
    gates = columns.reshape(num_gates, hidden, -1)
    short = ((0, 0), (0, blocks * UNITS - hidden), (0, 0))
    gates = np.pad(gates, short, constant_values=gap)
    split = gates.reshape(num_gates, blocks, UNITS, -1)
    return split.transpose(1, 3, 0, 2).reshape(blocks, -1, num_gates * UNITS)


def _gru(hidden: int, tensors: Tensors, gap: float) -> NDArray[Any]:
    """Per block the biases and rows of x, the bias of n_rec, the rows of h."""
    bias_in = np.concatenate([tensors["bias"], tensors["bias_n_in"]])
    from_x = np.hstack([bias_in[:, None], tensors["weight_ih"]])
    from_h = _units(tensors["weight_hh"], 3, gap)
    bias_rec = _units(tensors["bias_n_rec"][:, None], 1, gap)
    blocks = [_units(from_x, 3, gap), bias_rec, from_h]
    flat: Sequence[NDArray[Any]] = [b.reshape(len(b), -1) for b in blocks]
    return np.hstack(flat).ravel()


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
        if isinstance(spec.layers[k], RecurrentLayer)
        for name in (f"layers.{k}.bias_ih", f"layers.{k}.bias_hh")
    }


def with_biases(
    layer: RecurrentLayer, tensors: Tensors, biases: dict[str, str], k: int
) -> Tensors:
    """`tensors` with the two biases that their sums were made of.

    Args:
        layer: the layer.
        tensors: of it, as `unpack_layer` gives them.
        biases: by canonical name, as base64 of float32.
        k: its position.

    Raises:
        KeyError, ValueError: a bias is missing, or the sums are others.
    """
    whole = {name: tensor for name, tensor in tensors.items() if tensor.ndim == 2}
    for name in ("bias_ih", "bias_hh"):
        content = base64.b64decode(biases[f"layers.{k}.{name}"], validate=True)
        whole[name] = np.frombuffer(content, "<f4").astype(np.float32)
    sums = added_biases(layer, whole)
    for name, tensor in tensors.items():
        if tensor.tobytes() != sums[name].tobytes():
            raise ValueError(f"layers.{k}.{name}")
    return whole
