"""Generated C of graphs in integers: the bytes of NumPy for every kind of layer."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest
from support import graph_strategies, integer_graphs, programs
from support.c_integer_models import (
    DrawnIntegers,
    compiled_integers,
    write_integer_c,
)
from support.c_models import STRICT, WARNINGS
from support.programs import needs

from rnnedge_export.formats.c.reading import read_c_source
from rnnedge_export.formats.c.running import CEngine
from rnnedge_export.formats.c.w8a16.graph_layers import GRAPH_LAYERS_Q
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.numerics.w8a16 import (
    LARGEST_BIAS,
    LARGEST_MULTIPLIER,
    LARGEST_VALUE,
    LARGEST_WEIGHT,
)
from rnnedge_runtime.spec import graph_layers, layers
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_graph import (
    LARGEST_EPS_PLACES,
    LARGEST_PORT_GAIN,
    MOST_NORM_BITS,
    MOST_PLACES,
    STATE_BITS,
)
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, tensor_types

SEEDS = range(2)
STEPS = 40
COMPILERS = {
    "gcc": ("gcc", *WARNINGS),
    "clang": ("clang-14", *WARNINGS),
    "undefined": (
        *("gcc", "-std=c99", "-DRNNE_PLAIN_C"),
        *("-fsanitize=undefined", "-fno-sanitize-recover"),
    ),
}
NAMES = tuple(graph_strategies.DRAWS)
"""Each is in one of these models at least."""
PER_MODEL = 12
HOSTILE = 1
PLUS_PLUS = 8


def kept_in_float() -> QuantisedModel:
    """Layers in floats and in integers in turn, and a memory of each."""
    given: list[layers.Layer] = [
        graph_layers.Memory(3, 4),
        layers.Linear(2, 3),
        graph_layers.Combine(3, "add"),
        layers.Gru(3, 5, start=(0.25, 0.0, -0.5, 0.125, 0.0)),
        layers.Linear(5, 3),
        graph_layers.Memory(5, 3, start=(0.5, 0.0, 0.25, 0.0, -0.25)),
        graph_layers.Concat((3, 5, 2)),
        layers.Linear(10, 2),
    ]
    reads = [(), (-1,), (0, 1), (2,), (3,), (), (2, 5, -1), (6,)]
    spec, weights = integer_graphs.graph_of(given, reads, input_size=2)
    ranges = measure_ranges(spec, weights, integer_graphs.readings_of(spec, 120))
    return quantise(spec, weights, ranges, frozenset({2, 3}))


def hostile(spec: ModelSpec, seed: int) -> QuantisedModel:
    """Numbers of a file that nobody calibrated, up to the ends of their ranges."""
    rng = np.random.default_rng(seed)
    ends = {
        "places": (1, MOST_PLACES),
        "eps": (0, LARGEST_PORT_GAIN),
        "eps_places": (0, LARGEST_EPS_PLACES),
        "state_bits": (STATE_BITS.start, STATE_BITS.stop - 1),
        "norm_bits": (0, MOST_NORM_BITS),
        "bits": (15, 15),
        "multiplier": (0, LARGEST_MULTIPLIER),
        "bias": (-LARGEST_BIAS, LARGEST_BIAS),
        "value": (-LARGEST_VALUE, LARGEST_VALUE),
        "table": (-LARGEST_VALUE, LARGEST_VALUE),
        "weight": (-LARGEST_WEIGHT, LARGEST_WEIGHT),
    }
    tensors: dict[str, np.ndarray] = {}
    for name, (kind, shape) in tensor_types(spec, frozenset()).items():
        last = name.rsplit(".", 1)[1].removeprefix("out_")
        if kind == "<f4":
            found = rng.uniform(0.5, 2, shape) * 2.0 ** rng.integers(-20, 20)
            found = -found if last == "low" else found
        else:
            start = last if last in ends else last.partition("_")[0]
            low, high = ends.get(start, (-LARGEST_PORT_GAIN, LARGEST_PORT_GAIN))
            found = rng.integers(low, high + 1, shape)
            if start in ("gain", "bias", "multiplier"):
                found >>= rng.integers(0, 23, shape)
            if start == "places":
                found = found // rng.integers(1, 4) + (found < 3)
        if name == f"layers.{len(spec.layers) - 1}.multiplier":
            found = np.full(shape, 2**22)  # what comes out is not all at its limit
        if name == f"layers.{len(spec.layers) - 1}.bias":
            found = np.zeros(shape)
        tensors[name] = np.asarray(found).astype(kind)
    return QuantisedModel(spec, frozenset(), tensors)


def _drawn() -> list[DrawnIntegers]:
    models = [kept_in_float()]
    pairs = [graph_strategies.drawn_graph(seed) for seed in SEEDS]
    for start in range(0, len(NAMES), PER_MODEL):
        names = NAMES[start : start + PER_MODEL]
        pairs.append(graph_strategies.drawn_graph(start, num_memories=0, names=names))
        models += [hostile(pairs[-1][0], start + k) for k in range(HOSTILE)]
    pairs += [integer_graphs.drawn_graph(seed) for seed in SEEDS]
    models += [integer_graphs.in_integers(spec, weights) for spec, weights in pairs]
    return [
        DrawnIntegers(model, integer_graphs.readings_of(model.spec, STEPS, seed))
        for seed, model in enumerate(models)
        if is_graph(model.spec)
    ]


@pytest.fixture(scope="module")
def models() -> list[DrawnIntegers]:
    return _drawn()


@pytest.fixture(scope="module")
def sources(
    models: list[DrawnIntegers], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    folder = tmp_path_factory.mktemp("c")
    return [write_integer_c(item, f"m{k}", folder) for k, item in enumerate(models)]


@pytest.fixture(scope="module")
def engines(
    sources: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> list[CEngine]:
    return compiled_integers(sources, tmp_path_factory.mktemp("library"))


def _stepped(engine: CEngine, x: np.ndarray, state: np.ndarray) -> np.ndarray:
    y = np.full((len(x), engine.spec.output_size), np.nan, np.float32)
    for row, out in zip(x, y, strict=True):
        assert engine.call("step", state, row.copy(), out) == 0
    return y


def test_every_kind_is_drawn(models: list[DrawnIntegers]) -> None:
    """And the functions, at least in one of the models."""
    drawn = [layer for item in models for layer in item.spec.layers]
    assert {type(layer) for layer in drawn} >= set(GRAPH_LAYERS_Q) - {layers.Embedding}
    functions = {item.function for item in drawn if isinstance(item, layers.Activation)}
    assert functions >= set(layers.FUNCTIONS)


@pytest.mark.parametrize("name", COMPILERS)
def test_drawn_graphs_give_the_bytes_of_numpy(
    models: list[DrawnIntegers], sources: list[Path], name: str, tmp_path: Path
) -> None:
    programs.require(COMPILERS[name][0])
    engines = compiled_integers(sources, tmp_path, COMPILERS[name])
    for k, (item, engine) in enumerate(zip(models, engines, strict=True)):
        y = _stepped(engine, item.x, engine.stepper()._state)
        assert y.tobytes() == item.y.tobytes(), k
        assert engine.call("selftest") == 0


def test_sources_are_read_back(
    models: list[DrawnIntegers], sources: list[Path]
) -> None:
    for item, path in zip(models, sources, strict=True):
        metadata, found = read_c_source(path)
        assert metadata.spec == item.spec
        assert isinstance(found, QuantisedModel)
        assert found.digest == item.model.digest


def test_a_changed_number_is_refused(sources: list[Path], tmp_path: Path) -> None:
    """The seal is of no help here: what the compiler reads is what is judged."""
    for path in sources[:4]:
        text = path.read_text()
        changed = re.sub(r"(_weights\[\d+\] = \{\n    )-?\d+", r"\g<1>5", text, count=1)
        copy = tmp_path / path.name
        for file in path.parent.glob("*.h"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
        copy.write_text(changed)
        with pytest.raises(FormatError):
            read_c_source(copy)


def test_state_goes_to_numpy_and_to_another_stream(
    models: list[DrawnIntegers], engines: list[CEngine]
) -> None:
    half = STEPS // 2
    for item, engine in zip(models, engines, strict=True):
        first, second = engine.stepper(), engine.stepper()
        _stepped(engine, item.x[:half], first._state)
        blob = first.save()
        stream = item.numpy.stream()
        stream.run(item.readings[:half])
        assert stream.snapshot() == blob
        content = np.frombuffer(blob, np.uint8)
        size = ctypes.c_size_t(len(blob))
        assert engine.call("restore", second._state, content, size) == 0
        assert second.save() == blob
        y = _stepped(engine, item.x[half:], second._state)
        assert y.tobytes() == item.y[half:].tobytes()


@needs("arm-none-eabi-gcc", "arm-none-eabi-objdump")
def test_a_small_core_needs_no_division_of_64_bits(
    sources: list[Path], tmp_path: Path
) -> None:
    """The library's takes hundreds of instructions; of floats only the border is left."""
    for path in sources[:7]:
        made = tmp_path / "model.o"
        core = ["-mcpu=cortex-m0plus", "-mthumb", "-std=c99", "-O2"]
        command = ["arm-none-eabi-gcc", *core, "-c", str(path), "-o", str(made)]
        programs.run(command, check=True)
        needed = programs.run(
            ["arm-none-eabi-objdump", "-t", str(made)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert "ldivmod" not in needed, needed


@pytest.mark.parametrize("compiler", [("g++", "-xc++"), ("clang++-14", "-xc++")])
def test_sources_are_c_plus_plus_too(
    sources: list[Path], compiler: tuple[str, ...]
) -> None:
    programs.require(compiler[0])
    flags = ("-std=c++11", *STRICT, "-Wshadow", "-fsyntax-only")
    for path in sources[:PLUS_PLUS]:
        programs.run([*compiler, *flags, str(path)], check=True)
