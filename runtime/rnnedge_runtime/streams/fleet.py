"""Streams: a fleet of series that share the weights and are stepped together."""

from __future__ import annotations

import operator
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array
from ..errors import ShapeError, StateError
from .arguments import TimeLike, check_count, check_out, check_readings, check_times
from .array_fleet import ArrayFleet
from .engine import FleetStates
from .exclusive import ExclusiveUse, OneOwner
from .inputs import hold_readings, is_missing
from .loaded_model import LoadedModel

MAX_STREAMS = 2**32 - 1


class Streams(OneOwner):
    """N streams with states of their own; a step of many is one call of the engine.

    Every stream has an id: 0 to N - 1 at first, then whatever `add` returns; the id of a
    removed stream is not used again. A call that raises leaves every state as it was.

    `copy` and `pickle` raise StateError: `snapshot` is a state, `restore` sets it.
    One thread at a time: a call made while another thread is inside raises StateError.
    Made by `Model.streams(n)`.
    """

    _copy = (
        "Streams",
        "other = model.streams(n); other.restore(j, streams.snapshot(i)) for each",
    )

    def __init__(self, model: LoadedModel, count: int) -> None:
        self._model = model
        self._spec = model.spec
        self._use = ExclusiveUse("Streams")
        self._rejects = any(
            item.missing in ("reject", "pass") for item in model.spec.features
        )
        where = "Model.streams"
        _check_size(count, where)
        try:
            own = model.engine.make_fleet(count, is_fast=model.is_fast)
            self._states: FleetStates = own or ArrayFleet(model.engine, count)
            self._ids = np.arange(count, dtype=np.int64)  # [N], ascending
        except MemoryError:
            raise _out_of_memory(model, count, where) from None
        self._next_id = count

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def model(self) -> LoadedModel:
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
            NonFiniteError: a missing value of a feature whose policy is `reject`, or an
                infinite one where it is `pass`.
            StateError: an id is unknown or appears twice, or another thread is inside.
        """
        where = "Streams.step"
        with self._use:
            spec = self._spec
            readings = check_readings(
                spec, X, "N F", where=where, artifact=self._model.name
            )
            rows = None if index is None else self._rows(index, where)
            num_rows = len(self) if rows is None else len(rows)
            if len(readings) != num_rows:
                raise ShapeError(
                    f"{where}: X has {len(readings)} rows, but {num_rows} streams are to "
                    "be stepped. Pass one row per stream, or index= with one id per row."
                )
            shape = (len(readings), spec.output_size)
            check_out(out, shape, where=where)
            times = check_times(
                spec, time, len(readings), where=where, is_sequence=False
            )
            if self._rejects:
                self._reject_missing(readings, rows, where)
            dtype = self._model.engine.dtype
            if out is not None and out.dtype == dtype and out.flags.carray:
                self._states.step(readings, times, rows, out)
                return out
            y = np.empty(shape, dtype=dtype)
            self._states.step(readings, times, rows, y)
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
            self._states.set(row, 0, initial)

    def snapshot(self, i: int) -> bytes:
        """The state of stream `i` as bytes; a Stream of any backend restores it too.

        Raises:
            StateError: no stream has the id `i`.
        """
        with self._use:
            row = self._row(i, "Streams.snapshot")
            return self._model.metadata.pack(*self._states.get(row))

    def restore(self, i: int, blob: bytes) -> None:
        """Set the state of stream `i` to that of a snapshot.

        Raises:
            FormatError: `blob` is cut short, changed, too new or not a snapshot.
            StateError: it belongs to another model, or no stream has the id `i`.
        """
        with self._use:
            row = self._row(i, "Streams.restore")
            self._states.set(row, *self._model.metadata.unpack(blob))

    def state(self, i: int) -> dict[str, Array]:
        """Copies of the state of stream `i` by name, as `Stream.state`.

        Raises:
            StateError: no stream has the id `i`.
        """
        from .named_state import named_state

        with self._use:
            row = self._row(i, "Streams.state")
            return named_state(self._spec, self._states.get(row)[1])

    def set_state(self, i: int, state: Mapping[str, ArrayLike]) -> None:
        """Set the tensors of stream `i` that `state` names, as `Stream.set_state`.

        Raises:
            StateError, ShapeError: as `Stream.set_state`, or no stream has the id `i`.
        """
        from .named_state import check_state

        where = "Streams.set_state"
        with self._use:
            row = self._row(i, where)
            given = check_state(self._model.engine, state, where=where)
            num_steps, before = self._states.get(row)
            after = [given.get(k, tensor) for k, tensor in enumerate(before)]
            self._states.set(row, num_steps, after)

    def add(self, count: int = 1) -> NDArray[np.int64]:
        """Add `count` streams in the initial state and return their ids `[count]`.

        Raises:
            ShapeError: `count` is negative or not an integer, or so many do not fit into
                memory or a fleet, which holds 4,294,967,295.
        """
        where = "Streams.add"
        with self._use:
            count = check_count(
                count, least=0, where=where, name="count", what="streams to add"
            )
            _check_size(len(self) + count, where)
            try:
                ids = np.arange(self._next_id, self._next_id + count, dtype=np.int64)
                all_ids = np.append(self._ids, ids)
                self._states.add(count)
            except MemoryError:
                raise _out_of_memory(self._model, len(self) + count, where) from None
            self._ids = all_ids
            self._next_id += count
            return ids

    def remove(self, i: int) -> None:
        """Remove stream `i` and forget its state.

        Raises:
            StateError: no stream has the id `i`.
        """
        with self._use:
            row = self._row(i, "Streams.remove")
            self._states.remove(row)
            self._ids = np.delete(self._ids, row)

    def _reject_missing(
        self, readings: NDArray[np.float32], rows: NDArray[np.int64] | None, where: str
    ) -> None:
        missing = is_missing(self._spec.features, readings)
        for j in np.flatnonzero(missing.any(axis=1)):
            hold_readings(
                self._spec.features,
                readings[j : j + 1],
                readings[j],
                where=f"{where}: stream {self._ids[j if rows is None else rows[j]]}",
            )

    def _row(self, i: int, where: str) -> int:
        try:
            number = None if isinstance(i, bool) else operator.index(i)
        except TypeError:
            number = None
        if number is None:
            raise ShapeError(
                f"{where}: i is {i!r}, expected the id of one stream, an integer. "
                "Pass an id that `ids` or `add` returned."
            )
        row = len(self)
        if 0 <= number < self._next_id:
            row = int(np.searchsorted(self._ids, number))
        if row == len(self) or self._ids[row] != number:
            raise self._unknown(number, where)
        return row

    def _rows(self, index: ArrayLike, where: str) -> NDArray[np.int64]:
        """Position of every id; the ids are kept ascending, so a search finds them."""
        given = np.asarray(index)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise ShapeError(
                f"{where}: index has shape {list(given.shape)} and type {given.dtype}, "
                "expected [n] integers. Pass one stream id per row."
            )
        wanted = given.astype(np.int64)
        rows = np.searchsorted(self._ids, wanted).astype(np.int64)
        is_known = np.zeros(len(wanted), dtype=bool)
        inside = rows < len(self._ids)
        is_known[inside] = self._ids[rows[inside]] == wanted[inside]
        if not is_known.all():
            raise self._unknown(int(given[~is_known].min()), where)
        counts = np.bincount(rows, minlength=1)
        if counts.max() > 1:
            raise StateError(
                f"{where}: stream {self._ids[counts.argmax()]} appears {counts.max()} "
                "times in index, expected once. Step it again in another call."
            )
        return rows

    def _unknown(self, i: int, where: str) -> StateError:
        return StateError(
            f"{where}: no stream has the id {i}; there are {len(self)} streams, listed by "
            "`ids`. Use an id that `ids` or `add` returned."
        )

    def __repr__(self) -> str:
        return f"<Streams of {self._model.name}: {len(self)}>"


def _check_size(num_streams: int, where: str) -> None:
    if num_streams > MAX_STREAMS:
        raise ShapeError(
            f"{where}: the fleet would have {num_streams} streams, but one holds at most "
            f"{MAX_STREAMS}. Ask for fewer, or share them among several fleets."
        )


def _out_of_memory(model: LoadedModel, num_streams: int, where: str) -> ShapeError:
    num_values = sum(entry.size for entry in model.spec.state)
    nbytes = num_streams * num_values * model.engine.dtype.itemsize
    return ShapeError(
        f"{where}: the states of {num_streams} streams take {nbytes / 2**30:,.1f} GiB and do "
        "not fit into memory. Ask for fewer, or share them among several machines."
    )
