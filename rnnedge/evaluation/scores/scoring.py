"""A network beside its baselines, on the validation and the test part.

All outputs of the network come from one stream over the whole series from its first row,
so that the test part is streamed after the earlier parts, as a device would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge.evaluation.scores.by_series import SeriesErrors, errors_by_series
from rnnedge.evaluation.scores.comparing import compare_with_best
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.scores import NETWORK, PARTS, Comparison, Score
from rnnedge.tasks.task import Prepared, PreparedSeries

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Forecasts and scores of the network and of every baseline.

    Attributes:
        season: steps of one season.
        forecasts: `[N, O]` per forecaster and series: the rows of the test part.
        scores: per part and forecaster, one Score (or None) per output.
        comparisons: per output, the network beside the best baseline on the test part; None
            where nothing is scored.
        by_series: errors of every series on the test part.
    """

    season: int
    forecasts: dict[str, list[Array]]
    scores: dict[str, dict[str, list[Score | None]]]
    comparisons: list[Comparison | None]
    by_series: SeriesErrors


def evaluate(
    prepared: Prepared,
    predict: Callable[[PreparedSeries], Array],
    config: TrainConfig | None = None,
    *,
    on_progress: Callable[[float], object] = lambda done: None,
) -> Evaluation:
    """Score the network and the baselines.

    Args:
        prepared: data and spec.
        predict: `[T, O]` outputs of the network streamed over a series.
        config: choices of the training; None: the usual ones.
        on_progress: told the part of the baselines' work that is done, 0 to 1.
    """
    task = prepared.task
    rivals = task.baselines(prepared, config or TrainConfig(), on_progress)
    truth = _by_part(prepared, [one.y for one in prepared.series])
    base = _by_part(prepared, (task.reference(prepared, s) for s in prepared.series))
    scores: dict[str, dict[str, list[Score | None]]] = {part: {} for part in PARTS}
    forecasts, errors = {}, {}
    for name, forecaster in {NETWORK: predict, **rivals.forecasters}.items():
        found = _by_part(prepared, map(forecaster, prepared.series))
        for part in PARTS:
            arrays = (truth[part], found[part], base[part])
            scores[part][name] = _scores(prepared, arrays, part, rivals.season)
        forecasts[name] = found["test"]
        errors[name] = [
            task.errors(y_hat, y)
            for y_hat, y in zip(
                _readings(prepared, found["test"], "test"),
                _readings(prepared, truth["test"], "test"),
                strict=True,
            )
        ]
    return Evaluation(
        rivals.season,
        forecasts,
        scores,
        compare_with_best(prepared, errors, scores["test"], season=rivals.block),
        errors_by_series([one.name for one in prepared.series], errors),
    )


def score_forecasts(
    prepared: Prepared, forecasts: Sequence[Array], season: int
) -> list[Score | None]:
    """Score of every output of one more forecaster, `[T, O]` per series, in the test part."""
    truth = [one.y for one in prepared.series]
    base = [prepared.task.reference(prepared, one) for one in prepared.series]
    arrays = [_by_part(prepared, each)["test"] for each in (truth, forecasts, base)]
    return _scores(prepared, arrays, "test", season)


def _scores(
    prepared: Prepared, arrays: Sequence[Sequence[Array]], part: str, season: int
) -> list[Score | None]:
    """Of truth, outputs and reference of a part."""
    y, y_hat, base = (np.concatenate(_readings(prepared, a, part)) for a in arrays)
    return prepared.task.scores(prepared, y, y_hat, base, season)


def _by_part(prepared: Prepared, arrays: Iterable[Array]) -> dict[str, list[Array]]:
    """`[N, ...]` of every part and series, from `[T, ...]` of every series, as copies."""
    found: dict[str, list[Array]] = {part: [] for part in PARTS}
    for one, array in zip(prepared.series, arrays, strict=True):
        for part, kept in found.items():
            rows = getattr(one.parts, part)
            kept.append(array[rows.start : rows.stop].copy())
    return found


def _readings(prepared: Prepared, arrays: Sequence[Array], part: str) -> list[Array]:
    """The rows of a part that are readings, of every series."""
    chosen = []
    for one, array in zip(prepared.series, arrays, strict=True):
        rows = getattr(one.parts, part)
        chosen.append(array[one.is_reading[rows.start : rows.stop]])
    return chosen
