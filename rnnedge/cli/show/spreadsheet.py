"""The option that makes a CSV safe to open in a spreadsheet."""

from __future__ import annotations

import click

spreadsheet_option = click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="In CSV, an apostrophe before names that a spreadsheet would take for a formula.",
)
