"""`verify` passes what is whole, and finds what is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from support.artifacts import torch_model
from support.export_helpers import rewrite
from support.modules.user_modules import Sorted, zeros
from support.rnn_cells import IDS, forecaster
from support.strategies import model_specs, random_weights, weights

from rnnedge_export.exporting.export import export
from rnnedge_export.verifying.verify import Check, verify
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.metadata import (
    KEY_GOLDEN,
    Golden,
    Metadata,
    metadata_to_text,
)
from rnnedge_runtime.loading import load

BOTH = ("onnx", "torchscript")


def write(name: str, folder: Path, seed: int = 0, formats=("onnx",)) -> Path:
    """A forecaster as artifacts; the path without ending."""
    spec = forecaster(name, hidden_size=5)
    model = torch_model(spec, random_weights(spec, np.random.default_rng(seed)))
    export(model, formats=formats, out=folder, name=f"{name}-{seed}")
    return folder / f"{name}-{seed}"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory) -> Path:
    """An LSTM of two layers, four state tensors."""
    return write("lstm-L2", tmp_path_factory.mktemp("dist"), formats=BOTH)


def onnx_of(path: Path) -> Path:
    return path.with_name(path.name + ".onnx")


def failures(*paths: Path, backend: str | None = None) -> dict[str, Check]:
    report = verify(paths, backend=backend)
    failed = {c.name: c for c in report.checks if c.outcome == "failed"}
    assert report.has_failed == bool(failed)
    return failed


def kinds(failed: dict[str, Check]) -> set[str]:
    """Names of the failed checks by their first words that do not hold a number."""
    known = {
        "golden": "golden",
        "reference": "drift",
        "weights": "weights",
        "state changes": "state",
        "digest": "digest",
        "outputs": "outputs",
        "single steps": "steps",
    }
    return {
        next(short for key, short in known.items() if key in name) for name in failed
    }


@pytest.mark.parametrize("name", IDS)
def test_good_artifact_passes_every_check(name, tmp_path):
    path = write(name, tmp_path)
    report = verify([onnx_of(path)])
    assert {check.outcome for check in report.checks} == {"passed"}
    assert len(report.checks) == 9
    figures = [check for check in report.checks if check.limit is not None]
    assert len(figures) == 5
    assert all(check.figure <= check.limit for check in figures)


@given(model_specs().flatmap(lambda s: weights(s).map(lambda w: (s, w))))
@settings(max_examples=5)
def test_drawn_models_pass_their_proof_and_every_check(tmp_path, drawn):
    spec, drawn_weights = drawn
    export(torch_model(spec, drawn_weights), formats=BOTH, out=tmp_path)
    paths = [tmp_path / "model.onnx", tmp_path / "model.pt"]
    assert failures(*paths, backend="torchscript") == {}


def test_two_formats_of_one_model_are_compared(artifact):
    torchscript = artifact.with_name(artifact.name + ".pt")
    report = verify([onnx_of(artifact), torchscript], backend="torchscript")
    assert not report.has_failed
    assert [c.name for c in report.checks[-2:]] == ["same digest", "same outputs"]
    drift = [c for c in report.checks if "reference" in c.name]
    assert [c.outcome for c in drift] == 4 * ["passed"], "judged by the .onnx"


def test_torchscript_alone_says_what_it_could_not_check(artifact):
    path = artifact.with_name(artifact.name + ".pt")
    report = verify([path], backend="torchscript")
    assert not report.has_failed
    missing = [c for c in report.checks if c.outcome == "not checked"]
    assert ["weights" in missing[0].name, "reference" in missing[1].name] == [True] * 2
    assert all("does not expose its weights" in c.detail for c in missing)
    with pytest.raises(FormatError, match="holds a pickle"):
        verify([path])


@pytest.mark.usefixtures("full_length")
def test_drift_is_measured_over_ten_thousand_steps(artifact):
    drift = verify([onnx_of(artifact)]).checks[-1]
    assert drift.name == "10,000 carried steps = float64 reference"
    assert 0 < drift.figure <= drift.limit
    assert "first tenth" in drift.detail


def node_of(model: onnx.ModelProto, output: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if output in node.output)


def test_state_output_wired_to_its_own_input_is_found(artifact, tmp_path):
    """The state stays zero for ever, and every shape is right."""

    def rewire(model: onnx.ModelProto) -> None:
        node_of(model, "h_1_out").CopyFrom(
            onnx.helper.make_node("Identity", ["h_1"], ["h_1_out"])
        )

    failed = failures(rewrite(onnx_of(artifact), tmp_path / "frozen.onnx", rewire))
    assert {"state", "golden", "drift"} <= kinds(failed)
    assert failed["state changes"].detail == "h_1 stays as it was"


def test_state_outputs_that_are_swapped_are_found(artifact, tmp_path):
    def swap(model: onnx.ModelProto) -> None:
        first, second = node_of(model, "h_0_out"), node_of(model, "h_1_out")
        first.output[0], second.output[0] = "h_1_out", "h_0_out"

    failed = failures(rewrite(onnx_of(artifact), tmp_path / "swapped.onnx", swap))
    assert {"golden", "drift", "steps"} <= kinds(failed)
    assert "state" not in kinds(failed)


def test_altered_golden_steps_are_found(artifact, tmp_path):
    def alter(model: onnx.ModelProto) -> None:
        metadata = load(onnx_of(artifact)).metadata
        y = metadata.golden.y.copy()
        y[40, 2] += 1e-3
        altered = Metadata(
            metadata.spec,
            metadata.digest,
            metadata.numerics,
            Golden(metadata.golden.x, y),
            metadata.producer,
        )
        for item in model.metadata_props:
            if item.key == KEY_GOLDEN:
                item.value = metadata_to_text(altered)[KEY_GOLDEN]

    failed = failures(rewrite(onnx_of(artifact), tmp_path / "altered.onnx", alter))
    assert kinds(failed) == {"golden"}
    (check,) = failed.values()
    assert check.figure == pytest.approx(1e-3, rel=1e-2)
    assert check.detail == "at step 40, output b_1"


def test_weight_that_is_not_the_digests_is_found(artifact, tmp_path):
    def nudge(model: onnx.ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == "layers.2.R")
        array = onnx.numpy_helper.to_array(tensor) + np.float32(1e-3)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))

    failed = failures(rewrite(onnx_of(artifact), tmp_path / "nudged.onnx", nudge))
    assert {"weights", "golden"} <= kinds(failed)


def test_another_model_of_the_same_shape_is_found(artifact, tmp_path):
    other = write("lstm-L2", tmp_path, seed=1)
    failed = failures(onnx_of(artifact), onnx_of(other))
    assert kinds(failed) == {"digest", "outputs"}
    assert failed["same outputs"].figure > failed["same outputs"].limit


def test_another_model_of_another_shape_is_found(artifact, tmp_path):
    torch.manual_seed(0)
    example = (zeros(1, 1, 3), [zeros(1, 8)])
    export(Sorted(), example=example, out=tmp_path, name="n")
    failed = failures(onnx_of(artifact), tmp_path / "n.onnx")
    assert kinds(failed) == {"digest", "outputs"}
    assert "other numbers of inputs or outputs" in failed["same outputs"].detail


def test_graph_of_its_own_is_checked_against_itself(tmp_path):
    torch.manual_seed(0)
    example = (zeros(1, 1, 3), [zeros(1, 8)])
    export(Sorted(), example=example, out=tmp_path, name="n", formats=BOTH)
    report = verify([tmp_path / "n.onnx", tmp_path / "n.pt"], backend="torchscript")
    assert not report.has_failed
    missing = [c.detail for c in report.checks if c.outcome == "not checked"]
    assert len(missing) == 6
    assert all("graph of its own" in detail for detail in missing)


def test_damaged_file_is_refused_before_any_check(artifact, tmp_path):
    path = tmp_path / "damaged.onnx"
    content = bytearray(onnx_of(artifact).read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"damaged.onnx: .*checksum"):
        verify([path])


def test_without_the_onnx_package_drift_is_not_called_passed(artifact, tmp_path):
    """The device: numpy and onnxruntime only. Torch is not imported for it."""
    shutil.copy(onnx_of(artifact), tmp_path / "m.onnx")
    script = """
import sys
sys.modules["onnx"] = sys.modules["torch"] = None
from rnnedge_export.compare import verification_stream
verification_stream.VERIFY_STEPS = 300
from rnnedge_export import verify
report = verify([sys.argv[1]])
assert not report.has_failed
missing = [c for c in report.checks if c.outcome == "not checked"]
assert len(missing) == 3, missing
assert all("onnx package is not installed" in c.detail for c in missing), missing
assert "reference" in missing[1].name
"""
    command = [sys.executable, "-c", script, str(tmp_path / "m.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
