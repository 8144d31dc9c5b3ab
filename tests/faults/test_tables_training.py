"""What was learned wrongly from tables: what is right, one test per fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.tables.fault_tables import (
    command,
    fit,
    over_persistence,
    stamp_texts,
    stamps,
    train,
    wave,
    write,
)
from support.tables.synthetic import demand

import rnnedge
from rnnedge.evaluation.scores.scoring import evaluate
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge_export.compare import verification_stream
from rnnedge_export.formats.rnne import writing as rnne
from rnnedge_runtime import load

WORSE_THAN_PERSISTENCE = 1.05
ROWS = 1600
T = np.arange(ROWS)


@pytest.fixture(scope="module", autouse=True)
def _few_steps() -> Iterator[None]:
    """What is exported here proves itself on few steps; tests/export has whole proofs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rnne, "LONG_RUN_STEPS", 300)
        patch.setattr(verification_stream, "VERIFY_STEPS", 300)
        yield


def test_01_leak_a_later_series_teaches_nothing(tmp_path: Path) -> None:
    """B, from A's test part on, taught A's test regime: 6.02 became 0.299."""
    size, late = 1200, 300
    steps = np.arange(size)
    regime = np.where(steps < 0.8 * size, 1, -1)  # the test part goes the other way
    a = 20 + regime * 5 * np.sin(steps * np.pi / 12) + 0.2 * wave(size, noise=1)
    times = stamp_texts(size)
    alone = write(tmp_path / "a.csv", "id,time,v", ["A"] * size, times, a.round(2))
    start = int(0.85 * size)
    later = stamp_texts(start + late)[start:]
    b = 20 - 5 * np.sin((start + np.arange(late)) * np.pi / 12)
    both = write(
        tmp_path / "b.csv",
        "id,time,v",
        ["A"] * size + ["B"] * late,
        [*times, *later],
        np.concatenate([a, b]).round(2),
    )
    end = ("2024-02-05T00:00:00Z", "2024-02-10T00:00:00Z")
    options = ("--series", "id", "--horizon", "3")
    _, first = train(alone, "v", *options, "--split-at", *end)
    text, second = train(both, "v", *options, "--split-at", *end, "--overwrite")
    assert "1 series without a row to train on, since they begin too late: 'B'" in text
    assert "--split-by series" in text
    np.testing.assert_equal(first.weights, second.weights)
    text, _ = train(both, "v", *options, "--overwrite")
    assert "Split by date: training before" in text
    text, _ = train(both, "v", *options, "--split-by", "series", "--overwrite")
    assert "without a row to train on" not in text


def growth() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=ROWS)
    return 2.0 ** (4 * T / ROWS) * (1 + 0.05 * np.sin(T * np.pi / 12) + 0.002 * noise)


def jump() -> np.ndarray:
    values = wave(ROWS)
    return values + 10 * np.ptp(values) * (int(0.87 * ROWS) <= T)


GROWING = {
    "growth": growth(),
    "growth of a price": 1000 * growth(),
    "fall": growth()[::-1].copy(),
    "ramp": 1000 + 5.0 * T + np.random.default_rng(1).integers(0, 3, ROWS),
    "jump in the test part": jump(),
}


@pytest.mark.parametrize("kind", GROWING)
def test_02_growth_no_step_is_worse_than_persistence(tmp_path: Path, kind: str) -> None:
    """Flat at the clip's upper end: an error of 3.38, of persistence 0.030."""
    table = pl.DataFrame({"time": stamps(ROWS), "level": GROWING[kind]})
    fitted = fit(table, "level", tmp_path / "r", horizon=6, hidden_size=32, epochs=20)
    assert over_persistence(fitted).max() <= WORSE_THAN_PERSISTENCE


@pytest.mark.parametrize("seed", range(5))
def test_02_growth_a_random_walk_is_its_last_reading(tmp_path: Path, seed: int) -> None:
    """24 steps ahead the network's changes were up to 19 % worse than none."""
    walk = 1e5 * np.exp(0.01 * np.cumsum(np.random.default_rng(seed).normal(size=ROWS)))
    table = pl.DataFrame({"time": stamps(ROWS), "level": walk})
    fitted = fit(table, "level", tmp_path / "r", horizon=24, epochs=3)
    assert over_persistence(fitted).max() <= WORSE_THAN_PERSISTENCE
    shares = fitted.run.report["training"]["change_shares"]
    assert min(shares) < 1
    if seed:
        return
    found = rnnedge.export(
        fitted.run, formats=("onnx", "rnne"), out=tmp_path / "dist", int8=False
    )
    assert found is not None
    rnnedge.export(
        fitted.run,
        formats="rnne",
        out=tmp_path / "int8",
        int8=True,
        prepared=fitted.prepared,
    )


def test_02_growth_says_what_was_clipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "time,level", stamp_texts(ROWS), growth().round(4))
    text, _ = train(path, "level")
    assert "Readings seen at the bounds of their clip range: level" in text
    assert "the network goes by the changes of the readings" in text
    text, run = train(path, "level", "--clip", "off", "--overwrite")
    assert run.spec.features[0].clip is None
    assert "bounds of their clip range" not in text


def test_06_half_hourly_demand_has_baselines_that_bite() -> None:
    """Ridge on few lags lost by 42 %; on those of a week it beats the network."""
    prepared = prepare(demand(40), TrainConfig(horizon=4))
    scores = evaluate(prepared, lambda series: np.zeros_like(series.y)).scores["test"]
    assert {"persistence", "seasonal_naive", "ridge_ar"} < set(scores)
    for k in range(4):
        ridge, naive = scores["ridge_ar"][k], scores["seasonal_naive"][k]
        assert ridge is not None
        assert naive is not None
        assert ridge.mae < 0.6 * naive.mae


def test_horizon_24_counts_the_steps_won_and_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "time,v", stamp_texts(900), wave(900).round(2))
    text, run = train(path, "v", "--horizon", "24", "--seeds", "2")
    assert " of 24 steps (" in text
    assert len(run.report["training"]["seeds"]["runs"]) == 2


LIMITS = {
    "off": ("off", None),
    "2": ("2", "wide"),
    "bounds": ("v=-40:60", (-40.0, 60.0)),
}


@pytest.mark.parametrize("kind", LIMITS)
def test_clip_and_range_reach_every_artifact(tmp_path: Path, kind: str) -> None:
    option, expected = LIMITS[kind]
    path = write(tmp_path / "a.csv", "time,v", stamp_texts(600), wave(600).round(2))
    _, run = train(path, "v", "--clip", option, "--range", "v=-100:200")
    (feature,) = run.spec.features
    assert feature.range == (-100.0, 200.0)
    if expected == "wide":
        low, high = feature.clip or (0.0, 0.0)
        assert (low, high) == pytest.approx((-7.5, 27.5), abs=6)
    else:
        assert feature.clip == expected
    formats = ("onnx", "rnne", "c")
    options = [word for name in formats for word in ("--format", name)]
    code, text = command("export", run.path, *options, "--out", tmp_path / "dist")
    assert code == 0, text
    for name in ("run.onnx", "run.rnne"):
        code, text = command("verify", tmp_path / "dist" / name)
        assert code == 0, text


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two winds, its `.onnx`, `.rnne`, and `.rnne` of integers."""
    folder = tmp_path_factory.mktemp("wind")
    table = pl.DataFrame(
        {"time": stamps(600), "wind": wave(600), "gust": wave(600, seed=1, level=14)}
    )
    fitted = fit(table, "wind", folder / "run", horizon=2, epochs=3)
    rnnedge.export(fitted.run, formats=("onnx", "rnne"), out=folder)
    rnnedge.export(
        fitted.run,
        formats="rnne",
        out=folder / "int8",
        int8=True,
        prepared=fitted.prepared,
    )
    return folder


@pytest.mark.parametrize("spike", [1e9, 468.0, -1e9])
@pytest.mark.parametrize(
    ("pattern", "backend"),
    [
        ("run.rnne", "native"),
        ("run.rnne", "numpy"),
        ("run.onnx", "onnx"),
        ("int8/*.rnne", None),
    ],
)
def test_08_spike_on_the_device_never_becomes_a_forecast(
    artifacts: Path, pattern: str, backend: str | None, spike: float
) -> None:
    """A wind of 468 m/s was forecast to go on; it holds, as a missing reading does."""
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
    (path,) = artifacts.glob(pattern)
    model = load(path, backend)
    seconds = int(stamps(1)[0].astype(np.int64)) // 1_000_000
    readings = np.stack([wave(60), wave(60, seed=1, level=14)], axis=1)
    streams = [model.stream(), model.stream()]
    broken, missing = readings.copy(), readings.copy()
    broken[40:43, 0], missing[40:43, 0] = spike, np.nan
    broken[50, 1], missing[50, 1] = spike, np.nan
    for k in range(60):
        time = seconds + 3600 * k
        first, second = (
            stream.step(rows[k].astype(np.float32), time=time)
            for stream, rows in zip(streams, (broken, missing), strict=True)
        )
        np.testing.assert_array_equal(first, second)
        assert np.abs(first).max() < 30
