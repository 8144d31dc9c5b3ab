"""A graph of layers in the C core: the bytes of NumPy, however it is driven."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from support import core_ways
from support.core_ways import Case, check_ways
from support.graph_strategies import graph_specs
from support.strategies import random_weights, seeds

from rnnedge_export.formats.rnne import writing
from rnnedge_runtime.backends.native import has_native
from rnnedge_runtime.backends.native_state import extension
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum
from rnnedge_runtime.spec.graph_check import Wiring
from rnnedge_runtime.spec.graph_layers import Combine, Memory, Select
from rnnedge_runtime.spec.layers import Activation, Layer, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.engine import Engine

pytestmark = pytest.mark.skipif(not has_native(), reason="the C engine is not built")


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 1)


def case_of(spec: ModelSpec, seed: int) -> tuple[Case, Engine]:
    rng = np.random.default_rng(seed)
    return core_ways.case_of(spec, random_weights(spec, rng), rng)


def check(spec: ModelSpec, seed: int) -> None:
    check_ways(*case_of(spec, seed))


@settings(max_examples=40)
@given(spec=graph_specs(), seed=seeds)
def test_every_instruction_set_and_way(spec: ModelSpec, seed: int) -> None:
    check(spec, seed)


def loop_of(layers: tuple[Layer, ...], wiring: Wiring) -> ModelSpec:
    return ModelSpec((Feature("a"),), (Target("a"),), layers, wiring=wiring)


@pytest.mark.parametrize(
    "spec",
    {
        "wide_before_the_loop": loop_of(
            (
                Memory(8, 6),
                Linear(1, 24),
                Select(24, tuple(range(8))),
                Combine(8, "add"),
                Activation(8, "tanh"),
                Activation(8, "sigmoid"),
                Combine(8, "subtract"),
                Linear(8, 1),
            ),
            ((), (-1,), (1,), (2, 0), (3,), (3,), (4, 5), (6,)),
        ),
        "wide_behind_the_loop": loop_of(
            (
                Memory(8, 5),
                Linear(1, 8),
                Combine(8, "add"),
                Activation(8, "tanh"),
                Linear(8, 24),
                Select(24, tuple(range(0, 16, 2))),
                Linear(24, 1),
            ),
            ((), (-1,), (0, 1), (2,), (3,), (4,), (4,)),
        ),
    }.values(),
)
def test_rows_of_a_loop_keep_what_others_need(spec: ModelSpec) -> None:
    """A run overwrote rows that later rows of the loop, or layers behind it, read."""
    check(spec, 0)


READ = struct.pack("<I2iI", 2, 0, 1, 0)
MEMORY_SPEC = ModelSpec(
    (Feature("a"),),
    (Target("a"),),
    (Memory(1, 2, (0.5,)), Linear(1, 1), Combine(1, "add"), Linear(1, 1)),
    wiring=((), (-1,), (0, 1), (2,)),
)


def test_state_has_its_name_and_start() -> None:
    case, _ = case_of(MEMORY_SPEC, 0)
    core = extension().Model(case.content, "test")
    assert [entry[0] for entry in core.state_entries] == ["m_0", "held"]
    assert case.native(0).stream().state()["m_0"] == np.float32(0.5)


@pytest.mark.parametrize(
    ("field", "changed"),
    {
        "reads_itself": (READ, struct.pack("<I2iI", 2, 0, 2, 0)),
        "reads_later": (READ, struct.pack("<I2iI", 2, 0, 3, 0)),
        "reads_beyond": (READ, struct.pack("<I2iI", 2, 0, -2, 0)),
        "leaves_one_unread": (READ, struct.pack("<I2iI", 2, 0, 0, 0)),
        "too_few": (READ, struct.pack("<I2iI", 1, 0, 1, 0)),
        "too_many": (READ, struct.pack("<I2iI", 2**31, 0, 1, 0)),
        "words_of_none": (READ, struct.pack("<I2iI", 2, 0, 1, 1)),
    }.values(),
)
def test_hostile_graphs_are_refused(field: bytes, changed: bytes) -> None:
    content = bytearray(case_of(MEMORY_SPEC, 0)[0].content)
    assert content.count(field) == 1
    content = content.replace(field, changed)
    struct.pack_into("<I", content, CHECKSUM_AT, file_checksum(bytes(content)))
    with pytest.raises(FormatError):
        extension().Model(bytes(content), "test")


@pytest.mark.parametrize("following", [0, 4, 2**31])
def test_memory_of_no_layer_is_refused(following: int) -> None:
    """0 would leave the sum unread but by the last layer, which is allowed."""
    content = bytearray(case_of(MEMORY_SPEC, 0)[0].content)
    start = struct.pack("<f", 0.5)
    content = content.replace(
        struct.pack("<III", 0, 2, 2) + start,
        struct.pack("<III", 0, 2, following) + start,
    )
    struct.pack_into("<I", content, CHECKSUM_AT, file_checksum(bytes(content)))
    if following == 0:
        extension().Model(bytes(content), "test")
        return
    with pytest.raises(FormatError):
        extension().Model(bytes(content), "test")
