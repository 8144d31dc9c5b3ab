"""`rnnedge export`."""

from __future__ import annotations

import click

from rnnedge.cli.board_costs import print_costs
from rnnedge.cli.tables import print_table
from rnnedge_runtime.errors import require
from rnnedge_runtime.tolerances import VERIFY_STEPS


@click.command("export")
@click.argument("run", type=click.Path())
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("onnx",),
    show_default="onnx",
    help="rnne, onnx, torchscript, c or wasm; may be repeated.",
)
@click.option("--out", default=".", show_default=True, help="Folder of the artifacts.")
@click.option("--name", help="File name without ending.  [default: that of the run]")
@click.option("--report", help="JSON file for the difference at every step.")
@click.option("--board", help="Board that the C source must fit: see rnnedge devices.")
@click.option("--flash", help="What it may use there, as 64k.  [default: the board's]")
@click.option("--ram", help="What state and stack may use.  [default: the board's]")
@click.option("--no-simd", is_flag=True, help="WebAssembly for old browsers.")
@click.option("--int8", is_flag=True, help="Refused: these formats hold float32.")
def command(
    run: str,
    formats: tuple[str, ...],
    out: str,
    name: str | None,
    report: str | None,
    int8: bool,
    board: str | None,
    flash: str | None,
    ram: str | None,
    no_simd: bool,
) -> None:
    """Write the network of a run folder as artifacts that stream on a device.

    Each artifact is loaded by its own backend and streamed for 10,000 steps beside PyTorch;
    one that differs by more than the limit is not written. With --board, neither is a C
    source that does not fit.
    """
    require("torch", extra="train", purpose="rnnedge export")
    require("onnx", extra="train", purpose="rnnedge export")
    if "onnx" in formats:
        require("onnxruntime", extra="train", purpose="rnnedge export")
    from rnnedge.exporting import export

    written = export(
        run,
        formats=formats,
        out=out,
        name=name,
        report=report,
        int8=int8,
        board=board,
        flash=flash,
        ram=ram,
        simd=not no_simd,
    )
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
                f"{parity.limit:.1e}",
                "unknown" if error is None else f"{error:.1e}",
                f"step {parity.step}, {parity.output}",
            ]
        )
    print_table(rows)
    click.echo(
        f"\nLargest error: artifact against PyTorch over {VERIFY_STEPS:,} carried steps. "
        "float32: PyTorch against itself in float64."
    )
    costs = [item.measurement for item in written.artifacts if item.measurement]
    if costs:
        click.echo()
        print_costs(costs)
    for note in written.notes:
        click.echo(f"note: {note}")
    click.echo(f"\nNext: rnnedge verify {written.artifacts[0].path}")
