"""The integer reference: `w8a16.v1` in NumPy, which defines the bytes of all other engines.

docs/numerics.md writes the arithmetic down. The state is carried as float32 values that
stand for integers exactly, so snapshots and fleets are those of any other model.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..numerics import f32 as numerics
from ..numerics.f32 import Float32, flush
from ..numerics.w8a16 import (
    ARGUMENT_BITS,
    GRU_BITS,
    LARGEST_STATE,
    LARGEST_VALUE,
    STATE_BITS,
    Integers,
    gained,
    gate_q,
    rounded_shift,
    saturate,
    scaled,
    tanh_q,
    to_integers,
)
from ..spec import layers
from ..spec.clip import clip_bounds
from ..spec.w8a16_model import QuantisedModel
from ..streams.engine import Engine
from ..streams.state_rules import StateRules
from ..streams.w8a16_inputs import IntegerInputs
from .graph_w8a16 import from_state as _from_state
from .graph_w8a16 import run_graph
from .graph_w8a16 import to_state as _to_state
from .numpy_f32 import Tensors, layer_step, prepare

IntegerTensors = dict[str, NDArray[np.int64]]
Carried = Iterator[Array]
After = tuple[Integers, State]
"""What a layer gives, and its new state."""


class IntegerEngine(Engine):
    """A QuantisedModel as an Engine (`engine.py`).

    Attributes:
        model: what it runs.
        saturations: how many values were cut off so far, by layer name; for reports.
    """

    backend = "numpy"

    def __init__(self, model: QuantisedModel) -> None:
        spec, self._integers = model.spec, IntegerInputs(model)
        super().__init__(spec, self._integers if model.roles[0].is_first else None)
        self.model = model
        self.saturations: dict[str, int] = {}
        self.states = StateRules(model)
        self._roles = model.roles
        self._clip = clip_bounds(spec)
        self._float_tensors: dict[int, Tensors] = {}
        self._tensors: dict[int, IntegerTensors] = {}
        for k, (layer, part) in enumerate(zip(spec.layers, self._roles, strict=True)):
            named = {
                name.removeprefix(f"layers.{k}."): tensor
                for name, tensor in model.tensors.items()
                if name.startswith(f"layers.{k}.")
            }
            if part.role == "float":
                self._float_tensors[k] = prepare(
                    layer,
                    {name: np.asarray(t, np.float32) for name, t in named.items()},
                )
            else:
                self._tensors[k] = {
                    name: np.ascontiguousarray(tensor.T).astype(np.int64)
                    for name, tensor in named.items()
                }

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps (`engine.Engine.run`), layer by layer."""
        if not x.shape[1]:
            return np.empty((len(x), 0, self.spec.output_size), np.float32), state
        with np.errstate(all="ignore"):
            return self._layers(x, state)

    def _layers(self, x: Float32, state: State) -> tuple[Float32, State]:
        """`x` `[B, T, I]` to `[B, T, O]`; the state is replaced, not changed."""
        if self.model.is_graph:
            readings = numerics.readings(x)
            clipped = numerics.within(readings, *self._clip)
            return run_graph(self, clipped, readings, state)
        carried = iter(state)
        new_state: State = []
        is_raw = isinstance(self.spec.layers[0], layers.Affine | layers.Embedding)
        inputs = np.zeros((*x.shape[:2], 0), dtype=np.int64)
        real, z, held = x, inputs, inputs
        if self._roles[0].is_first:
            known = np.where(np.isfinite(x), x, np.float32(0))
            held = self._integers.held_integers(known)
            z = inputs = self._integers.clipped(held)
            x = self._integers.to_float(inputs)  # what a float add_last adds
            readings = self._integers.to_float(held)
        else:
            readings = numerics.readings(x)
            x = numerics.within(readings, *self._clip)
            real = x if is_raw else flush(x)
        for k, (layer, part) in enumerate(
            zip(self.spec.layers, self._roles, strict=True)
        ):
            if part.role == "float":
                tensors = self._float_tensors[k]
                real, layer_state = _float_layer(
                    layer, tensors, real, carried, x, readings
                )
                new_state += layer_state
                continue
            if part.is_first and k > 0:
                limit = np.full(1, LARGEST_VALUE)
                rate = self.model.tensors[f"input.{k}.rate"]
                z = to_integers(real * rate, -limit, limit)
            if part.role == "integer":
                given = inputs if self._takes_clipped(layer) else held
                run = LAYER_STEPS[type(layer)]
                z, layer_state = run(self, k, layer, z, carried, given)
                new_state += layer_state
            if part.is_last:
                step = self.model.tensors[f"output.{k}.step"]
                offset = self.model.tensors[f"output.{k}.offset"]
                real = flush(z.astype(np.float32) * step + offset)
        return real, new_state

    def _embedding(
        self, k: int, layer: layers.Embedding, z: Integers, *_: Any
    ) -> After:
        w, rows = self._tensors[k], z[..., 0]
        product = w["weight"].T[rows] * w["multiplier"][rows][..., None]
        return self._saturated(k, rounded_shift(product, 15)), []

    def _linear(self, k: int, layer: layers.Linear, z: Integers, *_: Any) -> After:
        w = self._tensors[k]
        total = scaled(product_of(z, w["weight"]), w["multiplier"]) + w["bias"]
        return self._saturated(k, total), []

    def _activation(
        self, k: int, layer: layers.Activation, z: Integers, *_: Any
    ) -> After:
        u = saturate(gained(z, self._tensors[k]["gain"]))
        if layer.function == "relu":
            return np.maximum(u, 0), []
        if layer.function == "tanh":
            return _tanh(u), []
        return np.minimum((_gate(u) + 1) >> 1, LARGEST_VALUE), []

    def _add_last(
        self, k: int, layer: layers.AddLast, z: Integers, _: Carried, given: Integers
    ) -> After:
        w, last = self._tensors[k], given[..., list(layer.sources)]
        if not self._takes_clipped(layer):
            return gained(z, w["gain"]) + last * w["multiple"], []
        total = gained(z, w["gain"]) + gained(last, w["source_gain"])
        return self._saturated(k, total), []

    def _takes_clipped(self, layer: layers.Layer) -> bool:
        return not (layer.takes_readings and self._integers.holds_readings)

    def _difference(
        self,
        k: int,
        layer: layers.Difference,
        z: Integers,
        carried: Carried,
        held: Integers,
    ) -> After:
        w, columns = self._tensors[k], list(layer.sources)
        now = held[..., columns]
        ones = np.ones((*z.shape[:2], 1), dtype=np.float32)
        after = np.concatenate([self._integers.to_float(now, columns), ones], axis=-1)
        first = np.asarray(next(carried), dtype=np.float32)[:, None]
        before = np.concatenate([first, after[:, :-1]], axis=1)
        known = np.where(np.isfinite(before), before, np.float32(0))
        last = self._integers.held_integers(known[..., :-1], columns)
        change = np.where(before[..., -1:] == 0, 0, now - last)
        change = np.clip(change, w["change_low"], w["change_high"])
        change = saturate((change + ((1 << w["drop"]) >> 1)) >> w["drop"])
        return np.concatenate([z, change], axis=-1), [after[:, -1]]

    def _rnn(
        self, k: int, layer: layers.Rnn, z: Integers, carried: Carried, *_: Any
    ) -> After:
        w = self._tensors[k]
        bits = int(w["bits"][0])
        h = _from_state(next(carried), bits, LARGEST_VALUE)
        given = scaled(product_of(z, w["weight_ih"]), w["multiplier_ih"]) + w["bias"]
        totals = np.empty_like(given)
        weight, is_relu = _real(w["weight_hh"]), layer.nonlinearity == "relu"
        for t in range(z.shape[1]):
            recurrent = scaled(_product(h, weight), w["multiplier_hh"])
            totals[:, t] = total = given[:, t] + recurrent
            h = np.maximum(saturate(total), 0) if is_relu else _tanh(saturate(total))
        state: State = [_to_state(h, bits)]
        if is_relu:
            return np.maximum(self._saturated(k, totals), 0), state
        return _tanh(saturate(totals)), state

    def _gru(
        self, k: int, layer: layers.Gru, z: Integers, carried: Carried, *_: Any
    ) -> After:
        """The state has 24 fraction bits."""
        w, size = self._tensors[k], layer.hidden_size
        h = _from_state(next(carried), GRU_BITS, LARGEST_STATE)
        ax = scaled(product_of(z, w["weight_ih"]), w["multiplier_ih"]) + w["bias"]
        weight, multiplier = _real(w["weight_hh"]), w["multiplier_hh"]
        outputs = np.empty((*z.shape[:2], size), dtype=np.int64)
        q = _gru_output(h)
        for t in range(z.shape[1]):
            given, ah = ax[:, t], scaled(_product(q, weight), multiplier)
            gates = _gate(saturate(given[:, : 2 * size] + ah[:, : 2 * size]))
            n_rec = ah[:, 2 * size :] + w["bias_hn"]
            n_rec = rounded_shift(gates[:, :size] * n_rec, 16)
            n = _tanh(saturate(given[:, 2 * size :] + n_rec)) << (GRU_BITS - STATE_BITS)
            h = n + rounded_shift(gates[:, size:] * (h - n), 16)
            outputs[:, t] = q = _gru_output(h)
        return outputs, [_to_state(h, GRU_BITS)]

    def _lstm(
        self, k: int, layer: layers.Lstm, z: Integers, carried: Carried, *_: Any
    ) -> After:
        w = self._tensors[k]
        bits, cell_bits = (int(value) for value in w["bits"])
        h = _from_state(next(carried), bits, LARGEST_VALUE)
        c = _from_state(next(carried), cell_bits, LARGEST_STATE)
        given = scaled(product_of(z, w["weight_ih"]), w["multiplier_ih"]) + w["bias"]
        weight, size = _real(w["weight_hh"]), layer.hidden_size
        cells = np.empty((*z.shape[:2], size), dtype=np.int64)
        outputs = np.empty((*z.shape[:2], layer.output_size), dtype=np.int64)
        projection = _real(w["weight_hr"]) if layer.proj_size else None
        for t in range(z.shape[1]):
            recurrent = scaled(_product(h, weight), w["multiplier_hh"])
            v = saturate(given[:, t] + recurrent)
            i, f, o = _gate(v[:, :size]), _gate(v[:, size : 2 * size]), v[:, 3 * size :]
            new = rounded_shift(i * _tanh(v[:, 2 * size : 3 * size]), 31 - cell_bits)
            cells[:, t] = c = rounded_shift(f * c, 16) + new
            c = np.minimum(np.maximum(c, -LARGEST_STATE), LARGEST_STATE)
            argument = saturate(rounded_shift(c, cell_bits - ARGUMENT_BITS))
            h = rounded_shift(_gate(o) * _tanh(argument), 16)
            if projection is not None:
                h = scaled(_product(h, projection), w["multiplier_hr"])
            outputs[:, t] = h
            h = saturate(h)
        self._counted(k, np.clip(cells, -LARGEST_STATE, LARGEST_STATE), cells)
        state = [_to_state(h, bits), _to_state(c, cell_bits)]
        return self._saturated(k, outputs), state

    def integer_tensors(self, k: int) -> IntegerTensors:
        """Tensors of an integer layer, matrices transposed."""
        return self._tensors[k]

    def float_tensors(self, k: int) -> Tensors:
        """Tensors of a float layer, as `prepare` gives them."""
        return self._float_tensors[k]

    @staticmethod
    def chain_step(layer: layers.Layer) -> Callable[..., After]:
        """What runs a kind of layer over `[B, T, ...]` in a chain."""
        return LAYER_STEPS[type(layer)]

    def saturated(self, k: int, v: Integers) -> Integers:
        """Values of layer k within int16; what is cut off is counted."""
        return self._saturated(k, v)

    def _saturated(self, k: int, v: Integers) -> Integers:
        return self._counted(k, saturate(v), v)

    def _counted(self, k: int, kept: Integers, v: Integers) -> Integers:
        cut = int(np.count_nonzero(kept != v))
        if cut:
            name = f"layers.{k}"
            self.saturations[name] = self.saturations.get(name, 0) + cut
        return kept


def product_of(z: Integers, weight: Integers) -> Integers:
    """`[..., K]` times `[K, R]`, exact: sums stay below 2^31, which float64 holds."""
    return _product(z, _real(weight))


def _product(z: Integers, weight: NDArray[np.float64]) -> Integers:
    flat = z.reshape(-1, len(weight)).astype(np.float64) @ weight
    return flat.astype(np.int64).reshape(*z.shape[:-1], weight.shape[1])


def _real(weight: Integers) -> NDArray[np.float64]:
    return weight.astype(np.float64)


@functools.cache
def _table(function: Callable[[Integers], Integers]) -> Integers:
    """A function of int16 at -32767 .. 32767."""
    return function(np.arange(-LARGEST_VALUE, LARGEST_VALUE + 1))


def _tanh(u: Integers) -> Integers:
    return _table(tanh_q)[u + LARGEST_VALUE]


def _gate(u: Integers) -> Integers:
    return _table(gate_q)[u + LARGEST_VALUE]


def _float_layer(
    layer: layers.Layer,
    tensors: Tensors,
    z: Float32,
    carried: Carried,
    x: Float32,
    readings: Float32,
) -> tuple[Float32, State]:
    """A layer of `f32.v1` over `[B, T, N]`; one without state in all steps at once."""
    state: State = [next(carried) for _ in layer.state_shapes()]
    if not state:
        flat = (array.reshape(-1, array.shape[-1]) for array in (x, readings))
        y, _ = layer_step(layer, tensors, z.reshape(-1, z.shape[-1]), iter(()), *flat)
        return y.reshape(*z.shape[:2], -1), []
    outputs = []
    for t in range(z.shape[1]):
        given = z[:, t], iter(state), x[:, t], readings[:, t]
        y, state = layer_step(layer, tensors, *given)
        outputs.append(y)
    return np.stack(outputs, axis=1), state


def _gru_output(h: Integers) -> Integers:
    return saturate(rounded_shift(h, GRU_BITS - STATE_BITS))


LAYER_STEPS: dict[type[layers.Layer], Callable[..., After]] = {
    layers.Embedding: IntegerEngine._embedding,
    layers.Rnn: IntegerEngine._rnn,
    layers.Gru: IntegerEngine._gru,
    layers.Lstm: IntegerEngine._lstm,
    layers.Linear: IntegerEngine._linear,
    layers.Activation: IntegerEngine._activation,
    layers.AddLast: IntegerEngine._add_last,
    layers.Difference: IntegerEngine._difference,
}
"""Of each kind of layer that has integers, the method that runs it over `[B, T, ...]`."""
