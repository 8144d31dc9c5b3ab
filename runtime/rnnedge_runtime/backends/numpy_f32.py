"""The `numpy` engine: `f32.v1` in NumPy float32, the bytes of the C core without a compiler.

docs/numerics.md defines the order of every operation. Batches and sequences go through the
same chains as a single step, so they give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    Rnn,
    Softmax,
)
from ..spec.model_spec import ModelSpec
from ..spec.weights import Weights
from ..streams.run_stepper import RunStepper
from ..streams.state_rules import StateRules

Tensors = dict[str, Float32]


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
            z, layer_state = layer_step(layer, tensors, z, carried, x, readings)
            new_state += layer_state
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
        readings: the same before the clip, for `difference` and an `add_last` without.
    """
    if isinstance(layer, AddLast):
        source = x if layer.is_clipped else readings
        assert source is not None
        return flush(z + source[:, list(layer.sources)]), []
    if isinstance(layer, Difference):
        assert readings is not None
        change, before = _change(
            tensors, readings[:, list(layer.sources)], next(carried)
        )
        return flush(np.concatenate([z, change], axis=1)), [before]
    if layer.state_shapes():
        z, *new_state = _cell_step(layer, tensors, z, carried)
        return z, list(new_state)
    return flush(_stateless_step(layer, tensors, z)), []


def prepare(layer: Layer, w: Tensors) -> Tensors:
    """Weights as `[K, R]`; the biases of a chain that is one added once."""
    match layer:
        case Linear():
            return {"weight": np.ascontiguousarray(w["weight"].T), "bias": w["bias"]}
        case Rnn() | Lstm() | Gru():
            prepared = {
                name: np.ascontiguousarray(tensor.T) if tensor.ndim == 2 else tensor
                for name, tensor in w.items()
            }
            prepared["bias"] = w["bias_ih"] + w["bias_hh"]
            return prepared
    return w


def _change(w: Tensors, values: Float32, before: Array) -> tuple[Float32, Float32]:
    """Change of `values` `[B, n]` since `before` `[B, n + 1]`, and what comes after it."""
    is_first = before[:, -1:] == 0
    change = np.where(is_first, np.float32(0), values - before[:, :-1])
    after = np.concatenate([flush(values), np.ones_like(values[:, :1])], axis=1)
    return numerics.within(change, w["low"], w["high"]), after


def _stateless_step(layer: Layer, w: Tensors, z: Float32) -> Float32:
    match layer:
        case Affine(inverse=False):
            return (z - w["shift"]) * w["scale"]
        case Affine(inverse=True):
            return z * w["scale"] + w["shift"]
        case Embedding():
            return w["weight"][_token_ids(z[:, 0], layer.num_embeddings)]
        case Linear():
            return chain(w["bias"], w["weight"], z)
        case Activation():
            return _FUNCTIONS[layer.function](z)
        case Softmax():
            return numerics.softmax(z)
    raise SpecError(
        f"numpy backend: layer '{layer.kind}' is not known. "
        "Upgrade with: pip install --upgrade rnnedge."
    )


def _cell_step(
    layer: Layer, w: Tensors, z: Float32, carried: Iterator[Array]
) -> tuple[Float32, ...]:
    """The layer's output `[B, ...]`, then its new state tensors."""
    h: Float32 = next(carried)
    match layer:
        case Rnn():
            sums = chain(chain(w["bias"], w["weight_ih"], z), w["weight_hh"], h)
            h = flush(_FUNCTIONS[layer.nonlinearity](sums))
            return h, h
        case Gru():
            h = _gru(layer.hidden_size, w, z, h)
            return h, h
        case Lstm():
            sums = chain(chain(w["bias"], w["weight_ih"], z), w["weight_hh"], h)
            h, c = _lstm(sums, next(carried))
            if layer.proj_size:
                h = flush(chain(np.zeros(1, np.float32), w["weight_hr"], h))
            return h, h, c
    raise SpecError(
        f"numpy backend: layer '{layer.kind}' is not known. "
        "Upgrade with: pip install --upgrade rnnedge."
    )


def _gru(hidden_size: int, w: Tensors, z: Float32, h: Float32) -> Float32:
    """PyTorch nn.GRU docs; gates r z n, r acts after the recurrent product."""
    gates, new = slice(None, 2 * hidden_size), slice(2 * hidden_size, None)
    sums = chain(w["bias"][gates], w["weight_ih"][:, gates], z)
    r, u = np.split(sigmoid(chain(sums, w["weight_hh"][:, gates], h)), 2, axis=-1)
    n_in = chain(w["bias_ih"][new], w["weight_ih"][:, new], z)
    n_rec = chain(w["bias_hh"][new], w["weight_hh"][:, new], h)
    n = tanh(n_in + r * n_rec)
    return flush((np.float32(1) - u) * n + u * h)


def _lstm(sums: Float32, c: Array) -> tuple[Float32, Float32]:
    """PyTorch nn.LSTM docs; gates i f g o. Returns h before the projection, and c."""
    i, f, g, o = np.split(sums, 4, axis=-1)
    c_new = flush(sigmoid(f) * c + sigmoid(i) * tanh(g))
    return flush(sigmoid(o) * tanh(c_new)), c_new


_FUNCTIONS = {"tanh": tanh, "relu": numerics.relu, "sigmoid": sigmoid}


def _token_ids(values: Float32, num_embeddings: int) -> NDArray[np.int64]:
    is_known = (values >= 0) & (values < num_embeddings)
    return np.where(is_known, values, 0).astype(np.int64)
