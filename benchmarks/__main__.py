"""`python -m benchmarks`: measure, and write docs/benchmarks.md."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from rnnedge.benching.bench import describe_machine

from .page import write_page
from .study import QUICK, Plan, run_study

ROOT = Path(__file__).resolve().parent.parent


@click.command()
@click.option(
    "--out",
    default=ROOT / "docs/benchmarks.md",
    type=click.Path(path_type=Path),
    help="The page; its plot lies beside it.  [default: docs/benchmarks.md]",
)
@click.option("--seconds", default=2.0, show_default=True, help="Timing of each side.")
@click.option("--quick", is_flag=True, help="Small networks, few rounds: a trial run.")
def main(out: Path, seconds: float, quick: bool) -> None:
    """Measure the native engine beside ONNX Runtime and write a page of tables."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plan = QUICK if quick else Plan(seconds=seconds)
        study = run_study(Path(folder), plan, say=click.echo)
    option = " --quick" if quick else f" --seconds {seconds:g}"
    machine = f"{describe_machine()}, commit {_commit()}"
    write_page(study, out, machine=machine, command=f"python -m benchmarks{option}")
    click.echo(f"written: {out}")


def _commit() -> str:
    if shutil.which("git") is None:
        return "unknown"
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


main(prog_name="python -m benchmarks")
