"""A Stream whose `step`, `reset` and `snapshot` are C, and whose `run` is one call of C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._native import Stream as CoreStream
from ..arrays import Array, State
from ..formats.snapshot import unpack_snapshot
from ..streams.arguments import TimeLike, check_out, check_readings, check_times
from ..streams.inputs import hold_readings
from ..streams.last_step import LastStep
from ..streams.stream import Stream
from .native_state import join_state, split_state

if TYPE_CHECKING:
    from .._native import Model as CoreModel
    from ..streams.loaded_model import LoadedModel
    from ..streams.named_state import GivenState


class NativeStream(CoreStream, Stream):
    """The contract of Stream; `step` is the C method of the first base.

    The C method takes what a device loop passes. All other arguments, and all that is
    wrong, it hands to `_step_checked`, which treats them as every backend does.
    """

    def __init__(self, core: CoreModel, model: LoadedModel) -> None:
        self._core = core
        self._model = model
        self._engine = model.engine
        self._spec = model.spec

    def restore(self, blob: bytes) -> None:
        num_steps, state = unpack_snapshot(
            blob,
            self._spec.state,
            digest=self._model.digest,
            numerics=self._model.metadata.numerics,
        )
        self.set_values(join_state(state), num_steps)

    def _whole_state(self) -> State:
        values = np.empty(self._core.state_size, dtype=np.float32)
        self.peek(np.empty(self._spec.output_size, dtype=np.float32), values)
        return split_state(self._spec, values)

    def _change_state(self, given: GivenState) -> None:
        state = [np.zeros(entry.shape, np.float32) for entry in self._spec.state]
        is_given = [
            np.full(entry.size, k in given.tensors)
            for k, entry in enumerate(self._spec.state)
        ]
        self.change_values(join_state(given.over(state)), np.concatenate(is_given))

    def run(self, xs: ArrayLike, time: TimeLike = None) -> Array:
        return self._run(xs, time, where="Stream.run")

    def prime(self, history: ArrayLike, time: TimeLike = None) -> None:
        self._run(history, time, where="Stream.prime")

    def _step_checked(self, x: ArrayLike, time: TimeLike, out: Array | None) -> Array:
        """`step` for any arguments."""
        where = "Stream.step"
        spec = self._spec
        reading = check_readings(spec, x, "F", where=where, artifact=self._model.name)
        check_out(out, (spec.output_size,), where=where)
        times = check_times(spec, time, 1, where=where, is_sequence=True)
        y: Array = self._advance(reading[None], times, where=where)[0]
        if out is None:
            return y
        out[:] = y
        return out

    def _run(self, xs: ArrayLike, time: TimeLike, *, where: str) -> Array:
        readings, times = self._checked_rows(xs, time, where=where)
        return self._advance(readings, times, where=where)

    def _advance(
        self,
        readings: NDArray[np.float32],
        times: NDArray[np.int64] | None,
        *,
        where: str,
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

    def _last_step(self) -> LastStep | None:
        output = np.empty(self._spec.output_size, dtype=np.float32)
        values = np.empty(self._core.state_size, dtype=np.float32)
        time = self.peek(output, values)
        if time is None:
            return None
        *state, held = split_state(self._spec, values)
        return LastStep(output, state, time, held)


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
