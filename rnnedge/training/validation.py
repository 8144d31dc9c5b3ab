"""Validation as a carried-state stream over the held-out span, and full predictions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from rnnedge.tasks.task import Prepared, PreparedSeries
from rnnedge.training.own_network import Network
from rnnedge_runtime.streams.inputs import Inputs

Array = NDArray[np.float32]

PRIMING_STEPS = 1000
"""Rows streamed before the validation part in every epoch. The final report streams every
series from its first row."""

SERIES_AT_ONCE = 256
ROWS_AT_ONCE = 32_768

PADDED_SHARE = 2
"""Rows streamed side by side, padding included, per row of a group that is one."""


class Validator:
    """The error of a network on the validation part, once per epoch."""

    def __init__(self, prepared: Prepared, device: torch.device) -> None:
        self._errors = prepared.task.errors
        self._scale = prepared.output_scale
        with_rows = [s for s in prepared.series if len(s.parts.validation)]
        self._groups = [_padded(group, device) for group in _groups(with_rows)]
        self._is_scored = np.zeros(len(self._scale), dtype=np.bool_)
        for _, y in self._groups:
            self._is_scored |= torch.isfinite(y).any(0).any(0).cpu().numpy()

    @torch.no_grad()
    def mean_errors(self, model: Network) -> NDArray[np.float64]:
        """`[K]` mean error of every output, NaN where nothing can be scored."""
        model.eval()
        total = np.zeros(len(self._scale))
        count = np.zeros(len(self._scale))
        for x, y in self._groups:
            for rows, y_hat in _streamed(model, x):
                error = self._errors(y_hat, y[:, rows])
                known = torch.isfinite(y[:, rows])
                total += torch.where(known, error, 0.0).sum((0, 1)).cpu().numpy()
                count += known.sum((0, 1)).cpu().numpy()
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def error(self, mean_errors: NDArray[np.float64]) -> float:
        """Mean of `mean_errors`, each in its unit: what is minimised.

        Infinite when a forecast was not finite.
        """
        known = mean_errors[self._is_scored] / self._scale[self._is_scored]
        return float(known.mean()) if np.isfinite(known).all() else float("inf")


@torch.no_grad()
def stream_predictions(
    model: Network, series: PreparedSeries, stop: int | None = None
) -> NDArray[np.float32]:
    """`[T, O]` outputs of `model` streamed over a series, up to row `stop`, from its first.

    Forecasts fill the holes that they fill on a device.
    """
    model.eval()
    x = series.x[:stop]
    y = np.empty((len(x), model.spec.output_size), dtype=np.float32)
    if series.holes is not None and series.holes[1 : len(x)].any():
        return _stream_with_holes(model, x.copy(), series.holes[: len(x)], y)
    for rows, y_hat in _streamed(model, torch.from_numpy(x)[None]):
        y[rows] = y_hat[0].numpy()
    return y


def _stream_with_holes(
    model: Network, x: Array, holes: NDArray[np.bool_], y: Array
) -> Array:
    """`y`, filled in stretch by stretch between the rows that take a forecast."""
    inputs, number = Inputs(model.spec), holes.shape[1]
    starts = [0, *(np.flatnonzero(holes[1:].any(axis=1)) + 1).tolist(), len(x)]
    state = model.initial_state(1)
    held = x[0, :number]
    for start, stop in itertools.pairwise(starts):
        x[start, :number] = np.where(holes[start], held, x[start, :number])
        for first in range(start, stop, ROWS_AT_ONCE):
            rows = slice(first, min(first + ROWS_AT_ONCE, stop))
            y_hat, state = model(torch.from_numpy(x[rows])[None], state)
            y[rows] = y_hat[0].numpy()
        held = inputs.held_after(x[stop - 1, :number], y[stop - 1])
    return y


def _streamed(model: Network, x: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Outputs `[B, rows, O]` chunk by chunk, so that what lies between stays small."""
    state = model.initial_state(len(x))
    size = max(1, ROWS_AT_ONCE // len(x))
    for start in range(0, x.shape[1], size):
        rows = slice(start, min(start + size, x.shape[1]))
        y_hat, state = model(x[:, rows], state)
        yield rows, y_hat


def _groups(series: list[PreparedSeries]) -> list[list[PreparedSeries]]:
    """Series of about the same length together, the longest first, so that few is padding."""
    groups: list[list[PreparedSeries]] = []
    longest = num_rows = 0
    for one in sorted(series, key=_num_streamed, reverse=True):
        length = _num_streamed(one)
        num_rows += length
        if (
            not groups
            or len(groups[-1]) == SERIES_AT_ONCE
            or longest * (len(groups[-1]) + 1) > PADDED_SHARE * num_rows
        ):
            groups.append([])
            longest = num_rows = length
        groups[-1].append(one)
    return groups


def _num_streamed(series: PreparedSeries) -> int:
    part = series.parts.validation
    return part.stop - max(0, part.start - PRIMING_STEPS)


def _padded(
    series: list[PreparedSeries], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets side by side; NaN targets where a row is priming or padding."""
    starts = [max(0, s.parts.validation.start - PRIMING_STEPS) for s in series]
    length = max(
        s.parts.validation.stop - a for s, a in zip(series, starts, strict=True)
    )
    x = np.zeros((len(series), length, series[0].x.shape[1]), dtype=np.float32)
    y = np.full((len(series), length, series[0].y.shape[1]), np.nan, dtype=np.float32)
    for k, (one, start) in enumerate(zip(series, starts, strict=True)):
        part = one.parts.validation
        x[k, : part.stop - start] = one.x[start : part.stop]
        rows = slice(part.start - start, part.stop - start)
        y[k, rows] = np.where(
            one.is_reading[part.start : part.stop, None],
            one.y[part.start : part.stop],
            np.nan,
        )
    return torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
