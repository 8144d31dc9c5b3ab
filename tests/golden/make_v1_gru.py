"""Write v1-gru.rnne and v1-gru.snapshot, as rnnedge of version 1 of the spec wrote them.

Run with the packages of commit 46255f4 to make them again; later ones only read them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import AddLast, Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import canonical_weights, model_digest, weight_shapes
from rnnedge_runtime.streams.model import Model

FOLDER = Path(__file__).resolve().parent
START = 1_700_000_000

SPEC = ModelSpec(
    features=(
        Feature("temp_c", "C", clip=(-20.0, 45.0), initial=12.5),
        Feature("wind_m_s", "m/s", missing="reject"),
    ),
    targets=(Target("temp_c", "C"),),
    layers=(
        Affine(4),
        Gru(4, 9),
        Gru(9, 5),
        Linear(5, 6),
        Affine(6, inverse=True),
        AddLast((0, 0, 0, 0, 0, 0)),
    ),
    horizon=2,
    derived=(DerivedInput(86_400),),
    quantiles=(0.1, 0.5, 0.9),
    sample_period_s=3600.0,
)


def readings() -> tuple[np.ndarray, np.ndarray]:
    """`[50, 2]` readings, some missing and some out of the clip, and their times."""
    k = np.arange(50)
    temperature = 12 + 40 * np.sin(k / 7)
    temperature[k % 11 == 3] = np.nan
    rows = np.stack([temperature, 3 + (k * 7 % 13) / 4], axis=1).astype(np.float32)
    return rows, START + 3600 * k


def main() -> None:
    rng = np.random.default_rng(46255)
    drawn = {
        name: rng.uniform(-0.5, 0.5, shape).astype(np.float32)
        for name, shape in weight_shapes(SPEC).items()
    }
    weights = canonical_weights(SPEC, drawn)
    golden = Golden(
        rng.uniform(-2, 2, (64, SPEC.input_size)).astype(np.float32),
        np.zeros((64, SPEC.output_size), np.float32),
    )
    digest = model_digest(SPEC, weights)
    metadata = Metadata(SPEC, digest, NUMERICS, golden, "rnnedge 0.1.0")
    (FOLDER / "v1-gru.rnne").write_bytes(build_rnne(metadata, weights))
    stream = Model(metadata, Float32Engine(SPEC, weights)).stream()
    rows, times = readings()
    first = stream.run(rows[:30], times[:30])
    (FOLDER / "v1-gru.snapshot").write_bytes(stream.snapshot())
    outputs = np.concatenate([first, stream.run(rows[30:], times[30:])])
    print("digest ", digest)
    print("outputs", hashlib.sha256(outputs.astype("<f4").tobytes()).hexdigest())


if __name__ == "__main__":
    main()
