"""What commands print. All of it goes through here: names in it may be anybody's."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from rnnedge_runtime.printable import printable


def echo(line: object = "", *, err: bool = False) -> None:
    """Print one line; line breaks at its start and end make empty lines.

    Args:
        line: what to print; characters that a terminal obeys are escaped (`printable`).
        err: to standard error.
    """
    text = str(line)
    inner = text.strip("\n")
    before, _, after = text.partition(inner) if inner else (text, "", "")
    _put(f"{before}{printable(inner)}{after}\n", err=err)


def redraw(line: str) -> None:
    """Put `line` in place of the last one on standard error, and stay there."""
    _put(f"\r{printable(line)}", err=True)


def _put(text: str, *, err: bool) -> None:
    try:
        click.echo(text, err=err, nl=False)
    except OSError:
        if not err:
            raise
        from rnnedge_runtime.live.sinks.text import drop

        drop(sys.stderr)  # nobody can read what is said, and the work goes on


def tell(line: str) -> None:
    """Print one line to standard error."""
    echo(line, err=True)


def echo_json(content: Any) -> None:
    """Print JSON on several lines; non-ASCII characters stay where they can be seen."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    _put("".join(f"{printable(line)}\n" for line in text.split("\n")), err=False)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their header: the first column to the left, the others right."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        echo("  ".join(cells).rstrip())
        if number == 0:
            echo("  ".join("-" * width for width in widths))
