"""The command line: one module per command, imported when it is called.

User errors print one message and exit 2, a failed verification exits 1; `--debug` shows the
traceback.
"""

from __future__ import annotations

import importlib

import click

from rnnedge.cli.show.terminal import echo
from rnnedge_runtime.errors import BoardError, BudgetError, ParityError, RnnEdgeError

COMMANDS = (
    "check",
    "train",
    "evaluate",
    "export",
    "import",
    "verify",
    "bench",
    "run",
    "forecast",
    "inspect",
    "devices",
    "demo",
)


class LazyGroup(click.Group):
    """A group whose commands are `rnnedge.cli.<name>.command`, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"rnnedge.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command, turning our own errors into one line and an exit code."""
        try:
            return super().invoke(ctx)
        except RnnEdgeError as error:
            if ctx.params.get("debug"):
                raise
            text = f"{type(error).__name__}: {error}"
            # What a compiler said has lines; in any other message a break is in a name.
            lines = text.split("\n") if isinstance(error, BoardError) else [text]
            for line in lines:
                echo(line, err=True)
            ctx.exit(1 if isinstance(error, ParityError | BudgetError) else 2)
        except BrokenPipeError:
            raise
        except OSError as error:
            if ctx.params.get("debug") or error.strerror is None:
                raise
            place = error.filename or "standard output"
            echo(
                f"DataError: {place}: it cannot be read or written: {error.strerror}. "
                "Check the disk and the permissions.",
                err=True,
            )
            ctx.exit(2)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="rnnedge")
def main(debug: bool) -> None:
    """Train a recurrent network, export it, stream it one step at a time."""
