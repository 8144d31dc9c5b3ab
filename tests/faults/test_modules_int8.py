"""int8 of a user's own module: judged on its stream, saturating, and what `verify` says."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import programs
from support.c_integer_models import DrawnIntegers, write_integer_c
from support.strategies import random_weights, seeds
from torch import nn

import rnnedge
import rnnedge_runtime as runtime
from rnnedge_export.compare import verification_stream
from rnnedge_export.compare.runs import run_through
from rnnedge_export.formats.c.loading import load_c
from rnnedge_export.formats.registry import read_metadata, read_parameters
from rnnedge_export.formats.rnne.writing import build_rnne, quick_engine
from rnnedge_export.quantise import losses as int8_losses
from rnnedge_export.quantise.judgement import read_judgement
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_export.quantise.report import count_saturations
from rnnedge_export.quantise.request import Int8Data
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.errors import FormatError, ParityError, SpecError
from rnnedge_runtime.spec.layers import Layer, Linear, Lstm, Rnn
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights

STEPS = 400


@pytest.fixture(autouse=True, scope="module")
def _short() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8_losses, "DRIFT_STEPS", 4_000)
        patch.setattr(verification_stream, "VERIFY_STEPS", 500)
        yield


class Net(nn.Module):
    """A cell with a head; weights of the cell times `gain`."""

    def __init__(self, cell: str, gain: float = 1.0, **options: Any) -> None:
        super().__init__()
        self.cell = getattr(nn, cell)(2, 6, batch_first=True, **options)
        self.head = nn.Linear(options.get("proj_size") or 6, 2)
        with torch.no_grad():
            for weight in self.cell.parameters():
                weight.mul_(gain)

    def forward(self, x, *state):
        z, new = self.cell(x, state if len(state) == 2 else state[0])
        new = new if isinstance(new, tuple) else (new,)
        return self.head(z), *new

    @property
    def example(self) -> tuple[torch.Tensor, ...]:
        size = self.head.in_features
        states = [torch.zeros(1, 1, size)]
        if isinstance(self.cell, nn.LSTM):
            states.append(torch.zeros(1, 1, 6))
        return torch.zeros(1, 1, 2), *states


def net(cell: str, gain: float = 1.0, seed: int = 0, **options: Any) -> Net:
    torch.manual_seed(seed)
    return Net(cell, gain, **options).eval()


def rows(size: int = STEPS, seed: int = 0, level: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (level + rng.normal(size=(size, 2))).astype(np.float32)


def to_int8(module: Net, out: Path, **options: Any) -> Any:
    options = {"formats": "rnne", **options}
    return rnnedge.export(module, example=module.example, int8=True, out=out, **options)


CELLS = st.sampled_from(
    [
        ("GRU", {}),
        ("LSTM", {}),
        ("LSTM", {"proj_size": 3}),
        ("RNN", {}),
        ("RNN", {"nonlinearity": "relu"}),
    ]
)


@settings(max_examples=8)
@given(
    cell=CELLS,
    gain=st.sampled_from([0.5, 1.0, 3.0, 30.0]),
    level=st.sampled_from([0.0, 1e4]),
    size=st.sampled_from([None, 3, 60, STEPS]),
    seed=seeds,
)
def test_what_export_accepts_verify_passes(
    tmp_path_factory: pytest.TempPathFactory,
    cell: tuple[str, dict[str, Any]],
    gain: float,
    level: float,
    size: int | None,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    name, options = cell
    module = net(name, gain, seed, **options)
    stream = None if size is None else rows(size, seed, level)
    try:
        report = to_int8(module, folder, stream=stream)
    except (SpecError, ParityError) as error:
        refusal = str(error)
        assert not list(folder.iterdir())
    else:
        refusal = ""
    if refusal:
        assert "artifact was not written" in refusal or "not finite" in refusal
        return
    found = report.artifacts[0].quantisation
    assert all(item.is_within for item in found.differences)
    assert any("drawn stream" in note for note in report.notes) == (size is None)
    assert not verify([folder / "model-int8.rnne"]).has_failed


def test_int8_is_judged_on_the_rows_behind_those_that_set_the_scales(tmp_path):
    module, x = net("GRU"), rows()
    report = to_int8(module, tmp_path, stream=x)
    rnnedge.export(module, example=module.example, formats="rnne", out=tmp_path)
    found = report.artifacts[0].quantisation
    start = int(0.7 * STEPS)
    assert found.calibration_rows == start
    assert found.judged_on == "the last 120 of the 400 rows of stream="
    y = [
        run_through(model.engine, model.spec, x).astype(np.float64)
        for model in map(
            runtime.load, (tmp_path / "model.rnne", tmp_path / "model-int8.rnne")
        )
    ]
    means = np.abs(y[1] - y[0])[start:].mean(axis=0)
    for k, item in enumerate(found.differences):
        assert item.difference == pytest.approx(means[k])
        assert item.spread == pytest.approx(y[0][:, k].std())
        assert item.allowed == pytest.approx(0.05 * item.spread)
    assert not report.notes


def test_an_output_that_is_too_far_is_refused_and_max_loss_allows_it(tmp_path):
    """Wrong: it was written without a word, and `verify` failed it by a rule of its own."""
    module, x = net("GRU", 3.0, seed=3), rows()
    with pytest.raises(ParityError, match=r"from float in the mean of the last 120 of"):
        to_int8(module, tmp_path, stream=x, max_loss=0.001)
    assert not list(tmp_path.iterdir())
    to_int8(module, tmp_path, stream=x, max_loss=5.0)
    rnnedge.export(
        module, example=module.example, formats="rnne", out=tmp_path, stream=x
    )
    report = verify([tmp_path / "model.rnne", tmp_path / "model-int8.rnne"])
    assert not report.has_failed
    (judged,) = [check for check in report.checks if check.name == "judged at export"]
    assert judged.limit is not None
    assert "limit 500 %" in judged.detail


def test_a_difference_that_builds_up_is_refused(tmp_path, monkeypatch):
    """A planted bug: the integers creep away from float as their state is carried on."""
    original = int8_losses.measure_drift

    def creeping(*arguments: Any) -> int8_losses.Drift:
        drift = original(*arguments)
        first, last = drift.means
        return dataclasses.replace(drift, means=(first, tuple(1e3 for _ in last)))

    monkeypatch.setattr("rnnedge_export.quantise.report.measure_drift", creeping)
    with pytest.raises(ParityError, match=r"'y_._1' from float builds up.*max_loss="):
        to_int8(net("GRU"), tmp_path, stream=rows())


def test_verify_follows_the_judgement_in_every_format(tmp_path):
    module, x = net("LSTM"), rows()
    formats = ["rnne", "c"]
    if not programs.reason("clang-14", "wasm-ld-14"):
        formats.append("wasm")
    to_int8(module, tmp_path, stream=x, formats=formats)
    texts = set()
    for path in sorted(tmp_path.iterdir()):
        if path.suffix not in (".rnne", ".c", ".wasm"):
            continue
        if path.suffix == ".c" and path.name != "model_int8.c":
            continue
        metadata = read_metadata(path)
        stored = read_judgement(metadata, where=path.name)
        assert stored is not None
        texts.add(stored.text())
        assert metadata.int8_judgement == stored.text()
    assert len(texts) == 1


def test_verify_measures_again_what_the_export_found(tmp_path):
    x = rows()
    to_int8(net("GRU"), tmp_path, stream=x)
    for seed, has_failed in ((0, False), (1, True)):
        module = net("GRU", seed=seed)
        rnnedge.export(
            module, example=module.example, formats="rnne", out=tmp_path, stream=x
        )
        report = verify([tmp_path / "model.rnne", tmp_path / "model-int8.rnne"])
        failed = [check for check in report.checks if check.outcome == "failed"]
        assert report.has_failed == has_failed
        assert [c.name for c in failed] == ["mean difference of int8 from float"] * (
            has_failed
        )
    assert "of the float model" in failed[0].detail


def test_a_file_without_a_judgement_is_judged_as_before(tmp_path):
    module, x = net("GRU"), rows()
    to_int8(module, tmp_path, stream=x)
    path = tmp_path / "model-int8.rnne"
    metadata = dataclasses.replace(read_metadata(path), int8_judgement="")
    path.write_bytes(build_rnne(metadata, read_parameters(path)))
    rnnedge.export(module, example=module.example, formats="rnne", out=tmp_path)
    report = verify([tmp_path / "model.rnne", path])
    assert not report.has_failed
    assert "judged at export" not in [check.name for check in report.checks]
    assert "limit: 5 % of its target's deviation" in report.checks[-1].detail


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(version=2), "is of version 2"),
        (lambda c: c.update(again=[0.0]), "does not fit the model"),
        (lambda c: c.update(again=[0.0, float("inf")]), "does not fit the model"),
        (lambda c: c.update(outputs=[["y", "1", 2]]), "does not fit the model"),
        (lambda c: c.update(cut_off=[]), "does not fit the model"),
        (lambda c: c.update(counted_steps=True), "does not fit the model"),
        (lambda c: c.pop("drift"), "does not fit the model"),
    ],
)
def test_a_judgement_that_is_none_is_named(
    judged: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    metadata = read_metadata(judged)
    content = json.loads(metadata.int8_judgement)
    change(content)
    for text in (json.dumps(content), "[]", "[" * 100_000):
        changed = dataclasses.replace(metadata, int8_judgement=text)
        with pytest.raises(FormatError, match=message if text[0] == "{" else "fit"):
            read_judgement(changed, where="model.rnne")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    to_int8(net("GRU"), folder, stream=rows())
    return folder / "model-int8.rnne"


def test_a_capture_that_is_another_model_is_refused(tmp_path, monkeypatch):
    """A planted bug: integers of a wrong float model agree with that model alone."""
    from rnnedge_export.capture import original as subject

    def wrong(spec: ModelSpec, weights: Weights) -> Weights:
        read = original(spec, weights)
        return {k: v * np.float32(1.05) for k, v in read.items()}

    original = subject.canonical_weights
    monkeypatch.setattr(subject, "canonical_weights", wrong)
    with pytest.raises(ParityError, match=r"read out of the module is .* from PyTorch"):
        to_int8(net("GRU"), tmp_path, stream=rows())


def test_int8_data_without_a_test_part_is_judged_too(tmp_path):
    x = rows()
    report = to_int8(net("GRU"), tmp_path, data=Int8Data((x,)), stream=x[:100])
    found = report.artifacts[0].quantisation
    assert found.judged_on == "the 100 rows of stream="
    assert found.calibration_rows == STEPS


def test_threads_of_torch_are_the_callers_again(tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        to_int8(net("GRU"), tmp_path, stream=rows())
        verify([tmp_path / "model-int8.rnne"])
        with pytest.raises(SpecError):
            to_int8(net("GRU"), tmp_path, stream=rows(), keep_float="none")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def saturating(*layers: Layer) -> tuple[QuantisedModel, np.ndarray]:
    """A model in integers whose first state leaves its range, and readings it does so on."""
    spec = ModelSpec(
        (Feature("a"), Feature("b")),
        tuple(Target(f"y_{k}") for k in range(layers[-1].output_size)),
        layers,
    )
    rng = np.random.default_rng(0)
    weights = random_weights(spec, rng)
    first, size = layers[0], layers[0].hidden_size
    if isinstance(first, Lstm):
        bias = weights["layers.0.bias_ih"].reshape(4, size)
        bias[:2], bias[2] = 20.0, rng.choice([-4.0, 4.0], size)
    else:
        weights["layers.0.weight_ih"] *= np.float32(1e5)
        weights["layers.0.weight_hh"] *= np.float32(0.1)
    x = rows(700, 1)
    ranges = measure_ranges(spec, weights, x)
    return quantise(spec, weights, ranges, frozenset()), x


SATURATING = {
    "lstm": (Lstm(2, 9), Linear(9, 2)),
    "projected": (Lstm(2, 19, 5), Linear(5, 1)),
    "relu": (Rnn(2, 17, "relu"), Linear(17, 2)),
}


@pytest.mark.parametrize("kind", SATURATING)
def test_states_beyond_their_range_saturate_in_every_engine(kind, tmp_path):
    """Wrong: cells beyond 512 and relu states beyond 32,767 refused the export."""
    model, x = saturating(*SATURATING[kind])
    counts, y = count_saturations(model, x, IntegerEngine(model))
    layer = f"0 {model.spec.layers[0].kind}"
    assert counts[layer] > 100
    metadata = DrawnIntegers(model, x).metadata
    engines = [quick_engine(metadata, model)]
    if not programs.reason("gcc"):
        path = write_integer_c(DrawnIntegers(model, x), "m", tmp_path)
        engines.append(load_c(path).engine)
    for engine in engines:
        assert run_through(engine, model.spec, x).tobytes() == y.tobytes()


def test_large_cells_are_exported_counted_and_judged(tmp_path):
    module = net("LSTM")
    with torch.no_grad():
        module.cell.bias_ih_l0[:12] = 20.0
        module.cell.weight_ih_l0[12:18] = 0.0
        module.cell.weight_hh_l0[12:18] = 0.0
        module.cell.bias_ih_l0[12:18] = torch.tensor([4.0, -4, 4, -4, 4, -4])
    x = rows(2_000)
    report = to_int8(module, tmp_path, stream=x)
    found = report.artifacts[0].quantisation
    assert found.saturations["0 lstm"] > 100
    assert "0 lstm" in found.cut_off()
    stored = read_judgement(read_metadata(report.artifacts[0].path), where="")
    assert stored is not None
    assert stored.cut_off["0 lstm"] == found.saturations["0 lstm"]
    assert not verify([report.artifacts[0].path]).has_failed


def test_the_judgement_is_no_part_of_the_model(judged):
    """The digest is that of spec and integers, so older readers take the file as it is."""
    metadata = read_metadata(judged)
    bare = dataclasses.replace(metadata, int8_judgement="")
    assert bare.digest == metadata.digest == read_parameters(judged).digest
