"""`rnnedge evaluate`: an artifact on a table, beside persistence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from rnnedge.cli.reading import reading_options, take_options
from rnnedge.cli.reading_bar import reading_bar
from rnnedge.cli.tables import print_table
from rnnedge_runtime.errors import DataError, require


@click.command("evaluate")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.argument("data", nargs=-1, required=True)
@click.option("--from", "start", metavar="TIME", help="Score forecasts from here on.")
@click.option("--until", "end", metavar="TIME", help="Score forecasts made before.")
@click.option("--json", "content", type=click.Path(path_type=Path), help="All scores.")
@click.option("--backend", metavar="NAME", help="As for run.")
@click.option("--time", metavar="COLUMN", help="The time column; found if not given.")
@click.option("--series", metavar="COLUMN", help="The column that tells series apart.")
@reading_options
def command(
    artifact: Path,
    data: tuple[str, ...],
    start: str | None,
    end: str | None,
    content: Path | None,
    backend: str | None,
    time: str | None,
    series: str | None,
    **reading: Any,
) -> None:
    """Score an artifact on a table as training scores it, beside persistence.

    Every series is streamed from its first row; --from and --until choose the forecasts
    that count.

    For example: rnnedge evaluate dist/jfk.rnne newark.csv --from 2013-10-20
    """
    require("polars", extra="train", purpose="rnnedge evaluate")
    from rnnedge.data.tables.loading import load_dataset
    from rnnedge.evaluation.artifact import score_artifact
    from rnnedge.evaluation.score_tables import all_scores, score_table, series_errors
    from rnnedge_runtime import load

    model = load(artifact, backend=backend)
    spec = model.spec
    with reading_bar():
        dataset = load_dataset(
            data[0] if len(data) == 1 else list(data),
            targets=spec.target_names,
            features=spec.feature_names,
            time=time,
            series=series,
            options=take_options(reading),
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
        click.echo(f"note: {note}")
    click.echo(f"{found.num_rows:,} forecasts scored.\n")
    print_table(score_table(spec, found.scores))
    if len(found.by_series.names) > 1:
        click.echo()
        print_table(series_errors(spec, found.by_series))
    for kind, counts in (
        ("outside the clip range", found.clipped),
        ("implausible, taken for missing", found.implausible),
    ):
        odd = [f"{name} {number:,}" for name, number in counts.items() if number]
        if odd:
            click.echo(f"Readings {kind}: {', '.join(odd)}.")
    if content is not None:
        _write(content, all_scores(spec, found.scores), found)


def _time(text: str | None, option: str, clock: str) -> int | None:
    from rnnedge_runtime.tables.time_zone import time_on_clock
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


def _write(path: Path, rows: list[list[str]], found: Any) -> None:
    header, *scores = rows
    content = {
        "forecasts": found.num_rows,
        "scores": [dict(zip(header, row, strict=True)) for row in scores],
        "clipped": found.clipped,
        "implausible": found.implausible,
        "series": dataclasses.asdict(found.by_series)["names"],
    }
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{path}: the scores cannot be written: {error.strerror}. "
            "Name a file in a folder that exists and that you may write to."
        ) from None
