"""Generated C of graphs: the bytes of the reference for every kind of layer."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.c_models import (
    FUSED_GCC,
    STRICT,
    WARNINGS,
    Drawn,
    compiled,
    drawn_model,
    write_c,
)
from support.graph_strategies import every_function, wild_graph

from rnnedge_export.formats.c.reading import read_c_source
from rnnedge_export.formats.c.running import CEngine

COUNT = 6
COMPILERS = {
    "gcc": ("gcc", "-O1", *WARNINGS),
    "plain": ("gcc", "-std=c99", "-DRNNE_PLAIN_C"),
    "fused": FUSED_GCC,
}


@pytest.fixture(scope="module")
def models() -> list[Drawn]:
    specs = [every_function(), *map(wild_graph, range(COUNT))]
    return [drawn_model(spec, seed) for seed, spec in enumerate(specs)]


@pytest.fixture(scope="module")
def sources(
    models: list[Drawn], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    folder = tmp_path_factory.mktemp("c")
    return [write_c(m.spec, m.weights, f"m{k}", folder) for k, m in enumerate(models)]


@pytest.fixture(scope="module")
def engines(
    sources: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> list[CEngine]:
    return compiled(sources, tmp_path_factory.mktemp("library"))


@pytest.mark.parametrize("name", COMPILERS)
def test_drawn_graphs_give_the_bytes_of_the_reference(
    models: list[Drawn], sources: list[Path], name: str, tmp_path: Path
) -> None:
    programs.require(COMPILERS[name][0])
    engines = compiled(sources, tmp_path, COMPILERS[name])
    for model, engine in zip(models, engines, strict=True):
        stream = engine.stepper()
        y = np.full((len(model.x), engine.spec.output_size), np.nan, np.float32)
        for row, out in zip(model.x, y, strict=True):
            assert engine.call("step", stream._state, row.copy(), out) == 0
        assert y.tobytes() == model.y.tobytes(), model.seed
        assert engine.call("selftest") == 0


def test_sources_are_read_back(models: list[Drawn], sources: list[Path]) -> None:
    for model, path in zip(models, sources, strict=True):
        metadata, weights = read_c_source(path)
        assert metadata.spec == model.spec
        assert isinstance(weights, dict)
        assert all((weights[name] == w).all() for name, w in model.weights.items())


def test_state_goes_to_another_stream_and_back(
    models: list[Drawn], engines: list[CEngine]
) -> None:
    for model, engine in zip(models, engines, strict=True):
        first, second = engine.stepper(), engine.stepper()
        y = np.empty((len(model.x), engine.spec.output_size), np.float32)
        half = len(y) // 2
        for row, out in zip(model.x[:half], y, strict=False):
            engine.call("step", first._state, row.copy(), out)
        blob = first.save()
        nbytes = ctypes.c_size_t(len(blob))
        content = np.frombuffer(blob, np.uint8)
        assert engine.call("restore", second._state, content, nbytes) == 0
        assert second.save() == blob
        for row, out in zip(model.x[half:], y[half:], strict=True):
            engine.call("step", second._state, row.copy(), out)
        assert y.tobytes() == model.y.tobytes(), model.seed


@pytest.mark.parametrize("compiler", [("g++", "-xc++"), ("clang++-14", "-xc++")])
def test_sources_are_c_plus_plus_too(
    sources: list[Path], compiler: tuple[str, ...]
) -> None:
    programs.require(compiler[0])
    flags = ("-std=c++11", *STRICT, "-Wshadow", "-fsyntax-only")
    for path in sources[:3]:
        programs.run([*compiler, *flags, str(path)], check=True)
