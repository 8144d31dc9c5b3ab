"""A fleet of a model that gives an output every few rows, each stream at its own row."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array
from ..errors import ShapeError
from ..formats.frame_snapshot import pack_frame, unpack_frame
from .arguments import TimeLike, check_out, check_readings, check_times
from .exclusive import ExclusiveUse
from .fleet import Streams
from .inputs import hold_readings, is_missing
from .loaded_model import LoadedModel


class FrameStreams(Streams):
    """The contract of Streams, row by row; an output of NaN where a frame is not yet full."""

    def __init__(self, model: LoadedModel, count: int) -> None:
        super().__init__(model, count)
        self._row_spec = model.spec.by_row
        self._checks, self._rejects = self._rejects, False
        self._whole = ExclusiveUse("Streams")
        num_before = model.spec.rows_per_step - 1
        shape = (count, num_before, self._row_spec.num_features)
        self._waiting = np.zeros(shape, dtype=np.float32)  # [N, rows, F]
        self._counts = np.zeros(count, dtype=np.int64)  # [N]

    def step(
        self,
        X: ArrayLike,
        time: TimeLike = None,
        index: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Array:
        """Advance streams by one row each (`Streams.step`).

        Returns:
            `[n, O]` outputs, NaN in the rows of streams whose frame is not yet full.

        Raises:
            ShapeError, SpecError, NonFiniteError, StateError: as `Streams.step`.
        """
        where = "Streams.step"
        with self._whole:
            name = self._model.name
            readings = check_readings(
                self._row_spec, X, "N F", where=where, artifact=name
            )
            at = np.arange(len(self)) if index is None else self._rows(index, where)
            if len(readings) != len(at):
                raise ShapeError(
                    f"{where}: X has {len(readings)} rows, but {len(at)} streams are to "
                    "be stepped. Pass one row per stream, or index= with one id per row."
                )
            shape = (len(readings), self._spec.output_size)
            check_out(out, shape, where=where)
            num = len(readings)
            check_times(self._row_spec, time, num, where=where, is_sequence=False)
            self._check_rows(readings, at, where)
            return self._advance(readings, at, shape, out)

    def reset(self, i: int) -> None:
        super().reset(i)
        self._counts[self._row(i, "Streams.reset")] = 0

    def snapshot(self, i: int) -> bytes:
        snapshot = super().snapshot(i)
        row = self._row(i, "Streams.snapshot")
        return pack_frame(snapshot, self._waiting[row, : self._counts[row]])

    def restore(self, i: int, blob: bytes) -> None:
        snapshot, rows = unpack_frame(blob, self._spec)
        super().restore(i, snapshot)
        row = self._row(i, "Streams.restore")
        self._waiting[row, : len(rows)] = rows
        self._counts[row] = len(rows)

    def add(self, count: int = 1) -> NDArray[np.int64]:
        ids = super().add(count)
        new = np.zeros((len(ids), *self._waiting.shape[1:]), dtype=np.float32)
        self._waiting = np.concatenate([self._waiting, new])
        self._counts = np.concatenate([self._counts, np.zeros(len(ids), np.int64)])
        return ids

    def remove(self, i: int) -> None:
        row = self._row(i, "Streams.remove")
        super().remove(i)
        self._waiting = np.delete(self._waiting, row, axis=0)
        self._counts = np.delete(self._counts, row)

    def _check_rows(
        self, readings: NDArray[np.float32], at: NDArray[np.int64], where: str
    ) -> None:
        features = self._row_spec.features
        if not self._checks:
            return
        for j in np.flatnonzero(is_missing(features, readings).any(axis=1)):
            name = f"{where}: stream {self._ids[at[j]]}"
            hold_readings(features, readings[j : j + 1], readings[j], where=name)

    def _advance(
        self,
        readings: NDArray[np.float32],
        at: NDArray[np.int64],
        shape: tuple[int, ...],
        out: Array | None,
    ) -> Array:
        y = np.empty(shape, self._model.engine.dtype) if out is None else out
        is_full = self._counts[at] == self._waiting.shape[1]
        full, others = at[is_full], at[~is_full]
        if len(full):
            rows = [self._waiting[full], readings[is_full, None]]
            frames = np.concatenate(rows, axis=1).reshape(len(full), -1)
            y[is_full] = super().step(frames, index=self._ids[full])
        y[~is_full] = np.nan
        self._waiting[others, self._counts[others]] = readings[~is_full]
        self._counts[others] += 1
        self._counts[full] = 0
        return y
