"""A Stream whose `step`, `reset` and `snapshot` are C, and whose `run` is one call of C."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._native import Stream as CoreStream
from ..arrays import Array, State
from ..streams.engine import LastStep
from ..streams.inputs import hold_readings
from ..streams.stream import Stream
from .native_state import join_state, split_state

if TYPE_CHECKING:
    from .._native import Model as CoreModel
    from ..streams.loaded_model import LoadedModel


class NativeStream(CoreStream, Stream):
    """The contract of Stream; `step` is the C method of the first base.

    The C method takes what a device loop passes. All other arguments, and all that is
    wrong, it hands to `_step_checked`, which treats them as every backend does. The core
    looks itself that one thread is inside.
    """

    _use = nullcontext()
    _step_checked = Stream.step

    def __init__(self, core: CoreModel, model: LoadedModel) -> None:
        self._core = core
        self._model = model
        self._engine = model.engine
        self._spec = model.spec

    def _change_state(self, given: Mapping[int, Array]) -> None:
        entries = self._spec.state
        masks = [np.full(entry.size, k in given) for k, entry in enumerate(entries)]
        state = [given.get(k, np.zeros(e.size)) for k, e in enumerate(entries)]
        self.change_values(join_state(state), np.concatenate(masks))

    def _set(self, num_steps: int, state: State) -> None:
        self.set_values(join_state(state), num_steps)

    def _peek(self) -> tuple[Array, State, int | None]:
        """Last output, `_whole_state` and last time; None before the first step."""
        output = np.empty(self._spec.output_size, dtype=np.float32)
        values = np.empty(self._core.state_size, dtype=np.float32)
        time = self.peek(output, values)
        return output, split_state(self._spec, values), time

    def _whole_state(self) -> State:
        return self._peek()[1]

    def _last_step(self) -> LastStep | None:
        output, (*state, held), time = self._peek()
        return None if time is None else LastStep(output, state, time, held)

    def _advance(
        self, readings: NDArray[np.float32], times: NDArray[np.int64] | None, where: str
    ) -> Array:
        """`[T, F]` readings, checked, to `[T, O]`."""
        spec = self._spec
        y = np.empty((len(readings), spec.output_size), dtype=np.float32)
        last_time = 0 if times is None or not len(times) else int(times[-1])
        x = core_inputs(self._core, readings, times, spec.input_size)
        if not self.advance(x, y, last_time):
            held = np.zeros(spec.num_features, dtype=np.float32)
            hold_readings(spec.features, readings, held, where=where)
        return y


def core_inputs(
    core: CoreModel,
    readings: NDArray[np.float32],
    times: NDArray[np.int64] | None,
    input_size: int,
) -> NDArray[np.float32]:
    """`[n, I]` contiguous and aligned: the readings `[n, F]`, then the derived columns."""
    if times is None:
        return np.require(readings, np.float32, ["C", "A"])
    x = np.empty((len(readings), input_size), dtype=np.float32)
    x[:, : readings.shape[1]] = readings
    core.time_features(np.ascontiguousarray(times), x)
    return x
