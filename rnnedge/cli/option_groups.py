"""Options of a command under headings, so that a long `--help` can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import click

OTHER = "Other options"


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
