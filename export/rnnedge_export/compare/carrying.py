"""How far a chain of layers carries its roundings: float64 runs side by side (ADR 0012)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.layers import Difference, Layer
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.tolerances import CARRIED_FACTOR, LARGEST_GROWTH, LARGEST_SPREAD

from .exact_steps import ExactSteps
from .layer_steps import CELLS, Tensors, difference, plain_step
from .rounding import Float64
from .runs import Taken

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
        clipped = np.clip(readings, *self.exact.clip)
        count = len(x) * _RUNS
        wide = np.repeat(clipped, _RUNS, axis=0)
        raw = np.repeat(readings, _RUNS, axis=0)
        z, at = wide, 0
        with np.errstate(all="ignore"):
            for layer, w in zip(
                self.exact.spec.layers, self.exact.tensors, strict=True
            ):
                if isinstance(layer, Difference):
                    z = np.concatenate([z, self.difference(layer, w, readings, at)], 1)
                    at += 1
                elif layer.state_shapes():
                    z = self.cell(layer, w, z.reshape(len(x), _RUNS, -1), at)
                    z = z.reshape(count, -1)
                    at += len(layer.state_shapes())
                else:
                    source = wide if getattr(layer, "is_clipped", True) else raw
                    z = plain_step(layer, w, (z, np.zeros_like(z)), source)[0]
        return z.reshape(len(x), _RUNS, -1)

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
        apart = float(np.abs(values[:, 1:] - values[:, :1]).max())
        self.apart[at] = max(self.apart[at], apart if np.isfinite(apart) else np.inf)
        self.largest[at] = max(self.largest[at], float(np.abs(values[:, 0]).max()))
        self.has_changed[at] |= bool((values[:, 0] != self.initial[at]).any())


def _upright(values: Float64) -> Float64:
    """`[..., _RUNS, n]` as `[..., n, _RUNS]`: a gate of all runs is one piece of memory."""
    return np.ascontiguousarray(values.swapaxes(-1, -2))
