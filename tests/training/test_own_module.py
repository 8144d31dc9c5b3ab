"""`rnnedge.fit(module=)`: networks of one's own, whatever the form of their state."""

import json

import numpy as np
import pytest
import torch
from support.tables.small_data import waves
from torch import nn

import rnnedge
import rnnedge_runtime
from rnnedge.fitting import TrainingStopped
from rnnedge.runs.folder import load_run
from rnnedge.training import running
from rnnedge_export.capture.explicit.finding import with_explicit_state
from rnnedge_runtime.errors import DataError, ShapeError, SpecError, StateError
from rnnedge_runtime.spec.spec_json import spec_to_json

FAST = {"target": "a", "horizon": 2, "epochs": 2, "chunk_length": 16, "is_quiet": True}
PLAIN = {**FAST, "derived": "none", "drift": False}
INPUTS, HIDDEN, OUTPUTS = 2, 5, 2


class NoneState(nn.Module):
    """State that is None at first."""

    def __init__(self, inputs=INPUTS, hidden=HIDDEN):
        super().__init__()
        self.front = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.rnn = nn.GRU(hidden, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(hidden, OUTPUTS)

    def forward(self, x, h=None):
        z = self.norm(self.front(x)).relu()
        y, h = self.rnn(self.drop(z), h)
        return self.head(y + z), h


class ExplicitState(NoneState):
    """The same with its state as an argument; the last layer is no linear one."""

    def forward(self, x, h):
        y, h = super().forward(x, h)
        return y.tanh() * 3, h


class DictState(nn.Module):
    """A cell stepped by hand, one step a call, state by name."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(INPUTS, HIDDEN)
        self.head = nn.Linear(HIDDEN, OUTPUTS)

    def forward(self, x, state):
        h, c = self.cell(x[:, 0], (state["h"], state["c"]))
        return self.head(h).unsqueeze(1), {"h": h, "c": c}


class KeptState(nn.Module):
    """State in an attribute."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(INPUTS, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, OUTPUTS)
        self.h = None

    def forward(self, x):
        y, h = self.rnn(x, self.h)
        self.h = h.detach()
        return self.head(y)


class FreshState(KeptState):
    """State that starts anew in every call, as networks trained on windows have it."""

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.head(y)


class TiedWeights(NoneState):
    """One matrix in two places, which stays one."""

    def __init__(self):
        super().__init__()
        self.again = nn.Linear(HIDDEN, HIDDEN)
        self.more = nn.Linear(HIDDEN, HIDDEN)
        self.more.weight = self.again.weight

    def forward(self, x, h=None):
        z = self.more(self.again(self.front(x)).relu())
        y, h = self.rnn(z, h)
        return self.head(y), h


OWN = {
    "None": (NoneState, None),
    "argument": (ExplicitState, lambda x: (x, torch.zeros(1, 1, HIDDEN))),
    "dict": (
        DictState,
        lambda x: (x, {"h": torch.zeros(1, HIDDEN), "c": torch.zeros(1, HIDDEN)}),
    ),
    "kept": (KeptState, None),
    "fresh": (FreshState, None),
    "tied": (TiedWeights, None),
}


def made(form, seed=0):
    torch.manual_seed(seed)
    kind, example = OWN[form]
    given = example and example(torch.zeros(1, 1, INPUTS))
    return kind(), {} if given is None else {"example": given}


@pytest.fixture(scope="module")
def table():
    import polars

    one = waves(300, missing=0.02).series[0]
    return polars.DataFrame(
        {"time": one.time, "a": one.values[:, 0], "b": one.values[:, 1]}
    )


@pytest.mark.parametrize("form", OWN)
def test_a_module_is_trained_evaluated_and_exported(table, tmp_path, form):
    net, example = made(form)
    before = {name: t.clone() for name, t in net.state_dict().items()}
    fitted = rnnedge.fit(table, module=net, out=tmp_path / "r", **example, **PLAIN)
    after = net.state_dict()
    assert after.keys() == before.keys()
    assert not all(torch.equal(after[name], before[name]) for name in before)
    saved = torch.load(tmp_path / "r/module.pt", weights_only=True)
    assert all(torch.equal(saved[name], after[name]) for name in after)
    assert not (tmp_path / "r/model.toml").exists()
    report = json.loads((tmp_path / "r/report.json").read_text())
    scores = report["parts"]["test"]["scores"]
    assert {"network", "persistence", "seasonal_naive", "ridge_ar"} <= set(scores)
    made_of = rnnedge.export(tmp_path / "r", formats=("rnne", "onnx"), out=tmp_path)
    assert len(made_of.artifacts) == 2
    series = fitted.prepared.series[0]
    y = rnnedge_runtime.load(tmp_path / "r.rnne").stream().run(series.x)
    rows = series.parts.test
    forecast = fitted.evaluation.forecasts["network"][0]
    np.testing.assert_allclose(y[rows.start : rows.stop], forecast, rtol=0, atol=1e-4)


def test_the_state_that_a_module_keeps_begins_as_it_began():
    """Another way to look for it ran the module first, and what was left was the start."""
    net = KeptState()
    _, example, _ = with_explicit_state(net, (torch.randn(1, 1, INPUTS),))
    assert not example[1].any()


def test_tied_weights_stay_tied(table, tmp_path):
    net, _ = made("tied")
    rnnedge.fit(table, module=net, out=tmp_path / "r", **PLAIN)
    assert net.more.weight is net.again.weight


def test_the_artifact_is_the_module_between_the_scalers(table, tmp_path):
    """The trained module itself, fed with what the layers in front give."""
    net, _ = made("None")
    fitted = rnnedge.fit(table, module=net, out=tmp_path / "r", **PLAIN)
    run, series = fitted.run, fitted.prepared.series[0]
    last = len(run.spec.layers) - 2
    weights = run.weights
    shift, scale = weights["layers.0.shift"], weights["layers.0.scale"]
    x = torch.from_numpy(series.x[:100])
    low = torch.tensor([f.clip[0] for f in run.spec.features])
    high = torch.tensor([f.clip[1] for f in run.spec.features])
    z = (x.clamp(low, high) - shift) * scale
    with torch.no_grad():
        y = net.eval()(z[None])[0][0]
    y = y * weights[f"layers.{last}.scale"] + weights[f"layers.{last}.shift"]
    if fitted.run.report["training"]["change_shares"] == [1.0, 1.0]:
        model = rnnedge.SequenceModel(run.spec)
        model.load_weights(weights)
        with torch.no_grad():
            found, _ = model.eval()(x[None], model.initial_state(1))
        torch.testing.assert_close(found[0], y + x[:, :1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("form", ["None", "kept"])
def test_stopped_and_resumed_it_ends_with_the_same_bits(
    table, tmp_path, form, monkeypatch
):
    net, example = made(form)
    rnnedge.fit(table, module=net, out=tmp_path / "whole", **example, **PLAIN)
    calls = []

    def told(current):
        calls.append(current)
        return len(calls) < 3

    original = running.Trainer.run
    monkeypatch.setattr(
        running.Trainer,
        "run",
        lambda self, *, on_chunk, on_epoch: original(
            self, on_chunk=lambda t: on_chunk(t) and told(t), on_epoch=on_epoch
        ),
    )
    other, example = made(form)
    with pytest.raises(TrainingStopped, match=r"rnnedge\.resume\("):
        rnnedge.fit(table, module=other, out=tmp_path / "cut", **example, **PLAIN)
    monkeypatch.undo()
    with pytest.raises(SpecError, match="module= is missing"):
        rnnedge.resume(tmp_path / "cut", source=table, is_quiet=True)
    small = NoneState(hidden=HIDDEN + 1)
    with pytest.raises(StateError, match="other weights than the module of the run"):
        rnnedge.resume(tmp_path / "cut", source=table, module=small, is_quiet=True)
    again, example = made(form, seed=1)
    rnnedge.resume(
        tmp_path / "cut", source=table, module=again, is_quiet=True, **example
    )
    for name in ("model.safetensors", "results.csv", "spec.json"):
        found, expected = (tmp_path / folder / name for folder in ("cut", "whole"))
        assert found.read_bytes() == expected.read_bytes(), name
    for name, tensor in net.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_a_run_of_a_module_is_read_without_it(table, tmp_path):
    net, _ = made("None")
    rnnedge.fit(table, module=net, out=tmp_path / "r", **PLAIN)
    from rnnedge.runs.data import load_run_data

    run = load_run(tmp_path / "r")
    prepared = load_run_data(run, table)
    assert spec_to_json(prepared.spec) == spec_to_json(run.spec)
    assert all(
        np.array_equal(run.weights[k], v) for k, v in prepared.affine_weights.items()
    )


def test_it_reads_all_that_training_gives_if_it_is_made_for_it(table, tmp_path):
    """Changes of the targets and values of the time are inputs of the module too."""
    with pytest.raises(SpecError, match=r"In training it gets x \[B, T, 5\]") as found:
        rnnedge.fit(table, module=NoneState(), out=tmp_path / "r", **FAST)
    assert 'derived="none" and drift=False leave the rest out' in str(found.value)
    assert not (tmp_path / "r").exists()
    net = NoneState(inputs=5)
    fitted = rnnedge.fit(table, module=net, out=tmp_path / "r", **FAST)
    assert fitted.run.spec.layers[0].kind == "difference"


class Backwards(NoneState):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(HIDDEN, HIDDEN // 2 + 1, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * (HIDDEN // 2 + 1), OUTPUTS)

    def forward(self, x, h=None):
        y, h = self.rnn(self.front(x), h)
        return self.head(y), h


class Sorting(NoneState):
    def forward(self, x, h=None):
        y, h = super().forward(x.sort(dim=-1).values, h)
        return y, h


class TooMany(NoneState):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(HIDDEN, OUTPUTS + 1)


def frozen():
    return NoneState().requires_grad_(False)


@pytest.mark.parametrize(
    ("make", "choices", "message"),
    [
        (lambda: "NoneState", {}, "module is str, expected a torch.nn.Module"),
        (lambda: NoneState, {}, "module is type, expected a torch.nn.Module"),
        (Backwards, {}, "train: .*bidirectional"),
        (Sorting, {}, "Sorting is no graph of layers: sort in"),
        (TooMany, {}, "reads 2 values and gives 3. In training it gets"),
        (frozen, {}, "no weight that takes a gradient"),
        (NoneState, {"cell": "lstm"}, "cell is 'lstm' beside module="),
        (NoneState, {"hidden_size": 8}, "hidden_size is 8 beside module="),
        (NoneState, {"seeds": 2}, "seeds is 2 beside module="),
    ],
)
def test_what_cannot_be_trained_is_one_message(table, tmp_path, make, choices, message):
    with pytest.raises((SpecError, ShapeError), match=message) as found:
        rnnedge.fit(table, module=make(), out=tmp_path / "r", **PLAIN, **choices)
    assert "\n" not in str(found.value)
    assert "export:" not in str(found.value)
    assert not (tmp_path / "r").exists()


def test_a_module_is_not_given_to_a_run_of_layers(table, tmp_path):
    rnnedge.fit(table, out=tmp_path / "r", hidden_size=4, **PLAIN)
    (tmp_path / "r/report.json").unlink()
    with pytest.raises(SpecError, match=r"module= is given\. Leave it out"):
        rnnedge.resume(tmp_path / "r", source=table, module=NoneState())


def test_the_command_line_says_where_to_go_on(table, tmp_path):
    from click.testing import CliRunner

    from rnnedge.cli import main

    path = tmp_path / "readings.csv"
    table.write_csv(path)
    rnnedge.fit(path, module=NoneState(), out=tmp_path / "r", **PLAIN)
    config = ["train", "--config", str(tmp_path / "r/config.toml"), "--out"]
    result = CliRunner().invoke(main, [*config, str(tmp_path / "s")])
    assert result.exit_code == 2
    assert "module is str" in result.output
    with pytest.raises(DataError, match="the run is finished"):
        rnnedge.resume(tmp_path / "r", module=NoneState())
    (tmp_path / "r/report.json").unlink()
    result = CliRunner().invoke(main, ["train", "--resume", str(tmp_path / "r")])
    assert result.exit_code == 2
    assert "rnnedge.resume(" in result.output
