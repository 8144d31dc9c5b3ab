"""Write tests/c/tiny_gru.rnne, hostile files and the fuzzers' corpora.

The same bytes at every run; tests/project/test_scripts.py holds that.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np

import rnnedge_export.formats.rnne.writing as writer
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.formats.rnne_file import (
    CHECKSUM_AT,
    CRITICAL,
    ENTRY,
    HEADER,
    file_checksum,
    parse_rnne,
)
from rnnedge_runtime.formats.snapshot import pack_snapshot
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import canonical_weights, model_digest, weight_shapes

ROOT = Path(__file__).resolve().parent.parent


def spec_of(
    layers: tuple[Layer, ...],
    num_derived: int = 0,
    *,
    plausible: tuple[float, float] | None = None,
) -> ModelSpec:
    num_features = layers[0].input_size - 2 * num_derived
    features = [
        Feature(f"sensor_{k}", clip=(-4.0, 4.0), range=plausible)
        for k in range(num_features)
    ]
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
    "change": spec_of(
        (
            Affine(2),
            Difference(2, (0, 1)),
            Gru(4, 3),
            Linear(3, 1),
            AddLast((0,), is_clipped=False),
        ),
        plausible=(-9.0, 9.0),
    ),
    "follow": spec_of(
        (
            Difference(2, (0, 1)),
            Affine(4),
            Gru(4, 3),
            Linear(3, 1),
            AddLast((0,), is_clipped=False),
        ),
        plausible=(-9.0, 9.0),
    ),
    "token": spec_of((Embedding(6, 3), Gru(3, 4), Linear(4, 6), Softmax(6))),
}

KEPT = frozenset({1})
INTEGERS: dict[str, frozenset[int]] = {
    "gru": frozenset(),
    "lstm": KEPT,
    "follow": frozenset(),
}


def build(spec: ModelSpec) -> bytes:
    rng = np.random.default_rng(0)
    drawn = {
        name: rng.uniform(-0.5, 0.5, shape).astype(np.float32)
        for name, shape in weight_shapes(spec).items()
    }
    for name in drawn:
        if name.endswith(".low"):
            high = f"{name.removesuffix('low')}high"
            drawn[name], drawn[high] = np.sort([drawn[name], drawn[high]], axis=0)
    weights = canonical_weights(spec, drawn)
    x = rng.uniform(-2, 2, (64, spec.input_size)).astype(np.float32)
    golden = Golden(x, np.zeros((64, spec.output_size), np.float32))
    digest = model_digest(spec, weights)
    metadata = Metadata(spec, digest, NUMERICS, golden, "rnnedge samples")
    return writer.build_rnne(metadata, weights)


def build_integers(spec: ModelSpec, kept: frozenset[int]) -> bytes:
    """The model in integers, the layers `kept` in float."""
    metadata, weights = parse_rnne(build(spec), where="sample")
    x = metadata.golden.x
    model = quantise(spec, weights, measure_ranges(spec, weights, x), kept)
    described = Metadata(
        spec, model.digest, INTEGER_NUMERICS, metadata.golden, metadata.producer
    )
    return writer.build_rnne(described, model)


def snapshot(model: bytes, dtype: type[np.floating]) -> bytes:
    """A snapshot of a model's file."""
    metadata, _ = parse_rnne(model, where="sample")
    spec = metadata.spec
    state = [np.full(entry.shape, 0.25, dtype) for entry in spec.state]
    return pack_snapshot(metadata.digest, metadata.numerics, 12, state)


def hostile() -> dict[str, bytes]:
    """Damaged files by name; the part before `-` is the status the loader gives."""
    good = build(SAMPLES["rnn"])
    sections = [
        (name, flags, good[offset : offset + size])
        for name, flags, offset, size in (
            ENTRY.unpack_from(good, HEADER.size + k * ENTRY.size) for k in range(6)
        )
    ]
    model, others = sections[0][2], sections[1:]
    weights_at = ENTRY.unpack_from(good, HEADER.size + 5 * ENTRY.size)[2]
    layers_at = 64 + 16  # of the first layer in MODL, behind one feature
    first_entry = HEADER.size

    def changed(at: int, value: int, content: bytes = good) -> bytes:
        return repaired(content[:at] + struct.pack("<I", value) + content[at + 4 :])

    def with_model(at: int, value: int) -> bytes:
        content = model[:at] + struct.pack("<I", value) + model[at + 4 :]
        return writer.assemble([(b"MODL", CRITICAL, content), *others])

    def with_long(content: bytes) -> bytes:
        parts = [
            (name, f, content if name == b"LONG" else c) for name, f, c in sections
        ]
        return writer.assemble(parts)

    long_run = next(content for name, _, content in sections if name == b"LONG")
    long_at = good.index(long_run)

    return {
        "not_a_model-empty": b"",
        "not_a_model-text": b"time,temp_c\n",
        "truncated-header": good[:20],
        "truncated-half": good[: len(good) // 2],
        "bad_section-appended": good + bytes(4),
        "bad_checksum-flipped_bit": good[:1000] + bytes([good[1000] ^ 8]) + good[1001:],
        "newer_version-3": changed(8, 3),
        "bad_section-no_sections": changed(20, 0),
        "bad_section-many_sections": changed(20, 2**28 + 6),
        "bad_section-overlap": changed(first_entry + ENTRY.size + 8, 128),
        "bad_section-odd_offset": changed(first_entry + 8, 129),
        "truncated-section_size": changed(first_entry + 12, 0xFFFFFFF0),
        "bad_section-twice": writer.assemble([sections[0], *sections]),
        "bad_section-no_weights": writer.assemble(sections[:-1]),
        "unsupported-critical": writer.assemble([*sections, (b"NEWS", CRITICAL, b"")]),
        "unsupported-flag": writer.assemble([*sections, (b"NEWS", 2, b"")]),
        "unsupported-numerics": with_model(0, 0x78387733),
        "bad_model-no_features": with_model(48, 0),
        "bad_model-many_features": with_model(48, 0xFFFFFFFF),
        "bad_model-many_derived": with_model(52, 0xFFFFFFFF),
        "truncated-derived": with_model(52, 200),
        "bad_model-many_layers": with_model(60, 0x7FFFFFFF),
        "truncated-one_layer_more": with_model(60, 4),
        "bad_section-one_layer_less": with_model(60, 2),
        "bad_model-clip_nan": with_model(64 + 4, 0x7FC00000),
        "bad_model-clip_reversed": with_model(64 + 4, 0x7F000000),
        "unsupported-layer": with_model(layers_at, 99),
        "unsupported-variant": with_model(layers_at + 4, 2),
        "bad_model-input_zero": with_model(layers_at + 8, 0),
        "bad_model-does_not_chain": with_model(layers_at + 8, 2),
        "bad_model-huge_hidden": with_model(layers_at + 16, 0xFFFFFFFF),
        "bad_section-long_empty": with_long(b""),
        "bad_section-long_short": with_long(long_run[:-4]),
        "bad_section-long_extended": with_long(long_run + bytes(4)),
        "bad_model-long_no_steps": changed(long_at, 0),
        "bad_model-long_endless": changed(long_at, 10_001),
        "bad_model-long_base_nan": changed(long_at + 40, 0x7FC00000),
        "bad_model-long_span_infinite": changed(
            long_at + len(long_run) - 4, 0x7F800000
        ),
        "ok-no_long": writer.assemble([s for s in sections if s[0] != b"LONG"]),
        "bad_section-weights_short": writer.assemble(
            [*sections[:-1], (b"WGTS", CRITICAL, sections[-1][2][:-4])]
        ),
        "bad_weights-nan": changed(weights_at + 8, 0x7FC00000),
        "bad_weights-infinite": changed(weights_at, 0xFF800000),
        **hostile_ranges(sections),
        **hostile_differences(),
        "ok-unknown_ancillary": writer.assemble([*sections, (b"NEWS", 0, b"1234")]),
    }


def hostile_ranges(sections: list[writer.Section]) -> dict[str, bytes]:
    """Ranges of one feature that are none."""
    ranges = {
        "bad_section-ranges_empty": b"",
        "bad_section-ranges_short": struct.pack("<f", 0),
        "bad_section-ranges_long": struct.pack("<3f", 0, 1, 2),
        "bad_model-range_nan": struct.pack("<2f", float("nan"), 1),
        "bad_model-range_infinite": struct.pack("<2f", 0, float("inf")),
        "bad_model-range_reversed": struct.pack("<2f", 1, 0),
    }
    return {
        name: writer.assemble([*sections, (b"RNGE", CRITICAL, content)])
        for name, content in ranges.items()
    }


def hostile_differences() -> dict[str, bytes]:
    good = build(SAMPLES["change"])
    _, _, model_at, _ = ENTRY.unpack_from(good, HEADER.size)
    layer_at = model_at + 64 + 2 * 16 + 20  # behind two features and one layer
    changes = {
        "unsupported-difference_variant": (4, 1),
        "bad_model-difference_appends_nothing": (12, 2),
        "truncated-difference_sources": (12, 1 << 24),
        "bad_model-difference_hidden": (16, 1),
        "bad_model-difference_source": (20, 2),
    }
    return {
        name: repaired(
            good[: layer_at + at] + struct.pack("<I", value) + good[layer_at + at + 4 :]
        )
        for name, (at, value) in changes.items()
    }


def repaired(content: bytes) -> bytes:
    """`content` with its checksum made to fit."""
    head, tail = content[:CHECKSUM_AT], content[CHECKSUM_AT + 4 :]
    return head + struct.pack("<I", file_checksum(content)) + tail


def main(root: Path) -> None:
    models = {name: build(spec) for name, spec in SAMPLES.items()}
    for name, kept in INTEGERS.items():
        models[f"{name}_w8a16"] = build_integers(SAMPLES[name], kept)
    snapshots = {
        "float32": snapshot(models["gru"], np.float32),
        "float64": snapshot(models["gru"], np.float64),
        "change": snapshot(models["change"], np.float32),
        "w8a16": snapshot(models["lstm_w8a16"], np.float32),
        "follow_w8a16": snapshot(models["follow_w8a16"], np.float32),
    }
    for place, ending, files in (
        ("runtime/core/fuzz/corpus_model", "rnne", models),
        ("runtime/core/fuzz/corpus_snapshot", "snapshot", snapshots),
        ("tests/c/hostile", "rnne", hostile()),
        ("tests/c", "rnne", {"tiny_gru": models["gru"]}),
    ):
        (root / place).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (root / place / f"{name}.{ending}").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
