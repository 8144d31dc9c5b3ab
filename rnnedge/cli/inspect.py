"""`rnnedge inspect`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from rnnedge.cli.show.costs import print_costs
from rnnedge.cli.show.integers import (
    integer_content,
    judgement_lines,
    layer_rows,
    scale_lines,
    total_nbytes,
)
from rnnedge.cli.show.terminal import echo, echo_json, print_table
from rnnedge_export.boards.budget import artifact_costs, check_fit, find_fit
from rnnedge_export.formats.registry import read_metadata, read_parameters
from rnnedge_export.quantise.judgement import read_judgement
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.derived import HOUR_OF_DAY_S, TIME_OF_YEAR_S
from rnnedge_runtime.spec.layers import AddLast, Layer, Opaque
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.spec_json import spec_to_json
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.tables.durations import duration_in_words

_FLOAT_NBYTES = 4
_PERIOD_NAMES = {HOUR_OF_DAY_S: "hour of day", TIME_OF_YEAR_S: "time of year"}


@click.command("inspect")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--board",
    "boards",
    multiple=True,
    help="Board to tell the costs of its C source on; may be repeated: see rnnedge devices.",
)
@click.option("--flash", help="What it may use there, as 64k.  [default: the board's]")
@click.option("--ram", help="What state and stack may use.  [default: the board's]")
def command(
    artifact: Path,
    as_json: bool,
    boards: tuple[str, ...],
    flash: str | None,
    ram: str | None,
) -> None:
    """Show what an artifact takes, gives and holds. Needs no torch, onnx or onnxruntime.

    With --board also what the model costs as C there: of a .c or .rnne measured where
    compiler and emulator are installed, of other files estimated; exit code 1 when it does
    not fit.
    """
    fits = [find_fit(board, flash, ram) for board in boards or (None,)]
    metadata = read_metadata(artifact)
    targets = [fit for fit in fits if fit is not None]
    costs = artifact_costs(artifact, [fit.board for fit in targets]) if targets else []
    if as_json:
        content = _summary(artifact, metadata)
        if costs:
            content["boards"] = [dataclasses.asdict(item) for item in costs]
        echo_json(content)
    else:
        _print(artifact, metadata)
        if costs:
            echo("\nAs C on boards")
            print_costs(costs)
    for fit, measurement in zip(targets, costs, strict=True):
        check_fit(fit, artifact.name, measurement, metadata.spec, metadata.numerics)


def num_weights(spec: ModelSpec) -> int:
    """Numbers in all weight tensors."""
    return sum(_layer_weights(layer) for layer in spec.layers)


def state_nbytes(spec: ModelSpec) -> int:
    """Bytes that one stream carries, held readings included."""
    return _FLOAT_NBYTES * sum(entry.size for entry in spec.state)


def _summary(path: Path, metadata: Metadata) -> dict[str, Any]:
    spec = metadata.spec
    integers = _integers(path, metadata)
    judgement = read_judgement(metadata, where=path.name)
    return {
        "path": str(path),
        "file_nbytes": path.stat().st_size,
        "digest": metadata.digest,
        "numerics": metadata.numerics,
        "producer": metadata.producer,
        "num_weights": None if spec.is_opaque else num_weights(spec),
        "state_nbytes": state_nbytes(spec),
        "state": [
            {"name": entry.name, "shape": list(entry.shape)} for entry in spec.state
        ],
        "outputs": [
            {"name": output.name} | dataclasses.asdict(output)
            for output in spec.outputs
        ],
        "num_golden_steps": len(metadata.golden.x),
        "integers": integer_content(integers) if integers else None,
        "int8_judgement": json.loads(judgement.text()) if judgement else None,
        "spec": json.loads(spec_to_json(spec)),
    }


def _print(path: Path, metadata: Metadata) -> None:
    spec = metadata.spec
    echo(f"{path}  ({path.stat().st_size / 1024:.1f} KB)")
    echo(f"  digest    {metadata.digest}")
    echo(f"  numerics  {metadata.numerics}")
    echo(f"  producer  {metadata.producer or 'unknown'}")
    echo(f"  readings  {_sampling(spec)}")
    if spec.max_gap_s is not None:
        gap = duration_in_words(spec.max_gap_s)
        echo(f"  gaps      up to {gap} stepped, a longer one starts anew")
    if spec.clock:
        echo(f"  clock     {spec.clock}")
    echo(f"  golden    {len(metadata.golden.x)} recorded steps")
    echo("\nFeatures, in this order")
    print_table(_feature_rows(spec))
    if spec.derived:
        names = [
            _PERIOD_NAMES.get(item.period_s, f"period of {item.period_s} s")
            for item in spec.derived
        ]
        echo(f"and from the time, sin and cos each: {', '.join(names)}")
    echo("\nOutputs, in this order")
    for target in spec.targets:
        outputs = [item.name for item in spec.outputs if item.target == target.name]
        unit = f" [{target.unit}]" if target.unit else ""
        echo(f"  {_shortened(outputs)}{unit}")
    echo("\nLayers")
    rows = [
        [_kind(layer), str(layer.input_size), str(layer.output_size), _weights(layer)]
        for layer in spec.layers
    ]
    header = ["layer", "in", "out", "weights"]
    integers = _integers(path, metadata)
    if integers is not None:
        header += ["computed", "bytes", "state bits"]
        rows = [a + b for a, b in zip(rows, layer_rows(integers), strict=True)]
    print_table([header, *rows])
    for layer in spec.layers:
        if isinstance(layer, Opaque):
            echo(f"opaque: {layer.reason} keeps it from being a chain of layers")
    if not spec.is_opaque:
        count = num_weights(spec)
        nbytes = total_nbytes(integers) if integers else _FLOAT_NBYTES * count
        echo(f"{count:,} weights, {nbytes / 1024:.1f} KB")
    for line in scale_lines(integers) if integers else ():
        echo(line)
    judgement = read_judgement(metadata, where=path.name)
    for line in judgement_lines(judgement) if judgement else ():
        echo(line)
    entries = ", ".join(f"{entry.name} {list(entry.shape)}" for entry in spec.state)
    echo(f"\nState of one stream: {state_nbytes(spec):,} bytes ({entries})")


def _integers(path: Path, metadata: Metadata) -> QuantisedModel | None:
    if not metadata.is_integer:
        return None
    parameters = read_parameters(path)
    assert isinstance(parameters, QuantisedModel)
    return parameters


def _sampling(spec: ModelSpec) -> str:
    ahead = "1 step" if spec.horizon == 1 else f"1 to {spec.horizon} steps"
    if spec.rows_per_step > 1:
        ahead += f" every {spec.rows_per_step} rows,"
    if spec.sample_period_s is None:
        return f"period unknown, forecasts {ahead} ahead"
    reach = duration_in_words(spec.horizon * spec.sample_period_s)
    period = duration_in_words(spec.sample_period_s)
    return f"one every {period}, forecasts {ahead} ahead (to {reach})"


def _feature_rows(spec: ModelSpec) -> list[list[str]]:
    """The header, and a row a feature; their ranges only where one has one."""
    rows = [["name", "unit", "missing", "range", "clip", "first"]]
    for item in spec.by_row.features:
        bounds = _bounds(item.range), _bounds(item.clip)
        rows.append(
            [item.name, item.unit or "-", item.missing, *bounds, f"{item.initial:g}"]
        )
    has_ranges = any(item.range is not None for item in spec.features)
    return rows if has_ranges else [[*row[:3], *row[4:]] for row in rows]


def _bounds(bounds: tuple[float, float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:g} to {bounds[1]:g}"


def _kind(layer: Layer) -> str:
    is_unclipped = isinstance(layer, AddLast) and not layer.is_clipped
    return f"{layer.kind}, not clipped" if is_unclipped else layer.kind


def _shortened(names: list[str], most: int = 8) -> str:
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:3])}, ... {names[-1]} ({len(names)} values)"


def _layer_weights(layer: Layer) -> int:
    return sum(int(np.prod(shape)) for shape in layer.weight_shapes().values())


def _weights(layer: Layer) -> str:
    return "inside" if isinstance(layer, Opaque) else f"{_layer_weights(layer):,}"
