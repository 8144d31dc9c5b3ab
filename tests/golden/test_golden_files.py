"""Files that earlier versions wrote mean what they meant (tests/golden)."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path

import numpy as np
import pytest

import rnnedge_runtime as runtime
from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_runtime.formats.rnne_file import read_rnne
from rnnedge_runtime.spec.spec_json import format_version, spec_to_json

FOLDER = Path(__file__).resolve().parent.parent / "golden"
V1_GRU = FOLDER / "v1-gru.rnne"
FILE_SHA256 = "b0a4bdd3f02c57d23d145b9fff6e3e5b0bb294817005488e2c913491b63dfb38"
SNAPSHOT_SHA256 = "6946a48a9aff9a301d41ab2a9dca696db5cdb7666dd6931e7b2ef72f1a0e0573"
DIGEST = "d8f952747e663c884684262f24ff42e6557f1cde12e0f72988eaaad29b15478d"
OUTPUTS_SHA256 = "06e0e5a48716d1cb6efa621116c56bc47a2ca1f004107a68595acc8630565468"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_file_of_spec_version_1_streams_the_same_bytes(backend: str) -> None:
    model = runtime.load(V1_GRU, backend=backend)
    assert model.digest == DIGEST
    readings, times = runpy.run_path(str(FOLDER / "make_v1_gru.py"))["readings"]()
    stream = model.stream()
    first = stream.run(readings[:30], times[:30])
    snapshot = (FOLDER / "v1-gru.snapshot").read_bytes()
    assert sha256(snapshot) == SNAPSHOT_SHA256
    assert stream.snapshot() == snapshot
    restored = model.stream()
    restored.restore(snapshot)
    rest = np.array(
        [
            restored.step(row, time=int(time))
            for row, time in zip(readings[30:], times[30:], strict=True)
        ]
    )
    outputs = np.concatenate([first, rest])
    assert sha256(outputs.astype("<f4").tobytes()) == OUTPUTS_SHA256


def test_a_file_of_spec_version_1_is_written_with_the_same_bytes() -> None:
    content = V1_GRU.read_bytes()
    assert sha256(content) == FILE_SHA256
    metadata, parameters = read_rnne(V1_GRU)
    assert format_version(metadata.spec) == 1
    assert spec_to_json(metadata.spec).encode() in content
    assert build_rnne(metadata, parameters) == content
