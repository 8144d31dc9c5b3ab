"""The tensors of a graph in integers: a row a kind (docs/format.md, "Graphs in integers")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numerics import w8a16
from ..numerics.w8a16_functions import TABLE_SIZE
from . import graph_layers, layers
from .graph_check import INPUT
from .graph_roles import LayerRole, converted_in, converted_out
from .layer_base import Shape
from .model_spec import ModelSpec

TensorTypes = dict[str, tuple[str, Shape]]

LARGEST_PORT_GAIN = 2**22
"""Limit of a gain; it has as many fraction bits as `places` of its layer says."""
MOST_PLACES = 46
WIDE_BITS = 9
"""Further bits of a value that is carried wide."""
STATE_BITS = range(-32, 41)
"""Fraction bits that a memory or a window may have; a norm has 0 to `MOST_NORM_BITS`."""
MOST_NORM_BITS = 15
LARGEST_EPS_PLACES = 36

EXACT_FUNCTIONS = ("tanh", "relu", "sigmoid")
"""Functions of a rescaled argument that have a rule of their own."""
ROOTS = ("sqrt", "rsqrt", "reciprocal", "step", "floor")
"""Functions that have a rule of their own and gains alone."""

_ONE = ("<i4", (1,))


def graph_types(
    spec: ModelSpec,
    roles: tuple[LayerRole, ...],
    chain_types: Callable[[layers.Layer], TensorTypes],
) -> TensorTypes:
    """NumPy type and shape of every tensor, in canonical order.

    Args:
        spec: a graph.
        roles: of its layers.
        chain_types: the tensors of a kind that chains have too.
    """
    incoming = converted_in(spec, roles)
    outgoing = converted_out(spec, roles)
    found: TensorTypes = {}
    if INPUT in incoming:
        found |= _conversion_in(INPUT, spec.input_size)
    for k, (layer, part) in enumerate(zip(spec.layers, roles, strict=True)):
        if part.role == "float":
            for name, shape in layer.weight_shapes().items():
                found[f"layers.{k}.{name}"] = ("<f4", shape)
        else:
            row = GRAPH_TENSORS.get(type(layer))
            types = chain_types(layer) if row is None else row(layer, part)
            for name, kind in types.items():
                found[f"layers.{k}.{name}"] = kind
        if k in incoming:
            found |= _conversion_in(k, layer.output_size)
        if k in outgoing:
            found[f"value.{k}.step"] = ("<f4", (layer.output_size,))
    return found


def graph_fault(name: str, tensor: NDArray[Any]) -> str | None:
    """What is out of range in an integer tensor; "" for nothing, None for another rule's."""
    kind = name.rsplit(".", 1)[1].removeprefix("out_")
    values = tensor.astype(np.int64)
    limits = _LIMITS.get(kind)
    if limits is None:
        return None
    low, high = limits
    is_out = (values < low) | (values > high)
    return f"{kind} outside {low} to {high}" if is_out.any() else ""


_LIMITS = {
    "gain": (-LARGEST_PORT_GAIN, LARGEST_PORT_GAIN),
    "gain_0": (-LARGEST_PORT_GAIN, LARGEST_PORT_GAIN),
    "gain_1": (-LARGEST_PORT_GAIN, LARGEST_PORT_GAIN),
    "places": (1, MOST_PLACES),
    "eps": (0, LARGEST_PORT_GAIN),
    "eps_places": (0, LARGEST_EPS_PLACES),
    "state_bits": (STATE_BITS.start, STATE_BITS.stop - 1),
    "norm_bits": (0, MOST_NORM_BITS),
    "value": (-w8a16.LARGEST_VALUE, w8a16.LARGEST_VALUE),
    "table": (-w8a16.LARGEST_VALUE, w8a16.LARGEST_VALUE),
}


def _conversion_in(k: int, size: int) -> TensorTypes:
    return {
        f"value.{k}.shift": ("<f4", (size,)),
        f"value.{k}.rate": ("<f4", (size,)),
    }


def _gains(size: int, *names: str) -> TensorTypes:
    gains = dict.fromkeys(names or ("gain",), ("<i4", (size,)))
    return {**gains, "places": _ONE}


def _combine(layer: graph_layers.Combine, _: LayerRole) -> TensorTypes:
    if layer.operation in ("multiply", "divide"):
        return _gains(layer.size)
    return _gains(layer.size, "gain_0", "gain_1")


def _activation(layer: layers.Activation, _: LayerRole) -> TensorTypes:
    found = _gains(layer.size)
    if layer.function in (*EXACT_FUNCTIONS, *ROOTS):
        return found
    if layer.function == "log":
        return {**found, "bias": ("<i4", (layer.size,))}
    return {**found, "bias": _ONE, "table": ("<i2", (TABLE_SIZE,))}


def _linear(layer: layers.Linear, _: LayerRole) -> TensorTypes:
    weight = layer.weight_shapes()["weight"]
    found: TensorTypes = {
        "weight": ("<i1", weight),
        "multiplier": ("<i4", weight[:1]),
        "bias": ("<i4", weight[:1]),
    }
    return {**found, **_gains(layer.input_size)} if layer.positions > 1 else found


def _lru(layer: layers.Lru, _: LayerRole) -> TensorTypes:
    weight = layer.weight_shapes()["weight"]
    found: TensorTypes = {
        "weight": ("<i1", weight),
        "multiplier": ("<i4", weight[:1]),
        "bias": ("<i4", weight[:1]),
    }
    return {**found, **_gains(1)} if layer.has_step else found


def _softmax(layer: layers.Softmax, _: LayerRole) -> TensorTypes:
    found = _gains(layer.size)
    return {**found, "out_gain": _ONE, "out_places": _ONE} if layer.is_log else found


GRAPH_TENSORS: dict[type[layers.Layer], Callable[..., TensorTypes]] = {
    layers.Affine: lambda layer, _: {
        **_gains(layer.size),
        "bias": ("<i4", (layer.size,)),
    },
    layers.Linear: _linear,
    layers.Activation: _activation,
    layers.Softmax: _softmax,
    graph_layers.Combine: _combine,
    graph_layers.Concat: lambda *_: {},
    graph_layers.Select: lambda *_: {},
    graph_layers.Memory: lambda layer, part: {
        **({} if part.is_wide else _gains(layer.output_size)),
        "state_bits": _ONE,
    },
    graph_layers.Window: lambda layer, _: {
        **_gains(layer.input_size),
        "state_bits": _ONE,
    },
    graph_layers.Norm: lambda layer, _: {
        **_gains(layer.size),
        "eps": _ONE,
        "eps_places": _ONE,
        "norm_bits": _ONE,
    },
    graph_layers.Sum: lambda layer, _: _gains(layer.input_size),
    graph_layers.Depthwise: lambda layer, _: {
        "weight": ("<i1", (layer.taps, layer.size)),
        "multiplier": ("<i4", (layer.size,)),
        "bias": ("<i4", (layer.size,)),
    },
    layers.Lru: _lru,
    graph_layers.Constant: lambda layer, _: {"value": ("<i2", (layer.output_size,))},
}
"""Of each kind that is not as in a chain; the second argument is its role."""
