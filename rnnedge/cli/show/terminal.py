"""What commands print. All of it goes through here: names in it may be anybody's."""

from __future__ import annotations

import json
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
    click.echo(f"{before}{printable(inner)}{after}", err=err)


def tell(line: str) -> None:
    """Print one line to standard error."""
    echo(line, err=True)


def echo_json(content: Any) -> None:
    """Print JSON on several lines; non-ASCII characters stay where they can be seen."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    click.echo("\n".join(printable(line) for line in text.split("\n")))
