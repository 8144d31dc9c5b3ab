"""The kernels are vectorised on x86 and aarch64: scripts/vec_report.py reads machine code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.core_objects import require
from support.replay import CLANG, CORE, IS_X86, ROOT

EXPECTED = {
    "gcc": {"plain", "vector", "avx2", "avx512"},
    CLANG: {"plain", "vector", "avx2", "avx512"},
    "aarch64-linux-gnu-gcc": {"plain", "vector"},
}


@pytest.fixture(scope="module")
def report() -> ModuleType:
    path = ROOT / "scripts/vec_report.py"
    spec = importlib.util.spec_from_file_location("vec_report", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["vec_report"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("compiler", EXPECTED)
def test_every_kernel_is_vectorised(
    compiler: str, report: ModuleType, tmp_path: Path
) -> None:
    require(
        compiler, "aarch64-linux-gnu-objdump" if "aarch64" in compiler else "objdump"
    )
    if not (IS_X86 or "aarch64" in compiler):
        pytest.skip("names of x86 instructions")
    rows = [
        row
        for source in report.SOURCES
        for row in report.rows_of(compiler, source, tmp_path)
    ]
    assert not [(row.source, row.kernel, row.faults) for row in rows if row.faults]
    found = {row.source.removesuffix("_fast") for row in rows}
    assert found == EXPECTED[compiler]
    assert len(report.KERNELS) >= 6
    fast = len([row for row in rows if row.source.endswith("_fast")])
    assert fast == (len(found) - 1) * len(report.KERNELS)


PLANTED = {
    "is not vectorised": ("vector", "#define RNNE_LANES 4", "#define RNNE_LANES 1"),
    "has vectors of another width": (
        "avx2",
        "#define RNNE_LANES 8",
        "#define RNNE_LANES 4",
    ),
    "fuses multiply and add": (
        "avx2",
        '#include "../base/guard.h"',
        '#include "../base/guard_fast.h"\n#pragma GCC target("fma")',
    ),
    "does not fuse": (
        "avx2_fast",
        '#include "../base/guard_fast.h"',
        '#include "../base/guard.h"',
    ),
}


@pytest.mark.skipif(not IS_X86, reason="names of x86 instructions")
@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(
    fault: str, report: ModuleType, tmp_path: Path
) -> None:
    name, right, wrong = PLANTED[fault]
    text = (CORE / f"src/f32/f32_{name}.c").read_text()
    assert text.count(right) == 1
    source = tmp_path / f"f32_{name}.c"
    source.write_text(text.replace(right, wrong))
    rows = report.rows_of(require("gcc"), source, tmp_path)
    cells = [row for row in rows if row.kernel in report.CELLS]
    assert all(fault in row.faults for row in cells)
    assert len(rows) == len(report.KERNELS)
