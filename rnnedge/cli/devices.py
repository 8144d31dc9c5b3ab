"""`rnnedge devices`."""

from __future__ import annotations

import click

from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_export.boards.catalogue import BOARDS

_COUNTED_BY = {
    "systick": "flash, RAM, stack, instructions",
    "minstret": "flash, RAM, stack, instructions",
    "plugin": "code, RAM, stack, instructions",
    "none": "module, RAM",
}


@click.command("devices")
def command() -> None:
    """List the boards that C source is compiled for and run on, in an emulator.

    They are the names for `verify --on` and `export --board`. Flash and RAM are those of a
    common part, the budget unless --flash and --ram say otherwise.
    """
    rows = [["board", "processor", "part", "flash", "RAM", "measured", "tools here"]]
    missing = {name: board.missing_packages() for name, board in BOARDS.items()}
    for name, board in BOARDS.items():
        here = "missing" if missing[name] else "yes"
        part = board.part or "-"
        measured = _COUNTED_BY[board.counter]
        sizes = (_kilobytes(board.flash_nbytes), _kilobytes(board.ram_nbytes))
        rows.append([name, board.core, part, *sizes, measured, here])
    print_table(rows)
    packages = sorted({package for names in missing.values() for package in names})
    if packages:
        echo(
            "\nOn Debian: apt-get install --no-install-recommends " + " ".join(packages)
        )
    echo("\nNext: rnnedge verify model.c --on cortex-m4f")


def _kilobytes(nbytes: int | None) -> str:
    return "-" if nbytes is None else f"{nbytes // 1024} KB"
