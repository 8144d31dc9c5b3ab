"""Many single steps of a chain of layers at once, in float64, with their bounds.

The equations are those of the reference (`rnnedge_runtime.backends.reference`), which takes
one vector after the other. Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

from .rounding import (
    FUNCTIONS,
    Float64,
    Product,
    rounded,
    sigmoid,
    softmax,
    tanh,
    weighted_sum,
)

Tensors = dict[str, Float64]
Bounded = tuple[Float64, Float64]
"""Values and what float32 may be off by in each."""


@dataclass(frozen=True, slots=True)
class Steps:
    """S steps, each from a state of its own.

    Attributes:
        y: `[S, O]` outputs.
        state: `[S, ...]` each, the new state.
        y_bound: what one float32 step may be off by in `y`.
        state_bounds: the same of `state`.
    """

    y: Float64
    state: list[Float64]
    y_bound: Float64
    state_bounds: list[Float64]


class ExactSteps:
    """A ModelSpec and its canonical weights.

    Raises:
        SpecError: the spec holds a graph or a layer that is not known.
    """

    def __init__(self, spec: ModelSpec, weights: Weights) -> None:
        self.spec = spec
        self.clip = clip_bounds(spec)
        self.tensors: list[Tensors] = [
            {
                name: weights[f"layers.{k}.{name}"].astype(np.float64)
                for name in layer.weight_shapes()
            }
            for k, layer in enumerate(spec.layers)
        ]

    def step(
        self,
        x: NDArray[np.float32],
        state: Sequence[NDArray[np.floating]],
        after: Sequence[NDArray[np.floating]] | None = None,
    ) -> Steps:
        """Take every step once.

        Args:
            x: `[S, I]` model inputs.
            state: `[S, ...]` each, the state before.
            after: `[S, ...]` each, the state that another engine came to. A layer then
                reads what that engine gave the layer before, so that every layer is judged
                by its own roundings.
        """
        readings = x.astype(np.float64)
        x64 = np.clip(readings, *self.clip)
        z, error = x64, np.zeros_like(x64)
        carried = iter([tensor.astype(np.float64) for tensor in state])
        new_state: list[Float64] = []
        bounds: list[Float64] = []
        with np.errstate(all="ignore"):
            for layer, w in zip(self.spec.layers, self.tensors, strict=True):
                if not layer.state_shapes():
                    sources = x64 if getattr(layer, "is_clipped", True) else readings
                    z, error = plain_step(layer, w, (z, error), sources)
                    continue
                at = len(new_state)
                if isinstance(layer, Difference):
                    values = readings[:, list(layer.sources)]
                    change, changed = difference(w, values, next(carried))
                    z = np.concatenate([z, change], axis=1)
                    error = np.concatenate([error, rounded(change)], axis=1)
                    new_state.append(changed)
                    bounds.append(np.zeros_like(changed))
                    continue
                for value, bound in cell_step(layer, w, (z, error), carried):
                    new_state.append(value)
                    bounds.append(bound)
                z, error = new_state[at], bounds[at]
                if after is not None:
                    z, error = after[at].astype(np.float64), np.zeros_like(error)
        return Steps(z, new_state, error, bounds)


def plain_step(layer: Layer, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    """A layer without state, on `[S, n]`; `source` is the model input, for `add_last`."""
    value, error = z
    match layer:
        case Affine(inverse=False):
            shifted = value - w["shift"]
            y = shifted * w["scale"]
            # The last rounding is that of the scale, which another may divide by.
            return y, np.abs(w["scale"]) * (error + rounded(shifted)) + rounded(y, y)
        case Affine(inverse=True):
            scaled = value * w["scale"]
            y = scaled + w["shift"]
            return y, np.abs(w["scale"]) * error + rounded(scaled, scaled, y)
        case Embedding():
            token = value[:, 0]
            is_known = (token >= 0) & (token < layer.num_embeddings)
            y = w["weight"][np.where(is_known, token, 0).astype(np.int64)]
            return y, np.zeros_like(y)
        case Linear():
            return weighted_sum(w["bias"], [Product(w["weight"], value, error)])
        case Activation():
            return FUNCTIONS[layer.function](value, error)
        case Softmax():
            return softmax(value, error)
        case AddLast():
            y = value + source[:, list(layer.sources)]
            return y, error + rounded(y)
    raise SpecError(
        f"rounding: layer '{layer.kind}' has no bound. "
        "Upgrade with: pip install --upgrade rnnedge."
    )


def difference(w: Tensors, values: Float64, before: Float64) -> Bounded:
    """Change of `values` `[S, n]` since `before` `[S, n + 1]`, and what comes after it."""
    change = np.where(before[:, -1:] == 0, 0.0, values - before[:, :-1])
    after = np.concatenate([values, np.ones_like(values[:, :1])], axis=1)
    return np.clip(change, w["low"], w["high"]), after


def cell_step(
    layer: Layer, w: Tensors, z: Bounded, carried: Iterator[Float64]
) -> list[Bounded]:
    """The new state tensors of a recurrent layer, its output first."""
    h = next(carried)
    biases = np.abs(w["bias_ih"]) + np.abs(w["bias_hh"])
    if isinstance(layer, Gru):
        return [_gru_step(w, z, h)]
    products = [Product(w["weight_ih"], *z), Product(w["weight_hh"], h)]
    _, error = weighted_sum(biases, products)
    sums = z[0] @ w["weight_ih"].T + h @ w["weight_hh"].T + w["bias_ih"] + w["bias_hh"]
    if isinstance(layer, Rnn):
        return [FUNCTIONS[layer.nonlinearity](sums, error)]
    assert isinstance(layer, Lstm)
    h_new, c_new = _lstm_step((sums, error), next(carried))
    if layer.proj_size:
        zero = np.zeros(layer.proj_size)
        h_new = weighted_sum(zero, [Product(w["weight_hr"], *h_new)])
    return [h_new, c_new]


def _lstm_step(sums: Bounded, c: Float64) -> tuple[Bounded, Bounded]:
    parts = zip(*(np.split(item, 4, axis=-1) for item in sums), strict=True)
    (i, i_e), (f, f_e), (g, g_e), (o, o_e) = [
        (tanh if k == 2 else sigmoid)(*part) for k, part in enumerate(parts)
    ]
    kept, added = f * c, i * g
    c_new = kept + added
    c_e = f_e * np.abs(c) + _product_bound((i, i_e), (g, g_e))
    c_e = c_e + rounded(kept, added, c_new)
    seen = tanh(c_new, c_e)
    h = o * seen[0]
    return (h, _product_bound((o, o_e), seen) + rounded(h)), (c_new, c_e)


def _gru_step(w: Tensors, z: Bounded, h: Float64) -> Bounded:
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
    gated_e = _product_bound(r, n_rec) + rounded(gated)
    before = n_in[0] + gated
    n, n_e = tanh(before, n_in[1] + gated_e + rounded(before))
    h_new = n + u[0] * (h - n)
    # As (1 - u) n + u h, or as n + u (h - n).
    own = rounded(n, n, h, h, h_new)
    return h_new, u[1] * np.abs(h - n) + (1 - u[0] + u[1]) * n_e + own


def _product_bound(a: Bounded, b: Bounded) -> Float64:
    return a[1] * np.abs(b[0]) + np.abs(a[0]) * b[1] + a[1] * b[1]
