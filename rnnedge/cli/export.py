"""`rnnedge export`."""

from __future__ import annotations

import gc
import math
from typing import Any

import click

from rnnedge.cli.show.integers import print_quantisation
from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_export.formats.registry import FORMATS
from rnnedge_runtime.errors import SpecError, require
from rnnedge_runtime.tolerances import MAX_LOSS, VERIFY_STEPS


@click.command("export")
@click.argument("run", type=click.Path())
@click.option(
    "--format",
    "formats",
    multiple=True,
    help=f"One of {', '.join(FORMATS)}; may be repeated.  [default: onnx, with --int8 rnne]",
)
@click.option("--out", default=".", show_default=True, help="Folder of the artifacts.")
@click.option("--name", help="File name without ending.  [default: that of the run]")
@click.option("--report", help="JSON file for the difference at every step.")
@click.option("--board", help="Board that the C source must fit: see rnnedge devices.")
@click.option("--flash", help="What it may use there, as 64k.  [default: the board's]")
@click.option("--ram", help="What state and stack may use.  [default: the board's]")
@click.option("--no-simd", is_flag=True, help="With --format wasm, for old browsers.")
@click.option("--int8", is_flag=True, help="Write NAME-int8 in integers instead.")
@click.option(
    "--keep-float",
    multiple=True,
    metavar="LAYER",
    help="With --int8, layer to compute in float: position or kind; may be repeated.",
)
@click.option(
    "--max-loss",
    type=float,
    help="With --int8, part by which the error on the test part may rise.  "
    f"[default: {MAX_LOSS}]",
)
@click.option("--data", help="With --int8, where the data of the run is now.")
def command(
    run: str, formats: tuple[str, ...], data: str | None, no_simd: bool, **options: Any
) -> None:
    """Write the network of a run folder as artifacts that stream on a device.

    Each artifact is loaded by its own backend and streamed for 10,000 steps beside PyTorch;
    one that differs by more than the limit is not written. With --board, neither is a C
    source that does not fit. With --int8 the scales come from the training part, and an
    error that rises by more than --max-loss on the test part is a failure.
    """
    int8 = options["int8"]
    formats = formats or (("rnne",) if int8 else ("onnx",))
    require("torch", extra="train", purpose="rnnedge export")
    for item in (FORMATS[name] for name in formats if name in FORMATS):
        for package in item.packages:
            require(package, extra="train", purpose="rnnedge export")
    gc.freeze()  # these packages stay: nothing in them is garbage, now or at the end
    from rnnedge.exporting import export_run
    from rnnedge.runs.data import load_run_data
    from rnnedge.runs.folder import load_run
    from rnnedge_export.exporting.request import ExportRequest

    request = ExportRequest(formats=formats, simd=not no_simd, **options)
    if data is not None and not int8:
        raise SpecError(
            "export: --data was given without --int8, which alone needs the data of the "
            "run. Add --int8, or leave it out."
        )
    finished = load_run(run)
    prepared = load_run_data(finished, data) if int8 else None
    written = export_run(finished, request, prepared=prepared)
    rows = [["artifact", "format", "KB", "largest error", "limit", "float32", "where"]]
    for artifact in written.artifacts:
        parity = artifact.parity
        error = parity.float32_error
        rows.append(
            [
                str(artifact.path),
                artifact.format,
                f"{artifact.nbytes / 1024:.1f}",
                f"{parity.max_error:.1e}",
                f"{parity.limit:.1e}" if math.isfinite(parity.limit) else "none",
                "unknown" if error is None else f"{error:.1e}",
                f"step {parity.step}, {parity.output}",
            ]
        )
    print_table(rows)
    echo(
        f"\nLargest error: artifact against PyTorch over {VERIFY_STEPS:,} carried steps. "
        "float32: PyTorch against itself in float64."
    )
    for artifact in written.artifacts:
        if steps := artifact.parity.steps:
            echo(
                f"{steps.num_steps} single steps from PyTorch's own state, "
                f"{artifact.format}: nearest to its limit is {steps.where}, "
                f"{steps.max_error:.1e} of {steps.limit:.1e} at step {steps.step}."
            )
    costs = [item.measurement for item in written.artifacts if item.measurement]
    if costs:
        from rnnedge.cli.show.costs import print_costs

        echo()
        print_costs(costs)
    quantisations = [item.quantisation for item in written.artifacts]
    if prepared is not None and quantisations[0] is not None:
        echo()
        print_quantisation(prepared, finished.report, quantisations[0])
    for note in written.notes:
        echo(f"note: {note}")
    echo(f"\nNext: rnnedge verify {written.artifacts[0].path}")
