"""Options that commands share, and headings for a long `--help`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import click

OTHER = "Other options"

backend_option = click.option(
    "--backend",
    metavar="NAME",
    help="native, numpy, onnx, reference or torchscript; the artifact's own if not given.",
)

spreadsheet_option = click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="In CSV, an apostrophe before names that a spreadsheet would take for a formula.",
)


class GroupedCommand(click.Command):
    """A command whose help lists its options by `groups`, the rest under the last heading.

    Attributes:
        groups: heading, and names of the parameters under it, in the order of the help.
    """

    groups: ClassVar[dict[str, Sequence[str]]] = {}

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options under their headings."""
        heading = {
            name: title for title, names in self.groups.items() for name in names
        }
        found: dict[str, list[tuple[str, str]]] = {
            title: [] for title in (*self.groups, OTHER)
        }
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                found[heading.get(parameter.name or "", OTHER)].append(record)
        for title, records in found.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
