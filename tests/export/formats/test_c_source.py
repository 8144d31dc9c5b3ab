"""Generated C: the bytes of the reference, with every compiler, and nothing beside them."""

from __future__ import annotations

import ctypes
import dataclasses
import platform
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.artifacts import times_of
from support.c_models import (
    FUSED_GCC,
    STRICT,
    WARNINGS,
    Drawn,
    compiled,
    drawn_model,
    drawn_models,
    following,
    write_c,
)

from rnnedge_export.formats.c.running import CEngine, CStream
from rnnedge_runtime.formats.snapshot import pack_snapshot, unpack_snapshot
from rnnedge_runtime.spec.derived import time_features

COMPILERS = {
    "gcc": ("gcc", *WARNINGS),
    "clang": ("clang-14", *WARNINGS),
    "plain": ("gcc", "-std=c99", "-DRNNE_PLAIN_C"),
    "fused": FUSED_GCC,
    "fused-clang": ("clang-14", "-mfma", "-mavx2"),
    "associative-clang": (
        *("clang-14", "-O3", "-fassociative-math", "-fno-signed-zeros"),
        "-fno-trapping-math",
    ),
}


@pytest.fixture(scope="module")
def models() -> list[Drawn]:
    return [
        drawn_model(following("lstm-L2", "middle"), 0),
        drawn_model(following("gru-L1", "scaled", 9), 1),
        *drawn_models(4),
    ]


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


def step_all(stream: CStream, x: np.ndarray, engine: CEngine) -> np.ndarray:
    y = np.full((len(x), engine.spec.output_size), np.nan, np.float32)
    for row, out in zip(x, y, strict=True):
        assert engine.call("step", stream._state, row.copy(), out) == 0
    return y


@pytest.mark.parametrize("name", COMPILERS)
def test_drawn_models_give_the_bytes_of_the_reference(
    models: list[Drawn], sources: list[Path], name: str, tmp_path: Path
) -> None:
    """All models in one library, missing readings among the inputs."""
    engines = compiled(sources, tmp_path, COMPILERS[name])
    for model, engine in zip(models, engines, strict=True):
        print(model.spec, model.seed)
        check_bytes(model, engine)


def test_state_goes_to_python_and_back(
    models: list[Drawn], engines: list[CEngine]
) -> None:
    for model, engine in zip(models, engines, strict=True):
        print(model.spec, model.seed)
        check_snapshots(model, engine)
        check_rejection(model, engine)
        check_time(model, engine)


CONTROL = """
#include <xmmintrin.h>
unsigned control(unsigned bits) { unsigned old = _mm_getcsr(); _mm_setcsr(bits); return old; }
"""
FLUSH_TO_ZERO = 0x8040


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the flags of SSE")
def test_flushing_denormals_changes_no_byte(
    models: list[Drawn], engines: list[CEngine], tmp_path: Path
) -> None:
    """As MVE and A32 NEON do, here by the flags of SSE; inputs of every magnitude."""
    (tmp_path / "control.c").write_text(CONTROL)
    command = ["gcc", "-shared", "-fPIC", "control.c", "-o", "control.so"]
    programs.run(command, check=True, cwd=tmp_path)
    control = ctypes.CDLL(str(tmp_path / "control.so")).control
    rng = np.random.default_rng(0)
    for model, engine in zip(models, engines, strict=True):
        x = model.x.copy()
        x[:, : model.spec.num_features] *= 2.0 ** rng.integers(-149, 2, (len(x), 1))
        tiny = dataclasses.replace(model, x=x)
        y, stream = tiny.y, engine.stepper()
        found = np.empty_like(y)
        before = control(control(0x1F80) | FLUSH_TO_ZERO)
        try:
            engine.call("run", stream._state, tiny.x, ctypes.c_size_t(len(x)), found)
        finally:
            after = control(before)
        assert after & FLUSH_TO_ZERO == FLUSH_TO_ZERO
        assert found.tobytes() == y.tobytes()


@pytest.mark.parametrize("compiler", [("g++", "-xc++"), ("clang++-14", "-xc++")])
def test_sources_are_cpp_too(sources: list[Path], compiler: tuple[str, ...]) -> None:
    flags = ("-std=c++11", *STRICT, "-fsyntax-only")
    programs.run([*compiler, *flags, *sources], check=True)


@pytest.mark.parametrize(
    "flags",
    [
        ("gcc", "-O3", "-funsafe-math-optimizations"),
        ("gcc", "-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math"),
        ("gcc", "-freciprocal-math"),
        ("gcc", "-fno-signed-zeros"),
        ("gcc", "-ffinite-math-only"),
        ("clang-14", "-ffinite-math-only"),
    ],
)
def test_parts_of_fast_math_are_refused(
    sources: list[Path], flags: tuple[str, ...]
) -> None:
    """They gave other bytes without a word; only -ffast-math was refused."""
    done = programs.run(
        [*flags, "-fsyntax-only", str(sources[0])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "-funsafe-math-optimizations and the parts of -ffast-math" in done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang-14"])
def test_nothing_is_called_and_nothing_is_written(
    sources: list[Path], compiler: str, tmp_path: Path
) -> None:
    """No libc, no libm, no heap, no variables: each object needs and offers NAME_ alone."""
    command = [compiler, "-O2", "-c", *sources]
    programs.run(command, check=True, cwd=tmp_path)
    for path in tmp_path.glob("*.o"):
        result = programs.run(["nm", path], capture_output=True, text=True, check=True)
        symbols = [line.split()[-2:] for line in result.stdout.splitlines()]
        offered = {name for kind, name in symbols if kind == "T"}
        assert all(name.startswith(f"{path.stem}_") for name in offered)
        assert len(offered) == 8
        kinds = {kind for kind, _ in symbols}
        assert kinds <= {"T", "t", "r"}, symbols


FUSED = {
    "x86": (("gcc", "-O2", "-mfma", "-mavx2"), r"vfn?m(add|sub)"),
    "x86-clang": (("clang-14", "-O3", "-mfma", "-mavx2"), r"vfn?m(add|sub)"),
    "aarch64": (("aarch64-linux-gnu-gcc", "-O2"), r"\bfn?m(add|sub|la|ls)\b"),
    "aarch64-clang": (
        ("clang-14", "--target=aarch64-linux-gnu", "-O2", "-ffreestanding"),
        r"\bfn?m(add|sub|la|ls)\b",
    ),
    "m4": (
        (
            *("arm-none-eabi-gcc", "-O2", "-mcpu=cortex-m4", "-mthumb"),
            *("-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
        ),
        r"\bvfn?m[as]",
    ),
    "m55": (
        ("arm-none-eabi-gcc", "-O2", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
        r"\bvfn?m[as]",
    ),
}


@pytest.mark.parametrize("name", FUSED)
def test_no_multiplication_is_fused(sources: list[Path], name: str) -> None:
    """Without any flag: compilers fuse by default on Arm and with clang."""
    command, pattern = FUSED[name]
    bait = "float f(float a, float b, float c) { return a * b + c; }\n"
    assert re.search(pattern, assembly(command, "-xc", "-", text=bait))
    assert not re.search(pattern, assembly(command, str(sources[0])))


def assembly(command: Sequence[str], *files: str, text: str = "") -> str:
    """Bait comes on standard input."""
    return programs.run(
        [*command, "-S", "-o", "-", *files],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def check_bytes(model: Drawn, engine: CEngine) -> None:
    y, x = model.y, model.x
    stream = engine.stepper()
    assert step_all(stream, x, engine).tobytes() == y.tobytes()
    assert engine.stepper().run(x).tobytes() == y.tobytes()
    assert engine.check_golden() == 0
    engine.call("reset", stream._state)
    assert stream.memory() == engine.stepper().memory()


def check_snapshots(model: Drawn, engine: CEngine) -> None:
    """C to Python and back, mid-way: the same bytes follow."""
    y, x, half = model.y, model.x, len(model.x) // 2
    stream = engine.stepper()
    step_all(stream, x[:half], engine)
    blob = stream.save()
    readings = x[:, : model.spec.num_features]
    times = times_of(model.spec, len(x))
    other = model.numpy.stream()
    other.restore(blob)
    for t in range(half, len(x)):
        time = None if times is None else int(times[t])
        assert other.step(readings[t], time=time).tobytes() == y[t].tobytes()
    ended = other.snapshot()
    step_all(stream, x[half:], engine)
    assert stream.save() == ended
    back = engine.stepper()
    assert back.restore(blob) == 0
    assert back.save() == blob
    assert step_all(back, x[half:], engine).tobytes() == y[half:].tobytes()
    check_float64(engine, ended)
    check_refusals(engine, back, blob)


def check_float64(engine: CEngine, blob: bytes) -> None:
    """The state of a float64 backend is rounded as NumPy does, special values included."""
    metadata = engine.metadata
    names = {"digest": metadata.digest, "numerics": metadata.numerics}
    steps, state = unpack_snapshot(blob, metadata.spec.state, **names)
    odd = np.array(
        [1e-300, -1e300, 1 + 2**-24, 1 + 3 * 2**-24, 1e-40, -1.5e-45, np.inf, 0.1]
    )
    rng = np.random.default_rng(0)
    state = [rng.choice(odd, tensor.shape) * rng.uniform(0.5, 2) for tensor in state]
    stream = engine.stepper()
    assert stream.restore(pack_snapshot(**names, num_steps=steps, state=state)) == 0
    with np.errstate(over="ignore", under="ignore"):
        expected = [tensor.astype(np.float32) for tensor in state]
    found = unpack_snapshot(stream.save(), metadata.spec.state, **names)[1]
    for a, b in zip(found[:-1], expected[:-1], strict=True):
        np.testing.assert_array_equal(a, np.where(np.abs(b) < 2.0**-50, 0, b))
    assert found[-1].tobytes() == expected[-1].tobytes()


def check_refusals(engine: CEngine, stream: CStream, blob: bytes) -> None:
    before = stream.memory()
    digest, numerics = engine.metadata.digest, engine.metadata.numerics
    state = unpack_snapshot(blob, engine.spec.state, digest=digest, numerics=numerics)[
        1
    ]
    other = pack_snapshot("0" * 64, numerics, 0, state)
    short = [*state[:-1], state[-1][:0]]
    bad = [blob[:k] for k in (0, 3, 47, 51, 52, len(blob) - 1)] + [blob + b"\0"]
    bad += [bytes([*blob[:k], blob[k] ^ 64, *blob[k + 1 :]]) for k in range(len(blob))]
    bad += [pack_snapshot(digest, numerics, 0, s) for s in (short, state[1:])]
    for wrong in bad:
        assert stream.restore(wrong) in (1, 2)
    newer = bytes([*blob[:4], 2, *blob[5:]])
    assert [stream.restore(newer), stream.restore(other)] == [2, 3]
    assert stream.restore(pack_snapshot(digest, "f32.v2", 0, state)) == 3
    assert stream.memory() == before


def check_rejection(model: Drawn, engine: CEngine) -> None:
    rejects = [k for k, f in enumerate(model.spec.features) if f.missing == "reject"]
    stream = engine.stepper()
    step_all(stream, model.x[:3], engine)
    before = stream.memory()
    for k in rejects:
        rows = model.x[:4].copy()
        rows[3, k] = np.nan
        y = np.full((4, model.spec.output_size), 7, np.float32)
        assert engine.call("step", stream._state, rows[3].copy(), y) == 1
        assert engine.call("run", stream._state, rows, ctypes.c_size_t(4), y) == 1
        assert (y == 7).all()
        assert stream.memory() == before


def check_time(model: Drawn, engine: CEngine) -> None:
    derived = model.spec.derived
    for time in (0, -1, 1_700_000_000, -(2**62), 2**62 + 12345):
        out = np.zeros(2 * len(derived) + 1, np.float32)
        engine.call("time", ctypes.c_int64(time), out)
        expected = time_features(np.array([time], np.int64), derived)[0]
        assert out[:-1].tobytes() == expected.astype(np.float32).tobytes()
        assert out[-1] == 0
