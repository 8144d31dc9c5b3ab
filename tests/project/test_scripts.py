"""What a script generated is what it generates now."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from rnnedge_runtime.numerics import phase as time_features

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def output_of(script: str, *arguments: str) -> str:
    command = [sys.executable, SCRIPTS / script, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_fit_f32_gives_the_coefficients_in_use() -> None:
    found = [
        float.fromhex(text)
        for text in re.findall(r"'(\S+)'", output_of("fit_f32.py", "sincos"))
    ]
    assert found == [float(c) for c in (*time_features._SIN, *time_features._COS)]


def test_pin_constraints_pins_versions_without_local_labels() -> None:
    lines = output_of("pin_constraints.py").splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert {"numpy", "cmake", "ninja"} <= set(names)
    assert not [line for line in lines if "+" in line or line.startswith("rnnedge")]


def test_make_core_samples_gives_the_files_in_use(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, SCRIPTS / "make_core_samples.py", tmp_path], check=True
    )
    made = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(made) > 40
    for path in made:
        name = path.relative_to(tmp_path)
        assert (SCRIPTS.parent / name).read_bytes() == path.read_bytes(), name
