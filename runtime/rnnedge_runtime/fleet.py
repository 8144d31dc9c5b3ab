"""Streams: a fleet of series that share the weights and are stepped together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import TimeLike, check_out, check_readings, check_times
from .engine import Array, initial_state
from .errors import ShapeError, StateError
from .exclusive import ExclusiveUse
from .input_handling import hold_readings
from .snapshot import pack_snapshot, unpack_snapshot
from .stream import model_inputs

if TYPE_CHECKING:
    from .model import Model


class Streams:
    """N streams with states of their own; a step of many is one call of the engine.

    Every stream has an id: 0 to N - 1 at first, then whatever `add` returns; the id of a
    removed stream is not used again. A call that raises leaves every state as it was.

    One thread at a time: a call made while another thread is inside raises StateError.
    Made by `Model.streams(n)`.
    """

    def __init__(self, model: Model, count: int) -> None:
        self._model = model
        self._engine = model.engine
        self._spec = model.spec
        self._use = ExclusiveUse("Streams")
        self._ids = np.arange(count, dtype=np.int64)  # [N], ascending
        self._next_id = count
        self._num_steps = np.zeros(count, dtype=np.int64)  # [N]
        self._state = initial_state(self._spec.graph_state, count, self._engine.dtype)
        self._held = initial_state(self._spec.state[-1:], count, np.float32)[
            0
        ]  # [N, F]

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def model(self) -> Model:
        """The model they stream."""
        return self._model

    @property
    def ids(self) -> NDArray[np.int64]:
        """`[N]` the ids of the streams, ascending: the rows of `step` without `index`."""
        return self._ids.copy()

    def step(
        self,
        X: ArrayLike,
        time: TimeLike = None,
        index: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Array:
        """Advance streams by one reading each.

        Args:
            X: `[n, F]` readings; row j steps the stream with id `index[j]`.
            time: Unix seconds UTC, one integer for all rows or `[n]`; required when the
                spec has derived inputs.
            index: `[n]` distinct ids; None steps every stream, in the order of `ids`.
            out: `[n, O]` float array to write the outputs to.

        Returns:
            `[n, O]` outputs; `out` when given.

        Raises:
            ShapeError: an array has another shape.
            SpecError: `time` is missing.
            NonFiniteError: a missing value of a feature whose policy is `reject`.
            StateError: an id is unknown or appears twice, or another thread is inside.
        """
        where = "Streams.step"
        with self._use:
            spec = self._spec
            readings = check_readings(
                spec, X, "N F", where=where, artifact=self._model.name
            )
            rows = self._all_rows() if index is None else self._rows(index, where)
            if len(readings) != len(rows):
                raise ShapeError(
                    f"{where}: X has {len(readings)} rows, but {len(rows)} streams are to "
                    "be stepped. Pass one row per stream, or index= with one id per row."
                )
            check_out(out, (len(rows), spec.output_size), where=where)
            times = None
            if spec.derived:
                times = check_times(
                    spec, time, len(rows), where=where, is_sequence=False
                )
            held = self._hold(readings, rows, where)
            y = np.empty((len(rows), spec.output_size), dtype=self._engine.dtype)
            if len(rows):
                x = model_inputs(spec, held, times)
                state = [tensor[rows] for tensor in self._state]
                outputs, state = self._engine.run(x[:, None], state)
                for tensor, new in zip(self._state, state, strict=True):
                    tensor[rows] = new
                y = outputs[:, 0]
            self._held[rows] = held
            self._num_steps[rows] += 1
            if out is None:
                return y
            out[:] = y
            return out

    def reset(self, i: int) -> None:
        """Stream `i` back to the initial state.

        Raises:
            StateError: no stream has the id `i`.
        """
        with self._use:
            row = self._row(i, "Streams.reset")
            initial = [entry.initial_array() for entry in self._spec.state]
            self._set(row, 0, initial)

    def snapshot(self, i: int) -> bytes:
        """The state of stream `i` as bytes; a Stream of any backend restores it too.

        Raises:
            StateError: no stream has the id `i`.
        """
        with self._use:
            row = self._row(i, "Streams.snapshot")
            return pack_snapshot(
                self._model.digest,
                self._model.metadata.numerics,
                int(self._num_steps[row]),
                [tensor[row] for tensor in (*self._state, self._held)],
            )

    def restore(self, i: int, blob: bytes) -> None:
        """Set the state of stream `i` to that of a snapshot.

        Raises:
            FormatError: `blob` is cut short, changed, too new or not a snapshot.
            StateError: it belongs to another model, or no stream has the id `i`.
        """
        with self._use:
            row = self._row(i, "Streams.restore")
            num_steps, state = unpack_snapshot(
                blob,
                self._spec.state,
                digest=self._model.digest,
                numerics=self._model.metadata.numerics,
            )
            self._set(row, num_steps, state)

    def add(self, count: int = 1) -> NDArray[np.int64]:
        """Add `count` streams in the initial state and return their ids `[count]`.

        Raises:
            ShapeError: `count` is negative.
        """
        with self._use:
            if count < 0:
                raise ShapeError(
                    f"Streams.add: count is {count}, expected 0 or more. "
                    "Pass the number of streams to add."
                )
            ids = np.arange(self._next_id, self._next_id + count, dtype=np.int64)
            added = initial_state(self._spec.state, count, self._engine.dtype)
            self._state = [
                np.concatenate([tensor, new])
                for tensor, new in zip(self._state, added[:-1], strict=True)
            ]
            self._held = np.concatenate([self._held, added[-1].astype(np.float32)])
            self._num_steps = np.append(self._num_steps, np.zeros(count, np.int64))
            self._ids = np.append(self._ids, ids)
            self._next_id += count
            return ids

    def remove(self, i: int) -> None:
        """Remove stream `i` and forget its state.

        Raises:
            StateError: no stream has the id `i`.
        """
        with self._use:
            row = self._row(i, "Streams.remove")
            self._state = [np.delete(tensor, row, axis=0) for tensor in self._state]
            self._held = np.delete(self._held, row, axis=0)
            self._num_steps = np.delete(self._num_steps, row)
            self._ids = np.delete(self._ids, row)

    def _set(self, row: int, num_steps: int, state: list[Array]) -> None:
        for tensor, value in zip((*self._state, self._held), state, strict=True):
            tensor[row] = value
        self._num_steps[row] = num_steps

    def _hold(
        self, readings: NDArray[np.float32], rows: NDArray[np.int64], where: str
    ) -> NDArray[np.float32]:
        held = readings.copy()
        for j in np.flatnonzero(~np.isfinite(readings).all(axis=1)):
            held[j] = hold_readings(
                self._spec.features,
                readings[j : j + 1],
                self._held[rows[j]],
                where=f"{where}: stream {self._ids[rows[j]]}",
            )[0]
        return held

    def _all_rows(self) -> NDArray[np.int64]:
        return np.arange(len(self._ids), dtype=np.int64)

    def _row(self, i: int, where: str) -> int:
        return int(self._rows([i], where)[0])

    def _rows(self, index: ArrayLike, where: str) -> NDArray[np.int64]:
        """Position of every id; the ids are kept ascending, so a search finds them."""
        wanted = np.asarray(index)
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise ShapeError(
                f"{where}: index has shape {list(wanted.shape)} and type {wanted.dtype}, "
                "expected [n] integers. Pass one stream id per row."
            )
        wanted = wanted.astype(np.int64)
        unknown = np.setdiff1d(wanted, self._ids)
        if len(unknown):
            raise StateError(
                f"{where}: no stream has the id {unknown[0]}; there are {len(self)} "
                "streams, listed by `ids`. Use an id that `ids` or `add` returned."
            )
        ids, counts = np.unique(wanted, return_counts=True)
        if (counts > 1).any():
            raise StateError(
                f"{where}: stream {ids[counts > 1][0]} appears {counts.max()} times in "
                "index, expected once. Step it again in another call."
            )
        return np.searchsorted(self._ids, wanted).astype(np.int64)

    def __repr__(self) -> str:
        return f"<Streams of {self._model.name}: {len(self)}>"
