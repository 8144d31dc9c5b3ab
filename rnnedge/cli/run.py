"""`rnnedge run`: stream a table, or a pipe of readings, through an artifact."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

import click

from rnnedge.cli.reading import check_for_stream, reading_options, take_options
from rnnedge.cli.show.spreadsheet import spreadsheet_option
from rnnedge.cli.show.terminal import echo
from rnnedge_runtime.errors import DataError, FormatError, StateError

if TYPE_CHECKING:
    from rnnedge.evaluation.tracks import Recorder
    from rnnedge_runtime.live.row_stream import RowStream
    from rnnedge_runtime.live.series_streams import SeriesStreams
    from rnnedge_runtime.streams.model import Model
    from rnnedge_runtime.tables.held_out import HeldOut
    from rnnedge_runtime.tables.rows.reading import RowReader
    from rnnedge_runtime.tables.rows.row import Row

    from .streaming.row_output import RowOutput
    from .streaming.row_writers import Write
    from .streaming.saving import Saver
    from .streaming.state_file import StateFile
    from .streaming.stopping import Stop

    AnyStream = RowStream | SeriesStreams
    IsReady = Callable[[float | None], bool]


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
    help="Go on from the state in FILE if it exists, and keep it there.",
)
@click.option(
    "--save-every",
    metavar="N|PERIOD",
    help="Save the state after so many rows, or so long: 100, 30s. Of a pipe both, "
    "and when no row is waiting, if not given; of a file 30s.",
)
@click.option(
    "--max-jump",
    metavar="PERIOD",
    help="A longer step in time is believed once ten rows bear it out; off: at once. "
    "A day or 24 sampling periods if not given.",
)
@click.option("--strict", is_flag=True, help="A line that cannot be read ends the run.")
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
    save_every: str | None,
    max_jump: str | None,
    strict: bool,
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
    pipe are answered one by one. A line that cannot be read is held out and counted.

    For example: rnnedge run dist/jfk.onnx --input newark.csv > forecasts.csv

    Live: sensor | rnnedge run dist/jfk.onnx --state jfk.state
    """
    from rnnedge_runtime import load
    from rnnedge_runtime.live.row_stream import RowStream
    from rnnedge_runtime.live.series_streams import SeriesStreams
    from rnnedge_runtime.tables.held_out import HeldOut
    from rnnedge_runtime.tables.rows.jumps import Jumps, longest_jump_us
    from rnnedge_runtime.tables.rows.known_rows import KnownRows
    from rnnedge_runtime.tables.rows.reading import read_rows

    from .streaming.row_files import is_live, open_lines
    from .streaming.row_output import open_row_output
    from .streaming.row_writers import row_writer
    from .streaming.saving import Saver, parse_save_every
    from .streaming.state_file import check_apart, open_state
    from .streaming.stopping import Stop

    where = "standard input" if source == "-" else source
    options = take_options(reading)
    check_for_stream(options)
    check_apart(state_path, input=source, output=sink, plot=plot, artifact=artifact)
    live = is_live(source)
    every = parse_save_every(save_every, is_live=live)
    model = load(artifact, backend=backend)
    recorder = None if plot is None else recorder_for(plot, model)
    kind = RowStream if series is None else SeriesStreams
    stream: AnyStream = kind(model, where=where)
    held = HeldOut(where, lambda text: echo(text, err=True), strict)
    jumps = Jumps(
        longest_jump_us(model.spec.sample_period_s, max_jump),
        where=where,
        now_us=now_us if live else None,
        refuse=lambda fault, row: (
            None if row.is_held_out else held.add(fault, row.line)
        ),
    )
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(open_state(state_path))
        blob = restore_state(stream, state)
        last_us = last_times(stream)
        for name, time_us in last_us.items():
            jumps.start(name, time_us)
        known = KnownRows(last_us, is_at_hand=not live)
        if state is not None and state.note:
            echo(f"{state.path}: {state.note}.", err=True)
        stop = stack.enter_context(Stop())
        waiting = Waiting(stop)
        try:
            with stop.interruptible():
                lines = stack.enter_context(
                    open_lines(source, options, wait=waiting, holds_out=True)
                )
                reader = read_rows(
                    lines,
                    model.spec,
                    where=where,
                    time=time,
                    series=series,
                    options=options,
                    held=held,
                )
        except KeyboardInterrupt:
            ctx.exit(128 + stop.signal)
        output = stack.enter_context(
            open_row_output(
                sink,
                in_place=live,
                grows=state is not None,
                mark=None if state is None else state.mark_of(blob),
            )
        )
        if state is not None:
            state.begin(blob, output.mark())
        names = [output.name for output in model.spec.outputs]
        write = row_writer(
            output.file,
            output_format,
            reader,
            names,
            first_line=output.first_line,
            sink=sink,
            is_for_spreadsheet=spreadsheet_safe,
        )
        if recorder is not None:
            write = recorder.before(write)
        saver = Saver(state, output, stream.snapshot, every=every, is_live=live)
        waiting.saver = saver
        rows = jumps.settled(known.new_rows(reader.rows))
        stream_to(write, rows, stream, stop, saver, output, held)
    report(stream, reader, model.spec.sample_period_s)
    if known.count:
        echo(
            f"{where}: {known.count:,} rows were passed over, as the saved state holds "
            "them already.",
            err=True,
        )
    num_good = output.num_rows + known.count
    num_rows = num_good + held.total
    for line in held.lines(num_rows):
        echo(f"{where}: {line}", err=True)
    if plot is not None and recorder is not None:
        save_plot(plot, model, recorder)
    if stop.signal:
        saved = f"; the state is in {state_path}" if state_path else ""
        echo(f"{where}: stopped after {num_rows:,} rows{saved}.", err=True)
        ctx.exit(128 + stop.signal)
    if held.total > num_good:
        raise DataError(
            f"{where}: more rows were held out than read, {held.total:,} of "
            f"{num_rows:,}. Mend the table, or say how it is written: the first of each "
            "kind is named above."
        )


def now_us() -> int:
    """The time of this machine in microseconds since 1970."""
    return time_ns() // 1000


def last_times(stream: AnyStream) -> dict[str, int]:
    """Time of the last row of each series that a saved state holds."""
    from rnnedge_runtime.live.row_stream import RowStream

    streams = [("", stream)] if isinstance(stream, RowStream) else stream.items()
    found = {name: one.last_time_us for name, one in streams}
    return {name: time_us for name, time_us in found.items() if time_us is not None}


def recorder_for(plot: Path, model: Model) -> Recorder:
    """What keeps the last rows for a picture; raises where none could be written."""
    from rnnedge.evaluation.pictures.drawing import check_picture
    from rnnedge.evaluation.tracks import Recorder

    check_picture(plot)
    return Recorder(model.spec.output_size)


def save_plot(plot: Path, model: Model, recorder: Recorder) -> None:
    """Write the picture of the last rows, where there are any."""
    from rnnedge.evaluation.pictures.future_plot import plot_run

    tracks = recorder.tracks()
    if not tracks:
        echo(f"{plot}: no picture, as there are no rows.", err=True)
        return
    plot_run(plot, model.spec, tracks)
    echo(f"Plot: {plot}", err=True)


class Waiting:
    """What is done while no row comes: the state is saved when it is due.

    Args:
        stop: ends the waiting.
    """

    def __init__(self, stop: Stop) -> None:
        self.saver: Saver | None = None
        self._stop = stop

    def __call__(self, is_ready: IsReady) -> None:
        """Return once there is something to read."""
        while not is_ready(0):
            timeout = None if self.saver is None else self.saver.idle_timeout()
            if timeout is None or timeout > 0:
                if is_ready(timeout):
                    return
            elif self.saver is not None:
                with self._stop.shielded():
                    self.saver.save()


def stream_to(
    write: Write,
    rows: Iterator[Row],
    stream: AnyStream,
    stop: Stop,
    saver: Saver,
    output: RowOutput,
    held: HeldOut,
) -> None:
    """Row by row, until the rows end, the reader of the output leaves, or a signal.

    The state is saved in the end, whatever the end is.
    """
    from rnnedge_runtime.tables.held_out import Fault

    is_output_broken = False
    try:
        while True:
            if output.is_left():
                is_output_broken = True
                break
            with stop.interruptible():
                row = next(rows, None)
            if row is None:
                break
            try:
                forecast = stream.advance(row)
            except DataError as error:
                if not error.reason:
                    raise
                if not row.is_held_out:  # and counted for its cells
                    held.add(Fault(error.reason, str(error)), row.line)
                continue
            if not row.is_held_out:
                write(row, forecast)
                output.num_rows += 1
            saver.took_row()
    except BrokenPipeError:
        is_output_broken = True
    except KeyboardInterrupt:
        pass
    except OSError:
        is_output_broken = True
        raise
    finally:
        saver.end(is_output_broken=is_output_broken)


def restore_state(stream: AnyStream, state: StateFile | None) -> bytes | None:
    """Go on from a saved state, if there is one; its bytes."""
    blob = None if state is None else state.read()
    if state is None or blob is None:
        return None
    try:
        stream.restore(blob)
    except (FormatError, StateError) as error:
        raise type(error)(
            f"{state.path}: {error} Or name another --state file, or delete this one."
        ) from None
    return blob


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
