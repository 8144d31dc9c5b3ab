"""The part of `report.json` about errors, per part, target and step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from rnnedge.evaluation.scores.by_series import by_step, series_content
from rnnedge.evaluation.scores.scoring import Evaluation
from rnnedge.tasks.scores import PARTS, Comparison, Score
from rnnedge.tasks.task import Cut, Prepared
from rnnedge_runtime.spec.model_spec import ModelSpec


def report_content(
    prepared: Prepared,
    evaluation: Evaluation,
    cut: Mapping[str, Cut] | None = None,
) -> dict[str, Any]:
    """The part of `report.json` about errors; `cut` is that of `count_cut`."""
    spec = prepared.spec
    parts: dict[str, Any] = {}
    for part in PARTS:
        scores = {
            name: by_step(spec, [score and asdict(score) for score in outputs])
            for name, outputs in evaluation.scores[part].items()
        }
        parts[part] = {"rows": _row_spans(prepared, part), "scores": scores}
        if cut is not None:
            parts[part]["clipped"] = {name: dict(c) for name, c in cut[part].items()}
    parts["test"]["series"] = series_content(spec, evaluation.by_series)
    parts["test"]["comparison"] = by_step(
        spec, map(_comparison_content, evaluation.comparisons)
    )
    return {
        "units": {target.name: target.unit for target in spec.targets},
        "season_steps": evaluation.season,
        "parts": parts,
        "verdict": verdict(prepared, evaluation, (cut or {}).get("test", {})),
    }


def _comparison_content(found: Comparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "baseline": found.baseline,
        "outcome": found.outcome,
        "gain_percent": found.gain_percent,
        "gain_interval_percent": list(found.gain_interval_percent)
        if found.interval.num_blocks > 1
        else None,
        "blocks": found.interval.num_blocks,
    }


def verdict(
    prepared: Prepared, evaluation: Evaluation, cut: Cut | None = None
) -> list[str]:
    """The sentences of the task; `cut`: of the test part, None: not counted."""
    return prepared.task.verdict(
        prepared.spec, evaluation.comparisons, evaluation.season, cut or {}
    )


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
