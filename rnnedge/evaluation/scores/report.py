"""The report of a run: the network beside its baselines, per part, target and step.

Every forecast of the network comes from one stream over the whole series from its first
row, so that the test part is streamed after the earlier parts, as a device would.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.evaluation.scores.by_series import (
    SeriesErrors,
    errors_by_series,
    series_content,
)
from rnnedge.evaluation.scores.comparing import (
    compare_with_best,
    part_rows,
    rows_by_series,
)
from rnnedge.evaluation.scores.metrics import Score, score_outputs
from rnnedge.evaluation.scores.verdict import (
    Comparison,
    cut_sentences,
    sentence,
    shown_targets,
    step_sentence,
)
from rnnedge.evaluation.scores.wording import NETWORK, label, steps_in_words
from rnnedge.tasks.forecast.baselines import (
    candidate_seasons,
    persistence,
    seasonal_naive,
    seasonal_scale,
)
from rnnedge.tasks.forecast.preparing import Prepared, PreparedSeries
from rnnedge.tasks.forecast.ridge import RidgeAR
from rnnedge_runtime.spec.model_spec import ModelSpec

Array = NDArray[np.float32]

PARTS = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Forecasts and scores of the network and of every baseline.

    Attributes:
        season: steps of one season.
        forecasts: `[T, O]` per forecaster and series; of ridge AR, NaN in the training part.
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
    season: int = 0,
    on_progress: Callable[[float], object] = lambda done: None,
) -> Evaluation:
    """Score the network and the baselines on the validation and the test part.

    Args:
        prepared: data and spec.
        predict: `[T, O]` outputs of the network streamed over a series.
        season: steps of one season; 0: a day, a week or a year, whichever forecasts the
            validation part best.
        on_progress: told the part of the baselines' work that is done, 0 to 1.
    """
    ridge = RidgeAR(prepared, season, on_progress)
    candidates = candidate_seasons(prepared, season)
    season = _best_season(prepared, candidates)
    forecasters: dict[str, Callable[[PreparedSeries], Array]] = {
        NETWORK: predict,
        "persistence": lambda series: persistence(prepared, series),
        "seasonal_naive": lambda series: seasonal_naive(prepared, series, season),
        "ridge_ar": ridge.forecast,
    }
    forecasts = {
        name: [forecast(series) for series in prepared.series]
        for name, forecast in forecasters.items()
    }
    scale = seasonal_scale(prepared, season)
    scores = {}
    for part in PARTS:
        y = part_rows([s.y for s in prepared.series], prepared, part)
        base = part_rows(forecasts["persistence"], prepared, part)
        scores[part] = {
            name: score_outputs(y, part_rows(arrays, prepared, part), base, scale)
            for name, arrays in forecasts.items()
        }
    return Evaluation(
        season,
        forecasts,
        scores,
        compare_with_best(
            prepared, forecasts, scores["test"], network=NETWORK, season=candidates[0]
        ),
        errors_by_series(
            [series.name for series in prepared.series],
            rows_by_series([series.y for series in prepared.series], prepared, "test"),
            {
                name: rows_by_series(arrays, prepared, "test")
                for name, arrays in forecasts.items()
            },
        ),
    )


def _best_season(prepared: Prepared, candidates: Sequence[int]) -> int:
    """The one with the smallest error on the validation part, all outputs together."""
    if len(candidates) == 1:
        return candidates[0]
    y = part_rows([series.y for series in prepared.series], prepared, "validation")
    errors = []
    for season in candidates:
        arrays = [seasonal_naive(prepared, one, season) for one in prepared.series]
        error = np.abs(part_rows(arrays, prepared, "validation") - y)
        errors.append(float(np.nansum(error / prepared.output_scale)))
    return candidates[int(np.argmin(errors))]


def report_content(
    prepared: Prepared,
    evaluation: Evaluation,
    cut: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None,
) -> dict[str, Any]:
    """The part of `report.json` about errors.

    Args:
        prepared: data and spec.
        evaluation: from `evaluate`.
        cut: from `count_cut`; None: not counted.
    """
    spec = prepared.spec
    parts: dict[str, Any] = {}
    for part in PARTS:
        scores: dict[str, Any] = {}
        for name, outputs in evaluation.scores[part].items():
            scores[name] = {target: {} for target in spec.target_names}
            for output, score in zip(spec.outputs, outputs, strict=True):
                if score is not None:
                    scores[name][output.target][str(output.step)] = dataclasses.asdict(
                        score
                    )
        parts[part] = {"rows": _row_spans(prepared, part), "scores": scores}
        if cut is not None:
            parts[part]["clipped"] = {name: dict(c) for name, c in cut[part].items()}
    parts["test"]["series"] = series_content(spec, evaluation.by_series)
    parts["test"]["comparison"] = _comparison_content(spec, evaluation)
    return {
        "units": {target.name: target.unit for target in spec.targets},
        "season_steps": evaluation.season,
        "parts": parts,
        "verdict": verdict(prepared, evaluation, (cut or {}).get("test", {})),
    }


def _comparison_content(spec: ModelSpec, evaluation: Evaluation) -> dict[str, Any]:
    content: dict[str, Any] = {target: {} for target in spec.target_names}
    for output, found in zip(spec.outputs, evaluation.comparisons, strict=True):
        if found is None:
            continue
        has_interval = found.interval.num_blocks > 1
        content[output.target][str(output.step)] = {
            "baseline": found.baseline,
            "outcome": found.outcome,
            "gain_percent": found.gain_percent,
            "gain_interval_percent": list(found.gain_interval_percent)
            if has_interval
            else None,
            "blocks": found.interval.num_blocks,
        }
    return content


def verdict(
    prepared: Prepared,
    evaluation: Evaluation,
    cut: Mapping[str, Mapping[str, int]] | None = None,
) -> list[str]:
    """Plain sentences: where the network wins, and where it does not.

    Args:
        prepared: data and spec.
        evaluation: from `evaluate`.
        cut: of the test part, from `count_cut`; None: not counted.
    """
    spec = prepared.spec
    cut_off = cut_sentences(spec, cut or {})
    ahead = steps_in_words(spec.horizon, spec.sample_period_s)
    targets, sentences = shown_targets(spec, evaluation.comparisons, ahead)
    for target in targets:
        outcomes = {}
        for output, found in zip(spec.outputs, evaluation.comparisons, strict=True):
            if output.target != target:
                continue
            if found is not None:
                outcomes[output.step] = found.outcome
            if output.step in (1, spec.horizon):
                ahead = steps_in_words(output.step, spec.sample_period_s)
                name = "" if found is None else _label(spec, evaluation, found.baseline)
                sentences.append(
                    sentence(output, ahead, found, label=name, is_cut=bool(cut_off))
                )
        if len(outcomes) > 2:
            sentences.append(step_sentence(target, outcomes))
    return [*sentences, *cut_off]


def _label(spec: ModelSpec, evaluation: Evaluation, name: str) -> str:
    return label(name, evaluation.season, spec.sample_period_s)


def read_scores(
    spec: ModelSpec, report: Mapping[str, Any], part: str = "test"
) -> dict[str, list[Score | None]]:
    """Per forecaster one Score of every output, out of the content of `report.json`."""
    return {
        name: [
            Score(**stored) if stored else None
            for output in spec.outputs
            for stored in [targets[output.target].get(str(output.step))]
        ]
        for name, targets in report["parts"][part]["scores"].items()
    }


def score_forecasts(
    prepared: Prepared, forecasts: list[Array], season: int, part: str = "test"
) -> list[Score | None]:
    """Score of every output of one more forecaster, `[T, O]` per series."""
    bases = [persistence(prepared, series) for series in prepared.series]
    return score_outputs(
        part_rows([series.y for series in prepared.series], prepared, part),
        part_rows(forecasts, prepared, part),
        part_rows(bases, prepared, part),
        seasonal_scale(prepared, season),
    )


def _row_spans(prepared: Prepared, part: str) -> list[dict[str, Any]]:
    spans = []
    for series in prepared.series:
        rows = getattr(series.parts, part)
        if not rows:
            continue
        span: dict[str, Any] = {
            "series": series.name,
            "first": rows.start,
            "count": len(rows),
        }
        if series.time is not None:
            span["first_time"] = _iso(series.time[rows.start])
            span["last_time"] = _iso(series.time[rows.stop - 1])
        spans.append(span)
    return spans


def _iso(seconds: np.int64) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
