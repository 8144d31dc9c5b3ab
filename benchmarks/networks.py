"""The networks of the study: bare recurrent layers at sizes people put on devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rnnedge_export.formats.onnx.graph import build_onnx
from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.layers import Gru, Layer, Linear, Lstm, Rnn
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import (
    Weights,
    canonical_weights,
    model_digest,
    weight_shapes,
)
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.tolerances import GOLDEN_STEPS

INTEGERS = "-int8.rnne"

_CELLS = {"RNN": Rnn, "GRU": Gru, "LSTM": Lstm}


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the study.

    Attributes:
        cell: `RNN`, `GRU` or `LSTM`.
        input_size: I.
        hidden_size: H; the outputs are the last layer's hidden state.
        num_layers: of the cell.
    """

    cell: str
    input_size: int
    hidden_size: int
    num_layers: int = 1

    @property
    def name(self) -> str:
        times = f" x{self.num_layers}" if self.num_layers > 1 else ""
        return f"{self.cell} {self.input_size}->{self.hidden_size}{times}"

    @property
    def weights_nbytes(self) -> int:
        shapes = weight_shapes(self.spec()).values()
        return 4 * sum(int(np.prod(shape)) for shape in shapes)

    def spec(self) -> ModelSpec:
        layers: list[Layer] = []
        for k in range(self.num_layers):
            size = self.hidden_size if k else self.input_size
            layers.append(_CELLS[self.cell](size, self.hidden_size))
        return _spec(self.input_size, tuple(layers), self.hidden_size)


SMALL = (Network("RNN", 1, 20), Network("LSTM", 4, 32), Network("GRU", 4, 32))
STACKED = (
    Network("LSTM", 8, 64, 2),
    Network("LSTM", 8, 128, 2),
    Network("LSTM", 16, 256, 2),
    Network("LSTM", 32, 512, 2),
)
NETWORKS = SMALL + STACKED
MANY = (SMALL[1], STACKED[0], STACKED[1])


def empty_spec() -> ModelSpec:
    """Next to nothing to compute: what is left is the call."""
    return _spec(1, (Linear(1, 1),), 1)


def save(spec: ModelSpec, folder: Path, name: str) -> dict[str, Path]:
    """Write a network with random weights; the files by ending, `INTEGERS` in integers."""
    weights = drawn_weights(spec)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((GOLDEN_STEPS, spec.input_size)).astype(np.float32)
    state = initial_state(spec.graph_state, 1, np.float64)
    y, _ = ReferenceEngine(spec, weights).run(x[None], state)
    metadata = described(spec, weights, Golden(x, y[0].astype(np.float32)))
    stem = name.replace(" ", "-").replace(">", "")
    files = {
        ".rnne": build_rnne(metadata, weights),
        ".onnx": build_onnx(metadata, weights),
        INTEGERS: _integers(metadata, weights),
    }
    paths = {}
    for suffix, content in files.items():
        paths[suffix] = folder / f"{stem}{suffix}"
        paths[suffix].write_bytes(content)
    return paths


def drawn_weights(spec: ModelSpec, given: Weights | None = None) -> Weights:
    """Weights in U(+-1/sqrt(H)), those of scalers as given."""
    rng = np.random.default_rng(0)
    drawn = {}
    for tensor, shape in weight_shapes(spec).items():
        layer = spec.layers[int(tensor.split(".")[1])]
        bound = 1 / np.sqrt(getattr(layer, "hidden_size", layer.input_size))
        drawn[tensor] = rng.uniform(-bound, bound, shape)
    return canonical_weights(spec, drawn | (given or {}))


def described(spec: ModelSpec, weights: Weights, golden: Golden) -> Metadata:
    """The metadata of a model of a study, in float."""
    digest = model_digest(spec, weights)
    return Metadata(spec, digest, NUMERICS, golden, "rnnedge benchmarks")


def _integers(metadata: Metadata, weights: Weights) -> bytes:
    spec, x = metadata.spec, metadata.golden.x
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    described = replace(metadata, digest=model.digest, numerics=INTEGER_NUMERICS)
    return build_rnne(described, model)


def _spec(input_size: int, layers: tuple[Layer, ...], output_size: int) -> ModelSpec:
    return ModelSpec(
        features=tuple(Feature(f"x_{k}") for k in range(input_size)),
        targets=(Target("h"),),
        layers=layers,
        horizon=output_size,
    )
