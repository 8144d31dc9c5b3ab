"""`rnnedge verify`."""

from __future__ import annotations

from collections import Counter

import click

from rnnedge_export.verifying import Check, verify


@click.command("verify")
@click.argument("artifacts", nargs=-1, required=True, type=click.Path())
@click.option(
    "--backend",
    help="torchscript, to load .pt files, which hold a pickle; numpy or reference.",
)
def command(artifacts: tuple[str, ...], backend: str | None) -> None:
    """Check artifacts: whole, golden steps, run = step, state, drift over 10,000 steps.

    Several artifacts are taken for one model in several formats and compared with each
    other. Exit code 1 when a check fails.
    """
    report = verify(artifacts, backend=backend)
    width = max(len(check.name) for check in report.checks)
    artifact = ""
    for check in report.checks:
        if check.artifact != artifact:
            click.echo(f"{'' if not artifact else chr(10)}{check.artifact}")
            artifact = check.artifact
        figures = _figures(check)
        line = f"  {check.outcome:<11}  {check.name:<{width}}  {figures:<21}  "
        click.echo((line + check.detail).rstrip())
    counts = Counter(check.outcome for check in report.checks)
    click.echo(
        f"\n{counts['passed']} passed, {counts['failed']} failed, "
        f"{counts['not checked']} not checked."
    )
    if report.has_failed:
        raise SystemExit(1)


def _figures(check: Check) -> str:
    """Difference and limit, for checks that have them."""
    if check.figure is None or check.limit is None:
        return ""
    sign = "<=" if check.outcome == "passed" else "> "
    return f"{check.figure:.2e} {sign} {check.limit:.2e}"
