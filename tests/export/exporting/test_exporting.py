"""`export`: proof, refusal, and files that are whole or not there."""

from __future__ import annotations

import json
import logging

import numpy as np
import onnx
import pytest
import torch
from support.artifacts import torch_model
from support.export_helpers import streamed
from support.modules.user_modules import Ranked, Sorted, zeros
from support.rnn_cells import forecaster
from support.strategies import random_weights
from torch import nn

import rnnedge_runtime as runtime
from rnnedge_export.capture.original import read_original
from rnnedge_export.compare.verification_stream import verification_stream
from rnnedge_export.exporting.export import export
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.errors import (
    FormatError,
    NonFiniteError,
    ParityError,
    ShapeError,
    SpecError,
)
from rnnedge_runtime.spec.layers import Opaque
from rnnedge_runtime.spec.weights import model_digest
from rnnedge_runtime.tolerances import GOLDEN_STEPS, VERIFY_STEPS

BOTH = ("onnx", "torchscript")


@pytest.fixture
def model(rng) -> SequenceModel:
    spec = forecaster("gru-L1", hidden_size=6)
    return torch_model(spec, random_weights(spec, rng))


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("full_length")
def test_export_proves_itself_on_ten_thousand_carried_steps(model, tmp_path):
    report = export(
        model,
        formats=BOTH,
        out=tmp_path / "new" / "dist",
        name="jfk",
        report=tmp_path / "parity.json",
    )
    assert names(tmp_path / "new" / "dist") == ["jfk.onnx", "jfk.pt"]
    content = json.loads((tmp_path / "parity.json").read_text())
    assert content["digest"] == report.digest
    for artifact, entry in zip(report.artifacts, content["artifacts"], strict=True):
        parity = artifact.parity
        assert len(parity.errors) == len(entry["errors"]) == VERIFY_STEPS == 10_000
        assert parity.max_error == parity.errors.max() == parity.errors[parity.step]
        assert parity.max_error <= parity.limit == entry["limit"]
        assert parity.float32_error > 0
        loaded = runtime.load(artifact.path, backend=artifact.format)
        assert (
            loaded.digest == report.digest == model_digest(model.spec, model.weights())
        )
        assert loaded.golden.x.shape == (GOLDEN_STEPS, 3)
        assert artifact.nbytes == artifact.path.stat().st_size


def test_golden_steps_are_those_of_pytorch_on_the_given_stream(model, tmp_path, rng):
    stream = rng.normal(size=(100, 3)).astype(np.float32)
    report = export(model, out=tmp_path, stream=stream)
    golden = runtime.load(report.artifacts[0].path).golden
    np.testing.assert_array_equal(golden.x[:, 1:], stream[:GOLDEN_STEPS, 1:])
    state, outputs = model.initial_state(1), []
    with torch.inference_mode():
        for row in torch.from_numpy(golden.x):
            y, state = model(row[None, None], state)
            outputs.append(y[0, 0].numpy())
    np.testing.assert_array_equal(golden.y, np.array(outputs))


def test_training_mode_and_weights_of_the_model_are_left_alone(tmp_path):
    spec = forecaster("lstm-L2", hidden_size=4)
    model = SequenceModel(spec, dropout=0.5).train()
    before = model.weights()
    report = export(model, out=tmp_path)
    assert model.training
    after = model.weights()
    assert all(np.array_equal(before[key], after[key]) for key in before)
    assert report.artifacts[0].max_error <= report.artifacts[0].limit


class Hooked:
    """A hook changes the output: the module is not what its weights say."""

    def __call__(self, module, arguments, result):
        y, state = result
        return y * 1.001, state


@pytest.mark.parametrize("older", [None, b"older"])
@pytest.mark.parametrize("formats", [("onnx",), ("torchscript",), BOTH])
def test_artifact_that_differs_is_not_written(model, tmp_path, older, formats):
    model.register_forward_hook(Hooked())
    out = tmp_path / "dist"
    out.mkdir()
    if older:
        (out / "m.onnx").write_bytes(older)
    with pytest.raises(ParityError) as caught:
        export(model, formats=formats, out=out, name="m", report=tmp_path / "all.json")
    message = str(caught.value)
    title = "ONNX" if formats[0] == "onnx" else "TorchScript"
    assert message.startswith(f"export to {title}: output '")
    assert "differs from PyTorch by" in message
    assert "at step" in message
    assert "The artifact was not written." in message
    assert f"See every step in {tmp_path / 'all.json'}." in message
    assert names(out) == (["m.onnx"] if older else [])
    if older:
        assert (out / "m.onnx").read_bytes() == older
    entry = json.loads((tmp_path / "all.json").read_text())["artifacts"][0]
    assert max(entry["errors"]) == entry["max_error"] > entry["limit"]


def test_wrong_weights_do_not_widen_their_own_limit(model, tmp_path):
    """The limit is PyTorch against itself in float64, not against what was exported."""

    class Misread(SequenceModel):
        def weights(self):
            read = super().weights()
            return {**read, "layers.2.bias": read["layers.2.bias"] + np.float32(1e-3)}

    wrong = Misread(model.spec)
    wrong.load_weights(model.weights())
    with pytest.raises(ParityError, match="differs from PyTorch by"):
        export(wrong, out=tmp_path)
    assert names(tmp_path) == []


def test_older_file_is_replaced_by_a_good_one(model, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"older")
    report = export(model, out=tmp_path)
    assert runtime.load(tmp_path / "model.onnx").digest == report.digest
    assert names(tmp_path) == ["model.onnx"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"formats": ("tflite",)},
            "format 'tflite' is unknown, expected onnx, torchscript",
        ),
        ({"formats": ()}, "expected onnx, torchscript"),
        ({"int8": True}, "quantiser leaves GRU and RNN layers in float"),
        ({"name": "a/b"}, "'a/b' is not a plain file name"),
        ({"name": ""}, "is not a plain file name"),
        ({"example": (zeros(1, 1, 3),)}, "whose spec holds them already"),
        ({"features": ("a",)}, "whose spec holds them already"),
    ],
)
def test_request_that_cannot_be_met_is_explained(model, tmp_path, options, message):
    with pytest.raises(SpecError, match=message):
        export(model, out=tmp_path, **options)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("stream", "error", "message"),
    [
        (np.zeros((5, 2)), ShapeError, r"shape \[5, 2\], expected \[T, I=3\]"),
        (np.zeros(5), ShapeError, r"shape \[5\]"),
        (np.zeros((0, 3)), ShapeError, "at least one step"),
        (np.array([[0, 0, 0], [0, np.nan, 0]]), NonFiniteError, "not finite in row 1"),
    ],
)
def test_stream_that_does_not_fit_is_explained(model, tmp_path, stream, error, message):
    with pytest.raises(error, match=message):
        export(model, out=tmp_path, stream=stream)


@pytest.mark.parametrize("part", ["out", "report"])
def test_place_that_cannot_be_written_is_named(model, tmp_path, part):
    (tmp_path / "file").write_text("in the way")
    places = {"out": tmp_path / "dist", part: tmp_path / "file" / "below"}
    with pytest.raises(FormatError, match=r"cannot write '.*file.*Name another place"):
        export(model, **places)
    assert not list(tmp_path.rglob("*.onnx"))


@pytest.mark.parametrize("formats", BOTH)
def test_a_file_as_folder_is_said_and_left_as_it_was(model, tmp_path, formats):
    path = tmp_path / "model.onnx"
    path.write_text("in the way")
    with pytest.raises(FormatError, match=r"model.onnx' is a file, expected a folder"):
        export(model, formats=formats, out=path)
    assert names(tmp_path) == [path.name]
    assert path.read_text() == "in the way"


def test_diverged_weights_are_refused(model, tmp_path):
    with torch.no_grad():
        model.layers[2].tensor("bias")[0] = torch.nan
    with pytest.raises(NonFiniteError, match=r"'layers.2.bias' holds NaN"):
        export(model, out=tmp_path)


def test_drawn_stream_has_the_level_and_deviation_of_the_scaler():
    spec = forecaster("gru-L1")
    drawn = random_weights(spec, np.random.default_rng(0))
    drawn["layers.0.shift"] = np.float32([0, 1000, -5])
    drawn["layers.0.scale"] = np.float32([1, 0.125, 0])
    x = verification_stream(spec, drawn)
    assert x.shape == (len(x), 3)
    assert np.abs(x[:, 0]).max() <= 2.5, "the clip"
    assert 980 < x[:, 1].mean() < 1020
    assert 4 < x[:, 1].std() < 12
    assert (x[:, 2] == -5).all(), "a scale of 0 means a constant column"
    np.testing.assert_array_equal(x, verification_stream(spec, drawn))


@pytest.mark.parametrize(
    ("make", "example", "reason"),
    [
        (Sorted, (zeros(1, 1, 3), [zeros(1, 8)]), "sort in 'forward'"),
        (Ranked, (zeros(1, 1, 3), [zeros(1, 8)]), "argmax in 'forward'"),
    ],
)
def test_any_other_module_is_carried_as_its_graph(
    make, example, reason, seed, tmp_path
):
    torch.manual_seed(seed)
    module = make().eval()
    report = export(module, example=example, formats=BOTH, out=tmp_path)
    (layer,) = report.spec.layers
    assert isinstance(layer, Opaque)
    assert reason in layer.reason
    assert reason in report.notes[0]
    assert "one step of one stream at a time" in report.notes[0]
    written = [artifact.format for artifact in report.artifacts]
    assert written == ["onnx", "torchscript"]
    for artifact in report.artifacts:
        assert artifact.max_error <= artifact.limit
        x, y = streamed(artifact)
        state, expected = example[1:], []
        with torch.inference_mode():
            for row in torch.from_numpy(x):
                out, *state = module(row[None, None], *state)
                expected.append(out.reshape(-1).numpy())
        assert np.abs(np.array(expected) - y).max() <= artifact.limit


def test_foreign_graph_holds_no_path_and_no_stack_trace(tmp_path):
    report = export(Sorted(), example=(zeros(1, 1, 3), [zeros(1, 8)]), out=tmp_path)
    content = report.artifacts[0].path.read_bytes()
    assert b".py" not in content
    assert b"stack_trace" not in content
    graph = onnx.load_model_from_string(content).graph
    assert [item.name for item in graph.input] == ["x", "h_0"]
    assert [item.name for item in graph.output] == ["y", "h_0_out"]


def test_foreign_digest_tells_weights_apart():
    torch.manual_seed(0)
    module, example = Sorted(), (zeros(1, 1, 3), [zeros(1, 8)])

    def digest() -> str:
        names = {"features": None, "targets": None}
        return read_original(module, example=example, **names).digest

    digests = [digest(), digest()]
    with torch.no_grad():
        module.head.bias[0] += 0.5
    digests.append(digest())
    assert digests[0] == digests[1] != digests[2]


def test_torchscript_alone_of_what_cannot_be_scripted_is_an_error(tmp_path):
    class Branches(Sorted):
        def forward(self, x, state, *other):
            return super().forward(x if x.sum() > 0 else -x, state)

    example = (zeros(1, 1, 3), [zeros(1, 8)])
    with pytest.raises(SpecError, match=r"forward of Branches reads values of x"):
        export(
            Branches(),
            example=example,
            formats=("torchscript",),
            out=tmp_path,
            single_steps=True,
        )
    assert names(tmp_path) == []


def test_opaque_state_that_never_changes_is_refused(tmp_path):
    class Frozen(Sorted):
        def forward(self, x, state):
            y, _ = super().forward(x, state)
            return y, [state[0] * 1.0]

    with pytest.raises(SpecError, match="state tensor 0 did not change in 300 steps"):
        export(Frozen(), example=(zeros(1, 1, 3), [zeros(1, 8)]), out=tmp_path)


def test_output_that_is_not_finite_is_refused(tmp_path):
    class Explodes(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(1, 1, nonlinearity="relu", batch_first=True)
            for tensor in self.rnn.parameters():
                nn.init.constant_(tensor, 3.0)

        def forward(self, x, h):
            return self.rnn(x, h)

    with pytest.raises(SpecError, match=r"not finite at step \d+"):
        export(Explodes(), example=(zeros(1, 1, 1), zeros(1, 1, 1)), out=tmp_path)


def test_module_that_breaks_the_promise_itself_is_named(tmp_path):
    """It reads the whole sequence at once, so a run differs from its single steps."""

    class LooksAhead(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(2, 3, batch_first=True)

        def forward(self, x, h):
            return self.gru(x[:, :1].expand_as(x), h)

    example = (zeros(1, 1, 2), zeros(1, 1, 3))
    with pytest.warns(UserWarning, match="in the first row of a window only"):
        export(LooksAhead(), example=example, out=tmp_path)


def test_exporters_leave_the_terminal_and_the_log_level_alone(tmp_path, capfd):
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    export(Sorted(), example=(zeros(1, 1, 3), [zeros(1, 8)]), out=tmp_path)
    assert logger.level == before
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize(
    ("given", "example", "message"),
    [
        (lambda x: x, (zeros(1, 1, 3),), "export: function was given, expected a Seq"),
        (Sorted, (zeros(1, 1, 3),), "export: type was given"),
        (None, None, "export: NoneType was given"),
        (Sorted(), zeros(1, 1, 3), "the example is Tensor, expected a tuple"),
        (Sorted(), 5, "the example is int, expected a tuple"),
        (Sorted(), [], "no example was given"),
    ],
)
def test_what_is_no_module_or_no_example_is_explained(
    given, example, message, tmp_path
):
    """Wrong: AttributeError `'function' object has no attribute 'named_modules'`. Right:
    a SpecError that says what was given.
    """
    with pytest.raises(SpecError, match=message):
        export(given, example=example, out=tmp_path)


def test_one_format_is_a_format(model, tmp_path):
    """Wrong: `formats="onnx"` gave "format 'o' is unknown". Right: one format."""
    report = export(model, formats="onnx", out=tmp_path)
    assert [artifact.format for artifact in report.artifacts] == ["onnx"]
    with pytest.raises(SpecError, match="format 'o' is unknown"):
        export(model, formats="o", out=tmp_path)


def test_one_name_is_a_name(tmp_path):
    """Wrong: `features="abc"` named three features a, b and c. Right: one feature."""
    module, example = Sorted(), (zeros(1, 1, 3), [zeros(1, 8)])
    with pytest.raises(SpecError, match="1 features were named, but x of Sorted"):
        export(module, example=example, features="abc", out=tmp_path)
    report = export(module, example=example, targets="ab", out=tmp_path)
    assert report.spec.target_names == ("ab",)
    assert report.spec.horizon == 2
