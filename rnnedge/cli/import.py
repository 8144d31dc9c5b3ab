"""`rnnedge import`."""

from __future__ import annotations

from pathlib import Path

import click

from rnnedge.cli.show.terminal import echo
from rnnedge_export.formats.registry import FORMATS
from rnnedge_runtime.errors import SpecError, require


@click.command("import")
@click.argument("file", type=click.Path())
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("rnne",),
    show_default=True,
    help=f"One of {', '.join(FORMATS)}; may be repeated.",
)
@click.option("--out", default=".", show_default=True, help="Folder of the artifacts.")
@click.option("--name", help="File name without ending.  [default: that of the file]")
@click.option("--layers", help="TOML file that describes a state_dict.")
@click.option(
    "--feature", "features", multiple=True, help="Name of an input, in order."
)
@click.option("--target", "targets", multiple=True, help="Name of an output, in order.")
@click.option("--output", "outputs", multiple=True, help="Output of an ONNX graph.")
@click.option(
    "--state",
    "states",
    multiple=True,
    metavar="INPUT=OUTPUT",
    help="State of an ONNX graph, where its names do not say it.",
)
@click.option("--no-proof", is_flag=True, help="Do not run an ONNX file beside it.")
def command(
    file: str,
    formats: tuple[str, ...],
    out: str,
    name: str | None,
    layers: str | None,
    features: tuple[str, ...],
    targets: tuple[str, ...],
    outputs: tuple[str, ...],
    states: tuple[str, ...],
    no_proof: bool,
) -> None:
    """Write a model of another program as artifacts that stream on a device.

    FILE is ONNX, a PyTorch state_dict or safetensors with --layers, JSON of RTNeural, .nam,
    .keras or .h5. An ONNX file is run by ONNX Runtime for 1,000 steps beside the model.
    """
    pairs = [state.partition("=") for state in states]
    if any(not before or not after for before, _, after in pairs):
        raise SpecError(
            f"import: --state is {', '.join(states)}, expected INPUT=OUTPUT. Name both."
        )
    require("torch", extra="train", purpose="rnnedge import")
    require("onnx", extra="train", purpose="rnnedge import")
    from rnnedge_export.exporting.imported import export_imported
    from rnnedge_export.importing.importing import import_model
    from rnnedge_export.importing.proof import prove

    path = Path(file)
    given = {before: after for before, _, after in pairs}
    imported = import_model(
        path,
        description=layers,
        features=features,
        targets=targets,
        outputs=outputs,
        states=given,
    )
    for note in imported.notes:
        echo(f"note: {note}")
    kinds = ", ".join(layer.kind for layer in imported.spec.layers)
    echo(f"{path.name}: {imported.spec.input_size} inputs, layers {kinds}")
    if path.suffix.lower() == ".onnx" and not no_proof:
        from rnnedge_export.importing.onnx.running import OnnxFile

        proof = prove(file, imported, OnnxFile(path, outputs=outputs, states=given))
        echo(
            f"Largest difference from {proof.program} over {proof.num_steps:,} carried "
            f"steps: {proof.max_error:.1e}, limit {proof.limit:.1e}"
        )
    report = export_imported(imported, formats=formats, out=out, name=name or path.stem)
    for artifact in report.artifacts:
        echo(
            f"{artifact.path}  {artifact.nbytes / 1024:.1f} KB  largest error "
            f"{artifact.max_error:.1e}, limit {artifact.limit:.1e}"
        )
    for note in report.notes:
        echo(f"note: {note}")
    echo(f"\nNext: rnnedge verify {report.artifacts[0].path}")
