"""`rnnedge forecast`: the rows that come after the last one of a table."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnedge.cli.reading import (
    backend_option,
    reading_options,
    spreadsheet_option,
    take_reading,
)
from rnnedge.cli.show.terminal import tell
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.csv_rows import CsvRows

if TYPE_CHECKING:
    import numpy as np

    from rnnedge.evaluation.future import Future


@click.command("forecast")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.argument("data", metavar="DATA")
@click.option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    help="Steps ahead.  [default: the artifact's horizon]",
)
@click.option(
    "--beyond",
    type=click.Choice(["refuse", "hold"]),
    default="refuse",
    show_default=True,
    help="Beyond the horizon, inputs that are no target: refuse, or hold their last "
    "readings.",
)
@click.option(
    "--output",
    "sink",
    default="-",
    metavar="FILE",
    help="Where the rows go, as CSV; - for standard output, the default.",
)
@spreadsheet_option
@click.option(
    "--plot", type=click.Path(path_type=Path), help="A picture: PNG, SVG, PDF."
)
@backend_option
@reading_options
def command(
    artifact: Path,
    data: str,
    steps: int | None,
    beyond: str,
    sink: str,
    plot: Path | None,
    backend: str | None,
    is_for_spreadsheet: bool,
    **reading: Any,
) -> None:
    """Write future rows with their own times: what comes after the last row of DATA.

    One column per target, in raw units. DATA is streamed as `rnnedge run` streams it; - is
    standard input. With --series, every series has rows of its own.

    For example: rnnedge forecast dist/jfk.rnne readings.csv --steps 6 --plot next.png
    """
    from rnnedge.evaluation.future import read_future
    from rnnedge_runtime import load
    from rnnedge_runtime.live.report import reading_lines
    from rnnedge_runtime.live.sinks.text import open_output
    from rnnedge_runtime.spec.frames import check_gives_every_row

    from .loading import open_lines

    where = "standard input" if data == "-" else data
    taken = take_reading(reading, is_stream=True)
    if plot is not None:
        from rnnedge.evaluation.pictures.drawing import check_picture

        check_picture(plot)
    model = load(artifact, backend=backend)
    check_gives_every_row(model.spec, where="forecast")
    with open_lines(data, taken["options"]) as lines:
        found = read_future(
            model,
            lines,
            where=where,
            num_steps=steps or model.spec.horizon,
            hold=beyond == "hold",
            **taken,
        )
    period_s = model.spec.sample_period_s
    for line in reading_lines(found.reader, found.stream.findings, period_s):
        tell(line)
    if not found.futures:
        raise DataError(
            f"{where}: the table has no rows, so there is nothing to forecast from. "
            "Check that it was written completely."
        )
    with open_output(sink, in_place=False) as file:
        table = CsvRows(file, is_for_spreadsheet=is_for_spreadsheet)
        has_series = taken["series"] is not None
        _write(table, found.futures, found.columns, has_series=has_series)
    if plot is not None:
        from rnnedge.evaluation.pictures.future_plot import plot_futures

        plot_futures(plot, model.spec, found.futures)
        tell(f"Plot: {plot}")


def _write(
    table: CsvRows, futures: list[Future], columns: list[str], *, has_series: bool
) -> None:
    has_time = futures[0].times_us is not None
    first = ["series"] if has_series else []
    table.write([*first, "time" if has_time else "step", *columns])
    for future in futures:
        for stamp, values in zip(_stamps(future), future.values, strict=True):
            name = [future.name] if has_series else []
            table.write([*name, stamp], list(map(_text, values.ravel())))


def _text(value: np.float32) -> str:
    """The shortest decimals that read back as the same float32; "" for no number."""
    return str(value) if isfinite(value) else ""


def _stamps(future: Future) -> Iterator[str | int]:
    from rnnedge_runtime.tables.timestamps import time_text

    if future.times_us is None:
        yield from range(1, len(future.values) + 1)
    else:
        yield from (time_text(int(time_us)) for time_us in future.times_us)
