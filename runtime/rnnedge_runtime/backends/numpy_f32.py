"""The `numpy` engine: `f32.v1` in NumPy float32, the bytes of the C core without a compiler.

docs/numerics.md defines the order of every operation. Batches and sequences go through the
same chains as a single step, so they give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import SpecError
from ..numerics import f32 as numerics
from ..numerics.f32 import Float32, chain, flush, sigmoid, tanh
from ..numerics.f32_functions import FUNCTIONS, log_softmax
from ..spec import layers
from ..spec.clip import clip_bounds
from ..spec.model_spec import ModelSpec
from ..spec.weights import Weights
from ..streams.engine import Engine
from ..streams.state_rules import StateRules
from .diagonal_f32 import lru
from .graph_f32 import GRAPH_STEPS
from .graph_walk import step_graph

Tensors = dict[str, Float32]
Carried = Iterator[Array]
Given = tuple[Float32, Float32]
After = tuple[Float32, ...]
"""What a layer gives, then its new state."""


class Float32Engine(Engine):
    """A ModelSpec and its canonical weights as an Engine (`engine.py`).

    Raises:
        SpecError: the spec holds an opaque graph.
    """

    backend = "numpy"

    def __init__(self, spec: ModelSpec, weights: Weights) -> None:
        if spec.is_opaque:
            raise SpecError(
                "numpy backend: the model is a graph that is not a chain of layers. "
                "Use the backend of its file: onnx, or torchscript for a .pt."
            )
        super().__init__(spec)
        self.states = StateRules(weights)
        self._clip = clip_bounds(spec)
        self._tensors: list[Tensors] = [
            prepare(
                layer,
                {name: weights[f"layers.{k}.{name}"] for name in layer.weight_shapes()},
            )
            for k, layer in enumerate(spec.layers)
        ]

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        y = np.empty((*x.shape[:2], self.spec.output_size), dtype=np.float32)
        with np.errstate(all="ignore"):
            state = [flush(np.asarray(tensor, dtype=np.float32)) for tensor in state]
            for t in range(x.shape[1]):
                y[:, t], state = self._step(x[:, t], state)
        return y, state

    def _step(self, x: Float32, state: State) -> tuple[Float32, State]:
        """`x` `[B, I]` to `[B, O]`; the state is replaced, not changed."""
        readings = numerics.readings(x)
        x = numerics.within(readings, *self._clip)
        given, flushed = (x, readings), flush(x)

        def step(k: int, layer: layers.Layer, z: Any, carried: Carried) -> After:
            y, after = layer_step(layer, self._tensors[k], z, carried, *given)
            return (y, *after)

        return step_graph(
            self.spec, state, step, lambda layer: x if layer.takes_raw else flushed
        )


def layer_step(
    layer: layers.Layer,
    tensors: Tensors,
    z: Any,
    carried: Iterator[Array],
    x: Float32,
    readings: Float32 | None = None,
) -> tuple[Float32, State]:
    """Output `[B, ...]` and new state of one layer.

    Args:
        layer: the layer.
        tensors: its weights, as `prepare` gives them.
        z: `[B, ...]` what it reads; several values as a tuple.
        carried: the state tensors; a layer takes as many as it has.
        x: `[B, I]` model input, for `add_last`.
        readings: the same before the clip, for `difference` and an `add_last` without;
            None for a layer that takes neither.
    """
    given = (x, x if readings is None else readings)
    z, *after = LAYER_STEPS[type(layer)](layer, tensors, z, carried, given)
    return flush(z), after


def prepare(layer: layers.Layer, w: Tensors) -> Tensors:
    """Weights as `[K, R]`; the biases of a chain that is one added once."""
    if not isinstance(layer, layers.Linear | layers.RecurrentLayer | layers.Lru):
        return w
    prepared = {
        name: np.ascontiguousarray(tensor.T) if tensor.ndim == 2 else tensor
        for name, tensor in w.items()
    }
    if isinstance(layer, layers.RecurrentLayer):
        prepared["bias"] = w["bias_ih"] + w["bias_hh"]
    return prepared


# A step of each kind of layer: `z` `[B, ...]` to its output, which `layer_step` flushes,
# then its new state tensors. `carried` gives its state, `given` are `x` and `readings`.


def _affine(layer: layers.Affine, w: Tensors, z: Float32, *_: object) -> After:
    if layer.inverse:
        return (z * w["scale"] + w["shift"],)
    return ((z - w["shift"]) * w["scale"],)


def _add_last(
    layer: layers.AddLast, w: Tensors, z: Float32, _: Carried, given: Given
) -> After:
    source = given[0] if layer.is_clipped else given[1]
    return (z + source[:, list(layer.sources)],)


def _difference(
    layer: layers.Difference, w: Tensors, z: Float32, carried: Carried, given: Given
) -> After:
    """The state is the values of the step before `[B, n]`, then whether there was one."""
    before, values = next(carried), given[1][:, list(layer.sources)]
    is_first = before[:, -1:] == 0
    change = np.where(is_first, np.float32(0), values - before[:, :-1])
    after = np.concatenate([flush(values), np.ones_like(values[:, :1])], axis=1)
    limited = numerics.within(change, w["low"], w["high"])
    return np.concatenate([z, limited], axis=1), after


def _rnn(layer: layers.Rnn, w: Tensors, z: Float32, carried: Carried, *_: Any) -> After:
    h = flush(FUNCTIONS[layer.nonlinearity].formula(_sums(w, z, next(carried))))
    return h, h


def _gru(layer: layers.Gru, w: Tensors, z: Float32, carried: Carried, *_: Any) -> After:
    """PyTorch nn.GRU docs; gates r z n, r acts after the recurrent product."""
    size = layer.hidden_size
    h: Float32 = next(carried)
    gates, new = slice(None, 2 * size), slice(2 * size, None)
    sums = chain(w["bias"][gates], w["weight_ih"][:, gates], z)
    r, u = np.split(sigmoid(chain(sums, w["weight_hh"][:, gates], h)), 2, axis=-1)
    n_in = chain(w["bias_ih"][new], w["weight_ih"][:, new], z)
    n_rec = chain(w["bias_hh"][new], w["weight_hh"][:, new], h)
    n = tanh(n_in + r * n_rec)
    h = flush((np.float32(1) - u) * n + u * h)
    return h, h


def _lstm(
    layer: layers.Lstm, w: Tensors, z: Float32, carried: Carried, *_: Any
) -> After:
    """PyTorch nn.LSTM docs; gates i f g o."""
    i, f, g, o = np.split(_sums(w, z, next(carried)), 4, axis=-1)
    c = flush(sigmoid(f) * next(carried) + sigmoid(i) * tanh(g))
    h = flush(sigmoid(o) * tanh(c))
    if layer.proj_size:
        h = flush(chain(np.zeros(1, np.float32), w["weight_hr"], h))
    return h, h, c


def _sums(w: Tensors, z: Float32, h: Float32) -> Float32:
    """What a cell's gates get, from its input and then from its state."""
    return chain(chain(w["bias"], w["weight_ih"], z), w["weight_hh"], h)


def _linear(layer: layers.Linear, w: Tensors, z: Float32, *_: Any) -> After:
    rows = z.reshape(len(z) * layer.positions, -1)
    return (chain(w["bias"], w["weight"], rows).reshape(len(z), -1),)


def _activation(layer: layers.Activation, w: Tensors, z: Float32, *_: Any) -> After:
    parameters = (np.float32(value) for value in layer.parameters)
    return (FUNCTIONS[layer.function].formula(z, *parameters),)


def _softmax(layer: layers.Softmax, w: Tensors, z: Float32, *_: Any) -> After:
    parts = z.reshape(len(z), layer.groups, -1)
    y = (log_softmax if layer.is_log else numerics.softmax)(parts)
    return (y.reshape(z.shape),)


LAYER_STEPS: dict[type[layers.Layer], Callable[..., After]] = {
    layers.Affine: _affine,
    layers.Rnn: _rnn,
    layers.Gru: _gru,
    layers.Lstm: _lstm,
    layers.Embedding: lambda layer, w, z, *_: (
        w["weight"][numerics.token_ids(z[:, 0], layer.num_embeddings)],
    ),
    layers.Linear: _linear,
    layers.Activation: _activation,
    layers.Softmax: _softmax,
    layers.AddLast: _add_last,
    layers.Difference: _difference,
    layers.Lru: lru,
    **GRAPH_STEPS,
}
