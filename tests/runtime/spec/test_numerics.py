"""f32.v1: the functions of NumPy and of C over a sample of all floats, and their bounds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.replay import (
    CORE,
    ROOT,
    canonical_nans,
    instruction_sets,
    replay,
    save_rnne,
)

import rnnedge_export.formats.rnne.writing as writer
from rnnedge_runtime.numerics import f32 as numerics
from rnnedge_runtime.spec.layers import Activation
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

pytestmark = pytest.mark.gcc_alone
STRIDE = 4099
BOUNDARIES = (
    9.0,
    9.01,
    9.02,
    9.5,
    17.0,
    34.0,
    87.0,
    2.0**-50,
    2.0**-126,
    1e-45,
    3.4e38,
)


def sample() -> np.ndarray:
    """Every 4,099th finite float, and the neighbours of every limit."""
    floats = (
        np.arange(0, 2**32, STRIDE, dtype=np.uint64).astype(np.uint32).view(np.float32)
    )
    near = np.array(BOUNDARIES, np.float32)
    near = np.concatenate(
        [
            near,
            np.nextafter(near, np.float32(0)),
            np.nextafter(near, np.float32(np.inf)),
        ]
    )
    values = np.concatenate([floats, near, -near]).astype(np.float32)
    return values[np.isfinite(values)]


@pytest.mark.parametrize("function", ["tanh", "sigmoid", "relu"])
def test_c_and_numpy_give_the_same_bytes(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LONG_RUN_STEPS", 1)
    spec = ModelSpec((Feature("x"),), (Target("y"),), (Activation(1, function),))
    path = tmp_path / "model.rnne"
    x = sample()
    save_rnne(spec, {}, path, x[:64, None])
    with np.errstate(all="ignore"):
        z = np.where(np.abs(x) < numerics.SMALLEST_NORMAL, np.float32(0), x)
        y = numerics.flush(getattr(numerics, function)(numerics.flush(z)))
    expected = canonical_nans(y.tobytes())
    for isa in instruction_sets():
        assert canonical_nans(replay("gcc-O2", path, "step", x, isa=isa)) == expected


def test_special_values() -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    with np.errstate(all="ignore"):
        tanh, sigmoid = numerics.tanh(special), numerics.sigmoid(special)
    assert np.isnan(tanh[0])
    assert np.isnan(sigmoid[0])
    assert tanh[1:].tolist() == [1, -1, 0, 0]
    assert np.signbit(tanh).tolist()[1:] == [False, True, False, True]
    assert sigmoid[1:].tolist() == [1, float.fromhex("0x1.ee002p-50"), 0.5, 0.5]


def test_errors_stay_within_the_stated_bounds(tmp_path: Path) -> None:
    sources = [path for path in (CORE / "src").glob("*/*.c") if path.name != "time.c"]
    program = tmp_path / "exhaustive"
    include = f"-I{CORE / 'include'}"
    main = ROOT / "tests/c/exhaustive.c"
    command = ["gcc", "-std=c99", "-O2", include, main, *sources, "-lm", "-o", program]
    programs.run(command, check=True)
    done = programs.run(
        [program, str(STRIDE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_coefficients_are_those_of_the_script() -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts/fit_f32.py", "exp"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = [float.fromhex(text) for text in re.findall(r"-?0x[\w.+-]+", printed)]
    constants = (
        *numerics._EXP,
        numerics._LOG2_E,
        numerics._LN2_UPPER,
        numerics._LN2_LOWER,
    )
    assert found == [float(value) for value in constants]
    sources = ("f32/f32_functions.inc.h", "stream/time.c")
    code = "".join((CORE / "src" / name).read_text() for name in sources)
    in_c = {float.fromhex(text) for text in re.findall(r"(0x[\w.]+p[+-]?\d+)f", code)}
    assert set(found) <= in_c
