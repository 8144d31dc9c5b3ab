"""`rnnedge train`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import click
from click.core import ParameterSource

from rnnedge.cli.loading import reading_bar
from rnnedge.cli.reading import READING, reading_options
from rnnedge.cli.show.terminal import echo, print_table
from rnnedge.tasks.config import CHOICES, TrainConfig
from rnnedge_runtime.errors import DataError, require


def _choice(name: str, text: str) -> Any:
    default = getattr(TrainConfig(), name)
    return click.option(
        f"--{name.replace('_', '-')}",
        type=click.Choice(CHOICES[name]) if name in CHOICES else type(default),
        default=default,
        show_default=True,
        help=text,
    )


class TrainCommand(click.Command):
    """A command whose help lists its options by what they are about, the rest last."""

    groups: ClassVar[dict[str, Sequence[str]]] = {
        "What to forecast": (
            "target",
            "horizon",
            "feature",
            "unit",
            "out",
            "overwrite",
        ),
        "How the table is read": ("time", "series", *READING),
        "The parts": ("split", "split_at", "split_by", "hold_out_series"),
        "The inputs": ("clip", "range", "missing", "derived", "period"),
        "The network": (
            *("cell", "hidden_size", "num_layers", "proj_size", "nonlinearity"),
            *("norm", "residual", "conv", "head", "layers", "step"),
            *("dropout", "bidirectional", "add_last", "drift"),
        ),
        "The training": (
            *("epochs", "patience", "seed", "seeds", "loss", "learning_rate"),
            *("weight_decay", "clip_norm", "lanes", "chunk_length", "burn_in"),
            *("device", "precision", "threads"),
        ),
        "Other options": (),
    }

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options under their headings."""
        parameters = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        heading = {
            name: title for title, group in self.groups.items() for name in group
        }
        found: dict[str, list[tuple[str, str]]] = {title: [] for title in self.groups}
        for parameter in parameters:
            if record := parameter.get_help_record(ctx):
                title = heading.get(parameter.name or "", "Other options")
                found[title].append(record)
        for title, records in found.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


@click.command("train", cls=TrainCommand)
@click.argument("data", nargs=-1)
@click.option("--target", multiple=True, help="Column to forecast; may be repeated.")
@_choice("horizon", "Steps ahead to forecast, 1 to this many at once.")
@click.option("--out", help="Run folder.  [default: runs/<name of the data>]")
@click.option("--feature", multiple=True, help="Input column; may be repeated.")
@click.option("--unit", multiple=True, help="NAME=UNIT of a column; may be repeated.")
@reading_options
@_choice("cell", "Recurrent cell.")
@_choice("hidden_size", "Units of every recurrent layer.")
@_choice("num_layers", "Stacked recurrent layers, 0 chooses: 2 of lru, 1 of others.")
@_choice("proj_size", "Projection of an lstm, 0 for none.")
@_choice("nonlinearity", "Of the plain rnn.")
@_choice("dropout", "Between recurrent layers.")
@_choice("norm", "Of what each recurrent layer reads.")
@click.option("--residual", is_flag=True, help="Add what a recurrent layer reads.")
@click.option(
    "--conv",
    default="",
    metavar="CxK",
    help="A causal convolution in front: channels and taps, such as 8x3.",
)
@_choice("head", "Units of a hidden layer behind the recurrent ones, 0 for none.")
@click.option(
    "--layers",
    default="",
    metavar="FILE",
    callback=lambda context, option, path: _layers(path),
    help="A table of blocks in place of these, such as the model.toml of a run.",
)
@click.option(
    "--step",
    default="",
    metavar="COLUMN",
    help="Feature with the time since the row before, which lru cells take exactly.",
)
@click.option("--bidirectional", is_flag=True, help="Refused: cannot stream.")
@click.option(
    "--add-last/--no-add-last",
    default=None,
    help="Learn the change from the last reading.  [default: when targets are features]",
)
@click.option(
    "--drift/--no-drift",
    default=None,
    help="Be ready for series that leave their training range.  [default: as --add-last]",
)
@click.option(
    "--clip",
    multiple=True,
    metavar="LIMITS",
    help="How far the network sees beyond the training range: off, a WIDTH, or LO:HI; "
    "NAME= in front for one feature; may be repeated.  [default: 0.5]",
)
@click.option(
    "--range",
    multiple=True,
    metavar="LIMITS",
    help="Plausible readings, off or LO:HI, NAME= in front for one feature; others count "
    "as missing; may be repeated.  [default: 20 widths around the training range]",
)
@_choice("derived", "Inputs made from the time stamp.")
@click.option(
    "--period",
    multiple=True,
    metavar="LENGTH",
    help="One more period whose phase is an input, such as 12h; may be repeated.",
)
@_choice(
    "missing",
    "Missing readings: hold the last one, take the forecast of targets, or reject.",
)
@_choice("loss", "What is minimised, in standard deviations of each output.")
@_choice("epochs", "Passes over the training part, at most.")
@_choice("patience", "Epochs without a better validation error before stopping.")
@_choice("learning_rate", "Peak of the schedule.")
@_choice("weight_decay", "Of AdamW.")
@_choice("clip_norm", "Largest norm of the gradient.")
@_choice("lanes", "Slices of the data trained side by side, 0 chooses.")
@_choice("chunk_length", "Steps of truncated backpropagation.")
@_choice("burn_in", "First steps left out of the loss of a slice within a series.")
@_choice("season", "Steps of a season for the seasonal-naive baseline, 0 chooses.")
@click.option(
    "--split",
    type=float,
    nargs=3,
    default=TrainConfig().split,
    show_default="0.7 0.1 0.2",
    help="Shares of the time: training, validation, test.",
)
@click.option(
    "--split-at",
    nargs=2,
    default=None,
    metavar="DATE DATE",
    help="Start of the validation and of the test part, in place of --split.",
)
@_choice("split_by", "Parts of common dates, or each series by its own rows.")
@click.option(
    "--hold-out-series",
    multiple=True,
    metavar="ID",
    help="Series that is only tested, never trained on; may be repeated.",
)
@_choice("seed", "Of weights, dropout and chunk borders.")
@_choice("seeds", "Networks to train, of this and the next seeds; the best is kept.")
@_choice("device", "Where to train.")
@_choice("precision", "bf16: autocast on CUDA.")
@_choice("threads", "CPU threads, 0 chooses.")
@click.option(
    "--config",
    metavar="FILE",
    help="Choices of a run, its config.toml; DATA and options given beside it win.",
)
@click.option(
    "--resume", help="Go on with the run in this folder; DATA: its new place."
)
@click.option("--overwrite", is_flag=True, help="Replace the run in --out.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def command(
    context: click.Context,
    /,
    data: tuple[str, ...],
    target: tuple[str, ...],
    out: str | None,
    feature: tuple[str, ...],
    unit: tuple[str, ...],
    config: str | None,
    resume: str | None,
    overwrite: bool,
    quiet: bool,
    **choices: Any,
) -> None:
    """Train a network on tables of readings: files, folders or a glob.

    The readings are split in time order, 70 % to train, 10 % to choose the best epoch,
    20 % to test, at the same dates in all series; the network is printed beside its baselines.
    """
    for module in ("torch", "polars"):
        require(module, extra="train", purpose="rnnedge train")
    from rnnedge import fitting

    try:
        if resume:
            _check_alone(context)
            source = _source(data) if data else None
            fitted = fitting.resume(resume, source=source, is_quiet=quiet)
        else:
            choices = _chosen(context, config, choices)
            given: dict[str, Any] = {"target": target, "features": feature}
            given |= {"units": _units(unit), "source": _source(data) if data else None}
            choices |= {name: value for name, value in given.items() if value}
            with reading_bar():
                fitted = fitting.fit(
                    choices.pop("source", None) or _source(data),
                    target=choices.pop("target", None) or _targets(target),
                    out=out,
                    overwrite=overwrite,
                    is_quiet=quiet,
                    on_prepared=print_prepared,
                    **choices,
                )
    except fitting.TrainingStopped as stopped:
        echo(str(stopped), err=True)
        raise SystemExit(130) from None
    print_outcome(fitted)
    echo(f"\nNext: rnnedge export {fitted.run.path} --format onnx --out dist")


def _chosen(
    context: click.Context, config: str | None, choices: dict[str, Any]
) -> dict[str, Any]:
    """The choices of the config, those given on the command line in place of its own."""
    if config is None:
        return choices
    from rnnedge import fitting

    given = {
        name: value
        for name, value in choices.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    return fitting.recorded_choices(config) | given


def print_prepared(dataset: Any, prepared: Any) -> None:
    """Print what was read, before the training."""
    from rnnedge.cli.check import print_summary

    parts = [series.parts for series in prepared.series]
    print_summary(dataset, prepared.spec, parts, prepared.notes)
    echo()


def print_outcome(fitted: Any) -> None:
    """Print score table, verdict and where everything is."""
    from rnnedge.evaluation.cutting import cut_lines
    from rnnedge.evaluation.scores.score_tables import (
        num_hidden,
        score_table,
        series_errors,
    )
    from rnnedge.evaluation.seeds import seeds_lines
    from rnnedge.tasks.forecast.shrinking import shares_line

    report = fitted.run.report
    training = report["training"]
    echo(
        f"\nTrained {training['epochs']} epochs in {training['seconds']:.1f} s "
        f"({training['device']}), best epoch {training['best_epoch']}, "
        f"{training['num_weights']:,} weights.\n"
    )
    if "seeds" in training:
        for line in seeds_lines(fitted.run.spec, training["seeds"]):
            echo(line)
        echo()
    evaluation = fitted.evaluation
    print_table(
        score_table(fitted.run.spec, evaluation.scores["test"], evaluation.season)
    )
    if hidden := num_hidden(fitted.run.spec):
        echo(f"... and {hidden} more in scores.csv")
    if len(evaluation.by_series.names) > 1:
        echo()
        print_table(series_errors(fitted.run.spec, evaluation.by_series))
    echo()
    counted = {part: found["clipped"] for part, found in report["parts"].items()}
    for line in cut_lines(counted):
        echo(line)
    if line := shares_line(training["change_shares"]):
        echo(line)
    for sentence in report["verdict"]:
        echo(sentence)
    folder = fitted.run.path
    echo(
        f"\nRun folder: {folder}  "
        "(report.json, scores.csv, results.csv, loss.png, forecast.png)"
    )


def _check_alone(context: click.Context) -> None:
    """Refuse choices beside --resume: the run has made its own."""
    given = [
        "--" + name.replace("_", "-")
        for name in context.params
        if name not in ("resume", "data", "quiet")
        and context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise DataError(
            f"train: {', '.join(given)} stands beside --resume, which goes on with the "
            "choices in config.toml. Leave it out, or start a new run."
        )


def _layers(path: str) -> str:
    """The text of the table of layers; "" where none is named."""
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataError(
            f"train: {path}, the table of --layers, cannot be read: {reason}. Name a file "
            "such as the model.toml of a run."
        ) from None


def _source(data: tuple[str, ...]) -> Any:
    if not data:
        raise DataError(
            "train: no DATA was given, expected a CSV or Parquet file. "
            "Call it as `rnnedge train readings.csv --target NAME`."
        )
    return data[0] if len(data) == 1 else list(data)


def _targets(target: tuple[str, ...]) -> tuple[str, ...]:
    if not target:
        raise DataError(
            "train: no --target was given, expected the column to forecast. "
            "Name it, for example --target temp_c."
        )
    return target


def _units(pairs: tuple[str, ...]) -> dict[str, str]:
    units = {}
    for pair in pairs:
        name, separator, unit = pair.partition("=")
        if not separator:
            raise DataError(
                f"train: --unit is '{pair}', expected NAME=UNIT. "
                "Write for example --unit temp_c=C."
            )
        units[name] = unit
    return units
