"""The `numpy` engine: `f32.v1` in NumPy float32, the bytes of the C core without a compiler.

docs/numerics.md defines the order of every operation. Batches and sequences go through the
same chains as a single step, so they give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import SpecError
from ..numerics import f32 as numerics
from ..numerics.f32 import Float32, chain, flush, sigmoid, tanh
from ..spec.clip import clip_bounds
from ..spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    RecurrentLayer,
    Rnn,
    Softmax,
)
from ..spec.model_spec import ModelSpec
from ..spec.weights import Weights
from ..streams.run_stepper import RunStepper
from ..streams.state_rules import StateRules

Tensors = dict[str, Float32]
Given = tuple[Float32, Float32]


class Float32Engine:
    """A ModelSpec and its canonical weights as an Engine (`engine.py`).

    Raises:
        SpecError: the spec holds an opaque graph.
    """

    backend = "numpy"
    dtype: np.dtype[np.floating] = np.dtype(np.float32)

    def __init__(self, spec: ModelSpec, weights: Weights) -> None:
        if spec.is_opaque:
            raise SpecError(
                "numpy backend: the model is a graph that is not a chain of layers. "
                "Use the backend of its file: onnx, or torchscript for a .pt."
            )
        self._spec = spec
        self.states = StateRules(weights)
        self._clip = clip_bounds(spec)
        self._is_raw = isinstance(spec.layers[0], Affine | Embedding)
        self._tensors: list[Tensors] = [
            prepare(
                layer,
                {name: weights[f"layers.{k}.{name}"] for name in layer.weight_shapes()},
            )
            for k, layer in enumerate(spec.layers)
        ]

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps (`engine.Engine.run`)."""
        y = np.empty((*x.shape[:2], self._spec.output_size), dtype=np.float32)
        with np.errstate(all="ignore"):
            state = [flush(np.asarray(tensor, dtype=np.float32)) for tensor in state]
            for t in range(x.shape[1]):
                y[:, t], state = self._step(x[:, t], state)
        return y, state

    def stepper(self) -> RunStepper:
        """A fresh stream in the initial state."""
        return RunStepper(self, self._spec)

    def _step(self, x: Float32, state: State) -> tuple[Float32, State]:
        """`x` `[B, I]` to `[B, O]`; the state is replaced, not changed."""
        readings = numerics.readings(x)
        x = numerics.within(readings, *self._clip)
        carried = iter(state)
        new_state: State = []
        z = x if self._is_raw else flush(x)
        for layer, tensors in zip(self._spec.layers, self._tensors, strict=True):
            z, after = layer_step(layer, tensors, z, carried, x, readings)
            new_state += after
        return z, new_state


def layer_step(
    layer: Layer,
    tensors: Tensors,
    z: Float32,
    carried: Iterator[Array],
    x: Float32,
    readings: Float32 | None = None,
) -> tuple[Float32, State]:
    """Output `[B, ...]` and new state of one layer.

    Args:
        layer: the layer.
        tensors: its weights, as `prepare` gives them.
        z: `[B, ...]` what the layer before gave.
        carried: the state tensors; a layer takes as many as it has.
        x: `[B, I]` model input, for `add_last`.
        readings: the same before the clip, for `difference` and an `add_last` without;
            None for a layer that takes neither.
    """
    given = (x, x if readings is None else readings)
    z, *after = LAYER_STEPS[type(layer)](layer, tensors, z, carried, given)
    return flush(z), after


def prepare(layer: Layer, w: Tensors) -> Tensors:
    """Weights as `[K, R]`; the biases of a chain that is one added once."""
    if not isinstance(layer, Linear | RecurrentLayer):
        return w
    prepared = {
        name: np.ascontiguousarray(tensor.T) if tensor.ndim == 2 else tensor
        for name, tensor in w.items()
    }
    if isinstance(layer, RecurrentLayer):
        prepared["bias"] = w["bias_ih"] + w["bias_hh"]
    return prepared


# A step of each kind of layer: `z` `[B, ...]` to its output, which `layer_step` flushes,
# then its new state tensors. `carried` gives its state, `given` are `x` and `readings`.


def _affine(layer: Affine, w: Tensors, z: Float32, *_: object) -> tuple[Float32]:
    if layer.inverse:
        return (z * w["scale"] + w["shift"],)
    return ((z - w["shift"]) * w["scale"],)


def _add_last(
    layer: AddLast, w: Tensors, z: Float32, _: Iterator[Array], given: Given
) -> tuple[Float32]:
    source = given[0] if layer.is_clipped else given[1]
    return (z + source[:, list(layer.sources)],)


def _difference(
    layer: Difference, w: Tensors, z: Float32, carried: Iterator[Array], given: Given
) -> tuple[Float32, ...]:
    """The state is the values of the step before `[B, n]`, then whether there was one."""
    before, values = next(carried), given[1][:, list(layer.sources)]
    is_first = before[:, -1:] == 0
    change = np.where(is_first, np.float32(0), values - before[:, :-1])
    after = np.concatenate([flush(values), np.ones_like(values[:, :1])], axis=1)
    limited = numerics.within(change, w["low"], w["high"])
    return np.concatenate([z, limited], axis=1), after


def _rnn(
    layer: Rnn, w: Tensors, z: Float32, carried: Iterator[Array], given: Given
) -> tuple[Float32, ...]:
    h = flush(_FUNCTIONS[layer.nonlinearity](_sums(w, z, next(carried))))
    return h, h


def _gru(
    layer: Gru, w: Tensors, z: Float32, carried: Iterator[Array], given: Given
) -> tuple[Float32, ...]:
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
    layer: Lstm, w: Tensors, z: Float32, carried: Iterator[Array], given: Given
) -> tuple[Float32, ...]:
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


_FUNCTIONS = {"tanh": tanh, "relu": numerics.relu, "sigmoid": sigmoid}


def _token_ids(values: Float32, num_embeddings: int) -> NDArray[np.int64]:
    is_known = (values >= 0) & (values < num_embeddings)
    return np.where(is_known, values, 0).astype(np.int64)


LAYER_STEPS: dict[type[Layer], Callable[..., tuple[Float32, ...]]] = {
    Affine: _affine,
    Rnn: _rnn,
    Gru: _gru,
    Lstm: _lstm,
    Embedding: lambda layer, w, z, *_: (
        w["weight"][_token_ids(z[:, 0], layer.num_embeddings)],
    ),
    Linear: lambda layer, w, z, *_: (chain(w["bias"], w["weight"], z),),
    Activation: lambda layer, w, z, *_: (_FUNCTIONS[layer.function](z),),
    Softmax: lambda layer, w, z, *_: (numerics.softmax(z),),
    AddLast: _add_last,
    Difference: _difference,
}
