"""Generated C sources of tiny models in integers, and what NumPy makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from hypothesis import Phase, given, settings
from support import programs
from support.artifacts import inputs_of, quantised_models, times_of
from support.strategies import random_readings, seeds

from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.c.reading import read_c_source
from rnnedge_export.formats.c.running import CEngine, compile_library
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.model import Model


@dataclass
class DrawnIntegers:
    """A model in integers and readings `[T, F]` of it, some of them missing."""

    model: QuantisedModel
    readings: np.ndarray

    @property
    def spec(self) -> ModelSpec:
        return self.model.spec

    @property
    def has_integer_inputs(self) -> bool:
        return self.model.roles[0].is_first

    @property
    def integer(self) -> type[np.integer]:
        """What its calls on integers take and give."""
        return np.int32 if self.model.holds_readings else np.int16

    @property
    def missing(self) -> int:
        """What marks a missing reading there."""
        return int(np.iinfo(self.integer).min)

    @property
    def metadata(self) -> Metadata:
        x = np.zeros((64, self.spec.input_size), np.float32)
        x[: len(self.readings)] = inputs_of(self.spec, self.readings)[:64]
        y = np.zeros((64, self.spec.output_size), np.float32)
        numerics = INTEGER_NUMERICS
        return Metadata(self.spec, self.model.digest, numerics, Golden(x, y), "tests")

    @cached_property
    def numpy(self) -> Model:
        return Model(self.metadata, IntegerEngine(self.model))

    @cached_property
    def times(self) -> np.ndarray | None:
        return times_of(self.spec, len(self.readings))

    @cached_property
    def x(self) -> np.ndarray:
        """`[T, I]` model inputs, missing readings among them."""
        rows = self.numpy.stream()._inputs.rows(self.readings, self.times)
        return np.ascontiguousarray(rows, np.float32)

    @cached_property
    def y(self) -> np.ndarray:
        """`[T, O]` what a stream of the reference gives."""
        return self.numpy.stream().run(self.readings, self.times).astype(np.float32)


def drawn_integers(count: int, size: int = 40, version: int = 1) -> list[DrawnIntegers]:
    """Models drawn before any is compiled, so that one call of a compiler takes them all."""
    models: list[DrawnIntegers] = []

    @settings(
        max_examples=12 * count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
    )
    @given(quantised_models(version), seeds)
    def draw(model: QuantisedModel, seed: int) -> None:
        rng = np.random.default_rng(seed)
        models.append(DrawnIntegers(model, random_readings(model.spec, rng, size)))

    draw()
    return models[::-1][: 12 * count : 12]


def write_integer_c(drawn: DrawnIntegers, name: str, folder: Path) -> Path:
    """The source of a model and its headers in `folder`."""
    source = generate_source(drawn.metadata, drawn.model, name)
    return source.write(folder)


def compiled_integers(
    paths: Sequence[Path], folder: Path, compiler: Sequence[str] = ()
) -> list[CEngine]:
    """Engines of all sources in one library."""
    programs.require(*compiler[:1] or ["cc"])
    library = compile_library(paths, folder, compiler=compiler)
    engines = []
    for path in paths:
        metadata, parameters = read_c_source(path)
        engines.append(CEngine(path, metadata, library=library, parameters=parameters))
    return engines
