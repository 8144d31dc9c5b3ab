"""Stream: one series with its own state, advanced one reading at a time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, State
from ..errors import StateError
from .arguments import TimeLike, check_count, check_out, check_readings, check_times
from .engine import LastStep
from .exclusive import ExclusiveUse, OneOwner
from .inputs import forecast_cuts, hold_readings, pass_missing
from .loaded_model import LoadedModel


class Stream(OneOwner):
    """The state of one series, and the calls that advance it.

    A reading is the F features in raw units; a missing value (NaN, infinite or outside
    the feature's range) is held, forecast, rejected or passed on as the spec says. A call that
    raises leaves the state as it was. Nothing but `reset`, `restore` and `set_state` sets
    the state.

    `copy` and `pickle` raise StateError: `snapshot` is the state, `restore` sets it.
    One thread at a time: a call made while another thread is inside raises StateError.
    Made by `Model.stream()`.
    """

    _copy = "Stream", "other = model.stream(); other.restore(stream.snapshot())"

    def __init__(self, model: LoadedModel) -> None:
        spec = model.spec
        self._model = model
        self._engine = model.engine
        self._spec = spec
        self._use: AbstractContextManager[None] = ExclusiveUse("Stream")
        self._stepper = self._engine.stepper()
        self._inputs = model.engine.inputs
        self._held = np.empty(spec.num_features, dtype=np.float32)  # [F]
        self._output = np.empty(spec.output_size, dtype=self._engine.dtype)  # [O]
        self._last_time = 0
        self._set(0, [entry.initial_array() for entry in spec.state])

    @property
    def model(self) -> LoadedModel:
        """The model it streams."""
        return self._model

    @property
    def num_steps(self) -> int:
        """Steps since the initial state; a snapshot keeps the count."""
        return self._num_steps

    def step(
        self, x: ArrayLike, time: TimeLike = None, out: Array | None = None
    ) -> Array:
        """Advance by one reading.

        Args:
            x: `[F]` features in raw units, in the order of the spec.
            time: Unix seconds UTC, integer; required when the spec has derived inputs.
            out: `[O]` float array to write the outputs to.

        Returns:
            `[O]` outputs in raw units, ordered as `spec.outputs`; `out` when given.

        Raises:
            ShapeError: `x`, `time` or `out` has another shape.
            SpecError: `time` is missing.
            NonFiniteError: a missing value of a feature whose policy is `reject`, or an
                infinite one where it is `pass`.
            StateError: another thread is inside this stream.
        """
        where = "Stream.step"
        with self._use:
            spec, name = self._spec, self._model.name
            reading = check_readings(spec, x, "F", where=where, artifact=name)
            if out is not None:
                check_out(out, (spec.output_size,), where=where)
            times = check_times(spec, time, 1, where=where, is_sequence=True)
            y: Array = self._advance(reading[None], times, where)[0]
            if out is None:
                return y
            out[:] = y
            return out

    def run(self, xs: ArrayLike, time: TimeLike = None) -> Array:
        """Advance by T readings at once; the same outputs as T calls of `step`.

        Args:
            xs: `[T, F]` readings, oldest first; `T == 0` is allowed.
            time: `[T]` Unix seconds UTC, or the integer time of the first row, the others
                following by `spec.sample_period_s`. Required when the spec has derived
                inputs.

        Returns:
            `[T, O]` outputs.

        Raises:
            ShapeError, SpecError, NonFiniteError, StateError: as `step`.
        """
        with self._use:
            return self._run(xs, time, where="Stream.run")

    def prime(self, history: ArrayLike, time: TimeLike = None) -> None:
        """Advance the state through known history, discarding the outputs.

        After `prime(a)` and `prime(b)` the state equals that after `prime` of both.

        Args:
            history: `[T, F]` readings, oldest first; `T == 0` is allowed.
            time: as for `run`.

        Raises:
            ShapeError, SpecError, NonFiniteError, StateError: as `step`.
        """
        with self._use:
            self._run(history, time, where="Stream.prime")

    def forecast(self, num_steps: int, *, hold: bool = False) -> Array:
        """The next `num_steps` steps after the last reading; the state is not changed.

        Up to the horizon these are the outputs of the last step. Beyond it, the forecast
        one step ahead (the median, with quantiles) is fed back as the next reading, within
        the feature's range, on a
        copy of the state with the time advanced by `spec.sample_period_s`; each reading
        fed back gives one more row, its furthest step.

        Args:
            num_steps: steps ahead, 1 or more.
            hold: beyond the horizon, take a feature that is neither a target nor derived
                to stay at its last accepted reading. Without, such a feature is an error.

        Returns:
            `[num_steps, targets]`, with Q quantiles `[num_steps, targets, Q]`.

        Raises:
            ShapeError: `num_steps` is below 1 or not an integer.
            SpecError: beyond the horizon, a feature is neither a target nor derived and
                not held, no quantile is the median, or the sampling period is unknown.
            StateError: nothing was stepped since the start, `reset`, `restore` or
                `set_state`.
        """
        last_step = self._last_step()
        num_steps = check_count(
            num_steps,
            least=1,
            where="Stream.forecast",
            name="num_steps",
            what="steps ahead",
        )
        if last_step is None:
            raise StateError(
                "Stream.forecast: no reading was stepped since the start, reset, restore "
                "or set_state, and the last output is not part of a state. "
                "Step at least one reading first."
            )
        from .forecasting import forecast_rows

        return forecast_rows(self._engine, last_step, num_steps=num_steps, hold=hold)

    def reset(self) -> None:
        """Back to the initial state, as if nothing had been stepped."""
        with self._use:
            self._set(0, [entry.initial_array() for entry in self._spec.state])

    def snapshot(self) -> bytes:
        """The state as bytes (docs/format.md, "Snapshot"); any backend restores it."""
        with self._use:
            return self._model.metadata.pack(self._num_steps, self._whole_state())

    def restore(self, blob: bytes) -> None:
        """Set the state to that of a snapshot.

        Raises:
            FormatError: `blob` is cut short, changed, too new or not a snapshot.
            StateError: it belongs to another model.
        """
        with self._use:
            self._set(*self._model.metadata.unpack(blob))

    def state(self) -> dict[str, Array]:
        """Copies of the state by name, in the shapes of `spec.state`.

        `h_0`, `c_0`, ... and the held readings `held`: float32, of a backend in float64 that
        but for `held`. A model in integers gives the values that stand for them exactly.
        Setting a state that was got changes no bit of what follows.

        Raises:
            StateError: another thread is inside this stream.
        """
        from .named_state import named_state

        with self._use:
            return named_state(self._spec, self._whole_state())

    def set_state(self, state: Mapping[str, ArrayLike]) -> None:
        """Set the tensors that `state` names; the others and `num_steps` stay.

        What is not named stays to the bit. Denormals become 0 and integers round as after a
        step (docs/concepts.md, "State by name"). `forecast` needs a step first.

        Args:
            state: array by name, some or all of what `state()` gives, finite numbers of the
                same shapes; of another model too, where name and shape are the same.

        Raises:
            StateError: not a mapping, a name the model lacks, a value that is not finite or
                that no integer of the model stands for, or another thread is inside.
            ShapeError: an array of another shape, or not of real numbers.
        """
        from .named_state import check_state

        where = "Stream.set_state"
        given = check_state(self._engine, state, where=where)
        with self._use:
            self._change_state(given)

    def _whole_state(self) -> State:
        """Copies of the tensors of `ModelSpec.state`."""
        return [*self._stepper.get_state(), self._held.copy()]

    def _change_state(self, given: Mapping[int, Array]) -> None:
        """Take over tensors by their position in `ModelSpec.state`."""
        state = [given.get(k, tensor) for k, tensor in enumerate(self._whole_state())]
        self._set(self._num_steps, state)

    def _set(self, num_steps: int, state: State) -> None:
        """Take over the tensors of `ModelSpec.state`."""
        self._stepper.set_state(state[:-1])
        self._held[:] = self._inputs.readings(state[-1].astype(np.float32))
        self._num_steps = num_steps
        self._has_output = False

    def _last_step(self) -> LastStep | None:
        """A copy of what the last step left; None before the first."""
        with self._use:
            if not self._has_output:
                return None
            *state, held = self._whole_state()
            return LastStep(self._output.copy(), state, self._last_time, held)

    def _run(self, xs: ArrayLike, time: TimeLike, *, where: str) -> Array:
        spec, name = self._spec, self._model.name
        readings = check_readings(spec, xs, "T F", where=where, artifact=name)
        num_rows = len(readings)
        times = check_times(spec, time, num_rows, where=where, is_sequence=True)
        return self._advance(readings, times, where)

    def _advance(
        self, readings: NDArray[np.float32], times: NDArray[np.int64] | None, where: str
    ) -> Array:
        """`[T, F]` readings, checked, to `[T, O]`."""
        spec, num_rows = self._spec, len(readings)
        if not num_rows:
            return np.empty((0, spec.output_size), dtype=self._engine.dtype)
        held = hold_readings(spec.features, readings, self._held, where=where)
        if num_rows == 1:
            x, held = self._model_inputs(readings, held, times)
            self._stepper.step(x[0], self._output)
            y: Array = self._output[None].copy()
            last = self._inputs.held_after(held[-1], y[-1])
        else:
            state = [tensor[None] for tensor in self._stepper.get_state()]
            ends = [*forecast_cuts(spec.features, readings), num_rows]
            parts, last, start = [], self._held, 0
            for end in ends:
                rows = slice(start, end)
                if len(ends) > 1:
                    now = readings[rows]
                    held = hold_readings(spec.features, now, last, where=where)
                given = None if times is None else times[rows]
                x, held = self._model_inputs(readings[rows], held, given)
                outputs, state = self._engine.run(x[None], state)
                parts.append(outputs[0])
                last = self._inputs.held_after(held[-1], outputs[0, -1])
                start = end
            self._stepper.set_state([tensor[0] for tensor in state])
            y = parts[0] if len(parts) == 1 else np.concatenate(parts)
            self._output[:] = y[-1]
        self._has_output = True
        self._held[:] = last
        self._num_steps += num_rows
        if times is not None:
            self._last_time = int(times[-1])
        return y

    def _model_inputs(
        self,
        readings: NDArray[np.float32],
        held: NDArray[np.float32],
        times: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`[T, I]` what the engine takes of `[T, F]` readings, and these as they are held."""
        taken = held = self._inputs.readings(held)
        if self._spec.passes_missing:
            taken = pass_missing(self._spec.features, readings, held)
        return self._inputs.rows(taken, times), held

    def __repr__(self) -> str:
        return f"<Stream of {self._model.name} after {self.num_steps} steps>"


@runtime_checkable
class OwnStreams(Protocol):
    """An engine that makes streams itself, quicker than the general ones."""

    def make_stream(self, model: LoadedModel) -> Stream:
        """A stream of `model` in the initial state."""
        ...
