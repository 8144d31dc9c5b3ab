"""`rnnedge run`: stream a table, or a pipe of readings, through an artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from rnnedge.cli.reading import check_for_stream, reading_options, take_options
from rnnedge.cli.spreadsheet import spreadsheet_option
from rnnedge.cli.terminal import echo
from rnnedge.csv_rows import CsvRows
from rnnedge_runtime.errors import DataError, FormatError, StateError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rnnedge.evaluation.tracks import Recorder
    from rnnedge_runtime.model import Model
    from rnnedge_runtime.series_streams import SeriesStreams
    from rnnedge_runtime.streaming import RowStream
    from rnnedge_runtime.tables.rows import Row, RowReader

    from .stopping import Stop

    AnyStream = RowStream | SeriesStreams
    Write = Callable[[Row, NDArray[np.float32] | None], None]


@click.command("run")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "source",
    default="-",
    metavar="FILE",
    help="A table of text or JSON, also gzipped; - for standard input, the default.",
)
@click.option(
    "--output",
    "sink",
    default="-",
    metavar="FILE",
    help="Where the forecasts go; - for standard output, the default.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["csv", "jsonl"]),
    default="csv",
    show_default=True,
    help="How the forecasts are written.",
)
@spreadsheet_option
@click.option(
    "--state",
    "state_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Go on from the state in FILE if it exists, and save it there at the end.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A picture of the last 240 rows and their forecasts; PNG, SVG or PDF.",
)
@click.option(
    "--backend",
    metavar="NAME",
    help="native, numpy, onnx, reference or torchscript; the artifact's own if not given.",
)
@click.option(
    "--time",
    metavar="COLUMN",
    help="The time column; found if not given. DATE+TIME: two columns.",
)
@click.option(
    "--series",
    metavar="COLUMN",
    help="The column that tells several series apart; each has its own state. A+B: two.",
)
@reading_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    artifact: Path,
    source: str,
    sink: str,
    output_format: str,
    state_path: Path | None,
    plot: Path | None,
    backend: str | None,
    time: str | None,
    series: str | None,
    spreadsheet_safe: bool,
    **reading: Any,
) -> None:
    """Write the forecast from every reading of a table.

    One row out for one row in: its time as it came, then <target>_<step> for each target
    and step ahead, in raw units. With --series, the series comes first. The readings of a
    pipe are answered one by one.

    For example: rnnedge run dist/jfk.onnx --input newark.csv > forecasts.csv

    Live: sensor | rnnedge run dist/jfk.onnx --state jfk.state
    """
    from rnnedge_runtime import load
    from rnnedge_runtime.series_streams import SeriesStreams
    from rnnedge_runtime.streaming import RowStream
    from rnnedge_runtime.tables.rows import read_rows

    from .row_files import is_live, open_lines, open_output
    from .stopping import Stop

    where = "standard input" if source == "-" else source
    options = take_options(reading)
    check_for_stream(options)
    model = load(artifact, backend=backend)
    recorder = None if plot is None else recorder_for(plot, model)
    kind = RowStream if series is None else SeriesStreams
    stream: AnyStream = kind(model, where=where)
    restore_state(stream, state_path)
    with Stop() as stop, open_lines(source, options) as lines:
        try:
            with stop.interruptible():
                reader = read_rows(
                    lines,
                    model.spec,
                    where=where,
                    time=time,
                    series=series,
                    options=options,
                )
        except KeyboardInterrupt:
            ctx.exit(128 + stop.signal)
        names = [output.name for output in model.spec.outputs]
        with open_output(sink, in_place=is_live(source)) as file:
            write = row_writer(
                file,
                output_format,
                reader,
                names,
                is_for_spreadsheet=spreadsheet_safe,
            )
            if recorder is not None:
                write = recorder.before(write)
            stream_to(
                write, reader, stream, stop, live=file if is_live(source) else None
            )
        save_state(stream, state_path)
    report(stream, reader, model.spec.sample_period_s)
    if plot is not None and recorder is not None:
        save_plot(plot, model, recorder)
    if stop.signal:
        saved = f"; the state is in {state_path}" if state_path else ""
        rows = stream.findings.num_rows
        echo(f"{where}: stopped after {rows:,} rows{saved}.", err=True)
        ctx.exit(128 + stop.signal)


def recorder_for(plot: Path, model: Model) -> Recorder:
    """What keeps the last rows for a picture; raises where none could be written."""
    from rnnedge.evaluation.pictures import check_picture
    from rnnedge.evaluation.tracks import Recorder

    check_picture(plot)
    return Recorder(model.spec.output_size)


def save_plot(plot: Path, model: Model, recorder: Recorder) -> None:
    """Write the picture of the last rows, where there are any."""
    from rnnedge.evaluation.future_plot import plot_run

    tracks = recorder.tracks()
    if not tracks:
        echo(f"{plot}: no picture, as there are no rows.", err=True)
        return
    plot_run(plot, model.spec, tracks)
    echo(f"Plot: {plot}", err=True)


def stream_to(
    write: Write,
    reader: RowReader,
    stream: AnyStream,
    stop: Stop,
    *,
    live: IO[str] | None,
) -> None:
    """Row by row, until the rows end, the reader of the output leaves, or a signal.

    Args:
        live: the output, when each row must leave it at once.
    """
    try:
        while True:
            with stop.interruptible():
                row = next(reader.rows, None)
            if row is None:
                return
            write(row, stream.advance(row))
            if live is not None:
                live.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        return


def row_writer(
    file: IO[str],
    output_format: str,
    reader: RowReader,
    names: list[str],
    *,
    is_for_spreadsheet: bool = False,
) -> Write:
    """A function that writes one row of output; for CSV the header is written here.

    Args:
        file: text stream.
        output_format: `csv` or `jsonl`.
        reader: names the first columns: the series, if there are several, then the time,
            or `row` for the row number where there is none.
        names: of the outputs.
        is_for_spreadsheet: as in `CsvRows`.
    """
    time_column, series = reader.time_column, reader.series_column
    first = "row" if time_column is None else time_column or "time"
    columns = [first] if series is None else [series, first]

    def stamps(row: Row) -> list[str | int | float | None]:
        stamp = row.number if time_column is None else row.time
        return [stamp] if series is None else [row.series, stamp]

    def texts(forecast: NDArray[np.float32] | None) -> list[str]:
        """The shortest decimals that read back as the same float32; "" for no number."""
        if forecast is None:
            return [""] * len(names)
        return [str(value) if isfinite(value) else "" for value in forecast]

    def write_csv(row: Row, forecast: NDArray[np.float32] | None) -> None:
        table.write(stamps(row), texts(forecast))

    def write_json(row: Row, forecast: NDArray[np.float32] | None) -> None:
        pairs = zip(columns, stamps(row), strict=True)
        fields = {name: json.dumps(value) for name, value in pairs}
        fields |= {
            name: text or "null"
            for name, text in zip(names, texts(forecast), strict=True)
        }
        content = ", ".join(
            f"{json.dumps(key)}: {text}" for key, text in fields.items()
        )
        file.write(f"{{{content}}}\n")

    if output_format == "jsonl":
        return write_json
    table = CsvRows(file, is_for_spreadsheet=is_for_spreadsheet)
    table.write([*columns, *names])
    return write_csv


def restore_state(stream: AnyStream, path: Path | None) -> None:
    """Go on from a saved state, if there is one; check that it can be saved later."""
    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise DataError(
            f"{path}: the folder for the state does not exist. Create it first."
        )
    if not path.exists():
        return
    try:
        stream.restore(path.read_bytes())
    except (FormatError, StateError) as error:
        raise type(error)(
            f"{path}: {error} Or name another --state file, or delete this one."
        ) from None
    except OSError as error:
        raise DataError(
            f"{path}: the saved state cannot be read: {error.strerror}. "
            "Name another --state file, or delete this one."
        ) from None


def save_state(stream: AnyStream, path: Path | None) -> None:
    """Save the state, in place of the older one in one move."""
    from .row_files import replacing

    if path is not None:
        with replacing(path) as file:
            file.write(stream.snapshot())


def report(stream: AnyStream, reader: RowReader, period_s: float | None) -> None:
    """Say on standard error what was found in the rows and mended."""
    where, findings = reader.where, stream.findings
    for note in reader.notes:
        echo(f"{where}: {note}", err=True)
    if reader.time_column is None and period_s is not None:
        echo(
            f"{where}: no time column, so rows are taken {period_s:g} s apart.",
            err=True,
        )
    for line in findings.lines():
        echo(f"{where}: {line}", err=True)
    if findings.is_other_period:
        apart = "" if reader.series_column else ", or name their --series COLUMN"
        echo(
            f"{where}: the rows are not {period_s:g} s apart, as in training. Resample "
            f"them{apart}, or take a model trained on their period.",
            err=True,
        )
