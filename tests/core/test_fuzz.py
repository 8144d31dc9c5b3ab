"""The fuzz targets find nothing, reach loader and state, and find a bug that is planted."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from support import programs
from support.replay import CLANG, CORE

SECONDS = 5  # .ci/run fuzzes for longer, beside the linters
SECONDS_FOR_PLANTED = 10  # found in less than one; the run ends there
SOURCES = ("load/file.c", "load/layout.c", "load/read_layer.c", "load/load.c")
SOURCES += ("load/weights.c", "layers/w8a16_tensors.c")
SOURCES += ("layers/pack.c", "layers/cell.c", "stream/state.c", "base/crc32.c")
MIN_COVERAGE = 90.0
PLANTED = {
    "a section may end behind the file": (
        "model",
        "load/file.c",
        "if (size > nbytes - offset)",
        "if (size > nbytes)",
    ),
    "a tensor may end behind the snapshot": (
        "snapshot",
        "stream/state.c",
        " || (end - at - TENSOR_NBYTES) / width < size",
        "",
    ),
    "a reset keeps the number of steps": (
        "snapshot",
        "stream/state.c",
        "    *lane.num_steps = 0;\n",
        "",
    ),
}


def fuzz(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return programs.run(
        [CORE / "fuzz/run.sh", *arguments],
        env=os.environ | {"RNNE_FUZZ_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(400)
def test_fuzzing_finds_what_is_planted_and_nothing_else(tmp_path: Path) -> None:
    programs.require(CLANG, "libFuzzer-14", "llvm-cov-14", "llvm-profdata-14")
    done = fuzz(tmp_path, str(SECONDS))
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in SOURCES:
        row = next(line for line in done.stdout.splitlines() if line.startswith(name))
        regions, functions, lines = map(float, re.findall(r"([\d.]+)%", row)[:3])
        assert min(functions, lines) >= MIN_COVERAGE, (name, regions, functions, lines)
    for bug, (target, name, right, wrong) in PLANTED.items():
        text = (CORE / "src" / name).read_text()
        assert text.count(right) == 1, bug
        source = tmp_path / Path(name).name
        source.write_text(text.replace(right, wrong))
        done = fuzz(tmp_path, str(SECONDS_FOR_PLANTED), target, source)
        assert done.returncode == 1, (bug, done.stdout)
        assert re.search(r"^SUMMARY: (Address|libFuzzer)", done.stdout, re.M), bug
