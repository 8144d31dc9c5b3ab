"""`rnnedge import`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_export.formats.registry import FORMATS
from rnnedge_runtime.errors import DataError, SpecError, require
from rnnedge_runtime.tolerances import VERIFY_STEPS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rnnedge_export.exporting.export import ExportReport
    from rnnedge_export.importing.step import Imported


def _repeated(option: str, name: str, metavar: str, text: str) -> Any:
    return click.option(
        option, name, multiple=True, metavar=metavar, help=f"{text}; may be repeated."
    )


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("rnne",),
    show_default=True,
    help=f"One of {', '.join(FORMATS)}; may be repeated.",
)
@click.option("--out", default=".", show_default=True, help="Folder of the artifacts.")
@click.option("--name", help="File name without ending.  [default: that of FILE]")
@_repeated("--feature", "features", "NAME", "Name of an input, in order")
@_repeated("--target", "targets", "NAME", "Name of an output, in order")
@click.option(
    "--sample-period",
    metavar="LENGTH",
    help="Time between steps, such as 10min or 48000Hz.  [default: what FILE says]",
)
@click.option(
    "--layers", metavar="TOML", help="Of a state_dict, the file that says its layers."
)
@_repeated("--output", "outputs", "NAME", "Of ONNX, an output that the model gives")
@_repeated(
    "--state", "states", "INPUT=OUTPUT", "Of ONNX, a state whose names do not tell"
)
@_repeated(
    "--constant", "constants", "INPUT=NUMBER", "Of ONNX, an input that never changes"
)
@click.option("--no-proof", is_flag=True, help="Of ONNX, do not run FILE beside it.")
@click.option(
    "--stream", metavar="DATA", help="Rows to prove it on: a table, or .npy [T, I]."
)
@click.option("--report", help="JSON file for the difference at every step.")
@click.option("--board", help="Board that the C source must fit: see rnnedge devices.")
@click.option("--flash", help="What it may use there, as 64k.  [default: the board's]")
@click.option("--ram", help="What state and stack may use.  [default: the board's]")
@click.option("--no-simd", is_flag=True, help="With --format wasm, for old browsers.")
@click.option("--int8", is_flag=True, help="Write NAME-int8 in integers instead.")
@_repeated(
    "--keep-float", "keep_float", "LAYER", "With --int8, position or kind of a layer"
)
@click.option(
    "--max-loss",
    type=float,
    help="With --int8, what the mean difference from float may be, in deviations.",
)
def command(
    file: Path,
    features: tuple[str, ...],
    targets: tuple[str, ...],
    sample_period: str | None,
    layers: str | None,
    outputs: tuple[str, ...],
    states: tuple[str, ...],
    constants: tuple[str, ...],
    no_proof: bool,
    stream: str | None,
    name: str | None,
    no_simd: bool,
    **options: Any,
) -> None:
    """Write a model of another program as artifacts that stream on a device.

    FILE is ONNX, a PyTorch state_dict or safetensors with --layers, JSON of RTNeural, .nam,
    .keras or .h5. An ONNX file is run by ONNX Runtime beside every artifact for 10,000
    steps; one that differs by more than the limit is not written. The others are read alone,
    and their artifacts are compared with PyTorch on the layers that were read.

    For example: rnnedge import vad.onnx --constant sr=16000 --format c --out dist
    """
    given = dict(_pairs("--state", "INPUT=OUTPUT", states))
    numbers = {
        key: _number("--constant", value)
        for key, value in _pairs("--constant", "INPUT=NUMBER", constants)
    }
    period_s = None if sample_period is None else _period_s(sample_period)
    for package in ("torch", "onnx"):
        require(package, extra="train", purpose="rnnedge import")
    from rnnedge_export.exporting.imported import export_imported
    from rnnedge_export.importing.importing import import_model
    from rnnedge_export.importing.proof import prove

    imported = import_model(
        file,
        description=layers,
        features=features,
        targets=targets,
        outputs=outputs,
        states=given,
        constants=numbers,
        sample_period_s=period_s,
    )
    _print_model(file, imported)
    program = None
    if file.suffix.lower() == ".onnx" and not no_proof:
        from rnnedge_export.importing.onnx.running import OnnxFile

        program = OnnxFile(file, outputs=outputs, states=given, constants=numbers)
        proof = prove(str(file), imported, program)
        echo(
            f"Largest difference from {proof.program} in {proof.num_steps:,} "
            f"step{'s' if proof.num_steps > 1 else ''} of {proof.length:,}: "
            f"{proof.max_error:.1e}, limit {proof.limit:.1e}"
        )
    rows = None if stream is None else _rows(Path(stream), imported)
    report = export_imported(
        imported,
        program=program,
        stream=rows,
        name=name or file.stem,
        simd=not no_simd,
        **options,
    )
    _print_report(report, "PyTorch" if program is None else program.name)


def _pairs(option: str, form: str, given: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for item in given:
        before, _, after = item.partition("=")
        if not before or not after:
            raise SpecError(f"import: {option} is {item}, expected {form}. Name both.")
        found.append((before, after))
    return found


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SpecError(
            f"import: {option} has '{text}', expected a number. Correct it."
        )
    return number


def _period_s(text: str) -> float:
    from rnnedge_runtime.tables.durations import parse_duration

    if text.lower().endswith("hz"):
        rate = _number("--sample-period", text[:-2])
        if rate > 0:
            return 1 / rate
    return parse_duration(text, option="--sample-period") / 1e6


def _rows(path: Path, imported: Imported) -> NDArray[np.float32]:
    """`[T, I]` of a table with a column for each feature, or of a file of NumPy."""
    import numpy as np

    if path.suffix.lower() == ".npy":
        try:
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}: it cannot be read as an array of NumPy: {error}. Write it with "
                "numpy.save, [T, I] of float32."
            ) from None
    from rnnedge.cli.loading import load_tables

    names = imported.spec.feature_names
    data = load_tables((str(path),), targets=(), features=names, is_learned=False)
    longest = max(data.series, key=len)
    if not np.isfinite(longest.values).any(axis=0).all():
        raise DataError(f"{path}: a column has no readings at all. Leave it out.")
    at = np.where(np.isfinite(longest.values), np.arange(len(longest))[:, None], -1)
    held = np.maximum.accumulate(
        at, axis=0
    )  # a missing reading is the last one, as held
    first = np.argmax(held >= 0, axis=0)
    held = np.where(held < 0, first, held)
    places = [data.columns.index(name) for name in names]
    return np.take_along_axis(longest.values, held, axis=0)[:, places]


def _print_model(file: Path, imported: Imported) -> None:
    spec = imported.spec
    kinds: dict[str, int] = {}
    for layer in spec.layers:
        kinds[layer.kind] = kinds.get(layer.kind, 0) + 1
    shown = [kind if n == 1 else f"{n} {kind}" for kind, n in kinds.items()]
    num_weights = sum(tensor.size for tensor in imported.weights.values())
    echo(
        f"{file.name}: {spec.input_size} in, {spec.layers[-1].output_size} out, "
        f"{num_weights:,} weights; {', '.join(shown)}"
    )
    for note in imported.notes:
        echo(f"note: {note}")


def _print_report(report: ExportReport, judge: str) -> None:
    rows = [["artifact", "format", "KB", "largest error", "limit", "where"]]
    for artifact in report.artifacts:
        parity = artifact.parity
        rows.append(
            [
                str(artifact.path),
                artifact.format,
                f"{artifact.nbytes / 1024:.1f}",
                f"{parity.max_error:.1e}",
                f"{parity.limit:.1e}" if math.isfinite(parity.limit) else "none",
                f"step {parity.step}, {parity.output}",
            ]
        )
    print_table(rows)
    echo(
        f"\nLargest error: artifact against {judge} over {VERIFY_STEPS:,} carried steps."
    )
    costs = [item.measurement for item in report.artifacts if item.measurement]
    if costs:
        from rnnedge.cli.show.costs import print_costs

        echo()
        print_costs(costs)
    quantisation = report.artifacts[0].quantisation
    if quantisation is not None:
        from rnnedge.cli.show.integers import quantisation_lines

        for line in quantisation_lines(quantisation):
            echo(line)
    for note in report.notes:
        echo(f"note: {note}")
    echo(f"\nNext: rnnedge verify {report.artifacts[0].path}")
