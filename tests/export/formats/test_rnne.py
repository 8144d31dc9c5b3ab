"""The native format from export to verify."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from support.artifacts import save_artifact
from support.rnn_cells import forecaster
from support.strategies import random_weights
from torch import nn

import rnnedge_runtime as runtime
from rnnedge_export.compare import verification_stream
from rnnedge_export.exporting.export import export
from rnnedge_export.formats.registry import read_metadata
from rnnedge_export.formats.rnne.long_run import read_long_run
from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.errors import ParityError, SpecError
from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum, read_rnne

SPEC = forecaster("gru-L1", hidden_size=5)


@pytest.fixture
def model(rng) -> SequenceModel:
    module = SequenceModel(SPEC).eval()
    module.load_weights(random_weights(SPEC, rng))
    return module


def test_every_format_of_a_model_is_the_same_model(model, tmp_path):
    formats = ("rnne", "onnx", "torchscript")
    report = export(model, formats=formats, out=tmp_path, name="boiler")
    assert [item.path.name for item in report.artifacts] == (
        ["boiler.rnne", "boiler.onnx", "boiler.pt"]
    )
    assert all(item.max_error <= item.limit for item in report.artifacts)
    paths = [item.path for item in report.artifacts]
    assert {read_metadata(path).digest for path in paths} == {report.digest}
    verified = verify(paths, backend="torchscript")
    assert not verified.has_failed
    names = [check.name for check in verified.checks if "model" not in check.artifact]
    assert "64 golden steps, bit for bit" in names
    assert "10,000 generated steps, bit for bit" in names


def test_the_file_is_little_more_than_its_weights(model, tmp_path):
    report = export(model, formats=("rnne",), out=tmp_path)
    weights = read_rnne(report.artifacts[0].path)[1]
    nbytes = sum(tensor.nbytes for tensor in weights.values())
    assert report.artifacts[0].nbytes <= nbytes + 8192


def test_the_recorded_bytes_do_not_depend_on_the_engine(model, tmp_path, rng):
    path = save_artifact(SPEC, random_weights(SPEC, rng), tmp_path, ".rnne")
    metadata, weights = read_rnne(path)
    numpy_engine = Float32Engine(SPEC, weights)
    assert build_rnne(metadata, weights, engine=numpy_engine) == path.read_bytes()
    proof = read_long_run(path, SPEC)
    assert proof.num_steps == 10_000
    assert proof.is_repeated_by(runtime.load(path).engine, SPEC)


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_verify_names_the_recorded_step_that_differs(backend, tmp_path, rng):
    path = save_artifact(SPEC, random_weights(SPEC, rng), tmp_path, ".rnne")
    content = bytearray(path.read_bytes())
    y = read_metadata(path).golden.y.astype("<f4")
    at = content.index(y.tobytes()) + y[:9].nbytes
    content[at] ^= 1
    struct.pack_into("<I", content, CHECKSUM_AT, file_checksum(bytes(content)))
    path.write_bytes(content)
    report = verify([path], backend=backend)
    failed = [check for check in report.checks if check.outcome == "failed"]
    assert [check.detail for check in failed] == ["differs first at step 9"]


def test_verify_finds_a_long_run_of_other_bytes(tmp_path, rng):
    path = save_artifact(SPEC, random_weights(SPEC, rng), tmp_path, ".rnne")
    content = bytearray(path.read_bytes())
    content[content.index(read_long_run(path, SPEC).sha256)] ^= 1
    struct.pack_into("<I", content, CHECKSUM_AT, file_checksum(bytes(content)))
    path.write_bytes(content)
    failed = [c.name for c in verify([path]).checks if c.outcome == "failed"]
    assert failed == ["10,000 generated steps, bit for bit"]


def test_an_artifact_that_differs_is_not_written(model, tmp_path, monkeypatch):
    def wrong(metadata, weights, engine):
        changed = {name: tensor.copy() for name, tensor in weights.items()}
        changed["layers.1.weight_hh"][0, 0] += 0.01
        return build_rnne(metadata, changed)

    monkeypatch.setattr("rnnedge_export.formats.rnne.writing.build_rnne", wrong)
    with pytest.raises((ParityError, runtime.FormatError)):
        export(model, formats=("rnne",), out=tmp_path)
    assert not list(tmp_path.iterdir())


class Squared(nn.Module):
    """Not a chain of layers."""

    def forward(self, x, h):
        h = torch.atan(h * h + x[:, 0])
        return h[:, None], h


def test_a_graph_that_is_no_chain_is_refused_or_noted(tmp_path):
    example = (torch.zeros(1, 1, 2), torch.zeros(1, 2))
    with pytest.raises(SpecError, match=r"export to \.rnne: Squared is not a chain"):
        export(Squared(), example=example, formats=("rnne",), out=tmp_path)
    assert not list(tmp_path.iterdir())
    report = export(Squared(), example=example, formats=("onnx", "rnne"), out=tmp_path)
    assert [item.format for item in report.artifacts] == ["onnx"]
    assert any("export to .rnne" in note for note in report.notes)


def test_the_report_holds_the_error_at_every_step(model, tmp_path):
    report = tmp_path / "report.json"
    export(model, formats=("rnne",), out=tmp_path, report=report)
    (entry,) = json.loads(report.read_text())["artifacts"]
    assert entry["format"] == "rnne"
    assert len(entry["errors"]) == verification_stream.VERIFY_STEPS
    assert np.max(entry["errors"]) == entry["max_error"]


def test_the_description_is_that_of_the_other_formats(tmp_path: Path, rng):
    weights = random_weights(SPEC, rng)
    paths = [save_artifact(SPEC, weights, tmp_path, s) for s in (".rnne", ".onnx")]
    native, onnx = map(read_metadata, paths)
    assert (native.spec, native.digest, native.numerics, native.producer) == (
        (onnx.spec, onnx.digest, onnx.numerics, onnx.producer)
    )
    np.testing.assert_array_equal(native.golden.x, onnx.golden.x)
