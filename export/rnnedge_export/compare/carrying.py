"""How far layers carry their roundings: float64 runs side by side (ADR 0012)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.reference import LAYER_STEPS
from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.graph_layers import Window
from rnnedge_runtime.spec.graph_parts import BEFORE, BEHIND, LOOP
from rnnedge_runtime.spec.layers import Difference, Layer, Lru
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.tolerances import CARRIED_FACTOR, LARGEST_GROWTH, LARGEST_SPREAD

from .diagonal_steps import lru_runs
from .exact_steps import ExactSteps
from .graph_steps import joined
from .layer_steps import CELLS, difference, plain_step
from .rounding import Float64, Tensors
from .runs import Taken

Given = tuple[Float64, Float64]
"""The model input clipped, and as it came."""

_RUNS = 3  # one as it is, two that are moved
_CHUNK = 500
_FLIP = (
    0.05  # of a sign, from step to step: roundings repeat where a signal stands still
)
_SEED = 20130101


@dataclass(frozen=True, slots=True)
class Carried:
    """A stream from the initial state, and what carried float32 may be off by in it.

    Attributes:
        y: `[T, O]` float64 outputs.
        limits: `[T, O]`, never falling.
        is_bounded: False where the network amplifies rounding until it fills the state.
        has_changed: per state tensor, whether it ever left its initial value.
    """

    y: Float64
    limits: Float64
    is_bounded: bool
    has_changed: list[bool]


def carry(exact: ExactSteps, x: NDArray[np.float32], taken: Taken) -> Carried:
    """Run `x` `[T, I]` as it is, and with the state moved by its bounds at every step.

    Args:
        exact: the model.
        x: the stream.
        taken: steps on it, for the bounds.
    """
    if not len(taken.at):
        nothing = np.zeros((len(x), exact.spec.output_size))
        return Carried(nothing, nothing, True, [False for _ in taken.after])
    y_bound = exact.step(taken.x, taken.before).y_bound.max(axis=0)
    layers = exact.step(taken.x, taken.before, taken.after)
    runs = _Runs(exact, [bound.max(axis=0) for bound in layers.state_bounds])
    parts = [runs.advance(x[t : t + _CHUNK]) for t in range(0, len(x), _CHUNK)]
    y = np.concatenate([part[:, 0] for part in parts])
    apart = np.concatenate([np.abs(p[:, 1:] - p[:, :1]).max(axis=1) for p in parts])
    apart[~np.isfinite(apart)] = np.inf
    limits = CARRIED_FACTOR * np.maximum.accumulate(apart, axis=0) + y_bound
    return Carried(y, limits, runs.is_bounded, runs.has_changed)


def is_small_spread(apart: float, largest: float, bound: Float64) -> bool:
    """Whether two runs of a state tensor stay together.

    Args:
        apart: how far they get from each other.
        largest: magnitude of the state.
        bound: what one of them was moved by at every step.
    """
    growth = LARGEST_GROWTH * float(bound.max(initial=0.0))
    return apart <= max(LARGEST_SPREAD * largest, growth)


class _Runs:
    """The state of all runs; the first is not moved."""

    def __init__(
        self,
        exact: ExactSteps,
        bounds: Sequence[Float64],
    ) -> None:
        rng = np.random.default_rng(_SEED)
        self.exact = exact
        self.bounds = bounds
        self.rng = rng
        self.state: list[Float64] = [
            tensor.astype(np.float64)
            for tensor in initial_state(exact.spec.graph_state, _RUNS, np.float64)
        ]
        self.initial = [tensor[0].copy() for tensor in self.state]
        self.signs = [
            rng.choice((-1.0, 1.0), (_RUNS - 1, *bound.shape)) for bound in bounds
        ]
        self.apart = [0.0 for _ in bounds]
        self.largest = [0.0 for _ in bounds]
        self.has_changed = [False for _ in bounds]

    @property
    def is_bounded(self) -> bool:
        return all(map(is_small_spread, self.apart, self.largest, self.bounds))

    def advance(self, x: NDArray[np.float32]) -> Float64:
        """`[C, I]` to the outputs of every run `[C, _RUNS, O]`."""
        readings = x.astype(np.float64)
        raw = np.repeat(readings, _RUNS, axis=0)
        given = np.clip(raw, *self.exact.clip), raw
        parts = self.exact.parts
        values = [given[0]] * len(self.exact.spec.layers)
        with np.errstate(all="ignore"):
            self.part(BEFORE, values, given)
            if parts.memories:
                self.loop(values, given)
                self.part(BEHIND, values, given)
        return values[-1].reshape(len(x), _RUNS, -1)

    def part(self, part: int, values: list[Float64], given: Given) -> None:
        """Put what the layers of one part give, `[C * _RUNS, n]`, into `values`."""
        spec = self.exact.spec
        for k, layer in enumerate(spec.layers):
            if self.exact.parts.part_of[k] == part:
                read = [values[s] if s >= 0 else given[0] for s in spec.reads[k]]
                z, _ = joined([(value, value) for value in read], len(given[0]))
                values[k] = self.layer(k, layer, z, given)

    def layer(self, k: int, layer: Layer, z: Float64, given: Given) -> Float64:
        """A layer over all steps."""
        w, at = self.exact.tensors[k], self.exact.places[k]
        count = len(z)
        wide = z.reshape(count // _RUNS, _RUNS, -1)
        if isinstance(layer, Difference):
            change = self.difference(layer, w, given[1][::_RUNS], at)
            return np.concatenate([z, change], 1)
        if isinstance(layer, Window):
            return self.window(layer, wide, at).reshape(count, -1)
        if isinstance(layer, Lru):
            return self.diagonal(layer, w, wide, at).reshape(count, -1)
        if layer.state_shapes():
            return self.cell(layer, w, wide, at).reshape(count, -1)
        source = given[0] if getattr(layer, "is_clipped", True) else given[1]
        return plain_step(layer, w, (z, np.zeros_like(z)), source)[0]

    def loop(self, values: list[Float64], given: Given) -> None:
        """The layers that a memory goes round, step by step by the reference's steps."""
        exact, spec = self.exact, self.exact.spec
        inside = [k for k, part in enumerate(exact.parts.part_of) if part == LOOP]
        places = {
            k: range(exact.places[k], exact.places[k] + len(layer.state_shapes()))
            for k, layer in enumerate(spec.layers)
        }
        carried = [at for k in inside for at in places[k]]
        num_steps = len(given[0]) // _RUNS
        moves = {at: self.moves(at, num_steps) for at in carried}
        taken: dict[int, list[Float64]] = {k: [] for k in inside}
        found: dict[int, list[Float64]] = {at: [] for at in carried}
        for t in range(num_steps):
            rows = slice(t * _RUNS, (t + 1) * _RUNS)
            x, readings = (part[rows] for part in given)
            now = {s: values[s][rows] for s in exact.parts.entering(spec)}
            now[INPUT] = x
            new: dict[int, Float64] = {}
            for k in inside:
                layer = spec.layers[k]
                z = tuple(now[s] for s in spec.reads[k])
                before = iter([self.state[at] for at in places[k]])
                now[k], *after = _step_of(layer)(
                    layer,
                    exact.tensors[k],
                    z[0] if len(z) == 1 else z,
                    before,
                    (x, readings),
                )
                new.update(zip(places[k], after, strict=True))
                taken[k].append(now[k])
            for k, source in exact.parts.memories.items():
                new[exact.places[k]] = now[source]
            for at in carried:
                self.state[at] = new[at] + moves[at][t]
                found[at].append(self.state[at])
        for k in inside:
            values[k] = np.concatenate(taken[k])
        for at in carried:
            self.keep(at, np.stack(found[at]))

    def window(self, layer: Window, z: Float64, at: int) -> Float64:
        """`[C, _RUNS, n]` moved as it goes in, to `[C, _RUNS, taps * n]`."""
        size, kept = layer.input_size, layer.inner_size
        z = z + self.moves(at, len(z))[..., -size:]
        before = self.state[at].reshape(_RUNS, kept, size).swapaxes(0, 1)
        held = np.concatenate([before, z])
        starts = range(0, kept + 1, layer.dilation)
        self.note(at, z, 0.0)
        self.state[at] = held[-kept:].swapaxes(0, 1).reshape(_RUNS, -1)
        return np.concatenate([held[k : k + len(z)] for k in starts], axis=-1)

    def diagonal(self, layer: Lru, w: Tensors, z: Float64, at: int) -> Float64:
        """`[C, _RUNS, n]` through a layer whose state no matrix acts on."""
        y, states = lru_runs(layer, w, z, self.state[at], self.moves(at, len(z)))
        self.keep(at, states)
        return y

    def difference(
        self, layer: Difference, w: Tensors, readings: Float64, at: int
    ) -> Float64:
        """Copies of readings round nothing."""
        values = readings[:, list(layer.sources)]
        after = np.concatenate([values, np.ones_like(values[:, :1])], axis=1)
        before = np.concatenate([self.state[at][:1], after[:-1]])
        change, _ = difference(w, values, before)
        self.state[at][:] = after[-1]
        self.has_changed[at] = True
        self.largest[at] = np.inf
        return np.repeat(change, _RUNS, axis=0)

    def cell(self, layer: Layer, w: Tensors, z: Float64, at: int) -> Float64:
        """`[C, _RUNS, n]` through a recurrent layer."""
        cell = CELLS[type(layer)]
        scale = cell.scale(w)[:, None]
        weight = scale * w["weight_hh"]
        bias = np.repeat(scale * w["bias_hh"][:, None], _RUNS, axis=1)
        sums = (scale * w["weight_ih"]) @ _upright(z)
        sums += scale * w["bias_ih"][:, None]
        if not cell.has_two_sums:
            sums += bias
        places = range(at, at + len(layer.state_shapes()))
        moves = [_upright(self.moves(k, len(z))) for k in places]
        state = [_upright(self.state[k]) for k in places]
        found = [np.empty((len(z), *part.shape)) for part in state]
        for t in range(len(z)):
            recurrent = weight @ state[0]
            if cell.has_two_sums:
                recurrent += bias
            state = cell.carried(layer, w, sums[t], recurrent, state)
            for k, part in enumerate(state):
                found[k][t] = np.add(part, moves[k][t], out=part)
        outputs = [out.swapaxes(1, 2) for out in found]
        for k, values in zip(places, outputs, strict=True):
            self.keep(k, values)
        return outputs[0]

    def moves(self, at: int, num_steps: int) -> Float64:
        """`[C, _RUNS, n]`: 0, then the bound with signs that flip now and then."""
        signs = self.signs[at]
        flips = self.rng.random((num_steps, *signs.shape), dtype=np.float32) < _FLIP
        signs = signs * np.cumprod(np.where(flips, -1.0, 1.0), axis=0)
        self.signs[at] = signs[-1]
        return np.pad(signs * self.bounds[at], ((0, 0), (1, 0), (0, 0)))

    def keep(self, at: int, values: Float64) -> None:
        """What is left of a chunk: the state, and how far the runs are apart."""
        self.state[at] = values[-1]
        self.note(at, values, self.initial[at])

    def note(self, at: int, values: Float64, initial: Float64 | float) -> None:
        """How far the runs are apart in what a state tensor takes."""
        apart = float(np.abs(values[:, 1:] - values[:, :1]).max())
        self.apart[at] = max(self.apart[at], apart if np.isfinite(apart) else np.inf)
        self.largest[at] = max(self.largest[at], float(np.abs(values[:, 0]).max()))
        self.has_changed[at] |= bool((values[:, 0] != initial).any())


def _step_of(layer: Layer) -> Callable[..., tuple[Float64, ...]]:
    return LAYER_STEPS[type(layer)]  # type: ignore[return-value]


def _upright(values: Float64) -> Float64:
    """`[..., _RUNS, n]` as `[..., n, _RUNS]`: a gate of all runs is one piece of memory."""
    return np.ascontiguousarray(values.swapaxes(-1, -2))
