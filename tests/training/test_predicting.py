"""`--missing predict`: what a run scores is what its artifact gives on a device."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support.predicting import outputs_by_hand

from rnnedge.data.series import Dataset, Series
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.training import validation
from rnnedge.training.checkpoint import data_fingerprint
from rnnedge.training.trainer import Trainer
from rnnedge.training.validation import stream_predictions
from rnnedge_export import export, verify
from rnnedge_runtime import load
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.tolerances import parity_limit

NAMES = ("a", "b")
CPU = torch.device("cpu")


def dataset(features: tuple[str, ...] = NAMES, target: str = "a") -> Dataset:
    """Two stretches of noise with short and long holes."""
    rng = np.random.default_rng(0)
    series = []
    for number, size in enumerate((400, 90)):
        values = rng.normal(size=(size, 2)).astype(np.float32).cumsum(0) / 4
        values[rng.random((size, 2)) < 0.1] = np.nan
        values[np.arange(size) % 60 < 9] = np.nan
        values[40:47, 1] = 0.5
        is_reading = np.isfinite(values).any(axis=1)
        series.append(Series("s", None, values, is_reading, number))
    rows = tuple(series)
    return Dataset("s.csv", NAMES, ("",) * 2, features, (target,), rows, None, ())


def config(missing: str) -> TrainConfig:
    return TrainConfig(horizon=2, hidden_size=4, epochs=1, missing=missing)


@pytest.mark.parametrize("rows_at_once", [32, 10_000])
def test_scores_are_those_of_the_artifact(
    rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "ROWS_AT_ONCE", rows_at_once)
    data = prepare(dataset(), config("predict"))
    assert [f.missing for f in data.spec.features] == ["predict", "hold"]
    model = Trainer(data, config("predict"), CPU).model
    export(model, formats=("rnne",), out=tmp_path)
    native = load(tmp_path / "model.rnne")
    for one, series in zip(data.series, dataset().series, strict=True):
        found = stream_predictions(model, one)
        expected = native.stream().run(series.values)
        assert np.abs(found - expected).max() <= 4 * parity_limit(expected)
        held = dataclasses.replace(one, holes=None)
        assert np.abs(stream_predictions(model, held) - expected).max() > 1e-3
        by_hand = outputs_by_hand(native.engine, series.values, None)
        assert expected.tobytes() == by_hand.tobytes()


def test_training_itself_holds() -> None:
    """The forecasts of a network that learns change; its inputs do not."""
    held, predicted = (prepare(dataset(), config(m)) for m in ("hold", "predict"))
    for one, other in zip(held.series, predicted.series, strict=True):
        assert one.x.tobytes() == other.x.tobytes()
        assert one.holes is None
        assert other.holes is not None
        assert other.holes[:, 0].any()
        assert not other.holes[:, 1].any()


def test_no_target_among_the_features_is_refused() -> None:
    with pytest.raises(SpecError) as found:
        prepare(dataset(("b",)), config("predict"))
    assert str(found.value) == (
        "s.csv: missing is 'predict', but no target (a) is among the features (b), so no "
        "forecast is one of their readings. Make the target a --feature, or train with "
        "--missing hold."
    )


def test_the_longest_run_is_that_of_the_training_part() -> None:
    data = prepare(dataset(), config("hold"))
    assert [f.longest_unchanged for f in data.spec.features] == [1, 7]
    older = data.with_features(
        tuple(
            dataclasses.replace(f, longest_unchanged=None) for f in data.spec.features
        )
    )
    assert data_fingerprint(older) == data_fingerprint(data)


def test_every_format_is_proved_and_a_stream_that_only_holds_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = prepare(dataset(), config("predict"))
    model = Trainer(data, config("predict"), CPU).model
    export(model, formats=("onnx", "torchscript", "rnne", "c"), out=tmp_path)
    names = ("model.onnx", "model.pt", "model.rnne", "model.c")
    paths = [tmp_path / name for name in names]
    name = "forecasts fill holes, bit for bit"
    for path in paths:
        backend = "torchscript" if path.suffix == ".pt" else None
        report = verify([path], backend=backend)
        assert not report.has_failed
        assert sum(check.name == name for check in report.checks) == 1
    keep = "rnnedge_runtime.streams.inputs.Inputs.held_after"
    monkeypatch.setattr(keep, lambda self, held, y: held)
    failed = [c.name for c in verify(paths[:1]).checks if c.outcome == "failed"]
    assert failed == [name]
