"""The fuzz targets find nothing, and reach the loader."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from replay import CLANG, CORE

SECONDS = 30 if os.environ.get("RNNEDGE_REQUIRE") == "all" else 5
LOADER = ("file.c", "layout.c", "layer.c", "model.c", "crc32.c")
MIN_COVERAGE = 90.0


@pytest.mark.timeout(400)
def test_fuzzing_finds_nothing_and_covers_the_loader(tmp_path: Path) -> None:
    suffix = CLANG.rpartition("clang")[2]
    if not shutil.which(CLANG) or not shutil.which(f"llvm-cov{suffix}"):
        pytest.skip("clang with libFuzzer and llvm-cov is not installed")
    done = subprocess.run(
        [CORE / "fuzz/run.sh", str(SECONDS)],
        env=os.environ | {"RNNE_FUZZ_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in LOADER:
        row = next(line for line in done.stdout.splitlines() if line.startswith(name))
        regions, functions, lines = map(float, re.findall(r"([\d.]+)%", row)[:3])
        assert min(functions, lines) >= MIN_COVERAGE, (name, regions, functions, lines)
