"""The ways to drive a model in the C core, each with the bytes of single steps in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from support.replay import instruction_sets
from support.strategies import random_readings

from rnnedge_export.formats.rnne import writing
from rnnedge_runtime.backends.native import NativeEngine
from rnnedge_runtime.backends.native_state import extension
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.formats.rnne_file import parse_rnne
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.parameters import Parameters, digest_of
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.model import Model

NUM_STEPS = 70


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


def case_of(
    spec: ModelSpec, parameters: Parameters, rng: np.random.Generator
) -> tuple[Case, Engine]:
    """A case with drawn readings, and its engine in NumPy."""
    readings = random_readings(spec, rng, NUM_STEPS)
    times = 60 * np.arange(NUM_STEPS) if spec.derived else None
    x = rng.uniform(-1.5, 1.5, (64, spec.input_size)).astype(np.float32)
    golden = Golden(x, np.zeros((64, spec.output_size), np.float32))
    is_integer = isinstance(parameters, QuantisedModel)
    numerics = INTEGER_NUMERICS if is_integer else NUMERICS
    digest = digest_of(spec, parameters)
    metadata = Metadata(spec, digest, numerics, golden, "tests")
    engine = numpy_engine(spec, parameters)
    content = writing.build_rnne(metadata, parameters, engine=engine)
    return Case(spec, content, readings, times), engine


def bytes_of(values: Any) -> bytes:
    """All NaN count as one."""
    y = np.asarray(values, np.float32)
    return np.where(np.isnan(y), np.float32(np.nan), y).tobytes()


def _steps(case: Case, stream: Any, first: int, last: int) -> list[Any]:
    times = case.times
    return [
        np.array(
            stream.step(case.readings[t], None if times is None else int(times[t]))
        )
        for t in range(first, last)
    ]


def by_steps(case: Case, model: Model) -> Any:
    return _steps(case, model.stream(), 0, NUM_STEPS)


def by_run(case: Case, model: Model) -> Any:
    return model.stream().run(case.readings, case.times)


def by_parts(case: Case, model: Model) -> Any:
    """Steps, a run, and a snapshot between them in another stream."""
    first, second = model.stream(), model.stream()
    found = _steps(case, first, 0, 9)
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


def check_ways(case: Case, engine: Engine) -> None:
    """Every way on every instruction set gives what steps in NumPy give."""
    expected = bytes_of(by_steps(case, case.model(engine)))
    for isa in instruction_sets():
        model = case.native(isa)
        for name, way in WAYS.items():
            assert bytes_of(way(case, model)) == expected, (isa, name, case.spec)
        assert extension().Model(case.content, "t", isa).self_test(case.content) is None
