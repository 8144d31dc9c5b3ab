"""A graph of layers in the C core: the bytes of NumPy, however it is driven."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from support.graph_strategies import graph_specs
from support.replay import instruction_sets
from support.strategies import random_readings, random_weights, seeds

from rnnedge_export.formats.rnne import writing
from rnnedge_runtime.backends.native import NativeEngine, has_native
from rnnedge_runtime.backends.native_state import extension
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum, parse_rnne
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.graph_layers import Combine, Memory
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights, model_digest
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.model import Model

NUM_STEPS = 70
pytestmark = pytest.mark.skipif(not has_native(), reason="the C engine is not built")


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 1)


@dataclass(frozen=True)
class Case:
    """A model, readings `[T, F]` and their times."""

    spec: ModelSpec
    content: bytes
    readings: np.ndarray
    times: np.ndarray | None

    def model(self, engine: Engine) -> Model:
        return Model(parse_rnne(self.content, where="test")[0], engine)

    def native(self, isa: int) -> Model:
        core = extension().Model(self.content, "test", isa)
        return self.model(NativeEngine(self.spec, core))


def case_of(spec: ModelSpec, seed: int) -> tuple[Case, Weights]:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    readings = random_readings(spec, rng, NUM_STEPS)
    times = 60 * np.arange(NUM_STEPS) if spec.derived else None
    x = rng.uniform(-1.5, 1.5, (64, spec.input_size)).astype(np.float32)
    golden = Golden(x, np.zeros((64, spec.output_size), np.float32))
    metadata = Metadata(spec, model_digest(spec, weights), NUMERICS, golden, "tests")
    engine = Float32Engine(spec, weights)
    content = writing.build_rnne(metadata, weights, engine=engine)
    return Case(spec, content, readings, times), weights


def bytes_of(values: Any) -> bytes:
    """All NaN count as one."""
    y = np.asarray(values, np.float32)
    return np.where(np.isnan(y), np.float32(np.nan), y).tobytes()


def steps(case: Case, stream: Any, first: int, last: int) -> list[Any]:
    times = case.times
    return [
        np.array(
            stream.step(case.readings[t], None if times is None else int(times[t]))
        )
        for t in range(first, last)
    ]


def by_steps(case: Case, model: Model) -> Any:
    return steps(case, model.stream(), 0, NUM_STEPS)


def by_run(case: Case, model: Model) -> Any:
    return model.stream().run(case.readings, case.times)


def by_parts(case: Case, model: Model) -> Any:
    """Steps, a run, and a snapshot between them in another stream."""
    first, second = model.stream(), model.stream()
    found = steps(case, first, 0, 9)
    second.restore(first.snapshot())
    times = None if case.times is None else case.times[9:]
    return np.concatenate([found, second.run(case.readings[9:], times)])


def by_fleet(count: int) -> Callable[[Case, Model], Any]:
    def found(case: Case, model: Model) -> Any:
        """All streams get the same readings; the last of them counts."""
        fleet = model.streams(count)
        y = []
        for t in range(NUM_STEPS):
            rows = np.tile(case.readings[t], (count, 1))
            times = None if case.times is None else np.full(count, case.times[t])
            y.append(np.array(fleet.step(rows, times))[-1])
        return y

    return found


WAYS = {
    "step": by_steps,
    "run": by_run,
    "parts": by_parts,
    "fleet of 1": by_fleet(1),
    "fleet of 35": by_fleet(35),
}


def check(spec: ModelSpec, seed: int) -> None:
    case, weights = case_of(spec, seed)
    numpy_model = case.model(Float32Engine(spec, weights))
    expected = bytes_of(by_steps(case, numpy_model))
    for isa in instruction_sets():
        model = case.native(isa)
        for name, way in WAYS.items():
            assert bytes_of(way(case, model)) == expected, (isa, name, spec)
        assert extension().Model(case.content, "t", isa).self_test(case.content) is None


@settings(max_examples=40)
@given(spec=graph_specs(), seed=seeds)
def test_every_instruction_set_and_way(spec: ModelSpec, seed: int) -> None:
    check(spec, seed)


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
