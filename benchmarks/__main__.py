"""`python -m benchmarks`: measure, and write docs/benchmarks.md."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import click

from rnnedge.benching.machine import describe_machine

from .page import write_page
from .study import run_study

ROOT = Path(__file__).resolve().parent.parent


@click.command()
@click.option(
    "--out",
    default=ROOT / "docs/benchmarks.md",
    type=click.Path(path_type=Path),
    help="The page; its plot lies beside it.  [default: docs/benchmarks.md]",
)
@click.option("--seconds", default=2.0, show_default=True, help="Timing of each side.")
def main(out: Path, seconds: float) -> None:
    """Measure the native engine beside ONNX Runtime and write a page of tables."""
    with tempfile.TemporaryDirectory() as folder:
        study = run_study(Path(folder), seconds=seconds, say=click.echo)
    option = "" if seconds == 2.0 else f" --seconds {seconds:g}"
    machine = f"{describe_machine()}, commit {_commit()}"
    write_page(study, out, machine=machine, command=f"python -m benchmarks{option}")
    click.echo(f"written: {out}")


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


main(prog_name="python -m benchmarks")
