"""Write one folder per version of the spec: models in every format, and what they must give.

Later versions of rnnedge only read the folders (tests/golden/test_golden_models.py). A new
version of a format gets folders of its own; these are never written again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import rnnedge_runtime as runtime
from rnnedge_export.exporting.export import export
from rnnedge_export.quantise.request import Int8Data
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import weight_shapes

FOLDER = Path(__file__).resolve().parent
START = 1_700_000_000
PERIOD = 3600
STEPS = 120
HALF = 60
RANGES = ((-20.0, 45.0), (0.0, 40.0))


def _spec(*layers: Layer, version: int = 1, horizon: int = 3) -> ModelSpec:
    clip_0, clip_1 = RANGES
    is_second = version == 2
    return ModelSpec(
        features=(
            Feature(
                "temp_c",
                "C",
                clip=clip_0,
                initial=12.5,
                range=(-80.0, 80.0) if is_second else None,
            ),
            Feature("wind_m_s", "m/s", clip=clip_1, initial=3.0),
        ),
        targets=(Target("temp_c", "C"),),
        layers=layers,
        horizon=horizon,
        derived=(DerivedInput(86_400),),
        sample_period_s=float(PERIOD),
        max_gap_s=6.0 * PERIOD if is_second else None,
    )


def _ending(size: int, *, is_clipped: bool = True) -> tuple[Layer, ...]:
    return (
        Linear(size, 3),
        Affine(3, inverse=True),
        AddLast((0, 0, 0), is_clipped=is_clipped),
    )


SPECS = {
    "v1/gru": _spec(Affine(4), Gru(4, 6), *_ending(6)),
    "v1/lstm_projected": _spec(Affine(4), Lstm(4, 8, proj_size=5), *_ending(5)),
    "v1/rnn_relu": _spec(
        Affine(4), Rnn(4, 7, nonlinearity="relu"), Activation(7, "tanh"), *_ending(7)
    ),
    "v1/stack": _spec(Affine(4), Gru(4, 6), Lstm(6, 5), *_ending(5)),
    "v2/changes": _spec(
        Difference(4, (0,)),
        Affine(5),
        Gru(5, 6),
        *_ending(6, is_clipped=False),
        version=2,
    ),
}


def readings() -> tuple[np.ndarray, np.ndarray]:
    """`[120, 2]` readings, some missing, some beyond clip and range, and their times."""
    k = np.arange(STEPS)
    temperature = 12 + 15 * np.sin(k / 7)
    wind = 4 + (k * 7 % 13) / 2
    temperature[k % 11 == 3] = np.nan
    temperature[k == 50] = 300.0
    temperature[k == 70] = 60.0
    wind[k % 17 == 5] = np.nan
    rows = np.stack([temperature, wind], axis=1).astype(np.float32)
    return rows, START + PERIOD * k


def streamed(path: Path, model: runtime.Model) -> None:
    """Write what a stream of the model gives, beside its file: `.outputs`, `.snapshot`."""
    rows, times = readings()
    stream = model.stream()
    first = stream.run(rows[:HALF], times[:HALF])
    path.with_suffix(".snapshot").write_bytes(stream.snapshot())
    y = np.concatenate([first, stream.run(rows[HALF:], times[HALF:])])
    path.with_suffix(".outputs").write_bytes(y.astype("<f4").tobytes())


def drawn(spec: ModelSpec, seed: int) -> SequenceModel:
    """The model with weights that make it forecast something."""
    rng = np.random.default_rng(seed)
    model = SequenceModel(spec)
    weights = {}
    for name, shape in weight_shapes(spec).items():
        limit = 1.5 / np.sqrt(shape[-1])
        weights[name] = rng.uniform(-limit, limit, shape).astype(np.float32)
    first = next(k for k, layer in enumerate(spec.layers) if isinstance(layer, Affine))
    size = spec.layers[first].output_size
    weights[f"layers.{first}.shift"] = np.array([12, 5, 0, 0, 0][:size], np.float32)
    weights[f"layers.{first}.scale"] = np.array(
        [0.07, 0.2, 0.9, 0.9, 0.3][:size], np.float32
    )
    if isinstance(spec.layers[0], Difference):
        weights["layers.0.low"][:], weights["layers.0.high"][:] = -4, 5
    model.load_weights(weights)
    return model


def write(key: str, seed: int) -> None:
    """The files of one model."""
    version, name = key.split("/")
    folder = FOLDER / version
    spec = SPECS[key]
    model = drawn(spec, seed)
    rng = np.random.default_rng(seed + 100)
    low, high = np.transpose(RANGES)
    x = np.empty((400, spec.input_size), np.float32)
    x[:, :2] = rng.uniform(low, high, (len(x), 2))
    angle = np.arange(len(x)) * (2 * np.pi / 24)
    x[:, 2:] = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    export(
        model, formats=("rnne", "c", "wasm", "onnx"), out=folder, name=name, stream=x
    )
    export(
        model,
        formats=("rnne", "c", "wasm"),
        out=folder,
        name=name,
        stream=x,
        int8=True,
        data=Int8Data((x,)),
    )
    for path in (folder / f"{name}.rnne", folder / f"{name}-int8.rnne"):
        streamed(path, runtime.load(path))


def main(names: list[str]) -> None:
    for seed, name in enumerate(SPECS):
        if not names or name in names:
            write(name, seed)


if __name__ == "__main__":
    main(sys.argv[1:])
