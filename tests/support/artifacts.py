"""Tiny models made for tests: in memory, or as real artifacts on disk."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st
from support.strategies import (
    model_specs,
    random_readings,
    random_weights,
    seeds,
    unclipped_specs,
)

import rnnedge_runtime as runtime
from rnnedge_export.formats.onnx.graph import build_onnx
from rnnedge_export.formats.rnne.writing import assemble, build_rnne, range_sections
from rnnedge_export.formats.torchscript import save_torchscript
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime import backends
from rnnedge_runtime.backends.native import native_engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.formats.rnne_file import CRITICAL
from rnnedge_runtime.formats.rnne_model import encode_model, version_of
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.layers import Activation, Linear, Rnn, Softmax
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights, model_digest, weight_shapes
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.streams.inputs import Inputs, hold_readings
from rnnedge_runtime.streams.model import Model

BACKENDS = tuple(backends.BACKENDS)
BITWISE = [name for name, item in backends.BACKENDS.items() if item.is_bitwise]
"""Backends that promise the same bits for a run, its steps and a fleet."""
START = 1_700_000_000


def suffix_of(backend: str) -> str:
    """The ending of an artifact it loads; of the reference's two, that of `.onnx`."""
    return backends.BACKENDS[backend].suffixes[-1]


def times_of(spec: ModelSpec, size: int) -> np.ndarray | None:
    """`[size]` time stamps when the spec derives inputs from them, else None."""
    if not spec.derived:
        return None
    return START + np.rint(np.arange(size) * (spec.sample_period_s or 60.0)).astype(
        np.int64
    )


def inputs_of(spec: ModelSpec, readings: np.ndarray) -> np.ndarray:
    """`[T, I]` model inputs of readings `[T, F]` from the start of a stream."""
    held = spec.state[-1].initial_array()
    held = hold_readings(spec.features, readings, held, where="test")
    return Inputs(spec).rows(held, times_of(spec, len(readings)))


def describe(spec: ModelSpec, weights: Weights, size: int = 64) -> Metadata:
    """The metadata of an artifact, golden vectors from the reference included."""
    x = inputs_of(spec, random_readings(spec, np.random.default_rng(0), size))
    state = initial_state(spec.graph_state, 1, np.float64)
    y, _ = ReferenceEngine(spec, weights).run(x[None], state)
    golden = Golden(x, y[0].astype(np.float32))
    return Metadata(spec, model_digest(spec, weights), NUMERICS, golden, "tests")


def torch_model(spec: ModelSpec, weights: Weights) -> SequenceModel:
    torch.set_num_threads(1)
    module = SequenceModel(spec).eval()
    module.load_weights(weights)
    return module


def save_artifact(
    spec: ModelSpec, weights: Weights, folder: Path, suffix: str = ".onnx"
) -> Path:
    """Write `model.onnx`, `model.pt` or `model.rnne`."""
    path = folder / f"model{suffix}"
    metadata = describe(spec, weights)
    if suffix == ".onnx":
        path.write_bytes(build_onnx(metadata, weights))
    elif suffix == ".rnne":
        path.write_bytes(build_rnne(metadata, weights))
    else:
        save_torchscript(torch_model(spec, weights), metadata, path)
    return path


def reference_model(spec: ModelSpec, weights: Weights) -> Model:
    """The judge, without a file."""
    return Model(describe(spec, weights, size=1), ReferenceEngine(spec, weights))


def bare_rnne(spec: ModelSpec, weights: Weights) -> bytes:
    """What the C core needs of an `.rnne` file: no description, no recorded steps."""
    model = encode_model(spec, model_digest(spec, weights))
    tensors = b"".join(weights[name].tobytes() for name in weight_shapes(spec))
    return assemble(
        [
            (b"MODL", CRITICAL, model),
            *range_sections(spec),
            (b"WGTS", CRITICAL, tensors),
        ],
        version_of(spec),
    )


def quantised_model(
    spec: ModelSpec, weights: Weights, kept: frozenset[int] = frozenset()
) -> QuantisedModel:
    """The model in integers, calibrated on random readings."""
    readings = random_readings(spec, np.random.default_rng(1), 40)
    ranges = measure_ranges(spec, weights, inputs_of(spec, readings))
    return quantise(spec, weights, ranges, kept)


def large_state_model(function: str, size: float) -> tuple[ModelSpec, Weights]:
    """States of about `size` before a function that reaches its limit at 8."""
    layers = (Rnn(1, 9, "relu"), Activation(9, function), Linear(9, 2))
    spec = ModelSpec((Feature("x"),), (Target("a"), Target("b")), layers)
    weights = random_weights(spec, np.random.default_rng(0))
    weights["layers.0.weight_hh"][...] = 0
    weights["layers.0.weight_ih"][:, 0] = size * np.linspace(-1, 1, 9) ** 3
    return spec, weights


@st.composite
def quantised_models(draw, version: int = 1) -> QuantisedModel:
    """Models in integers, some of whose layers are kept in float.

    Args:
        version: of the spec; with 2 half of them have layers that take readings before the
            clip and are in integers throughout.
    """
    is_plain = version == 1 or draw(st.booleans())
    spec = draw(model_specs(version) if is_plain else unclipped_specs())
    kept = {k for k, layer in enumerate(spec.layers) if isinstance(layer, Softmax)}
    if is_plain:
        kept |= draw(st.sets(st.integers(0, len(spec.layers) - 1), max_size=2))
    weights = random_weights(spec, np.random.default_rng(draw(seeds)))
    while True:
        try:
            return quantised_model(spec, weights, frozenset(kept))
        except SpecError as error:  # a layer that a kept neighbour leaves alone
            position = re.search(r"--keep-float (\d+)", str(error))
            assert position is not None
            kept |= {int(position[1])}


def integer_rnne(model: QuantisedModel) -> bytes:
    """Its `.rnne` file, golden vectors and long run included."""
    x = inputs_of(model.spec, random_readings(model.spec, np.random.default_rng(0), 64))
    engine = IntegerEngine(model)
    y, _ = engine.run(x[None], initial_state(model.spec.graph_state, 1, np.float32))
    metadata = Metadata(
        model.spec, model.digest, INTEGER_NUMERICS, Golden(x, y[0]), "tests"
    )
    return build_rnne(metadata, model, engine=engine)


def native_model(spec: ModelSpec, weights: Weights) -> Model:
    """The C engine, without a file."""
    engine = native_engine(spec, bare_rnne(spec, weights))
    return Model(describe(spec, weights, size=1), engine)


def load_backend(
    spec: ModelSpec, weights: Weights, backend: str, folder: Path
) -> Model:
    """The model through a file and the named backend."""
    path = save_artifact(spec, weights, folder, suffix_of(backend))
    return runtime.load(path, backend=backend)


def torch_float32_error(
    spec: ModelSpec, weights: Weights, readings: np.ndarray
) -> float:
    """Largest error of PyTorch float32 against the float64 reference on a stream."""
    x = inputs_of(spec, readings)
    state = initial_state(spec.graph_state, 1, np.float64)
    judge, _ = ReferenceEngine(spec, weights).run(x[None], state)
    module = torch_model(spec, weights)
    with torch.inference_mode():
        y, _ = module(torch.from_numpy(x[None].copy()), module.initial_state(1))
    return float(np.abs(y.numpy() - judge).max(initial=0.0))
