"""A graph in integers in the C core: the bytes of NumPy, however it is driven."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from support.core_ways import case_of, check_ways
from support.graph_strategies import graph_specs
from support.integer_graphs import drawn_graph, in_integers
from support.integer_tensors import drawn_integers
from support.strategies import seeds

from rnnedge_export.formats.rnne import writing
from rnnedge_runtime.backends.native import has_native
from rnnedge_runtime.backends.native_state import extension
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.rnne_file import (
    CHECKSUM_AT,
    ENTRY,
    HEADER,
    file_checksum,
    parse_rnne,
)
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

pytestmark = pytest.mark.skipif(not has_native(), reason="the C engine is not built")


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 1)


@settings(max_examples=25)
@given(spec=graph_specs().filter(is_graph), seed=seeds)
def test_any_tensors_within_the_limits(spec: ModelSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_ways(*case_of(spec, drawn_integers(spec, rng), rng))


@pytest.mark.parametrize("seed", range(8))
def test_quantised_graphs(seed: int) -> None:
    """Loops among them, whose values are wide; then with any tensors."""
    spec, weights = drawn_graph(seed)
    rng = np.random.default_rng(seed)
    for model in (in_integers(spec, weights), drawn_integers(spec, rng)):
        check_ways(*case_of(spec, model, rng))


CORPUS = Path(__file__).parents[2] / "runtime/core/fuzz/corpus_model"
SAMPLES = {
    name: (CORPUS / f"graph_{name}_w8a16.rnne").read_bytes()
    for name in ("conv", "loop")
}


def both_refuse(content: bytes) -> bool:
    """Whether the core and the reader in Python refuse a file; its checksum is mended."""
    mended = bytearray(content)
    struct.pack_into("<I", mended, CHECKSUM_AT, file_checksum(content))
    with pytest.raises(FormatError):
        parse_rnne(bytes(mended), where="test")
    with pytest.raises(FormatError):
        extension().Model(bytes(mended), "test")
    return True


def section_at(content: bytes, wanted: bytes) -> int:
    """Where a section begins."""
    num_sections = HEADER.unpack_from(content)[4]
    entries = (
        ENTRY.unpack_from(content, HEADER.size + k * ENTRY.size)
        for k in range(num_sections)
    )
    return next(int(offset) for name, _, offset, _ in entries if name == wanted)


def tensors_at(content: bytes) -> dict[str, tuple[str, int]]:
    """NumPy type and place in the file of every tensor."""
    _, model = parse_rnne(content, where="test")
    assert isinstance(model, QuantisedModel)
    at, found = section_at(content, b"WGTS"), {}
    for name, (kind, shape) in model.types.items():
        found[name] = (kind, at)
        nbytes = int(np.prod(shape)) * np.dtype(kind).itemsize
        at += nbytes + -nbytes % 4
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_tensors_beyond_their_limits_are_refused(name: str) -> None:
    """The first value of each; of float weights alone a tiny one is taken, as zero."""
    content = SAMPLES[name]
    for tensor, (kind, at) in tensors_at(content).items():
        values = {
            "<i4": [2**30, -(2**31)],
            "<i2": [-(2**15)],
            "<i1": [-128],
            "<f4": [0x7FC00000, 0x7F800000, 0x00000001],
        }[kind]
        for value in values:
            form = {"<i4": "<i", "<i2": "<h", "<i1": "<b", "<f4": "<I"}[kind]
            changed = bytearray(content)
            struct.pack_into(form, changed, at, value)
            is_weight = kind == "<f4" and tensor.startswith("layers.")
            if is_weight and value == 1:
                continue
            assert both_refuse(bytes(changed)), tensor


@pytest.mark.parametrize("name", SAMPLES)
def test_other_parts_are_refused(name: str) -> None:
    """Of every layer: another, folded, none, or kept by name.

    One that is float by the rules may as well be kept; only its digest is another then.
    """
    content = SAMPLES[name]
    _, model = parse_rnne(content, where="test")
    assert isinstance(model, QuantisedModel)
    start, at = section_at(content, b"MODL"), 0
    for k, (layer, part) in enumerate(zip(model.spec.layers, model.roles, strict=True)):
        role = {"integer": 1, "float": 2}[part.role]
        fields = struct.pack("<I", layer.code)
        at = next(
            place
            for place in range(max(at, start), len(content), 4)
            if content[place : place + 4] == fields
            and struct.unpack_from("<I", content, place + 4)[0] >> 8 & 3 == role
            and struct.unpack_from("<I", content, place + 8)[0] == layer.input_size
            and struct.unpack_from("<I", content, place + 12)[0] == layer.output_size
        )
        variant = struct.unpack_from("<I", content, at + 4)[0]
        for other in {0, 1, 2, 3} - {role}:
            changed = bytearray(content)
            struct.pack_into("<I", changed, at + 4, variant ^ (role ^ other) << 8)
            assert both_refuse(bytes(changed)), (layer, other)
        if role == 1 or k in model.kept:
            changed = bytearray(content)
            struct.pack_into("<I", changed, at + 4, variant ^ 1 << 10)
            assert both_refuse(bytes(changed)), layer
        at += 20
