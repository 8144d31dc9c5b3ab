"""Imported files become artifacts that carry what their own program gave for them."""

from __future__ import annotations

import numpy as np
import pytest
from support.onnx_examples import EXAMPLES, OPTIONS

import rnnedge
from rnnedge_export import verify
from rnnedge_export.exporting.imported import export_imported
from rnnedge_export.formats.registry import FORMATS
from rnnedge_export.importing.importing import import_model
from rnnedge_export.importing.onnx.running import OnnxFile
from rnnedge_runtime.errors import ParityError
from rnnedge_runtime.tolerances import IMPORT_ERROR


def written(name, folder, **options):
    path = folder / f"{name}.onnx"
    EXAMPLES[name](path)
    told = OPTIONS.get(name, {})
    imported = import_model(path, **told)
    program = OnnxFile(path, **told)
    report = export_imported(
        imported, program=program, out=folder, name=name, **options
    )
    return imported, program, report


@pytest.mark.parametrize("name", ["tf_lstm", "vad"])
def test_artifacts_carry_the_outputs_of_onnxruntime(name, tmp_path):
    """A chain, and a graph whose state is an input of the file."""
    formats = ("rnne", "onnx", "torchscript")
    _, program, report = written(name, tmp_path, formats=formats)
    for artifact in report.artifacts:
        metadata, _ = FORMATS[artifact.format].read(artifact.path)
        steps, y = program(metadata.golden.x)
        assert len(steps) == len(metadata.golden.x)
        # .rnne carries what its own arithmetic gives; the others what the file gave.
        limit = IMPORT_ERROR if artifact.format == "rnne" else np.spacing(np.float32(1))
        assert np.abs(metadata.golden.y - y).max() <= limit
        assert artifact.max_error <= artifact.limit
    safe = [item.path for item in report.artifacts if item.format != "torchscript"]
    assert not verify(safe).has_failed


def test_artifact_steps_as_the_file_does(tmp_path):
    imported, program, report = written("lstm_wired", tmp_path, formats="rnne")
    x = np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32)
    model = rnnedge.load(report.artifacts[0].path)
    stream = model.stream()
    y = np.array([stream.step(row) for row in x])
    assert np.abs(y - program(x)[1]).max() <= IMPORT_ERROR
    assert model.spec == imported.spec
    assert model.spec.feature_names == ("x_0", "x_1", "x_2")


def test_model_that_is_not_the_file_is_not_written(tmp_path):
    path = tmp_path / "a.onnx"
    EXAMPLES["tf_lstm"](path)
    imported, program = import_model(path), OnnxFile(path)
    imported.weights["layers.1.bias"][0] += 0.01
    with pytest.raises(
        ParityError, match=r"'dense_0.*differs by .* ONNX Runtime makes"
    ):
        export_imported(imported, program=program, out=tmp_path / "dist")
    assert not (tmp_path / "dist").exists() or not list((tmp_path / "dist").iterdir())
