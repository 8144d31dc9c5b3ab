"""Graphs in `w8a16.v1`: a row a kind, values by what each layer reads.

Every value is int16 with a static unit; docs/numerics.md ("Graphs") writes the rules down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..arrays import Array, State
from ..numerics.f32 import Float32, flush, token_ids
from ..numerics.w8a16 import (
    LARGEST_STATE,
    LARGEST_VALUE,
    Integers,
    gate_q,
    saturate,
    scaled,
    tanh_q,
    to_integers,
)
from ..numerics.w8a16_functions import (
    EXP_BITS,
    LOG_BITS,
    divided,
    exp2_q,
    log2_q,
    looked_up,
    normed_q,
    root,
    shifted,
)
from ..numerics.w8a16_lru import LRU_BITS, lru_q, step_length_q
from ..spec import graph_layers, layers
from ..spec.graph_check import INPUT
from ..spec.model_spec import ModelSpec
from ..spec.w8a16_graph import WIDE_BITS
from ..spec.w8a16_model import QuantisedModel
from .numpy_f32 import layer_step

Tensors = dict[str, Integers]
Values = tuple[Integers, ...]
After = tuple[Integers, State]

_LIMIT = np.full(1, LARGEST_VALUE)


class GraphEngine(Protocol):
    """What a walk needs of the engine: `numpy_w8a16.IntegerEngine`."""

    spec: ModelSpec
    model: QuantisedModel

    def integer_tensors(self, k: int) -> Tensors:
        """Tensors of an integer layer, matrices transposed."""

    def float_tensors(self, k: int) -> dict[str, Float32]:
        """Tensors of a float layer, as `prepare` gives them."""

    def chain_step(self, layer: layers.Layer) -> Callable[..., After]:
        """What runs a kind of layer over `[B, T, ...]` in a chain."""

    def saturated(self, k: int, v: Integers) -> Integers:
        """Values of layer k within int16; what is cut off is counted."""


@dataclass(slots=True)
class _Walk:
    """The values of some steps, `[B, T, N]`, converted where they are read otherwise."""

    engine: GraphEngine
    x: Float32
    readings: Float32
    flushed: Float32
    reals: dict[int, Float32] = field(default_factory=dict)
    narrow: dict[int, Integers] = field(default_factory=dict)
    wide: dict[int, Integers] = field(default_factory=dict)

    def integers(self, k: int) -> Integers:
        """What layer k gives, as int16."""
        if k not in self.narrow:
            tensors = self.engine.model.tensors
            real = self.flushed if k == INPUT else self.reals[k]
            shift, rate = (tensors[f"value.{k}.{name}"] for name in ("shift", "rate"))
            self.narrow[k] = to_integers((real - shift) * rate, -_LIMIT, _LIMIT)
        return self.narrow[k]

    def widened(self, k: int) -> Integers:
        """What layer k gives, with `WIDE_BITS` more bits."""
        return self.wide[k] if k in self.wide else self.integers(k) << WIDE_BITS

    def floats(self, k: int, layer: layers.Layer) -> Float32:
        """What layer k gives, as `f32.v1` has it."""
        if k == INPUT:
            return self.x if layer.takes_raw else self.flushed
        if k not in self.reals:
            step = self.engine.model.tensors[f"value.{k}.step"]
            self.reals[k] = flush(self.narrow[k].astype(np.float32) * step)
        return self.reals[k]


def run_graph(
    engine: GraphEngine, x: Float32, readings: Float32, state: State
) -> tuple[Float32, State]:
    """`x` `[B, T, I]`, clipped, to `[B, T, O]`, and the new state."""
    has_memory = any(
        isinstance(layer, graph_layers.Memory) for layer in engine.spec.layers
    )
    size = 1 if has_memory else x.shape[1]
    outputs = []
    for t in range(0, x.shape[1], size):
        part = slice(t, t + size)
        walk = _Walk(engine, x[:, part], readings[:, part], flush(x[:, part]))
        state = _run(walk, state)
        last = len(engine.spec.layers) - 1
        outputs.append(walk.floats(last, engine.spec.layers[last]))
    return np.concatenate(outputs, axis=1), state


def _run(walk: _Walk, state: State) -> State:
    engine, carried = walk.engine, iter(state)
    new_state: State = []
    spec, roles = engine.spec, engine.model.roles
    memories: list[tuple[int, int]] = []
    for k, (layer, read) in enumerate(zip(spec.layers, spec.reads, strict=True)):
        part = roles[k]
        if isinstance(layer, graph_layers.Memory):
            memories.append((k, len(new_state)))
            new_state.append(_remembered(walk, k, next(carried)))
        elif part.role == "float":
            z = tuple(walk.floats(s, layer) for s in read)
            walk.reals[k], after = _float_step(walk, k, layer, z, carried)
            new_state += after
        elif part.is_wide:
            wide = _WIDE_STEPS[type(layer)](
                walk, engine.integer_tensors(k), layer, read
            )
            _put_wide(walk, k, wide)
        elif isinstance(layer, layers.Embedding):
            tokens = token_ids(walk.floats(read[0], layer), layer.num_embeddings)
            step = engine.chain_step(layer)
            walk.narrow[k], _ = step(engine, k, layer, tokens, carried)
        elif type(layer) in GRAPH_STEPS:
            values = tuple(walk.integers(s) for s in read)
            w = engine.integer_tensors(k)
            y, after = GRAPH_STEPS[type(layer)](layer, w, values, carried)
            if isinstance(layer, graph_layers.Constant):
                y = np.broadcast_to(y, (*walk.x.shape[:2], layer.output_size))
            walk.narrow[k] = engine.saturated(k, y)
            new_state += after
        else:
            z_in = walk.integers(read[0])
            step = engine.chain_step(layer)
            walk.narrow[k], after = step(engine, k, layer, z_in, carried)
            new_state += after
    for k, at in memories:
        new_state[at] = _next_state(walk, k)
    return new_state


def _remembered(walk: _Walk, k: int, real: Array) -> Array:
    """A memory's value of these steps, which is one."""
    part = walk.engine.model.roles[k]
    if part.role == "float":
        walk.reals[k] = flush(np.asarray(real, np.float32))[:, None]
        return real
    bits = int(walk.engine.integer_tensors(k)["state_bits"][0])
    if part.is_wide:
        held = from_state(real, bits + WIDE_BITS, LARGEST_STATE)
        _put_wide(walk, k, held[:, None])
    else:
        walk.narrow[k] = from_state(real, bits, LARGEST_VALUE)[:, None]
    return real


def _next_state(walk: _Walk, k: int) -> Array:
    layer = walk.engine.spec.layers[k]
    assert isinstance(layer, graph_layers.Memory)
    part = walk.engine.model.roles[k]
    if part.role == "float":
        return walk.floats(layer.next, layer)[:, 0]
    w = walk.engine.integer_tensors(k)
    bits = int(w["state_bits"][0])
    if part.is_wide:
        return to_state(walk.wide[layer.next][:, 0], bits + WIDE_BITS)
    value = walk.integers(layer.next)[:, 0]
    return to_state(walk.engine.saturated(k, rescaled(w, value)), bits)


def _put_wide(walk: _Walk, k: int, wide: Integers) -> None:
    walk.wide[k] = np.clip(wide, -LARGEST_STATE, LARGEST_STATE)
    walk.narrow[k] = walk.engine.saturated(k, shifted(wide, np.int64(WIDE_BITS)))


def _float_step(
    walk: _Walk,
    k: int,
    layer: layers.Layer,
    z: tuple[Float32, ...],
    carried: Iterator[Array],
) -> tuple[Float32, State]:
    state: State = [next(carried) for _ in layer.state_shapes()]
    tensors, num_steps = walk.engine.float_tensors(k), walk.x.shape[1]
    outputs = []
    for t in range(num_steps):
        values: Any = tuple(value[:, t] for value in z)
        values = values[0] if len(values) == 1 else values
        given = walk.x[:, t], walk.readings[:, t]
        y, state = layer_step(layer, tensors, values, iter(state), *given)
        outputs.append(np.broadcast_to(y, (len(walk.x), y.shape[-1])))
    return np.stack(outputs, axis=1), state


def from_state(real: Array, bits: int, largest: int) -> Integers:
    """Back to integers; anything that no integer stands for is rounded, NaN becomes 0."""
    real = np.nan_to_num(np.asarray(real, dtype=np.float64), posinf=1e38, neginf=-1e38)
    nearest = np.floor(real * 2.0**bits + 0.5)
    limited: Integers = np.clip(nearest, -largest, largest).astype(np.int64)
    return limited


def to_state(v: Integers, bits: int) -> Float32:
    """The float32 values that stand for integers."""
    return (v * 2.0**-bits).astype(np.float32)


def rescaled(w: Tensors, z: Integers, name: str = "gain") -> Integers:
    """In the unit that the gains lead to, not yet within int16."""
    return shifted(z * w[name], w["places"])


# A step of each kind: `[B, T, N]` integers of what it reads to its value, which is then
# limited to int16, and its new state.


def _affine(layer: layers.Affine, w: Tensors, z: Values, _: Any) -> After:
    return rescaled(w, z[0]) + w["bias"], []


def _linear(layer: layers.Linear, w: Tensors, z: Values, _: Any) -> After:
    v = z[0]
    if layer.positions > 1:
        v = saturate(rescaled(w, v))
    parts = v.reshape(*v.shape[:-1], layer.positions, -1)
    y = scaled(_product(parts, w["weight"]), w["multiplier"]) + w["bias"]
    return y.reshape(*v.shape[:-1], -1), []


def _product(z: Integers, weight: Integers) -> Integers:
    """Exact: sums stay below 2^31, which float64 holds."""
    return (z.astype(np.float64) @ weight.astype(np.float64)).astype(np.int64)


def _activation(layer: layers.Activation, w: Tensors, z: Values, _: Any) -> After:
    v = z[0]
    match layer.function:
        case "tanh":
            return tanh_q(saturate(rescaled(w, v))), []
        case "sigmoid":
            opened = (gate_q(saturate(rescaled(w, v))) + 1) >> 1
            return np.minimum(opened, LARGEST_VALUE), []
        case "relu":
            return np.maximum(rescaled(w, v), 0), []
        case "log":
            return rescaled(w, log2_q(np.maximum(v, 1))) + w["bias"], []
        case "sqrt":
            return rescaled(w, root(np.maximum(v, 0) << 32)), []
        case "rsqrt":
            inverse = (np.int64(1) << 46) // root(np.maximum(v, 1) << 32)
            return rescaled(w, inverse), []
        case "reciprocal":
            one = np.full_like(v, 1 << 30)
            return rescaled(w, divided(one, np.where(v == 0, 1, v))), []
        case "step":
            return rescaled(w, (v > 0).astype(np.int64)), []
        case "floor":
            return (v * w["gain"]) >> w["places"], []
    u = saturate(rescaled(w, v) + w["bias"])
    return looked_up(u, w["table"]), []


def _softmax(layer: layers.Softmax, w: Tensors, z: Values, _: Any) -> After:
    v = (z[0] * w["gain"]).reshape(*z[0].shape[:-1], layer.groups, -1)
    below = shifted(v.max(axis=-1, keepdims=True) - v, w["places"])
    powers = exp2_q(below)
    total = powers.sum(axis=-1, keepdims=True)
    if layer.is_log:
        whole = below + log2_q(total) - (EXP_BITS << LOG_BITS)
        y = shifted(-whole * w["out_gain"], w["out_places"])
    else:
        y = np.minimum(divided(powers << 15, total), LARGEST_VALUE)
    return y.reshape(z[0].shape), []


def _combine(layer: graph_layers.Combine, w: Tensors, z: Values, _: Any) -> After:
    a, b = z
    match layer.operation:
        case "multiply":
            return rescaled(w, a * b), []
        case "divide":
            n = a * w["gain"]
            found = divided(n, np.where(b == 0, 1, b) << w["places"])
            return np.where(b == 0, np.sign(n) * LARGEST_VALUE, found), []
        case "minimum" | "maximum":
            pair = rescaled(w, a, "gain_0"), rescaled(w, b, "gain_1")
            pick = np.minimum if layer.operation == "minimum" else np.maximum
            return pick(*pair), []
    return _sum_of_two(w, a, b), []


def _sum_of_two(w: Tensors, a: Integers, b: Integers) -> Integers:
    return shifted(a * w["gain_0"] + b * w["gain_1"], w["places"])


def _window(
    layer: graph_layers.Window, w: Tensors, z: Values, carried: Iterator[Array]
) -> After:
    now = saturate(rescaled(w, z[0]))
    bits, kept = int(w["state_bits"][0]), layer.inner_size
    before = from_state(next(carried), bits, LARGEST_VALUE)
    before = before.reshape(len(now), kept, layer.input_size)
    held = np.concatenate([before, now], axis=1)
    taps = [held[:, k * layer.dilation :][:, : now.shape[1]] for k in range(layer.taps)]
    after = held[:, now.shape[1] :].reshape(len(now), -1)
    return np.concatenate(taps, axis=-1), [to_state(after, bits)]


def _norm(layer: graph_layers.Norm, w: Tensors, z: Values, _: Any) -> After:
    v = saturate(rescaled(w, z[0]))
    eps = int(w["eps"][0]) << int(w["eps_places"][0])
    parts = v.reshape(*v.shape[:-1], layer.groups, -1)
    y = normed_q(parts, eps, int(w["norm_bits"][0]), is_centred=layer.is_centred)
    return y.reshape(v.shape), []


def _sum(layer: graph_layers.Sum, w: Tensors, z: Values, _: Any) -> After:
    products = (z[0] * w["gain"]).reshape(*z[0].shape[:-1], layer.output_size, -1)
    return shifted(products.sum(axis=-1), w["places"]), []


def _lru(layer: layers.Lru, w: Tensors, z: Values, carried: Iterator[Array]) -> After:
    sums = scaled(_product(z[0], w["weight"]), w["multiplier"]) + w["bias"]
    step = step_length_q(z[1], w["gain"], w["places"]) if layer.has_step else None
    y, h = lru_q(sums, step, from_state(next(carried), LRU_BITS, LARGEST_STATE))
    return y, [to_state(h, LRU_BITS)]


def _depthwise(layer: graph_layers.Depthwise, w: Tensors, z: Values, _: Any) -> After:
    taps = z[0].reshape(*z[0].shape[:-1], layer.taps, layer.size)
    total = (taps * w["weight"].T).sum(axis=-2)
    return scaled(total, w["multiplier"]) + w["bias"], []


GRAPH_STEPS: dict[type[layers.Layer], Callable[..., After]] = {
    layers.Affine: _affine,
    layers.Linear: _linear,
    layers.Activation: _activation,
    layers.Softmax: _softmax,
    graph_layers.Combine: _combine,
    graph_layers.Concat: lambda layer, w, z, _: (np.concatenate(z, axis=-1), []),
    graph_layers.Select: lambda layer, w, z, _: (z[0][..., list(layer.indices)], []),
    graph_layers.Window: _window,
    graph_layers.Norm: _norm,
    graph_layers.Sum: _sum,
    graph_layers.Depthwise: _depthwise,
    graph_layers.Constant: lambda layer, w, *_: (w["value"], []),
    layers.Lru: _lru,
}
"""Of each kind that is not as in a chain; a memory is part of the walk."""


def _wide_affine(
    walk: _Walk, w: Tensors, layer: layers.Affine, read: tuple[int, ...]
) -> Integers:
    return rescaled(w, walk.widened(read[0])) + (w["bias"] << WIDE_BITS)


def _wide_combine(
    walk: _Walk, w: Tensors, layer: graph_layers.Combine, read: tuple[int, ...]
) -> Integers:
    """A product takes one factor wide, the first that is."""
    a, b = read
    if layer.operation == "multiply":
        if a not in walk.wide:
            a, b = b, a
        return rescaled(w, walk.wide[a] * walk.integers(b))
    return _sum_of_two(w, walk.widened(a), walk.widened(b))


_WIDE_STEPS: dict[type[layers.Layer], Callable[..., Integers]] = {
    layers.Affine: _wide_affine,
    graph_layers.Combine: _wide_combine,
}
