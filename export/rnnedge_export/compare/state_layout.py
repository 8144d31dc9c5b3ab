"""The state of a module as its artifact orders it, found by its values.

A module may stack, join or transpose what its layers carry. Each tensor of the spec is a run
of neighbouring numbers somewhere in it, and over the first steps no other run is as near.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rnnedge_runtime.streams.engine import initial_state

from .exact_steps import ExactSteps
from .runs import Array, Taken, stacked
from .verification_stream import Inputs

_COMPARED_STEPS = (0, 1, 3, 7, 15)
_WEIGHTS = (1.0, 3e-2, 1e-3, 3e-5, 1e-6)
"""The first steps tell most, as rounding has not grown yet; the later ones part units that
start alike."""


def in_spec_order(exact: ExactSteps, taken: Taken) -> Taken | None:
    """Steps of a module, their states `[S, ...]` in `ModelSpec.graph_state` order.

    A wrong place shows as a wrong step. None where a tensor fits nowhere.
    """
    entries = exact.spec.graph_state
    flat = [tensor.reshape(len(taken.at), -1) for tensor in taken.after]
    shapes = [(len(taken.at), *entry.shape) for entry in entries]
    if [tensor.shape for tensor in taken.after] == shapes and len(entries) == 1:
        return taken
    steps = [t for t in _COMPARED_STEPS if t < len(taken.at)]
    expected = _first_states(exact, taken.x[: steps[-1] + 1])
    before: list[Array] = []
    after: list[Array] = []
    for k, entry in enumerate(entries):
        wanted = np.stack([expected[t + 1][k].reshape(-1) for t in steps])
        found = [_place(tensor[steps], wanted) for tensor in flat]
        distance, at = min(found, default=(np.inf, 0))
        if not np.isfinite(distance):
            return None
        source = found.index((distance, at))
        part = slice(at, at + entry.size)
        for states, collected in ((taken.before, before), (taken.after, after)):
            rows = states[source].reshape(len(taken.at), -1)[:, part]
            collected.append(rows.reshape(-1, *entry.shape))
    return replace(taken, before=before, after=after)


def taken_by_reference(exact: ExactSteps, x: Inputs) -> Taken:
    """The first steps of `x` in float64, for a module whose own state is not found."""
    at = np.arange(min(len(x), _COMPARED_STEPS[-1] + 1))
    states = _first_states(exact, x[at])
    y = np.zeros((len(at), exact.spec.output_size))
    return Taken(at, x[at], stacked(states[:-1]), y, stacked(states[1:]))


def _place(values: Array, wanted: Array) -> tuple[float, int]:
    """Distance and start of the run in `[M, n]` that is nearest to `[M, size]`."""
    size = wanted.shape[1]
    if values.shape[1] < size:
        return np.inf, 0
    windows = sliding_window_view(values.astype(np.float64), size, axis=1)
    distances = np.zeros(windows.shape[1])
    for row, target, weight in zip(windows, wanted, _WEIGHTS, strict=False):
        distances += weight * np.abs(row - target).max(axis=1)
    best = int(np.argmin(distances))
    return float(distances[best]), best


def _first_states(exact: ExactSteps, x: Inputs) -> list[list[Array]]:
    """Before the first step, and after each."""
    state: Sequence[Array] = initial_state(exact.spec.graph_state, 1, np.float64)
    found = [state]
    for row in x:
        state = exact.step(row[None], state).state
        found.append(state)
    return [[tensor[0] for tensor in tensors] for tensors in found]
