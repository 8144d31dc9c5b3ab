"""`rnnedge evaluate`: an artifact on a table, beside persistence."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnedge.cli.loading import load_tables
from rnnedge.cli.reading import backend_option, reading_options, take_reading
from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_runtime.errors import DataError, require

if TYPE_CHECKING:
    from rnnedge.evaluation.artifact import ArtifactScores
    from rnnedge_runtime.spec.model_spec import ModelSpec


@click.command("evaluate")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.argument("data", nargs=-1, required=True)
@click.option("--from", "start", metavar="TIME", help="Score forecasts from here on.")
@click.option("--until", "end", metavar="TIME", help="Score forecasts made before.")
@click.option("--json", "content", type=click.Path(path_type=Path), help="All scores.")
@backend_option
@reading_options
def command(
    artifact: Path,
    data: tuple[str, ...],
    start: str | None,
    end: str | None,
    content: Path | None,
    backend: str | None,
    **reading: Any,
) -> None:
    """Score an artifact on a table as training scores it, beside persistence.

    Every series is streamed from its first row; --from and --until choose the forecasts
    that count. DATA is a file, a folder, a pattern, or - for standard input.

    For example: rnnedge evaluate dist/jfk.rnne newark.csv --from 2013-10-20
    """
    require("polars", extra="train", purpose="rnnedge evaluate")
    from rnnedge.evaluation.artifact import score_artifact
    from rnnedge.evaluation.scores.score_tables import (
        num_hidden,
        score_table,
        series_errors,
    )
    from rnnedge_runtime import load
    from rnnedge_runtime.spec.frames import check_gives_every_row

    model = load(artifact, backend=backend)
    spec = model.spec
    check_gives_every_row(spec, where="evaluate")
    dataset = load_tables(
        data,
        targets=spec.target_names,
        features=spec.feature_names,
        **take_reading(reading),
        is_learned=False,
        clock=spec.clock,
        max_gap_s=spec.max_gap_s,
    )
    found = score_artifact(
        model,
        dataset,
        from_us=_time(start, "--from", dataset.clock),
        until_us=_time(end, "--until", dataset.clock),
    )
    for note in dataset.notes:
        echo(f"note: {note}")
    echo(f"{found.num_rows:,} forecasts scored.\n")
    print_table(score_table(spec, found.scores, title="forecaster"))
    if hidden := num_hidden(spec):
        echo(f"... and {hidden} more; --json FILE has all")
    if len(found.by_series.names) > 1:
        echo()
        print_table(series_errors(spec, found.by_series))
    for kind, words in (
        ("clipped", "outside the clip range"),
        ("implausible", "implausible, taken for missing"),
    ):
        odd = [
            f"{name} {each[kind]:,}" for name, each in found.cut.items() if each[kind]
        ]
        if odd:
            echo(f"Readings {words}: {', '.join(odd)}.")
    if content is not None:
        _write(content, spec, found)


def _time(text: str | None, option: str, clock: str) -> int | None:
    from rnnedge_runtime.tables.times.zone import time_on_clock
    from rnnedge_runtime.tables.timestamps import TIME_EXAMPLE

    if text is None:
        return None
    time_us = time_on_clock(text, clock)
    if time_us is None:
        raise DataError(
            f"evaluate: {option} is '{text}', which is not a time. "
            f"Write it as {TIME_EXAMPLE}."
        )
    return time_us


def _write(path: Path, spec: ModelSpec, found: ArtifactScores) -> None:
    names = found.by_series.names
    content = {
        "forecasts": found.num_rows,
        "scores": [
            asdict(output)
            | {
                "forecaster": name,
                "mae": score.mae,
                "rmse": score.rmse,
                "skill_percent": score.skill_percent,
                "count": score.count,
            }
            for name, scores in found.scores.items()
            for output, score in zip(spec.outputs, scores, strict=True)
            if score is not None
        ],
        "series": [
            {
                "name": name,
                "mae": {
                    forecaster: [_number(value) for value in errors[k]]
                    for forecaster, errors in found.by_series.mae.items()
                },
            }
            for k, name in enumerate(names)
        ],
        **{
            kind: {name: each[kind] for name, each in found.cut.items()}
            for kind in ("clipped", "implausible")
        },
    }
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{path}: the scores cannot be written: {error.strerror}. "
            "Name a file in a folder that exists and that you may write to."
        ) from None


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
