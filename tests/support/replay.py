"""The C core, built in several ways, driven by tests/c/replay.c."""

from __future__ import annotations

import fcntl
import functools
import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import programs

from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights, model_digest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "runtime" / "core"
IS_X86 = platform.machine() in ("x86_64", "AMD64")
PLAIN, VECTOR, AVX2, AVX512, AVX512_VNNI = range(1, 6)
CLANG = "clang-14"
GCC_ALONE = pytest.mark.gcc_alone
COMPILERS = [
    pytest.param("gcc", marks=GCC_ALONE),
    CLANG,
    "aarch64-linux-gnu-gcc",
]


WARNINGS = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wvla", "-Werror"),
    *("-Wstrict-prototypes", "-Wmissing-prototypes", "-Wdouble-promotion"),
    "-Wcast-align",
)
CALLS = ("-fno-stack-protector", "-fcallgraph-info=su")


@dataclass(frozen=True)
class Build:
    """A compiler, its flags, and how to start what it makes.

    Attributes:
        checks: further flags for the core alone, which change none of its results.
    """

    compiler: str
    flags: tuple[str, ...]
    launcher: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


BUILDS = {
    "gcc-O2": Build("gcc", ("-O2",), checks=("-std=c99", *WARNINGS, *CALLS)),
    "gcc-O3-native": Build("gcc", ("-O3", "-march=native"), checks=WARNINGS),
    "gcc-gnu99-fma": Build("gcc", ("-std=gnu99", "-O2", "-mfma", "-mavx2")),
    "gcc-O0": Build("gcc", ("-O0", "-fPIC"), checks=("-std=c99", *WARNINGS)),
    "clang-O2": Build(CLANG, ("-O2",), checks=("-std=c99", *WARNINGS)),
    "clang-O3-native": Build(CLANG, ("-O3", "-march=native"), checks=WARNINGS),
    "clang-fma": Build(CLANG, ("-std=gnu99", "-O2", "-mfma", "-mavx2")),
    "gcc-asan": Build(
        "gcc",
        ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    ),
    "aarch64": Build(
        "aarch64-linux-gnu-gcc",
        ("-std=gnu99", "-O2", "-static"),
        ("qemu-aarch64",),
        (*WARNINGS, *CALLS),
    ),
    "aarch64-O3": Build(
        "aarch64-linux-gnu-gcc",
        ("-std=gnu99", "-O3", "-static"),
        ("qemu-aarch64",),
        WARNINGS,
    ),
}


def marked(*names: str) -> list[Any]:
    """Parameters of a test: the builds of these names, those of gcc for a bare machine."""
    return [
        pytest.param(name, marks=[GCC_ALONE] if BUILDS[name].compiler == "gcc" else [])
        for name in names
    ]


EVERY_BUILD = marked(*BUILDS)


def require_build(name: str) -> Build:
    """The build of that name; its test is skipped where a tool is missing."""
    build = BUILDS[name]
    if not IS_X86 and {"-mfma", "-mavx2"} & set(build.flags):
        pytest.skip(f"{name} is for x86")
    programs.require(build.compiler, *build.launcher)
    return build


@functools.cache
def core_of(name: str) -> list[Path]:
    """Object files of the core in the named build, in a folder of their own.

    They are compiled once per test run, whichever worker is first; the others wait.
    """
    build = require_build(name)
    sources = sorted((CORE / "src").glob("*/*.c"))
    folder = Path(_folder()) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            flags = (*build.flags, *build.checks, f"-I{CORE / 'include'}")
            command = [build.compiler, *flags, "-c", *sources]
            done = programs.run(
                command, cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            (folder / "done").touch()
    return [folder / source.with_suffix(".o").name for source in sources]


@functools.cache
def executable(name: str) -> tuple[str, ...]:
    """Command that starts replay of the named build; compiled once per test run."""
    build = require_build(name)
    path = Path(_folder()) / f"replay-{name}"
    if not path.exists():
        parts = [ROOT / "tests/c/replay.c", *core_of(name)]
        command = [build.compiler, *build.flags, f"-I{CORE / 'include'}", *parts]
        new = path.with_suffix(f".{os.getpid()}")
        programs.run([*command, "-o", new], check=True)
        new.replace(path)
    return (*build.launcher, str(path))


@functools.cache
def _folder() -> str:
    """The same for all workers of a test run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return tempfile.mkdtemp(prefix="rnnedge-replay-")
    folder = Path(tempfile.gettempdir()) / f"rnnedge-replay-{run}"
    folder.mkdir(exist_ok=True)
    return str(folder)


@functools.cache
def instruction_sets() -> tuple[int, ...]:
    """Those that this machine has."""
    if not IS_X86:
        return (PLAIN, VECTOR)
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.exists() else ""
    sets = [PLAIN, VECTOR]
    sets += [AVX2] if " avx2 " in flags and " fma " in flags else []
    sets += [AVX512] if " avx512f " in flags else []
    has_vnni = " avx512bw " in flags and " avx512_vnni " in flags
    sets += [AVX512_VNNI] if has_vnni else []
    return tuple(sets)


def save_rnne(spec: ModelSpec, weights: Weights, path: Path, x: np.ndarray) -> bytes:
    """Write the model with `x` `[T, I]` as golden inputs; returns the bytes."""
    y = np.zeros((len(x), spec.output_size), np.float32)
    digest = model_digest(spec, weights)
    metadata = Metadata(spec, digest, NUMERICS, Golden(x, y), "tests")
    content = build_rnne(metadata, weights)
    path.write_bytes(content)
    return content


def replay(
    build: str,
    model: Path,
    mode: str,
    x: np.ndarray,
    *,
    isa: int = 0,
    ftz: bool = False,
) -> bytes:
    """Bytes that replay writes for the rows of `x`.

    Raises:
        AssertionError: it failed; the message is what it printed.
    """
    inputs, outputs = model.with_suffix(".x"), model.with_suffix(".y")
    inputs.write_bytes(np.ascontiguousarray(x).tobytes())
    outputs.unlink(missing_ok=True)
    command = [*executable(build), model, str(isa), mode, inputs, outputs]
    done = programs.run(
        command + (["ftz"] if ftz else []),
        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},  # replay frees nothing
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return outputs.read_bytes()


def canonical_nans(content: bytes) -> bytes:
    """NaN is compared as NaN, whatever its payload."""
    values = np.frombuffer(content, dtype="<f4").copy()
    values[np.isnan(values)] = np.nan
    return values.tobytes()
