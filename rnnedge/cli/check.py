"""`rnnedge check`: how a table is read, and what is odd in it, without training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from rnnedge.cli.loading import load_tables
from rnnedge.cli.reading import reading_options, take_reading
from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_runtime.errors import require


@click.command("check")
@click.argument("data", nargs=-1, required=True)
@click.option("--target", multiple=True, help="Column to forecast; may be repeated.")
@click.option("--feature", multiple=True, help="Input column; may be repeated.")
@click.option(
    "--horizon",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Steps ahead to forecast.",
)
@reading_options
def command(
    data: tuple[str, ...],
    target: tuple[str, ...],
    feature: tuple[str, ...],
    horizon: int,
    **reading: Any,
) -> None:
    """Read tables as `rnnedge train` does and say what was found, without training.

    With --target the clip ranges and the dates of the parts are those of a training.
    DATA is a file, a folder, a pattern, or - for standard input.
    """
    require("polars", extra="train", purpose="rnnedge check")
    from rnnedge.data.split import split_dataset, without_constant_features
    from rnnedge.tasks.config import TrainConfig
    from rnnedge.tasks.task import find_task

    dataset = load_tables(
        data,
        targets=target,
        features=feature or None,
        **take_reading(reading),
        is_learned=bool(target),
    )
    if target:
        dataset = without_constant_features(dataset, horizon, are_named=bool(feature))
        prepared = find_task().prepare(dataset, TrainConfig(horizon=horizon))
        parts = [series.parts for series in prepared.series]
        print_summary(dataset, prepared.spec, parts, dataset.notes)
    else:
        parts = split_dataset(dataset, horizon).parts
        print_summary(dataset, None, parts, dataset.notes)


def print_summary(dataset: Any, spec: Any, parts: Any, notes: Sequence[str]) -> None:
    """Print what was read: lines, a table of columns, notes."""
    from rnnedge.evaluation.summary import (
        column_table,
        num_columns_hidden,
        summary_lines,
    )

    for line in summary_lines(dataset, spec, parts):
        echo(line)
    echo()
    print_table(column_table(dataset, spec))
    if hidden := num_columns_hidden(dataset):
        echo(f"... and {hidden} more columns")
    for note in notes:
        echo(f"note: {note}")
