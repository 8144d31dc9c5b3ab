"""Generated C sources of tiny models, compiled and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from hypothesis import Phase, given, settings
from support import programs
from support.artifacts import describe, inputs_of
from support.rnn_cells import CELLS
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.c.reading import read_c_source
from rnnedge_export.formats.c.running import CEngine, compile_library
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.model import Model

STRICT = (
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wdouble-promotion",
    "-pedantic",
    "-Werror",
)
WARNINGS = ("-std=c99", *STRICT)
FUSED_GCC = ("gcc", "-O2", "-mfma", "-mavx2")
"""Without -std, gcc fuses by default."""


@dataclass
class Drawn:
    """A model, its inputs `[T, I]` with missing readings, and what NumPy makes of them."""

    spec: ModelSpec
    weights: Weights
    x: np.ndarray
    seed: int

    @property
    def numpy(self) -> Model:
        return Model(
            describe(self.spec, self.weights, size=1),
            Float32Engine(self.spec, self.weights),
        )

    @cached_property
    def y(self) -> np.ndarray:
        """`[T, O]` bytes of the reference, missing readings held."""
        held = inputs_of(self.spec, self.x[:, : self.spec.num_features])
        stepper = self.numpy.engine.stepper()
        y = np.empty((len(held), self.spec.output_size), np.float32)
        for row, out in zip(held, y, strict=True):
            stepper.step(row, out)
        return y


def drawn_model(spec: ModelSpec, seed: int, size: int = 40) -> Drawn:
    rng = np.random.default_rng(seed)
    readings = random_readings(spec, rng, size)
    x = inputs_of(spec, readings).astype(np.float32)
    x[:, : spec.num_features] = readings
    return Drawn(spec, random_weights(spec, rng), x, seed)


PLACES = ("first", "scaled", "middle", "last")
"""Where a network learns changes of its readings; `scaled`: behind the scaler."""
FOLLOWING = (
    *((f"{cell}-L1", "first") for cell in CELLS),
    *(("gru-L2", place) for place in PLACES),
    ("lstm-L2", "middle"),
)


def following(name: str, place: str = "first", hidden_size: int = 5) -> ModelSpec:
    """A network whose forecasts follow readings that leave the clip (spec version 2).

    Args:
        name: one of `cells.IDS`.
        place: one of PLACES.
        hidden_size: of each layer.
    """
    cell, num_layers = name.rsplit("-L", 1)
    features = (
        Feature("a", clip=(-1.0, 1.0), initial=0.5, range=(-40.0, 60.0)),
        Feature("b", clip=(-1.5, 0.5), initial=-0.25),
        Feature("c", range=(0.0, 1000.0)),
    )
    derived = (DerivedInput(86_400),) if place in ("scaled", "last") else ()
    size = len(features) + 2 * len(derived)
    sources = (0, 2, 0, size - 1)
    before = {"first": [Difference], "scaled": [Affine, Difference]}
    layers = []
    for kind in before.get(place, [Affine]):
        layers.append(kind(size, sources) if kind is Difference else kind(size))
        size = layers[-1].output_size
    if place == "first":
        layers.append(Affine(size))
    for k in range(int(num_layers)):
        if place == "middle" and k == int(num_layers) - 1:
            layers.append(Difference(size, sources))
        layers.append(CELLS[cell](layers[-1].output_size, hidden_size))
        size = layers[-1].output_size
    if place == "last":
        layers += [Linear(size, 2), Difference(2, (1, 0))]
    else:
        layers += [Linear(size, 4), Affine(4, inverse=True)]
    if place == "middle":
        layers.append(AddLast((0, 0, 1, 1)))
    layers.append(AddLast((0, 0, 1, 1), is_clipped=False))
    targets = (Target("a"), Target("b"))
    return ModelSpec(features, targets, tuple(layers), horizon=2, derived=derived)


def drawn_models(count: int) -> list[Drawn]:
    """Models drawn before any is compiled, so that one call of a compiler takes them all."""
    models: list[Drawn] = []

    @settings(
        max_examples=12 * count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
    )
    @given(model_specs(), seeds)
    def draw(spec: ModelSpec, seed: int) -> None:
        models.append(drawn_model(spec, seed))

    draw()
    return models[::-1][: 12 * count : 12]


def write_c(spec: ModelSpec, weights: Weights, name: str, folder: Path) -> Path:
    """The source of a model and its headers in `folder`."""
    source = generate_source(describe(spec, weights), weights, name)
    return source.write(folder)


def compiled(
    paths: Sequence[Path], folder: Path, compiler: Sequence[str] = ()
) -> list[CEngine]:
    """Engines of all sources in one library."""
    programs.require(*compiler[:1] or ["cc"])
    library = compile_library(paths, folder, compiler=compiler)
    return [CEngine(path, read_c_source(path)[0], library=library) for path in paths]
