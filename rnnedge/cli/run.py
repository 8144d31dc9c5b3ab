"""`rnnedge run`: stream a table, or a pipe of readings, through an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnedge.cli.live import live_options, run_live, take_live
from rnnedge.cli.reading import (
    backend_option,
    reading_options,
    spreadsheet_option,
    take_reading,
)
from rnnedge.cli.show.terminal import tell
from rnnedge_runtime.live.sinks.rows import FORMATS

if TYPE_CHECKING:
    from rnnedge.evaluation.tracks import Recorder
    from rnnedge_runtime.streams.model import Model


@click.command("run")
@click.argument("artifact", required=False, type=click.Path(path_type=Path))
@live_options
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
    type=click.Choice(FORMATS),
    default="csv",
    show_default=True,
    help="How the forecasts are written.",
)
@spreadsheet_option
@click.option(
    "--state",
    "state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Go on from the state in FILE if it exists, and keep it there; live, a folder.",
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
@click.option(
    "--range",
    multiple=True,
    metavar="LIMITS",
    help="What a sensor can give, LO:HI, NAME= in front for one feature; other readings "
    "are missing; may be repeated.  [default: the ranges in the artifact]",
)
@click.option(
    "--strict",
    "is_strict",
    is_flag=True,
    help="A line that cannot be read ends the run.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A picture of the last 240 rows and their forecasts; PNG, SVG or PDF.",
)
@backend_option
@reading_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    artifact: Path | None,
    save_every: str | None,
    plot: Path | None,
    backend: str | None,
    **choices: Any,
) -> None:
    """Write the forecast from every reading of a table.

    One row out for one row in: its time as it came, then <target>_<step> for each target
    and step ahead, in raw units. With --series, the series comes first. The readings of a
    pipe are answered one by one. A line that cannot be read is held out and counted.

    For example: rnnedge run dist/jfk.onnx --input newark.csv > forecasts.csv

    A pipe: sensor | rnnedge run dist/jfk.onnx --state jfk.state

    Live: rnnedge run dist/jfk.rnne --source mqtt://host/sensors/+/reading --state DIR
    """
    choices |= {"save_every": save_every, "plot": plot}
    live = take_live(ctx, choices)
    if live is not None:
        settings, table = live
        number = run_live(settings, artifact, backend, **table)
        ctx.exit(128 + number if number else 0)
    if artifact is None:
        raise click.MissingParameter(param_type="argument", param_hint="'ARTIFACT'")
    del choices["save_every"], choices["plot"]
    from rnnedge_runtime import load
    from rnnedge_runtime.live.runner import Settings, run
    from rnnedge_runtime.live.saving import parse_save_every
    from rnnedge_runtime.live.sources.file import is_live
    from rnnedge_runtime.live.state_file import check_apart

    from .loading import open_lines

    choices |= take_reading(choices, is_stream=True)
    source, state = choices["source"], choices["state"]
    check_apart(
        state, input=source, output=choices["sink"], plot=plot, artifact=artifact
    )
    every = parse_save_every(save_every, is_live=is_live(source))
    model = load(artifact, backend=backend)
    recorder = None if plot is None else recorder_for(plot, model)
    outcome = run(
        model,
        Settings(every=every, **choices),
        tell=tell,
        open_lines=open_lines,
        observe=None if recorder is None else recorder.add,
    )
    if outcome.reader is None:
        ctx.exit(128 + outcome.signal)
    for line in outcome.lines():
        tell(line)
    if plot is not None and recorder is not None:
        save_plot(plot, model, recorder)
    if outcome.signal:
        saved = f"; the state is in {state}" if state else ""
        tell(f"{outcome.where}: stopped after {outcome.num_rows:,} rows{saved}.")
        ctx.exit(128 + outcome.signal)
    outcome.check()


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
        tell(f"{plot}: no picture, as there are no rows.")
        return
    plot_run(plot, model.spec, tracks)
    tell(f"Plot: {plot}")
