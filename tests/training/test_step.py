"""`--step`: rows that come when they come, and an `lru` that takes how long they took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rnnedge
import rnnedge_runtime
from rnnedge.exporting import export
from rnnedge.tasks.config import TrainConfig
from rnnedge_runtime.errors import DataError, SpecError
from rnnedge_runtime.spec.layers import Affine, Lru


def table(size: int = 400, unit: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    elapsed = rng.choice([1.0, 1.0, 1.0, 8.0], size)
    value = np.cumsum(rng.normal(size=size) * elapsed**0.5)
    return pl.DataFrame({"value": value, "elapsed": unit * elapsed})


def fitted(frame: pl.DataFrame, out: Path, **choices: object):
    given = {
        "target": "value",
        "features": ["value", "elapsed"],
        "no_time": True,
        "cell": "lru",
        "hidden_size": 4,
        "step": "elapsed",
        "epochs": 1,
        "threads": 1,
    }
    return rnnedge.fit(frame, out=out, is_quiet=True, **(given | choices))


def test_every_lru_takes_the_feature_over_its_median(tmp_path: Path) -> None:
    run = fitted(table(unit=60.0), tmp_path / "run", num_layers=2, epochs=2).run
    spec = run.spec
    cells = [k for k, layer in enumerate(spec.layers) if isinstance(layer, Lru)]
    assert len(cells) == 2
    for k in cells:
        source = spec.reads[k][1]
        assert spec.layers[source] == Affine(1)
        assert run.weights[f"layers.{source}.scale"] == np.float32(1 / 60)
        assert run.weights[f"layers.{source}.shift"] == 0
    assert spec.features[1].clip is None
    assert spec.features[0].clip is not None


def test_an_artifact_takes_the_step_as_a_feature(tmp_path: Path) -> None:
    run = fitted(table(), tmp_path / "run").run
    export(tmp_path / "run", formats=("rnne", "onnx"), out=tmp_path)
    model = rnnedge_runtime.load(next(tmp_path.glob("*.rnne")))
    rows = table().to_numpy().astype(np.float32)[:50]
    one, other = model.stream(), model.stream()
    by_steps = np.array([one.step(row).copy() for row in rows])
    assert other.run(rows).tobytes() == by_steps.tobytes()
    short, long = model.stream(), model.stream()
    for stream, elapsed in ((short, 1e-3), (long, 1e6)):
        stream.run(rows[:20])
        before = stream.state()["h_1"].copy()
        stream.step(np.array([rows[20, 0], elapsed], np.float32))
        moved = np.abs(stream.state()["h_1"] - before).max()
        assert (moved < 1e-2) == (elapsed < 1)  # a thousandth of a step, and ages
    assert run.spec.max_gap_s is None


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"cell": "gru"}, "expected an lru"),
        ({"step": "other"}, "expected one of the features: value, elapsed"),
    ],
)
def test_a_step_that_nothing_takes_is_refused(
    choices: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        fitted(table(), tmp_path / "run", **choices)


def test_a_step_that_is_nowhere_above_0_is_refused(tmp_path: Path) -> None:
    frame = table().with_columns(elapsed=-1.0 - pl.int_range(400) % 3)
    with pytest.raises(DataError, match="nowhere above 0"):
        fitted(frame, tmp_path / "run")


def test_a_table_of_blocks_may_stand_beside_it() -> None:
    text = '[[layers]]\nblock = "cell"\ncell = "lru"\nunits = 3\nresidual = true\n'
    assert TrainConfig(layers=text, step="elapsed").step == "elapsed"
