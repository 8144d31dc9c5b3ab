"""The models whose cost on microcontrollers is measured, as C source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.c.source import CSource
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import (
    Weights,
    canonical_weights,
    model_digest,
    weight_shapes,
)
from rnnedge_runtime.tolerances import GOLDEN_STEPS

from .networks import Network

INPUT_SIZE = 4
INT8 = " int8"
COUNTED_STEPS = 20
_SEED = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to measure.

    Attributes:
        name: as in the tables.
        spec: its layers.
        source: its C source.
        x: `[COUNTED_STEPS, I]` rows to count on.
    """

    name: str
    spec: ModelSpec
    source: CSource
    x: NDArray[np.float32]


def bare_cell(
    cell: str,
    hidden_size: int,
    *,
    num_layers: int = 1,
    is_integer: bool = False,
) -> Subject:
    """Recurrent layers of four inputs: no scaler, no head."""
    network = Network(cell, INPUT_SIZE, hidden_size, num_layers)
    spec = network.spec()
    name = f"{cell.lower()}_{hidden_size}_{num_layers}"
    x = np.random.default_rng(_SEED).uniform(-2, 2, (COUNTED_STEPS, INPUT_SIZE))
    title = f"{cell}{INT8 if is_integer else ''} {hidden_size}"
    return _subject(title, name, spec, x, is_integer=is_integer)


def demo_model(*, is_integer: bool = False) -> Subject:
    """The network of `rnnedge demo` with drawn weights: its cost is that of the trained one."""
    from rnnedge.data.tables.loading import load_dataset
    from rnnedge.datasets import weather
    from rnnedge.tasks.config import TrainConfig
    from rnnedge.tasks.forecast.preparing import prepare

    dataset = load_dataset(weather("jfk"), targets=("temp_c",))
    prepared = prepare(dataset, TrainConfig(horizon=6))
    x = prepared.series[0].x[:COUNTED_STEPS]
    title = f"demo{INT8 if is_integer else ''}"
    given = dict(prepared.affine_weights)
    return _subject(title, "demo", prepared.spec, x, given, is_integer=is_integer)


def drawn_weights(spec: ModelSpec, given: Weights | None = None) -> Weights:
    """Weights in U(+-1/sqrt(H)), those of scalers as given."""
    rng = np.random.default_rng(_SEED)
    drawn = {}
    for tensor, shape in weight_shapes(spec).items():
        layer = spec.layers[int(tensor.split(".")[1])]
        bound = 1 / np.sqrt(getattr(layer, "hidden_size", layer.input_size))
        drawn[tensor] = rng.uniform(-bound, bound, shape)
    return canonical_weights(spec, drawn | (given or {}))


def _subject(
    title: str,
    name: str,
    spec: ModelSpec,
    x: NDArray[np.floating],
    given: Weights | None = None,
    *,
    is_integer: bool = False,
) -> Subject:
    rows = np.ascontiguousarray(x, np.float32)
    weights = drawn_weights(spec, given)
    recorded = np.resize(rows, (GOLDEN_STEPS, spec.input_size))
    blank = np.zeros((GOLDEN_STEPS, spec.output_size), np.float32)
    metadata = Metadata(
        spec,
        model_digest(spec, weights),
        NUMERICS,
        Golden(recorded, blank),
        "rnnedge benchmarks",
    )
    if is_integer:
        ranges = measure_ranges(spec, weights, recorded)
        model = quantise(spec, weights, ranges, frozenset())
        source = generate_source(metadata, model, f"{name}_int8")
    else:
        source = generate_source(metadata, weights, name)
    return Subject(title, spec, source, rows)
