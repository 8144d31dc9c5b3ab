"""`rnnedge verify`."""

from __future__ import annotations

from collections import Counter

import click

from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_export.boards.catalogue import find_boards
from rnnedge_export.boards.equality import BoardReport, c_sources, verify_on_boards
from rnnedge_export.verifying.check import Check
from rnnedge_export.verifying.verify import verify


@click.command("verify")
@click.argument("artifacts", nargs=-1, required=True, type=click.Path())
@click.option(
    "--backend",
    help="torchscript, to load .pt files, which hold a pickle; numpy or reference.",
)
@click.option(
    "--on",
    "boards",
    multiple=True,
    help="Board to run a .c on, in an emulator; may be repeated, or all.",
)
def command(
    artifacts: tuple[str, ...], backend: str | None, boards: tuple[str, ...]
) -> None:
    """Check artifacts: whole, golden steps, run = step, state, drift over 10,000 steps.

    Several artifacts are taken for one model in several formats and compared with each
    other. With --on a C source is compiled for a board and run there: every byte must be
    that of the host. Exit code 1 when a check fails.
    """
    targets = find_boards(boards)
    sources = c_sources(artifacts) if targets else []
    report = verify(artifacts, backend=backend)
    width = max(len(check.name) for check in report.checks)
    artifact = ""
    for check in report.checks:
        if check.artifact != artifact:
            echo(f"{'' if not artifact else chr(10)}{check.artifact}")
            artifact = check.artifact
        figures = _figures(check)
        line = f"  {check.outcome:<11}  {check.name:<{width}}  {figures:<21}  "
        echo((line + check.detail).rstrip())
    counts = Counter(check.outcome for check in report.checks)
    echo(
        f"\n{counts['passed']} passed, {counts['failed']} failed, "
        f"{counts['not checked']} not checked."
    )
    on_boards = list(verify_on_boards(sources, targets))
    if on_boards:
        _print_boards(on_boards)
    if report.has_failed or any(item.has_failed for item in on_boards):
        raise SystemExit(1)


def _print_boards(reports: list[BoardReport]) -> None:
    """One line per model and board, then what differs."""
    echo("\nOn boards, byte for byte against the reference\n")
    names = dict.fromkeys(found.name for item in reports for found in item.comparisons)
    rows = [["board", "model", "steps", *names]]
    for item in reports:
        details = {found.name: found.detail for found in item.comparisons}
        words = ["DIFFERS" if details.get(name) else "equal" for name in names]
        words = [w if n in details else "-" for n, w in zip(names, words, strict=True)]
        rows.append([item.board, item.model, f"{item.num_steps:,}", *words])
    print_table(rows)
    for item in reports:
        for comparison in item.comparisons:
            if comparison.detail:
                echo(f"{item.board}, {comparison.name}: {comparison.detail}")


def _figures(check: Check) -> str:
    """Difference and limit, for checks that have them."""
    if check.figure is None or check.limit is None:
        return ""
    sign = "<=" if check.outcome == "passed" else "> "
    return f"{check.figure:.2e} {sign} {check.limit:.2e}"
