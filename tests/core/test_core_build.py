"""How the core is built: warnings, symbols, machine code, installation, examples."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.core_objects import objects, require, run
from support.replay import (
    BUILDS,
    COMPILERS,
    CORE,
    IS_X86,
    ROOT,
    WARNINGS,
    core_of,
    marked,
    replay,
)

MODEL = ROOT / "tests/c/tiny_gru.rnne"
HEADERS = sorted((CORE / "include").glob("*.h"))
FUSED = re.compile(r"\bvfn?m(?:add|sub)\w*|\bfml[as]\b|\bfn?m(?:add|sub)\b")
REDUCTIONS = ("total", "norm")
"""They end with one number of a vector."""
SHUFFLE = re.compile(r"\bv?(?:shuf|unpck|perm[id2]|haddp|insertp|pshuf)\w*")


@pytest.mark.parametrize(
    "name",
    marked(
        *("gcc-O0", "gcc-O2", "gcc-O3-native", "clang-O2", "clang-O3-native"),
        *("aarch64", "aarch64-O3"),
    ),
)
def test_no_warnings(name: str) -> None:
    assert set(WARNINGS) <= set(BUILDS[name].checks)
    core_of(name)


@pytest.mark.gcc_alone
def test_symbols_are_prefixed_and_only_string_functions_needed() -> None:
    files = core_of("gcc-O2")
    lines = run("nm", "-g", "--defined-only", *files).splitlines()
    names = [line.split()[2] for line in lines if len(line.split()) == 3]
    assert names
    assert not [name for name in names if not name.startswith("rnne_")]
    lines = run("nm", "-u", *files).splitlines()
    undefined = {line.split()[1] for line in lines if len(line.split()) == 2}
    needed = {name for name in undefined if not name.startswith("rnne_")}
    allowed = {"memcpy", "memset", "memcmp", "memmove", "_GLOBAL_OFFSET_TABLE_"}
    cpu = {"__cpu_model", "__cpu_features2", "__cpu_indicator_init"}
    assert needed <= allowed | cpu


@pytest.mark.parametrize("name", marked("gcc-gnu99-fma", "clang-fma", "aarch64"))
def test_exact_kernels_have_no_fused_multiply_add(name: str) -> None:
    is_arm = name == "aarch64"
    dump = require("aarch64-linux-gnu-objdump" if is_arm else "objdump")
    for path in core_of(name):
        found = FUSED.findall(run(dump, "-d", path))
        is_fast = path.stem.endswith("_fast") and not (is_arm and "avx" in path.stem)
        assert bool(found) == is_fast, (path.stem, found[:3])


@pytest.mark.skipif(not IS_X86, reason="names of x86 instructions")
@pytest.mark.parametrize("compiler", COMPILERS[:2])
@pytest.mark.parametrize("level", ["-O2", "-O3"])
def test_products_hold_no_shuffle(compiler: str, level: str, tmp_path: Path) -> None:
    names = ("f32_avx2", "f32_avx512")
    for path in objects(compiler, tmp_path, level, names=names):
        code = run("objdump", "-d", path)
        assert len(re.findall(r"vmulps", code)) > 50
        of_function = re.split(r"^[0-9a-f]+ <(\w+)>:$", code, flags=re.MULTILINE)[1:]
        for name, body in zip(of_function[::2], of_function[1::2], strict=True):
            assert name in REDUCTIONS or not SHUFFLE.findall(body), (path.stem, name)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prefix into which CMake has installed; its build folder is `build`."""
    folder = tmp_path_factory.mktemp("cmake")
    configure = ["-S", ROOT, "-B", folder / "build", "-DRNNEDGE_WERROR=ON"]
    run("cmake", *configure, f"-DCMAKE_INSTALL_PREFIX={folder / 'prefix'}")
    run("cmake", "--build", folder / "build")
    run("cmake", "--install", folder / "build")
    return folder


def test_ctest_passes(installed: Path) -> None:
    assert "100% tests passed" in run("ctest", "--test-dir", installed / "build")


def test_pkg_config_builds_the_example(installed: Path, tmp_path: Path) -> None:
    pc = next((installed / "prefix").rglob("rnnedge.pc"))
    text = pc.read_text()
    prefix = installed / "prefix"
    assert f"prefix={prefix}" in text
    libdir = next(prefix.rglob("librnnedge.so")).parent
    command = ["gcc", CORE / "examples/host.c", "-o", tmp_path / "host"]
    run(
        *command,
        f"-I{prefix / 'include'}",
        f"-L{libdir}",
        f"-Wl,-rpath,{libdir}",
        "-lrnnedge",
    )
    assert run(tmp_path / "host", MODEL) == ""


def test_shared_library_exports_the_header(installed: Path) -> None:
    library = next((installed / "prefix").rglob("librnnedge.so"))
    lines = run("nm", "-D", "--defined-only", library).splitlines()
    header = "".join(path.read_text() for path in HEADERS)
    declared = set(
        re.findall(r"\b(rnne_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.S))
    )
    assert {line.split()[2] for line in lines} == declared


@pytest.mark.gcc_alone
@pytest.mark.parametrize("first", [path.name for path in HEADERS])
def test_every_header_stands_alone_and_rnnedge_h_has_them_all(
    first: str, tmp_path: Path
) -> None:
    uses = "int main(void) { return !rnne_fleet_step + !rnne_step_q + !rnne_step; }"
    source = tmp_path / "use.c"
    name = first if first == "rnnedge.h" else f'{first}"\n#include "rnnedge.h'
    source.write_text(f'#include "{name}"\n{uses}\n')
    for language in ("-xc", "-xc++"):
        command = ["gcc", language, "-w", f"-I{CORE / 'include'}", "-fsyntax-only"]
        run(*command, source)


def test_cmake_package_is_found(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\nproject(app C)\n"
        "find_package(rnnedge 0.1 REQUIRED)\n"
        f"add_executable(app {CORE / 'examples/host.c'})\n"
        "target_link_libraries(app PRIVATE rnnedge::static)\n"
    )
    prefix = f"-DCMAKE_PREFIX_PATH={installed / 'prefix'}"
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", prefix)
    run("cmake", "--build", tmp_path / "build")


@pytest.mark.parametrize("name", ["rnnedge_host", "rnnedge_host_cpp"])
def test_examples_stream_a_table(name: str, installed: Path, tmp_path: Path) -> None:
    require("g++" if name.endswith("cpp") else "gcc")
    program = installed / "build" / name
    model = tmp_path / "lstm.rnne"
    model.write_bytes((CORE / "fuzz/corpus_model/lstm.rnne").read_bytes())
    x = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    table = "".join(f"{a!r},{b!r}\n" for a, b in x.tolist())
    done = programs.run(
        [program, model], input=table, capture_output=True, text=True, check=True
    )
    found = np.array(done.stdout.split(), dtype=np.float32)
    assert found.tobytes() == replay("gcc-O2", model, "step", x)


@pytest.mark.parametrize("flag", ["-Ofast", "-funsafe-math-optimizations"])
def test_fast_math_is_refused(flag: str, tmp_path: Path) -> None:
    command = [
        "gcc",
        flag,
        f"-I{CORE / 'include'}",
        "-c",
        CORE / "src/stream/f32_engine.c",
    ]
    done = programs.run(
        command, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode != 0
    assert "-ffast-math" in done.stderr


@pytest.mark.parametrize(("method", "is_right"), [(0, True), (16, True), (2, False)])
def test_only_float_in_its_own_width_is_accepted(
    method: int, is_right: bool, tmp_path: Path
) -> None:
    """gcc says 16 with -march=native where the processor has _Float16; it was refused."""
    flags = ("-U__FLT_EVAL_METHOD__", f"-D__FLT_EVAL_METHOD__={method}", "-w")
    command = [
        "gcc",
        *flags,
        f"-I{CORE / 'include'}",
        "-c",
        CORE / "src/stream/f32_engine.c",
    ]
    done = programs.run(
        command, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode == 0) == is_right, done.stderr
    assert is_right or "wider registers" in done.stderr
