"""docs/format.md, read as somebody would who writes another reader."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import onnx
from hypothesis import given, settings
from support.artifacts import describe, save_artifact
from support.strategies import model_specs, random_weights, seeds

from rnnedge_runtime.formats import metadata
from rnnedge_runtime.formats.metadata import FORMAT_VERSION
from rnnedge_runtime.formats.seal import seal
from rnnedge_runtime.formats.snapshot import SNAPSHOT_VERSION
from rnnedge_runtime.live.saved_rows import ROW_STREAM_VERSION, SERIES_STREAMS_VERSION
from rnnedge_runtime.spec import layers
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json
from rnnedge_runtime.spec.weights import model_digest

PAGE = Path(__file__).parents[3] / "docs" / "format.md"
TEXT = PAGE.read_text(encoding="utf-8")
SPEC = ModelSpec(
    features=(Feature("a"),),
    targets=(Target("a"),),
    layers=(layers.Lstm(1, 3), layers.Linear(3, 1)),
)


def sealed_digits(content: bytes) -> tuple[bytes, bytes]:
    """The digits behind the only marker, and those of the file without them."""
    before, marker, after = content.partition(b"rnnedge-sha256:")
    assert marker not in after
    blanked = before + marker + b"0" * 64 + after[64:]
    return after[:64], hashlib.sha256(blanked).hexdigest().encode()


def test_the_example_is_canonical() -> None:
    [example] = re.findall(r"```json\n(.*)\n```", TEXT)
    assert spec_to_json(spec_from_json(example, where="format.md")) == example


def test_the_page_names_every_field_key_and_kind() -> None:
    names = {
        f.name for cls in (ModelSpec, Feature, Target) for f in dataclasses.fields(cls)
    }
    names |= {f.name for f in dataclasses.fields(DerivedInput)}
    for kind, layer in layers.LAYER_KINDS.items():
        names |= {kind, *(field.name for field in dataclasses.fields(layer))}
    names |= {v for k, v in vars(metadata).items() if k.startswith("KEY_")}
    assert [name for name in sorted(names) if f"`{name}`" not in TEXT] == []


def test_the_versions_of_the_page_are_those_of_the_code() -> None:
    assert f"seal | {FORMAT_VERSION} |" in TEXT
    assert f"| snapshot | {SNAPSHOT_VERSION} |" in TEXT
    assert f"| row stream | {ROW_STREAM_VERSION} |" in TEXT
    assert f"| series streams | {SERIES_STREAMS_VERSION} |" in TEXT


@settings(max_examples=100)
@given(spec=model_specs(), seed=seeds)
def test_the_digest_by_hand(spec: ModelSpec, seed: int) -> None:
    weights = random_weights(spec, np.random.default_rng(seed))
    pieces = [b"f32.v1", spec_to_json(spec).encode()]
    for k, layer in enumerate(spec.layers):
        for name in layer.weight_shapes():
            values = weights[f"layers.{k}.{name}"].ravel()
            pieces.append(f"layers.{k}.{name}".encode())
            pieces.append(struct.pack(f"<{values.size}f", *values))
    content = b"".join(struct.pack("<Q", len(piece)) + piece for piece in pieces)
    assert model_digest(spec, weights) == hashlib.sha256(content).hexdigest()


def test_the_seal_by_hand(tmp_path: Path, rng: np.random.Generator) -> None:
    weights = random_weights(SPEC, rng)
    for suffix in (".onnx", ".pt"):
        content = save_artifact(SPEC, weights, tmp_path, suffix).read_bytes()
        found, expected = sealed_digits(content)
        assert found == expected
    assert (
        sealed_digits(seal(b"a rnnedge-sha256:" + b"0" * 64 + b" b"))
        == (
            hashlib.sha256(b"a rnnedge-sha256:" + b"0" * 64 + b" b")
            .hexdigest()
            .encode(),
        )
        * 2
    )


def test_both_files_carry_the_same_metadata(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    weights = random_weights(SPEC, rng)
    expected = metadata.metadata_to_text(describe(SPEC, weights))
    model = onnx.load(save_artifact(SPEC, weights, tmp_path, ".onnx"))
    props = {item.key: item.value for item in model.metadata_props}
    assert props.pop("rnnedge.sha256").startswith("rnnedge-sha256:")
    assert props == expected
    with zipfile.ZipFile(save_artifact(SPEC, weights, tmp_path, ".pt")) as archive:
        extra = {
            name.partition("/extra/")[2]: archive.read(name).decode()
            for name in archive.namelist()
            if "/extra/" in name
        }
        assert archive.comment.startswith(b"rnnedge-sha256:")
    assert extra == expected
    golden = json.loads(extra["rnnedge.golden"])
    assert sorted(golden) == ["num_steps", "x", "y"]
