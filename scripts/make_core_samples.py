"""Write tests/c/tiny_gru.rnne and the fuzzers' corpus: small models of every kind of layer.

The same bytes at every run; tests/test_scripts.py holds that.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import rnnedge_export.rnne as writer
from rnnedge_runtime.layers import (
    Activation,
    AddLast,
    Affine,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from rnnedge_runtime.metadata import Golden, Metadata
from rnnedge_runtime.rnne_file import parse_rnne
from rnnedge_runtime.snapshot import pack_snapshot
from rnnedge_runtime.spec import Feature, ModelSpec, Target
from rnnedge_runtime.time_features import DerivedInput
from rnnedge_runtime.weights import (
    NUMERICS,
    canonical_weights,
    model_digest,
    weight_shapes,
)

ROOT = Path(__file__).resolve().parent.parent


def spec_of(layers: tuple[Layer, ...], num_derived: int = 0) -> ModelSpec:
    num_features = layers[0].input_size - 2 * num_derived
    features = [Feature(f"sensor_{k}", clip=(-4.0, 4.0)) for k in range(num_features)]
    return ModelSpec(
        features=tuple(features),
        targets=tuple(Target(f"y_{k}") for k in range(layers[-1].output_size)),
        layers=layers,
        derived=(DerivedInput(86_400), DerivedInput(31_556_952))[:num_derived],
    )


SAMPLES = {
    "gru": spec_of(
        (Affine(6), Gru(6, 12), Linear(12, 2), Affine(2, True), AddLast((0, 1))), 2
    ),
    "lstm": spec_of((Affine(2), Lstm(2, 5), Lstm(5, 7, 3), Linear(3, 1))),
    "rnn": spec_of((Rnn(1, 4, "relu"), Rnn(4, 3), Activation(3, "sigmoid"))),
    "token": spec_of((Embedding(6, 3), Gru(3, 4), Linear(4, 6), Softmax(6))),
}


def build(spec: ModelSpec) -> bytes:
    rng = np.random.default_rng(0)
    drawn = {
        name: rng.uniform(-0.5, 0.5, shape).astype(np.float32)
        for name, shape in weight_shapes(spec).items()
    }
    weights = canonical_weights(spec, drawn)
    x = rng.uniform(-2, 2, (64, spec.input_size)).astype(np.float32)
    golden = Golden(x, np.zeros((64, spec.output_size), np.float32))
    digest = model_digest(spec, weights)
    metadata = Metadata(spec, digest, NUMERICS, golden, "rnnedge samples")
    return writer.build_rnne(metadata, weights)


def snapshot(spec: ModelSpec, dtype: type[np.floating]) -> bytes:
    """A snapshot of the model that `build` makes of `spec`."""
    metadata, _ = parse_rnne(build(spec), where="sample")
    state = [np.full(entry.shape, 0.25, dtype) for entry in spec.state]
    return pack_snapshot(metadata.digest, metadata.numerics, 12, state)


def main(root: Path) -> None:
    corpus = root / "runtime/core/fuzz/corpus_model"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, spec in SAMPLES.items():
        (corpus / f"{name}.rnne").write_bytes(build(spec))
    snapshots = root / "runtime/core/fuzz/corpus_snapshot"
    snapshots.mkdir(parents=True, exist_ok=True)
    for dtype in (np.float32, np.float64):
        name = np.dtype(dtype).name
        (snapshots / f"{name}.snapshot").write_bytes(snapshot(SAMPLES["gru"], dtype))
    (root / "tests/c").mkdir(parents=True, exist_ok=True)
    (root / "tests/c/tiny_gru.rnne").write_bytes((corpus / "gru.rnne").read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
