"""Models that an earlier version wrote give the bytes they gave then, in every format."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from support import programs

import rnnedge_runtime as runtime
from rnnedge_export.formats.c.loading import load_c
from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_export.formats.wasm.loading import load_wasm
from rnnedge_runtime.formats.rnne_file import read_rnne
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import parity_limit

FOLDER = Path(__file__).resolve().parent.parent / "golden"
MADE = runpy.run_path(str(FOLDER / "make_models.py"))
HALF = MADE["HALF"]
RNNE = sorted(FOLDER.glob("v?/*.rnne"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def recorded(path: Path, size: int) -> np.ndarray:
    content = path.with_suffix(".outputs").read_bytes()
    return np.frombuffer(content, "<f4").reshape(-1, size)


def assert_bytes(path: Path, model: Model) -> None:
    """A stream of the model, cut in two by its snapshot, gives what was recorded."""
    rows, times = MADE["readings"]()
    expected = recorded(path, model.spec.output_size)
    stream = model.stream()
    first = stream.run(rows[:HALF], times[:HALF])
    snapshot = path.with_suffix(".snapshot").read_bytes()
    assert stream.snapshot() == snapshot
    restored = model.stream()
    restored.restore(snapshot)
    y = np.concatenate([first, restored.run(rows[HALF:], times[HALF:])])
    assert y.astype("<f4").tobytes() == expected.tobytes()


def test_every_model_is_here() -> None:
    names = {f"{path.parent.name}/{path.stem}" for path in RNNE}
    assert names == {
        f"{key}{ending}" for key in MADE["SPECS"] for ending in ("", "-int8")
    }


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("path", RNNE, ids=name_of)
def test_rnne(path: Path, backend: str) -> None:
    assert_bytes(path, runtime.load(path, backend=backend))


@pytest.mark.parametrize("path", RNNE, ids=name_of)
def test_rnne_is_written_with_the_same_bytes(path: Path) -> None:
    metadata, parameters = read_rnne(path)
    assert build_rnne(metadata, parameters) == path.read_bytes()


@pytest.mark.parametrize("path", RNNE, ids=name_of)
def test_c(path: Path) -> None:
    source = path.with_name(f"{path.stem.replace('-', '_')}.c")
    assert_bytes(path, load_c(source, is_compiled=True))


@pytest.mark.parametrize("path", RNNE, ids=name_of)
def test_wasm(path: Path) -> None:
    programs.require("node")
    assert_bytes(path, load_wasm(path.with_suffix(".wasm")))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("v?/*.onnx")), ids=name_of)
def test_onnx(path: Path) -> None:
    rows, times = MADE["readings"]()
    model = runtime.load(path, backend="onnx")
    expected = recorded(path, model.spec.output_size)
    stream = model.stream()
    stream.restore(path.with_suffix(".snapshot").read_bytes())
    assert model.digest == runtime.load(path.with_suffix(".rnne")).digest
    y = stream.run(rows[HALF:], times[HALF:])
    assert np.abs(y - expected[HALF:]).max() <= parity_limit(expected[HALF:])
