"""A stream of a model that gives an output every few rows: it gathers them to frames."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array
from ..errors import SpecError
from ..formats.frame_snapshot import pack_frame, unpack_frame
from .arguments import TimeLike, check_count, check_out, check_readings, check_times
from .exclusive import ExclusiveUse
from .inputs import hold_readings
from .loaded_model import LoadedModel
from .stream import Stream


class FrameStream(Stream):
    """The contract of Stream, row by row: `step` gives None until a frame is full.

    A row is `[F]`; `rows_per_step` rows are a frame, which is one step of the network. The
    rows of a frame may come at once as well, `[rows_per_step * F]`, which always gives an
    output. Rows that wait are kept by `snapshot` and `restore`, dropped by `reset`, and no
    part of `state`.

    Args:
        model: what it streams.
        frames: a stream of the same model that takes whole frames.
    """

    def __init__(self, model: LoadedModel, frames: Stream) -> None:
        self._model = model
        self._spec = model.spec
        self._row_spec = model.spec.by_row
        self._frames = frames
        self._use = ExclusiveUse("Stream")
        shape = (self._spec.rows_per_step, self._row_spec.num_features)
        self._frame = np.zeros(shape, dtype=np.float32)
        self._num_waiting = 0
        self._checks = any(item.missing != "hold" for item in self._spec.features)

    @property
    def num_steps(self) -> int:
        """Frames since the initial state."""
        return self._frames.num_steps

    @property
    def num_waiting(self) -> int:
        """Rows that wait for the rest of their frame."""
        return self._num_waiting

    def step(  # type: ignore[override]
        self, x: ArrayLike, time: TimeLike = None, out: Array | None = None
    ) -> Array | None:
        """Advance by one row, or by as many as a frame has.

        Returns:
            `[O]` as `Stream.step` where a frame became full, None where not; `out` is
            written to only then.

        Raises:
            ShapeError, SpecError, NonFiniteError, StateError: as `Stream.step`.
        """
        where = "Stream.step"
        with self._use:
            check_out(out, (self._spec.output_size,), where=where)
            rows = self._rows(x, 1, where)
            check_times(self._row_spec, time, len(rows), where=where, is_sequence=True)
            y = self._advance_rows(rows, where)
            if not len(y):
                return None
            if out is None:
                out = np.empty(y.shape[1], y.dtype)
            out[:] = y[0]
            return out

    def run(self, xs: ArrayLike, time: TimeLike = None) -> Array:
        """Advance by T rows at once, the same outputs as T calls of `step`.

        Returns:
            `[n, O]`, an output for every frame that became full.

        Raises:
            ShapeError, SpecError, NonFiniteError, StateError: as `step`.
        """
        with self._use:
            return self._run(xs, time, where="Stream.run")

    def prime(self, history: ArrayLike, time: TimeLike = None) -> None:
        with self._use:
            self._run(history, time, where="Stream.prime")

    def forecast(self, num_steps: int, *, hold: bool = False) -> Array:
        """The outputs of the last full frame, up to the horizon (`Stream.forecast`).

        Raises:
            ShapeError, StateError: as `Stream.forecast`.
            SpecError: beyond the horizon, where a frame of rows would have to be fed back.
        """
        where = "Stream.forecast"
        name, what = "num_steps", "steps ahead"
        num_steps = check_count(num_steps, least=1, where=where, name=name, what=what)
        if num_steps > self._spec.horizon:
            raise SpecError(
                f"{where}: {num_steps} steps ahead are beyond the horizon of "
                f"{self._spec.horizon}, and a step of this model takes "
                f"{self._spec.rows_per_step} rows, of which a forecast gives one. "
                f"Ask for {self._spec.horizon} or fewer."
            )
        return self._frames.forecast(num_steps, hold=hold)

    def reset(self) -> None:
        with self._use:
            self._frames.reset()
            self._num_waiting = 0

    def snapshot(self) -> bytes:
        """The state as bytes, with the rows that wait (docs/format.md, "Frame snapshot")."""
        with self._use:
            waiting = self._frame[: self._num_waiting]
            return pack_frame(self._frames.snapshot(), waiting)

    def restore(self, blob: bytes) -> None:
        with self._use:
            snapshot, rows = unpack_frame(blob, self._spec)
            self._frames.restore(snapshot)
            self._keep(rows)

    def state(self) -> dict[str, Array]:
        return self._frames.state()

    def set_state(self, state: Mapping[str, ArrayLike]) -> None:
        self._frames.set_state(state)

    def _run(self, xs: ArrayLike, time: TimeLike, *, where: str) -> Array:
        rows = self._rows(xs, 2, where)
        num_times = len(rows) if np.ndim(time) == 0 else len(xs)  # type: ignore[arg-type]
        check_times(self._row_spec, time, num_times, where=where, is_sequence=True)
        return self._advance_rows(rows, where)

    def _rows(self, x: ArrayLike, num_axes: int, where: str) -> NDArray[np.float32]:
        """`[n, F]` of rows or of whole frames, checked."""
        try:
            is_frames = np.shape(x)[-1:] == (self._spec.num_features,)
        except ValueError:  # ragged, which is refused below
            is_frames = False
        spec = self._spec if is_frames else self._row_spec
        axes, name = ("F", "T F")[num_axes - 1], self._model.name
        found = check_readings(spec, x, axes, where=where, artifact=name)
        rows = found.reshape(-1, self._row_spec.num_features)
        if self._checks:
            hold_readings(self._row_spec.features, rows, self._frame[0], where=where)
        return rows

    def _advance_rows(self, rows: NDArray[np.float32], where: str) -> Array:
        """`[n, F]` rows, checked, to the outputs `[frames, O]`."""
        size, num_waiting = len(self._frame), self._num_waiting
        if len(rows) == 1 and num_waiting + 1 < size:
            self._frame[num_waiting] = rows[0]
            self._num_waiting += 1
            return np.empty((0, self._spec.output_size), self._model.engine.dtype)
        if num_waiting:
            rows = np.concatenate([self._frame[:num_waiting], rows])
        num_frames = len(rows) // size
        frames = rows[: num_frames * size].reshape(num_frames, self._spec.num_features)
        y: Array = (
            self._frames.step(frames[0])[None]
            if num_frames == 1
            else self._frames.run(frames)
        )
        self._keep(rows[num_frames * size :])
        return y

    def _keep(self, rows: NDArray[np.float32]) -> None:
        self._num_waiting = len(rows)
        self._frame[: len(rows)] = rows

    def __repr__(self) -> str:
        waiting = f" and {self._num_waiting} rows" if self._num_waiting else ""
        return f"<Stream of {self._model.name} after {self.num_steps} frames{waiting}>"
