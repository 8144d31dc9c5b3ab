"""`rnnedge export`, `verify` and `inspect`: what they print and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from support.artifacts import save_artifact
from support.export_helpers import rewrite
from support.rnn_cells import forecaster
from support.strategies import random_weights

from rnnedge.cli import main
from rnnedge.runs.folder import save_model
from rnnedge_runtime import load
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.metadata import KEY_VERSION
from rnnedge_runtime.formats.seal import BLANK_SEAL, seal
from rnnedge_runtime.spec.layers import AddLast, Difference, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def run(tmp_path, rng) -> Path:
    """A run folder as training leaves it."""
    spec = forecaster("gru-L1", hidden_size=5)
    folder = tmp_path / "runs" / "boiler"
    folder.mkdir(parents=True)
    stream = rng.normal(size=(200, 3)).astype(np.float32)
    save_model(folder, spec, random_weights(spec, rng), stream)
    (folder / "report.json").write_text("{}")
    return folder


@pytest.fixture
def artifact(tmp_path, rng) -> Path:
    spec = forecaster("gru-L1", hidden_size=5)
    return save_artifact(spec, random_weights(spec, rng), tmp_path)


def test_export_names_artifacts_after_the_run_and_prints_the_proof(run, tmp_path):
    out = tmp_path / "dist"
    formats = ("--format", "onnx", "--format", "torchscript")
    result = call(
        "export", run, *formats, "--out", out, "--report", tmp_path / "r.json"
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["boiler.onnx", "boiler.pt"]
    lines = result.output.splitlines()
    assert lines[0].split() == (
        ["artifact", "format", "KB", "largest", "error", "limit", "float32", "where"]
    )
    assert lines[2].split()[:2] == [str(out / "boiler.onnx"), "onnx"]
    assert lines[3].split()[:2] == [str(out / "boiler.pt"), "torchscript"]
    assert f"Next: rnnedge verify {out / 'boiler.onnx'}" in result.output
    assert json.loads((tmp_path / "r.json").read_text())["artifacts"]
    assert call("verify", out / "boiler.onnx").exit_code == 0


def test_export_without_a_stream_in_the_run_draws_one(run, tmp_path):
    (run / "stream.npz").unlink()
    assert call("export", run, "--out", tmp_path).exit_code == 0
    assert (tmp_path / "boiler.onnx").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--format", "tflite"),
            "format 'tflite' is unknown, expected onnx, torchscript, rnne",
        ),
        (
            ("--int8", "--format", "onnx"),
            "quantiser leaves GRU and RNN layers in float",
        ),
        (("--name", "a/b"), "is not a plain file name"),
        (("--name", "."), "the name '.' is not a plain file name"),
        (("--name", ".."), "the name '..' is not a plain file name"),
        (("--name", ""), "the name '' is not a plain file name"),
        (("--no-simd",), "(`--no-simd`) was given without the format wasm"),
    ],
)
def test_export_explains_what_it_cannot_do(run, tmp_path, options, message):
    result = call("export", run, "--out", tmp_path / "dist", *options)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "dist").exists()


def test_export_of_a_folder_that_is_no_run(tmp_path):
    result = call("export", tmp_path)
    assert result.exit_code == 2
    assert "spec.json and model.safetensors and report.json not found" in result.output


def test_verify_prints_every_check(artifact):
    result = call("verify", artifact)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "model.onnx"
    assert [line.split()[0] for line in lines[1:10]] == ["passed"] * 9
    assert "64 golden steps" in result.output
    assert lines[-1] == "9 passed, 0 failed, 0 not checked."


def test_verify_of_a_wrong_artifact_exits_1(artifact, tmp_path):
    def freeze(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            if node.output[0] == "h_0_out":
                node.CopyFrom(onnx.helper.make_node("Identity", ["h_0"], ["h_0_out"]))

    result = call("verify", rewrite(artifact, tmp_path / "frozen.onnx", freeze))
    assert result.exit_code == 1
    assert "failed       state changes" in result.output
    assert "h_0 stays as it was" in result.output
    assert " >  " in result.output
    assert "0 failed" not in result.output


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_damaged_and_absent_files_exit_2(command, artifact, tmp_path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(artifact.read_bytes()[:-1])
    for path in (damaged, tmp_path / "absent.onnx"):
        result = call(command, path)
        assert result.exit_code == 2
        assert result.output.startswith("FormatError: ")
        assert path.name in result.output
        assert len(result.output.splitlines()) == 1


def newer(artifact: Path, folder: Path) -> Path:
    """The artifact in format version 2, sealed again."""
    target = folder / f"newer{artifact.suffix}"
    if artifact.suffix == ".onnx":

        def edit(model: onnx.ModelProto) -> None:
            for item in model.metadata_props:
                if item.key == KEY_VERSION:
                    item.value = "2"

        return rewrite(artifact, target, edit)
    with zipfile.ZipFile(artifact) as source, zipfile.ZipFile(target, "w") as packed:
        for name in source.namelist():
            is_version = name.endswith(KEY_VERSION)
            packed.writestr(name, b"2" if is_version else source.read(name))
        packed.comment = BLANK_SEAL.encode()
    target.write_bytes(seal(target.read_bytes()))
    return target


@pytest.mark.parametrize("suffix", [".onnx", ".pt"])
def test_an_artifact_of_a_newer_format_is_refused_everywhere(suffix, tmp_path, rng):
    """`load`, `verify`, `inspect` and `run` name both versions; the commands exit 2."""
    spec = forecaster("gru-L1", hidden_size=5)
    path = save_artifact(spec, random_weights(spec, rng), tmp_path, suffix)
    path = newer(path, tmp_path)
    backend = "torchscript" if suffix == ".pt" else "onnx"
    expected = (
        f"newer{suffix}: format version 2 is newer than version 1, which this rnnedge "
        "reads. Upgrade with: pip install --upgrade rnnedge."
    )
    with pytest.raises(FormatError) as caught:
        load(path, backend=backend)
    assert str(caught.value) == expected
    for command in (
        ("verify", path, "--backend", backend),
        ("inspect", path),
        ("run", path, "--backend", backend),
    ):
        result = call(*command)
        assert result.exit_code == 2
        assert result.stderr == f"FormatError: {expected}\n"


def test_debug_shows_the_traceback(tmp_path):
    result = call("--debug", "verify", tmp_path / "absent.onnx")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "FormatError"


def test_inspect_shows_the_signature(artifact):
    result = call("inspect", artifact)
    assert result.exit_code == 0, result.output
    for text in (
        "period unknown, forecasts 1 to 2 steps ahead",
        "a        -     hold  -2.5 to 2.5",
        "a_1, a_2",
        "gru        3    5      150",
        "188 weights, 0.7 KB",
        "State of one stream: 32 bytes (h_0 [5], held [3])",
        "64 recorded steps",
    ):
        assert text in result.output


def test_inspect_shows_what_version_2_of_the_spec_brought(tmp_path):
    spec = ModelSpec(
        (
            Feature("a", "C", clip=(-2.0, 2.0), range=(-40.0, 60.0)),
            Feature("b", missing="reject"),
        ),
        (Target("a"),),
        (Difference(2, (0,)), Gru(3, 2), Linear(2, 1), AddLast((0,), is_clipped=False)),
        sample_period_s=600.0,
        max_gap_s=21_600.0,
        clock="Europe/Berlin",
    )
    weights = random_weights(spec, np.random.default_rng(0))
    path = save_artifact(spec, weights, tmp_path, ".rnne")
    result = call("inspect", path)
    assert result.exit_code == 0, result.output
    for text in (
        "gaps      up to 6 h stepped, a longer one starts anew",
        "clock     Europe/Berlin",
        "name  unit  missing      range     clip  first",
        "a        C     hold  -40 to 60  -2 to 2",
        "b        -   reject          -        -",
        "add_last, not clipped",
        "(d_0 [2], h_1 [2], held [2])",
    ):
        assert text in result.output
    assert json.loads(call("inspect", "--json", path).output)["spec"]["clock"]


def test_inspect_json_is_complete(artifact):
    content = json.loads(call("inspect", "--json", artifact).output)
    assert content["file_nbytes"] == artifact.stat().st_size
    assert [output["name"] for output in content["outputs"]] == [
        "a_1",
        "a_2",
        "b_1",
        "b_2",
    ]
    assert content["spec"]["layers"][1]["kind"] == "gru"
    assert content["state_nbytes"] == 32
    assert content["num_weights"] == 188


def test_inspect_needs_neither_torch_nor_onnx_nor_onnxruntime(artifact):
    script = """
import sys
for name in ("torch", "onnx", "onnxruntime"):
    sys.modules[name] = None
from rnnedge.cli import main
main(["inspect", sys.argv[1]])
"""
    command = [sys.executable, "-c", script, str(artifact)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "188 weights" in done.stdout
