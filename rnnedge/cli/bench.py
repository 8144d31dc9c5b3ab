"""`rnnedge bench`."""

from __future__ import annotations

import dataclasses
import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnedge.cli.show.terminal import echo, echo_json, print_table

if TYPE_CHECKING:
    from rnnedge.benching.bench import Measurement

_HEADER = [
    "way",
    "file KB",
    "start ms",
    "us/step p50",
    "p99",
    "ratio",
    "peak MB",
    "largest error",
]

_MAX_SECONDS = 3600


class _Seconds(click.FloatRange):
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):  # a range lets NaN through
            self.fail(f"{value} is not in the range 0<x<={_MAX_SECONDS}.", param, ctx)
        return seconds


@click.command("bench")
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--seconds",
    type=_Seconds(min=0, min_open=True, max=_MAX_SECONDS),
    default=1.0,
    show_default=True,
    help="Timing of each way to step.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Started for start-up and memory.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    artifacts: tuple[Path, ...], seconds: float, processes: int, as_json: bool
) -> None:
    """Measure the artifacts of one model: time per step, start-up, memory, error.

    Every way to step that is installed is timed in turn in one process, on one thread.
    TorchScript files hold a pickle: name only those you trust.
    """
    from rnnedge.benching.bench import bench, describe_machine

    report = bench(artifacts, seconds=seconds, processes=processes)
    typed = shlex.join(["rnnedge", *sys.argv[1:]])
    if as_json:
        content = dataclasses.asdict(report) | {
            "machine": describe_machine(),
            "command": typed,
        }
        echo_json(content)
        return
    print_table([_HEADER, *(_row(item) for item in report.measurements)])
    alone = report.numpy
    echo(
        "\nstart: from numpy imported to the first step, in a process of its own "
        f"(import numpy: {alone.numpy_ms:.0f} ms, peak {alone.peak_mb:.1f} MB)."
    )
    if report.baseline:
        echo(f"ratio: time of {report.baseline} over the time of the row.")
    echo("largest error: against the float64 reference over 1,000 carried steps.")
    for note in report.notes:
        echo(f"note: {note}")
    echo(f"machine: {describe_machine()}")
    echo(f"command: {typed}")


def _row(item: Measurement) -> list[str]:
    timing, footprint = item.timing, item.footprint
    return [
        item.way,
        f"{item.nbytes / 1024:.1f}",
        f"{footprint.start_ms:.0f}",
        f"{timing.p50:.2f}",
        f"{timing.p99:.2f}",
        "-" if item.ratio is None else f"{item.ratio:.2f}",
        f"{footprint.peak_mb:.1f}",
        "-" if item.error is None else f"{item.error:.1e}",
    ]
