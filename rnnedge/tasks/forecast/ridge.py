"""Ridge AR: the linear forecast that a recurrent network has to beat.

Every output is a linear function of the last readings and of those a whole number of seasons
before (`lags.py`), learned as the change from the last reading. The sums over the rows are
taken in blocks, one eigendecomposition serves all penalties, and the penalty of every output
is chosen on the validation part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.limits import CLIP_WIDTH
from rnnedge.tasks.forecast.baselines import candidate_seasons, last_readings
from rnnedge.tasks.forecast.lags import Lags, choose_lags
from rnnedge.tasks.forecast.moments import PENALTIES, Moments, product
from rnnedge.tasks.task import Prepared, PreparedSeries, Progress

Array = NDArray[np.float64]

USUAL_PENALTY = 5
"""Position of the penalty of an output without a reading in the validation part."""

MOST_COLUMNS = 2000
MOST_PRODUCTS = 2e10
"""Multiplications of the sums over the training rows: seconds; above, rows are drawn."""

MOST_GROUPS = 8
"""Sets of outputs with sums of their own."""

BLOCK_VALUES = 4_000_000
"""Numbers of a block of rows: 32 MB."""

MOST_QUANTILE_ROWS = 200_000
LONGEST_SPIKE = 3
"""Rows for which a reading beyond the tails is not believed."""

TAIL = 1e-3
"""Part of the readings on either side that may be outliers."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of the series that take part, `rows[k]` those of series k, ascending."""

    series: Sequence[PreparedSeries]
    rows: list[NDArray[np.int64]]

    @property
    def num_rows(self) -> int:
        return sum(map(len, self.rows))

    def blocks(self, size: int) -> Iterator[tuple[PreparedSeries, NDArray[np.int64]]]:
        for one, rows in zip(self.series, self.rows, strict=True):
            for start in range(0, len(rows), size):
                yield one, rows[start : start + size]


@dataclass(frozen=True, eq=False, slots=True)
class _Clean:
    """Held readings without spikes: features `[F, T]`, and `last` `[T, targets]`."""

    own: NDArray[np.float32]
    others: NDArray[np.float32]
    last: NDArray[np.float32]


class RidgeAR:
    """The linear forecast of every output, fitted on the training part.

    Readings and changes beyond the tails of the training part are cut, and such a reading is
    held out for up to three rows, so that a broken sensor does not decide the fit.

    Args:
        prepared: data and spec.
        season: steps of the season to reach back over; 0: day, week and year.
        on_progress: told the part of the work that is done, 0 to 1.
    """

    def __init__(
        self,
        prepared: Prepared,
        season: int = 0,
        on_progress: Progress = lambda done: None,
    ) -> None:
        self._prepared = prepared
        self._on_progress = on_progress
        self._newest: tuple[PreparedSeries, _Clean] | None = None
        spec = prepared.spec
        self._own = [
            k for k, f in enumerate(spec.feature_names) if f in spec.target_names
        ]
        self._others = [k for k in range(spec.num_features) if k not in self._own]
        self._fit_bounds()
        train = _Part(
            prepared.series, [np.arange(len(s.parts.train)) for s in prepared.series]
        )
        self._lags = choose_lags(
            candidate_seasons(prepared, season),
            spec.horizon,
            num_own=len(self._own),
            num_others=len(self._others),
            longest_part=max(len(rows) for rows in train.rows),
            num_columns=min(MOST_COLUMNS, max(train.num_rows, spec.num_features)),
        )
        self._num_columns = self._row_columns(prepared.series[0], np.arange(1)).shape[1]
        self._block = max(64, BLOCK_VALUES // self._num_columns)
        self._fit(self._chosen(train))

    @property
    def lags(self) -> Lags:
        """The lags it sees."""
        return self._lags

    def forecast(self, series: PreparedSeries) -> NDArray[np.float32]:
        """`[T, O]` forecasts from the first row of the validation part on, NaN before."""
        y = np.full(series.y.shape, np.nan, dtype=np.float32)
        first = series.parts.validation.start
        for start in range(first, len(y), self._block):
            rows = np.arange(start, min(start + self._block, len(y)))
            change = product(self._row_columns(series, rows), self._weights)
            change += self._constant
            y[rows] = self._last(series, rows) + change
        return y

    def _last(self, series: PreparedSeries, rows: NDArray[np.int64]) -> Array:
        """`[N, O]` last known reading of the target of every output."""
        last = self._clean(series).last[rows].astype(np.float64)
        return np.repeat(last, series.y.shape[1] // last.shape[1], axis=1)

    def _clean(self, series: PreparedSeries) -> _Clean:
        """`series` without its spikes; the newest is kept."""
        if self._newest is None or self._newest[0] is not series:
            spec = self._prepared.spec
            x = _despiked(series.x[:, : spec.num_features], self._low, self._high)
            last = last_readings(self._prepared, series).copy()
            for k, target in enumerate(spec.target_names):
                if target in spec.feature_names:
                    last[:, k] = x[:, spec.feature_names.index(target)]
            own, others = (
                np.ascontiguousarray(x[:, features].T)
                for features in (self._own, self._others)
            )
            self._newest = (series, _Clean(own, others, last))
        return self._newest[1]

    def _fit_bounds(self) -> None:
        """Plausible ranges, means and deviations of the features and of the changes."""
        series = self._prepared.series
        stride = 1 + sum(len(s.parts.train) for s in series) // MOST_QUANTILE_ROWS
        rows = [np.arange(0, len(one.parts.train), stride) for one in series]
        features = np.concatenate(
            [
                one.x[chosen, : self._prepared.spec.num_features].astype(np.float64)
                for one, chosen in zip(series, rows, strict=True)
            ]
        )
        self._low, self._high = _tails(features)
        self._change_low, self._change_high = _tails(
            np.concatenate(
                [
                    self._changes(one, chosen)
                    for one, chosen in zip(series, rows, strict=True)
                ]
            )
        )

    def _changes(self, series: PreparedSeries, rows: NDArray[np.int64]) -> Array:
        """`[N, O]` what is learned; NaN where unknown or where the row is no reading."""
        change = series.y[rows] - self._last(series, rows)
        change[~series.is_reading[rows]] = np.nan
        return change

    def _row_columns(self, series: PreparedSeries, rows: NDArray[np.int64]) -> Array:
        """`[N, P]`: derived inputs, clipped readings, differences to them further back.

        Before the first row the first reading stands.
        """
        num_features = self._prepared.spec.num_features
        clean = self._clean(series)
        columns: list[Array] = [series.x[rows, num_features:].T.astype(np.float64)]
        is_run = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
        for features, readings, lags in (
            (self._own, clean.own, self._lags.own),
            (self._others, clean.others, self._lags.others),
        ):
            now = readings[:, rows].astype(np.float64)
            low, high = self._low[features][:, None], self._high[features][:, None]
            columns.append(np.clip(now, low, high))
            change = np.empty((len(lags) - 1, len(features), len(rows)))
            for k, lag in enumerate(lags[1:]):
                if is_run and rows[0] >= lag:
                    then = readings[:, rows[0] - lag : rows[-1] + 1 - lag]
                else:
                    then = readings[:, np.maximum(rows - lag, 0)]
                np.subtract(then, now, out=change[k])
            np.clip(change, low - high, high - low, out=change)
            columns.append(change.reshape(-1, len(rows)))
        return np.concatenate(columns).T

    def _chosen(self, train: _Part) -> _Part:
        """Rows with all their lags, unless most have not; drawn where there are too many."""
        longest = self._lags.longest
        whole = [rows[rows >= longest] for rows in train.rows]
        if 2 * sum(map(len, whole)) < train.num_rows:
            whole = train.rows
        return _drawn(_Part(train.series, whole), MOST_PRODUCTS / self._num_columns**2)

    def _fit(self, train: _Part) -> None:
        held_out = _drawn(
            _Part(
                train.series,
                [np.array(s.parts.validation, dtype=np.int64) for s in train.series],
            ),
            MOST_PRODUCTS
            / (self._num_columns * len(PENALTIES) * self._prepared.spec.output_size),
        )
        num_outputs = self._prepared.spec.output_size
        self._weights = np.zeros((self._num_columns, num_outputs))
        self._constant = np.zeros(num_outputs)
        groups = self._groups(train)
        for number, outputs in enumerate(groups):
            moments = self._moments(train, outputs, number, len(groups))
            for some, weights, constants in moments.solve(BLOCK_VALUES):
                best = self._best(held_out, outputs[some], weights, constants)
                chosen = np.arange(len(best))
                self._weights[:, outputs[some]] = weights[best, :, chosen].T
                self._constant[outputs[some]] = constants[best, chosen]
            self._on_progress((number + 1) / len(groups))

    def _groups(self, train: _Part) -> list[NDArray[np.int64]]:
        """Outputs that share their sums: those of targets known in the same rows.

        All others together where the sums of each would take too long.
        """
        spec = self._prepared.spec
        horizon = spec.output_size // len(spec.targets)
        seen: dict[bytes, list[int]] = {}
        for target in range(len(spec.targets)):
            known = [
                np.isfinite(s.targets[: s.parts.train.stop, target])
                for s in train.series
            ]
            key = np.packbits(np.concatenate(known)).tobytes()
            outputs = range(target * horizon, (target + 1) * horizon)
            seen.setdefault(key, []).extend(outputs)
        cost = (train.num_rows + 10 * self._num_columns) * self._num_columns**2
        most = min(MOST_GROUPS, max(1, int(2 * MOST_PRODUCTS / cost)))
        groups = sorted(seen.values(), key=len, reverse=True)
        rest = [output for group in groups[most - 1 :] for output in group]
        joined = [*groups[: most - 1], rest]
        return [np.array(group) for group in joined if group]

    def _moments(
        self, train: _Part, outputs: NDArray[np.int64], number: int, of: int
    ) -> Moments:
        moments = Moments(self._num_columns, len(outputs))
        done = 0
        low, high = self._change_low[outputs], self._change_high[outputs]
        for series, rows in train.blocks(self._block):
            y = np.clip(self._changes(series, rows)[:, outputs], low, high)
            known = np.isfinite(y).any(axis=1)
            if known.any():
                moments.add(self._row_columns(series, rows[known]), y[known])
            done += len(rows)
            self._on_progress((number + 0.8 * done / train.num_rows) / of)
        return moments

    def _best(
        self,
        held_out: _Part,
        outputs: NDArray[np.int64],
        weights: Array,
        constants: Array,
    ) -> NDArray[np.int64]:
        """`[outputs]` position of the penalty with the smallest error."""
        total = np.zeros((len(PENALTIES), len(outputs)))
        for series, rows in held_out.blocks(self._block):
            x = self._row_columns(series, rows)
            y = self._changes(series, rows)[:, outputs]
            for k in range(len(PENALTIES)):
                total[k] += np.nansum(
                    np.abs(product(x, weights[k]) + constants[k] - y), axis=0
                )
        best = np.argmin(total, axis=0)
        return np.where(total.any(axis=0), best, USUAL_PENALTY)


def _tails(rows: Array) -> tuple[Array, Array]:
    """`[N]` low and high: the tails of each column, widened as a clip range is."""
    low, high = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for k, column in enumerate(rows.T):
        seen = column[np.isfinite(column)]
        if not len(seen):
            continue
        low[k], high[k] = np.quantile(seen, (TAIL, 1 - TAIL))
        if low[k] == high[k]:
            low[k], high[k] = seen.min(), seen.max()
        margin = CLIP_WIDTH * (high[k] - low[k])
        low[k], high[k] = low[k] - margin, high[k] + margin
    return low, high


def _despiked(x: NDArray[np.float32], low: Array, high: Array) -> NDArray[np.float32]:
    """`x` with the first rows beyond the bounds replaced by the reading before them."""
    rows = np.arange(len(x))[:, None]
    is_outside = (x < low) | (x > high)
    inside = np.maximum.accumulate(np.where(is_outside, -1, rows), axis=0)
    is_spike = is_outside & (rows - inside <= LONGEST_SPIKE) & (inside >= 0)
    source = np.where(is_spike, inside, rows)
    return np.take_along_axis(x, source, axis=0)


def _drawn(part: _Part, most: float) -> _Part:
    """At most about `most` of the rows, drawn evenly."""
    share = most / max(1, part.num_rows)
    if share >= 1:
        return part
    draw = np.random.default_rng(0)
    rows = [rows[draw.random(len(rows)) < share] for rows in part.rows]
    return _Part(part.series, rows)
