"""The integer reference: `w8a16.v1` in NumPy, which defines the bytes of all other engines.

docs/numerics.md writes the arithmetic down. The state is carried as float32 values that
stand for integers exactly, so snapshots and fleets are those of any other model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .. import numerics
from ..engine import Array, State
from ..input_handling import Inputs, clip_bounds
from ..integer_numerics import (
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
from ..layers import (
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
)
from ..numerics import Float32, flush
from ..quantised import QuantisedModel, parts
from ..state_rules import StateRules
from .float32 import Tensors, layer_step, prepare
from .integer_inputs import IntegerInputs
from .run_stepper import RunStepper

IntegerTensors = dict[str, NDArray[np.int64]]


class IntegerEngine:
    """A QuantisedModel as an Engine (`engine.py`).

    Attributes:
        model: what it runs.
        inputs: how readings become its inputs (`engine.OwnInputs`).
        states: what it keeps of a state that is set (`engine.OwnStates`).
        saturations: how many values were cut off so far, by layer name; for reports.
    """

    backend = "numpy"
    dtype: np.dtype[np.floating] = np.dtype(np.float32)

    def __init__(self, model: QuantisedModel) -> None:
        spec = model.spec
        self.model = model
        self.saturations: dict[str, int] = {}
        self.states = StateRules(model)
        self._spec = spec
        self._parts = parts(spec, model.kept)
        self._integers = IntegerInputs(model)
        self.inputs: Inputs = (
            self._integers if self._parts[0].is_first else Inputs(spec)
        )
        self._clip = clip_bounds(spec)
        self._float_tensors: dict[int, Tensors] = {}
        self._tensors: dict[int, IntegerTensors] = {}
        for k, (layer, part) in enumerate(zip(spec.layers, self._parts, strict=True)):
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
        """Advance B streams by T steps (`engine.Engine.run`)."""
        y = np.empty((*x.shape[:2], self._spec.output_size), dtype=np.float32)
        with np.errstate(all="ignore"):
            for t in range(x.shape[1]):
                y[:, t], state = self._step(x[:, t], state)
        return y, state

    def stepper(self) -> RunStepper:
        """A fresh stream in the initial state."""
        return RunStepper(self, self._spec)

    def _step(self, x: Float32, state: State) -> tuple[Float32, State]:
        """`x` `[B, I]` to `[B, O]`; the state is replaced, not changed."""
        carried = iter(state)
        new_state: State = []
        is_raw = isinstance(self._spec.layers[0], Affine | Embedding)
        inputs = np.zeros((len(x), 0), dtype=np.int64)
        real, z, held = x, inputs, inputs
        if self._parts[0].is_first:
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
            zip(self._spec.layers, self._parts, strict=True)
        ):
            if part.role == "float":
                tensors = self._float_tensors[k]
                real, layer_state = layer_step(
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
                z, layer_state = self._integer_step(k, layer, z, carried, given)
                new_state += layer_state
            if part.is_last:
                step = self.model.tensors[f"output.{k}.step"]
                offset = self.model.tensors[f"output.{k}.offset"]
                real = flush(z.astype(np.float32) * step + offset)
        return real, new_state

    def _integer_step(
        self,
        k: int,
        layer: Layer,
        z: Integers,
        carried: Iterator[Array],
        inputs: Integers,
    ) -> tuple[Integers, State]:
        w = self._tensors[k]
        match layer:
            case Embedding():
                rows = z[:, 0]
                product = w["weight"].T[rows] * w["multiplier"][rows][:, None]
                return self._saturated(k, rounded_shift(product, 15)), []
            case Linear():
                total = scaled(product_of(z, w["weight"]), w["multiplier"]) + w["bias"]
                return self._saturated(k, total), []
            case Activation():
                return self._activation(layer, gained(z, w["gain"])), []
            case Difference():
                return self._difference(layer, w, z, next(carried), inputs)
            case AddLast() if not self._takes_clipped(layer):
                last = inputs[:, list(layer.sources)]
                return gained(z, w["gain"]) + last * w["multiple"], []
            case AddLast():
                last = inputs[:, list(layer.sources)]
                total = gained(z, w["gain"]) + gained(last, w["source_gain"])
                return self._saturated(k, total), []
            case Rnn() | Gru() | Lstm():
                return self._cell(k, layer, z, carried)
        raise AssertionError(layer.kind)

    def _takes_clipped(self, layer: Layer) -> bool:
        is_unclipped = isinstance(layer, AddLast) and not layer.is_clipped
        is_unclipped |= isinstance(layer, Difference)
        return not (is_unclipped and self._integers.holds_readings)

    def _difference(
        self,
        layer: Difference,
        w: IntegerTensors,
        z: Integers,
        carried: Array,
        held: Integers,
    ) -> tuple[Integers, State]:
        columns = list(layer.sources)
        now = held[:, columns]
        before = np.asarray(carried, dtype=np.float32)
        known = np.where(np.isfinite(before), before, np.float32(0))
        last = self._integers.held_integers(known[:, :-1], columns)
        change = np.where(before[:, -1:] == 0, 0, now - last)
        change = np.clip(change, w["change_low"], w["change_high"])
        change = saturate((change + ((1 << w["drop"]) >> 1)) >> w["drop"])
        ones = np.ones((len(z), 1), dtype=np.float32)
        state = np.concatenate([self._integers.to_float(now, columns), ones], axis=1)
        return np.concatenate([z, change], axis=1), [state]

    def _activation(self, layer: Activation, u: Integers) -> Integers:
        u = saturate(u)
        if layer.function == "relu":
            return np.maximum(u, 0)
        if layer.function == "tanh":
            return tanh_q(u)
        half: Integers = np.minimum((gate_q(u) + 1) >> 1, LARGEST_VALUE)
        return half

    def _cell(
        self, k: int, layer: RecurrentLayer, z: Integers, carried: Iterator[Array]
    ) -> tuple[Integers, State]:
        w = self._tensors[k]
        h_real: Array = next(carried)
        if isinstance(layer, Gru):
            h = _from_state(h_real, GRU_BITS, LARGEST_STATE)
            new = _gru(w, z, h)
            return _gru_output(new), [_to_state(new, GRU_BITS)]
        bits = int(w["bits"][0])
        h = _from_state(h_real, bits, LARGEST_VALUE)
        total = (
            scaled(product_of(z, w["weight_ih"]), w["multiplier_ih"])
            + scaled(product_of(h, w["weight_hh"]), w["multiplier_hh"])
            + w["bias"]
        )
        if isinstance(layer, Rnn):
            if layer.nonlinearity == "relu":
                h = np.maximum(self._saturated(k, total), 0)
            else:
                h = tanh_q(saturate(total))
            return h, [_to_state(h, bits)]
        cell_bits = int(w["bits"][1])
        c = _from_state(next(carried), cell_bits, LARGEST_STATE)
        i, f, g, o = np.split(saturate(total), 4, axis=-1)
        c = rounded_shift(gate_q(f) * c, 16) + rounded_shift(
            gate_q(i) * tanh_q(g), 31 - cell_bits
        )
        c = self._counted(k, np.clip(c, -LARGEST_STATE, LARGEST_STATE), c)
        argument = saturate(rounded_shift(c, cell_bits - ARGUMENT_BITS))
        h = rounded_shift(gate_q(o) * tanh_q(argument), 16)
        if layer.proj_size:
            h = scaled(product_of(h, w["weight_hr"]), w["multiplier_hr"])
            h = self._saturated(k, h)
        return h, [_to_state(h, bits), _to_state(c, cell_bits)]

    def _saturated(self, k: int, v: Integers) -> Integers:
        return self._counted(k, saturate(v), v)

    def _counted(self, k: int, kept: Integers, v: Integers) -> Integers:
        cut = int(np.count_nonzero(kept != v))
        if cut:
            name = f"layers.{k}"
            self.saturations[name] = self.saturations.get(name, 0) + cut
        return kept


def product_of(z: Integers, weight: Integers) -> Integers:
    """`[B, K]` times `[K, R]`, exact: sums stay below 2^31, which float64 holds."""
    product = z.astype(np.float64) @ weight.astype(np.float64)
    return product.astype(np.int64)


def _gru(w: IntegerTensors, z: Integers, h: Integers) -> Integers:
    """The new state, Q24."""
    ax = scaled(product_of(z, w["weight_ih"]), w["multiplier_ih"]) + w["bias"]
    ah = scaled(product_of(_gru_output(h), w["weight_hh"]), w["multiplier_hh"])
    size = h.shape[-1]
    gates = gate_q(saturate(ax[:, : 2 * size] + ah[:, : 2 * size]))
    r, u = np.split(gates, 2, axis=-1)
    n_rec = ah[:, 2 * size :] + w["bias_hn"]
    n = tanh_q(saturate(ax[:, 2 * size :] + rounded_shift(r * n_rec, 16)))
    n = n << (GRU_BITS - STATE_BITS)
    return n + rounded_shift(u * (h - n), 16)


def _gru_output(h: Integers) -> Integers:
    return saturate(rounded_shift(h, GRU_BITS - STATE_BITS))


def _from_state(real: Array, bits: int, largest: int) -> Integers:
    """Back to integers; anything that no integer stands for is rounded, NaN becomes 0."""
    real = np.nan_to_num(np.asarray(real, dtype=np.float64), posinf=1e9, neginf=-1e9)
    nearest = np.floor(real * 2.0**bits + 0.5)
    limited: Integers = np.clip(nearest, -largest, largest).astype(np.int64)
    return limited


def _to_state(v: Integers, bits: int) -> Float32:
    return (v * 2.0**-bits).astype(np.float32)
