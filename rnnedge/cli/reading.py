"""The options that say how a table is read, the same for every command that reads one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import click

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions

TIME_UNITS = (
    *("s", "ms", "us", "ns", "min", "h", "d"),
    *("excel", "matlab", "julian", "year"),
)
Command = TypeVar("Command", bound=Callable[..., Any])

backend_option = click.option(
    "--backend",
    metavar="NAME",
    help="native, numpy, onnx, reference or torchscript; the artifact's own if not given.",
)

spreadsheet_option = click.option(
    "--spreadsheet-safe",
    "is_for_spreadsheet",
    is_flag=True,
    help="In CSV, an apostrophe before names that a spreadsheet would take for a formula.",
)

_OPTIONS = (
    click.option(
        "--time",
        metavar="COLUMN",
        help="The time column; found if not given. DATE+TIME: two columns.",
    ),
    click.option(
        "--series",
        metavar="COLUMN",
        help="The column that tells several series apart; A+B: two.",
    ),
    click.option(
        "--delimiter", metavar="CHAR", help="Character between cells, or tab."
    ),
    click.option(
        "--decimal", type=click.Choice([".", ","]), help="Decimal mark of numbers."
    ),
    click.option("--encoding", metavar="NAME", help="Of a text file, e.g. latin-1."),
    click.option(
        "--skip-rows",
        type=click.IntRange(0),
        metavar="N",
        help="Lines above the header to leave out.",
    ),
    click.option(
        "--fill-rows", is_flag=True, help="Cells that a row lacks are missing."
    ),
    click.option(
        "--na",
        multiple=True,
        metavar="WORD",
        help="A word for a missing cell; may be repeated.",
    ),
    click.option(
        "--missing-value",
        "missing_values",
        multiple=True,
        metavar="NUMBER",
        help="A number for a missing reading, -999 or temp=-999; may be repeated.",
    ),
    click.option(
        "--time-format", metavar="FORMAT", help="Of times, e.g. '%d/%m/%Y %H:%M'."
    ),
    click.option(
        "--time-unit",
        type=click.Choice(TIME_UNITS),
        help="Of numbers in the time column.",
    ),
    click.option(
        "--tz", metavar="ZONE", help="Of times without an offset, e.g. Europe/Berlin."
    ),
    click.option(
        "--no-time", is_flag=True, help="Rows are one step apart, without time."
    ),
    click.option("--sort", is_flag=True, help="Put the rows in the order of time."),
    click.option(
        "--pivot",
        metavar="COLUMN",
        help="Column of names, each of which becomes a column.",
    ),
    click.option(
        "--difference",
        multiple=True,
        metavar="COLUMN",
        help="A counter, read as its change from row to row; may be repeated.",
    ),
    click.option(
        "--resample",
        metavar="PERIOD[:HOW]",
        help="Onto a fixed period, e.g. 10min:mean, :last or :max.",
    ),
    click.option(
        "--max-gap", metavar="PERIOD", help="Longest hole that is filled, e.g. 6h."
    ),
)

READING = tuple(field.name for field in dataclasses.fields(TableOptions))
"""Names of these options as arguments of a command."""


def reading_options(command: Command) -> Command:
    """Add `--time`, `--series` and the options of `TableOptions`, as arguments so named."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_reading(
    arguments: dict[str, Any], *, is_stream: bool = False
) -> dict[str, Any]:
    """`time`, `series` and `options` out of a command's arguments.

    Args:
        arguments: what is taken is no longer in them.
        is_stream: raise DataError for what only a whole table can be asked for.
    """
    options = TableOptions(**{name: arguments.pop(name) for name in READING})
    if is_stream:
        _check_for_stream(options)
    return {name: arguments.pop(name) for name in ("time", "series")} | {
        "options": options
    }


def _check_for_stream(options: TableOptions) -> None:
    if options.sort:
        raise DataError(
            "--sort: a stream takes its rows one by one and cannot sort them. Sort the "
            "rows by time first, the oldest first, and leave --sort out."
        )
    if options.max_gap is not None:
        raise DataError(
            f"--max-gap {options.max_gap}: a stream keeps to the longest hole of the "
            "model's training. Leave it out, or train with another --max-gap."
        )
