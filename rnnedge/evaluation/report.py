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

from rnnedge.evaluation.metrics import Score, score_outputs
from rnnedge.tasks.forecast.baselines import (
    RidgeAR,
    choose_season,
    persistence,
    seasonal_naive,
    seasonal_scale,
)
from rnnedge.tasks.forecast.preparing import Prepared, PreparedSeries
from rnnedge_runtime.spec import ModelSpec

Array = NDArray[np.float32]

NETWORK = "network"
NETWORK_INT8 = "network_int8"
PARTS = ("validation", "test")
LABELS = {
    NETWORK: "network",
    NETWORK_INT8: "network, int8",
    "persistence": "persistence",
    "seasonal_naive": "seasonal-naive",
    "ridge_ar": "ridge AR",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Forecasts and scores of the network and of every baseline.

    Attributes:
        season: steps of one season.
        forecasts: `[T, O]` per forecaster and series.
        scores: per part and forecaster, one Score (or None) per output.
    """

    season: int
    forecasts: dict[str, list[Array]]
    scores: dict[str, dict[str, list[Score | None]]]


def evaluate(
    prepared: Prepared, predict: Callable[[PreparedSeries], Array], season: int = 0
) -> Evaluation:
    """Score the network and the baselines on the validation and the test part.

    Args:
        prepared: data and spec.
        predict: `[T, O]` outputs of the network streamed over a series.
        season: steps of one season; 0 chooses.
    """
    season = season or choose_season(prepared.spec.sample_period_s)
    ridge = RidgeAR(prepared)
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
        y = _rows([s.y for s in prepared.series], prepared, part)
        base = _rows(forecasts["persistence"], prepared, part)
        scores[part] = {
            name: score_outputs(y, _rows(arrays, prepared, part), base, scale)
            for name, arrays in forecasts.items()
        }
    return Evaluation(season, forecasts, scores)


def report_content(prepared: Prepared, evaluation: Evaluation) -> dict[str, Any]:
    """The part of `report.json` about errors."""
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
    return {
        "units": {target.name: target.unit for target in spec.targets},
        "season_steps": evaluation.season,
        "parts": parts,
        "verdict": verdict(prepared, evaluation),
    }


def verdict(prepared: Prepared, evaluation: Evaluation) -> list[str]:
    """Plain sentences: where the network wins, and where it does not."""
    scores = evaluation.scores["test"]
    sentences = []
    for k, output in enumerate(prepared.spec.outputs):
        if output.step not in (1, prepared.spec.horizon):
            continue
        scored = {name: outputs[k] for name, outputs in scores.items()}
        mae = {name: score.mae for name, score in scored.items() if score}
        steps = steps_in_words(output.step, prepared.spec.sample_period_s)
        ahead = f"{output.target}, {steps}"
        if NETWORK not in mae:
            sentences.append(
                f"{ahead}: the test part has no reading to compare with; nothing was scored."
            )
            continue
        network = mae.pop(NETWORK)
        best = min(mae, key=lambda name: mae[name])
        unit = f" {output.unit}" if output.unit else ""
        if network <= mae[best]:
            gain = 100 * (1 - network / mae[best]) if mae[best] else 0.0
            sentences.append(
                f"{ahead}: the network's error of {network:#.3g}{unit} is {gain:.0f} % below "
                f"the best baseline ({LABELS[best]}, {mae[best]:#.3g}{unit})."
            )
        else:
            sentences.append(
                f"{ahead}: the network LOSES to {LABELS[best]} ({network:#.3g}{unit} against "
                f"{mae[best]:#.3g}{unit}). Use that baseline, or train longer, on more data "
                "or with other features."
            )
    return sentences


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
        _rows([series.y for series in prepared.series], prepared, part),
        _rows(forecasts, prepared, part),
        _rows(bases, prepared, part),
        seasonal_scale(prepared, season),
    )


def score_table(
    spec: ModelSpec, scores: Mapping[str, Sequence[Score | None]]
) -> list[list[str]]:
    """Rows of text for the terminal: a header, then one row per forecaster.

    Columns: for the first and the furthest step of each target, MAE and skill on the test
    part.

    Args:
        spec: the model.
        scores: on the test part, by forecaster, one Score (or None) per output.
    """
    columns = [
        k for k, output in enumerate(spec.outputs) if output.step in (1, spec.horizon)
    ]
    header = ["test part"]
    for k in columns:
        output = spec.outputs[k]
        unit = f" {output.unit}" if output.unit else ""
        ahead = steps_in_words(output.step, spec.sample_period_s)
        header += [f"{output.target} {ahead}: MAE{unit}", "skill %"]
    rows = [header]
    for name, outputs in scores.items():
        row = [LABELS[name]]
        for k in columns:
            score = outputs[k]
            row.append(f"{score.mae:.3f}" if score else "-")
            skill = score.skill_percent if score else None
            row.append("-" if skill is None else f"{skill:.1f}")
        rows.append(row)
    return rows


def steps_in_words(step: int, sample_period_s: float | None) -> str:
    """A step ahead in words: `6 h`, `15 min`, or `6 steps`."""
    seconds = step * (sample_period_s or 0)
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{step} step{'s' if step > 1 else ''}"


def _rows(arrays: list[Array], prepared: Prepared, part: str) -> Array:
    """`[N, O]`: the rows of a part in all series that are readings."""
    chosen = []
    for array, series in zip(arrays, prepared.series, strict=True):
        rows = getattr(series.parts, part)
        span = slice(rows.start, rows.stop)
        chosen.append(array[span][series.is_reading[span]])
    return np.concatenate(chosen)


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
