"""The judge's steps: one row a layer kind, in float64 (ADR 0012).

The equations are those of the reference (`rnnedge_runtime.backends.reference`). A layer is
computed in two ways: many single steps at once with what float32 may be off by in each, and
one step of a few runs side by side, which is only quick. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)

from .function_bounds import bounded_function
from .graph_steps import GRAPH_PLAIN, flat, parted
from .rounding import (
    FUNCTIONS,
    Bounded,
    Float64,
    Product,
    Tensors,
    product_bound,
    rounded,
    sigmoid,
    softmax,
    tanh,
    weighted_sum,
)

State = list[Float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """The steps of a recurrent layer.

    Attributes:
        bounded: of layer, weights, input and state `[S, ...]`: the new state tensors with
            their bounds, the output first.
        carried: of layer, weights, the gates' sums of input and state `[n, R]` and the state
            of R runs: their new state, in arrays of its own. It may use the state's sums up.
        gates: factor of the sums of each gate: 1/2 where sigmoid is 0.5 + 0.5 tanh(v / 2).
        has_two_sums: whether a gate takes the state's sums by themselves, with their bias.
    """

    bounded: Callable[[Any, Tensors, Bounded, State], list[Bounded]]
    carried: Callable[[Any, Tensors, Float64, Float64, State], State]
    gates: tuple[float, ...]
    has_two_sums: bool = False

    def scale(self, w: Tensors) -> Float64:
        """`gates`, once for every row of the weights."""
        return np.repeat(self.gates, len(w["weight_hh"]) // len(self.gates))


def plain_step(layer: Layer, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    """A layer without state, on `[S, n]`; `source` is the model input, for `add_last`.

    Raises:
        SpecError: the layer is not known.
    """
    if type(layer) not in PLAIN:
        raise SpecError(
            f"rounding: layer '{layer.kind}' has no bound. "
            "Upgrade with: pip install --upgrade rnnedge."
        )
    return PLAIN[type(layer)](layer, w, z, source)


def difference(w: Tensors, values: Float64, before: Float64) -> Bounded:
    """Change of `values` `[S, n]` since `before` `[S, n + 1]`, and what comes after it."""
    change = np.where(before[:, -1:] == 0, 0.0, values - before[:, :-1])
    after = np.concatenate([values, np.ones_like(values[:, :1])], axis=1)
    return np.clip(change, w["low"], w["high"]), after


def _affine(layer: Affine, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    value, error = z
    if layer.inverse:
        scaled = value * w["scale"]
        y = scaled + w["shift"]
        return y, np.abs(w["scale"]) * error + rounded(scaled, scaled, y)
    shifted = value - w["shift"]
    y = shifted * w["scale"]
    # The last rounding is that of the scale, which another may divide by.
    return y, np.abs(w["scale"]) * (error + rounded(shifted)) + rounded(y, y)


def _embedding(layer: Embedding, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    token = z[0][:, 0]
    is_known = (token >= 0) & (token < layer.num_embeddings)
    y = w["weight"][np.where(is_known, token, 0).astype(np.int64)]
    return y, np.zeros_like(y)


def _linear(layer: Linear, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    parts = parted(z, layer.positions)
    return flat(weighted_sum(w["bias"], [Product(w["weight"], *parts)]))


def _activation(layer: Activation, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    return bounded_function(layer.function, z, layer.parameters)


def _softmax(layer: Softmax, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    return flat(softmax(*parted(z, layer.groups), is_log=layer.is_log))


def _add_last(layer: AddLast, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    y = z[0] + source[:, list(layer.sources)]
    return y, z[1] + rounded(y)


PLAIN: dict[type[Layer], Callable[..., Bounded]] = {
    Affine: _affine,
    Embedding: _embedding,
    Linear: _linear,
    Activation: _activation,
    Softmax: _softmax,
    AddLast: _add_last,
    **GRAPH_PLAIN,
}
"""Layers without state."""


def _all_sums(w: Tensors, z: Bounded, h: Float64) -> Bounded:
    """The gates' sums of input and state together."""
    biases = np.abs(w["bias_ih"]) + np.abs(w["bias_hh"])
    products = [Product(w["weight_ih"], *z), Product(w["weight_hh"], h)]
    _, error = weighted_sum(biases, products)
    sums = z[0] @ w["weight_ih"].T + h @ w["weight_hh"].T + w["bias_ih"] + w["bias_hh"]
    return sums, error


def _rnn_bounded(layer: Rnn, w: Tensors, z: Bounded, state: State) -> list[Bounded]:
    return [FUNCTIONS[layer.nonlinearity](*_all_sums(w, z, state[0]))]


def _rnn_carried(
    layer: Rnn, w: Tensors, sums: Float64, recurrent: Float64, state: State
) -> State:
    recurrent += sums
    is_relu = layer.nonlinearity == "relu"
    return [np.maximum(recurrent, 0.0) if is_relu else np.tanh(recurrent)]


def _lstm_bounded(layer: Lstm, w: Tensors, z: Bounded, state: State) -> list[Bounded]:
    h, c = state
    parts = zip(*(np.split(s, 4, axis=-1) for s in _all_sums(w, z, h)), strict=True)
    (i, i_e), (f, f_e), (g, g_e), (o, o_e) = [
        (tanh if k == 2 else sigmoid)(*part) for k, part in enumerate(parts)
    ]
    kept, added = f * c, i * g
    c_new = kept + added
    c_e = f_e * np.abs(c) + product_bound((i, i_e), (g, g_e))
    c_e = c_e + rounded(kept, added, c_new)
    seen = tanh(c_new, c_e)
    h = o * seen[0]
    h_new = h, product_bound((o, o_e), seen) + rounded(h)
    if layer.proj_size:
        zero = np.zeros(layer.proj_size)
        h_new = weighted_sum(zero, [Product(w["weight_hr"], *h_new)])
    return [h_new, (c_new, c_e)]


def _lstm_carried(
    layer: Lstm, w: Tensors, sums: Float64, recurrent: Float64, state: State
) -> State:
    c = state[1]
    size = len(c)
    recurrent += sums
    values = np.tanh(recurrent, out=recurrent)
    gates = 0.5 + 0.5 * values
    c = gates[size : 2 * size] * c + gates[:size] * values[2 * size : 3 * size]
    h = gates[3 * size :] * np.tanh(c)
    return [w["weight_hr"] @ h if layer.proj_size else h, c]


def _gru_bounded(layer: Gru, w: Tensors, z: Bounded, state: State) -> list[Bounded]:
    (h,) = state
    size = h.shape[-1]
    gates, new = slice(0, 2 * size), slice(2 * size, 3 * size)
    b_ih, b_hh = w["bias_ih"], w["bias_hh"]
    biases = np.abs(b_ih[gates]) + np.abs(b_hh[gates])
    products = [
        Product(w["weight_ih"][gates], *z),
        Product(w["weight_hh"][gates], h),
    ]
    total, error = weighted_sum(biases, products)
    total = total - biases + b_ih[gates] + b_hh[gates]
    r, u = zip(
        *(np.split(part, 2, axis=-1) for part in sigmoid(total, error)), strict=True
    )
    n_in = weighted_sum(b_ih[new], [Product(w["weight_ih"][new], *z)])
    n_rec = weighted_sum(b_hh[new], [Product(w["weight_hh"][new], h)])
    gated = r[0] * n_rec[0]
    gated_e = product_bound(r, n_rec) + rounded(gated)
    before = n_in[0] + gated
    n, n_e = tanh(before, n_in[1] + gated_e + rounded(before))
    h_new = n + u[0] * (h - n)
    # As (1 - u) n + u h, or as n + u (h - n).
    own = rounded(n, n, h, h, h_new)
    return [(h_new, u[1] * np.abs(h - n) + (1 - u[0] + u[1]) * n_e + own)]


def _gru_carried(
    layer: Gru, w: Tensors, sums: Float64, recurrent: Float64, state: State
) -> State:
    (h,) = state
    size = len(h)
    gates, n = recurrent[: 2 * size], recurrent[2 * size :]
    gates += sums[: 2 * size]
    np.tanh(gates, out=gates)
    gates *= 0.5
    gates += 0.5
    n *= gates[:size]
    n += sums[2 * size :]
    np.tanh(n, out=n)
    h = h - n
    h *= gates[size:]
    h += n
    return [h]


CELLS: dict[type[Layer], Cell] = {
    Rnn: Cell(_rnn_bounded, _rnn_carried, (1.0,)),
    Gru: Cell(_gru_bounded, _gru_carried, (0.5, 0.5, 1.0), has_two_sums=True),
    Lstm: Cell(_lstm_bounded, _lstm_carried, (0.5, 0.5, 1.0, 0.5)),
}
"""Recurrent layers."""
