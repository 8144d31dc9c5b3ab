"""Tables whose columns and readings went wrong: what is right, one test per fault."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.tables.fault_tables import (
    command,
    fit,
    refused,
    stamp_texts,
    stamps,
    train,
    wave,
    write,
)

from rnnedge.data import load_dataset
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions

SIZE = 300
pytestmark = pytest.mark.usefixtures("pictures")


def test_08_spike_is_named_and_teaches_nothing(tmp_path: Path) -> None:
    """One 1e9 in 8,640 rows: network 871, best baseline .347, and no hint."""
    values = wave(1000).round(2)
    clean = fit_of(values, tmp_path / "clean")
    values[500] = 1e9
    path = write(tmp_path / "a.csv", "time,v", stamp_texts(1000), values)
    text, run = train(path, "v", "--epochs", "4")
    assert "1000000000 in row 501 is far from all other readings" in text
    assert "--range v=LO:HI" in text
    assert "1 (2024-01-21T20:00:00Z)" in text  # implausible
    low, high = run.spec.features[0].clip or (0.0, 0.0)
    assert -10 < low < high < 30
    spiked = run.report["parts"]["test"]["scores"]
    assert spiked["network"]["v"]["1"]["mae"] < 1.3 * clean
    assert spiked["ridge_ar"]["v"]["1"]["mae"] < 0.5


def fit_of(values: np.ndarray, folder: Path) -> float:
    folder.mkdir()
    path = write(folder / "a.csv", "time,v", stamp_texts(len(values)), values)
    fitted = fit(path, "v", folder / "run", epochs=4)
    score = fitted.evaluation.scores["test"]["network"][0]
    assert score is not None
    return score.mae


def test_09_homeassistant_sensors_are_not_mixed_into_one_series(tmp_path: Path) -> None:
    times = np.repeat([f"{text}.000Z" for text in stamp_texts(SIZE)], 2)
    names = np.tile(["sensor.power", "sensor.temperature"], SIZE)
    states = np.stack([1500 + 100 * wave(SIZE), wave(SIZE)], axis=1).ravel().round(1)
    path = write(
        tmp_path / "a.csv", "entity_id,state,last_changed", names, states, times
    )
    text = refused(path, "state")
    assert "--series entity_id" in text
    assert "--pivot entity_id" in text
    _, run = train(path, "sensor.power", "--pivot", "entity_id")
    assert run.spec.feature_names == ("sensor.power", "sensor.temperature")
    assert run.spec.sample_period_s == 3600
    text, run = train(path, "state", "--series", "entity_id", "--overwrite")
    assert "600 rows in 2 series" in text
    assert run.spec.sample_period_s == 3600
    text = refused(path, "state", "--pivot", "entity_id")
    assert "the table has sensor.power, sensor.temperature" in text


@pytest.mark.parametrize("code", [-999.0, -9999.0, 9999.0, 85.0])
def test_sentinels_are_named_and_left_out_when_asked(
    tmp_path: Path, code: float
) -> None:
    values = wave(SIZE).round(2)
    values[5::40] = code
    path = write(tmp_path / "a.csv", "time,v", stamp_texts(SIZE), values)
    exit_code, text = command("check", path)
    assert exit_code == 0
    assert f"Column 'v': {code:g} is there 8 times, first in row 6" in text
    assert f"--missing-value v={code:g}" in text
    text, run = train(path, "v", "--missing-value", f"v={code:g}")
    assert f"{code:g} is there" not in text
    assert "8 (2024-01-01T05:00:00Z)" in text  # missing
    low, high = run.spec.features[0].clip or (0.0, 0.0)
    assert -10 < low < high < 30


def test_11_counter_float32_is_refused_or_read_as_its_change(tmp_path: Path) -> None:
    """8,628 values became 848, scored on rounded truth."""
    power = (100 + 20 * (wave(SIZE) - 10)).round()
    counter = (10_000_000_000 + np.cumsum(power)).astype(np.int64)
    path = write(tmp_path / "a.csv", "time,total_wh", stamp_texts(SIZE), counter)
    text = refused(path, "total_wh")
    assert "float32" in text
    assert "--difference total_wh" in text
    text, run = train(path, "total_wh", "--difference", "total_wh")
    assert run.spec.target_names == ("total_wh_change",)
    assert "is the change of 'total_wh' from the row before" in text
    options = TableOptions(difference=("total_wh",))
    data = load_dataset(path, targets="total_wh", options=options)
    np.testing.assert_array_equal(data.series[0].values[1:, 0], power[1:])


def test_12_unit_guess_comes_from_brackets_and_full_names_alone(tmp_path: Path) -> None:
    """`latency_ms` was in m/s, `sensor_a` in A, `zone_f` in F."""
    names = ("sensor_a", "sensor_b", "sensor_c", "latency_ms", "zone_f", "temp [°C]")
    columns = [wave(SIZE, seed=k).round(2) for k in range(len(names))]
    path = write(
        tmp_path / "a.csv", ",".join(("time", *names)), stamp_texts(SIZE), *columns
    )
    data = load_dataset(path, targets="latency_ms")
    units = dict(zip(data.columns, data.units, strict=True))
    assert {units[name] for name in names[:5]} == {""}
    assert [unit for name, unit in units.items() if name.startswith("temp")] == ["°C"]


def test_80_targets_are_bounded(tmp_path: Path) -> None:
    """Ridge was silent for 12 minutes, and forecast.png 70,400 pixels wide."""
    rng = np.random.default_rng(0)
    names = [f"s{k}" for k in range(80)]
    columns = [wave(500, seed=k).round(2) for k in rng.permutation(80)]
    path = write(
        tmp_path / "a.csv", ",".join(("time", *names)), stamp_texts(500), *columns
    )
    options = [word for name in names[1:] for word in ("--target", name)]
    text, run = train(path, "s0", *options, "--horizon", "2")
    picture = Image.open(run.path / "forecast.png")
    assert picture.width < 6000
    assert len(text.splitlines()) < 130
    assert "scores.csv" in text
    assert len((run.path / "scores.csv").read_text().splitlines()) > 80 * 2 * 4


def test_glob_names_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run folder was `runs/*`."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    for k in range(2):
        write(
            Path(f"data/{k}.csv"),
            "time,v",
            stamp_texts(SIZE),
            wave(SIZE, seed=k).round(2),
        )
    code, text = command(
        "train", "data/*.csv", "--target", "v", "--epochs", 1, "--hidden-size", 4
    )
    assert code == 0, text
    assert [folder.name for folder in Path("runs").iterdir()] == ["data"]


def pandas_tables() -> dict[str, Any]:
    pd = pytest.importorskip("pandas")
    hours = pd.DatetimeIndex(stamps(SIZE))
    frame = pd.DataFrame({"time": hours, "v": wave(SIZE), "n": np.arange(SIZE) % 7})
    nullable = frame.convert_dtypes()
    nullable.loc[3, "n"] = pd.NA
    nullable.loc[4, "v"] = pd.NA
    flags = frame.assign(n=pd.array(np.arange(SIZE) % 3 == 0, dtype="boolean"))
    flags.loc[3, "n"] = pd.NA
    objects = frame.assign(n=frame["n"].astype(object))
    objects.loc[3, "n"] = None
    zoned = frame.assign(time=hours.tz_localize("UTC"))
    return {
        "plain": frame,
        "nullable": nullable,
        "flags": flags,
        "objects": objects,
        "float32": frame.astype({"v": "float32"}),
        "decimals": frame.assign(n=[Decimal("1.5") + k % 3 for k in range(SIZE)]),
        "index": frame.set_index("time"),
        "strings": frame.assign(time=hours.astype(str)),
        "milliseconds": frame.assign(time=hours.astype("datetime64[ms]")),
        "zone": zoned,
        "zoned objects": zoned.assign(time=zoned["time"].astype(object)),
        "sparse": frame.assign(n=pd.arrays.SparseArray(frame["n"])),
    }


def test_14_pandas_tables_are_all_taken() -> None:
    """Nullable columns were "text", NaT and doubled columns tracebacks."""
    for name, frame in pandas_tables().items():
        data = load_dataset(frame, targets="v")
        assert data.features == ("v", "n"), name
        assert data.sample_period_s == 3600, name
        (series,) = data.series
        missing = {"nullable": 2, "flags": 1, "objects": 1}.get(name, 0)
        assert int(np.isnan(series.values).sum()) == missing, name


def test_14_pandas_arrow_columns_with_na() -> None:
    pytest.importorskip("pyarrow")
    frame = pandas_tables()["plain"].astype(
        {"v": "float64[pyarrow]", "n": "int64[pyarrow]"}
    )
    frame.loc[3, "n"] = None
    (series,) = load_dataset(frame, targets="v").series
    assert np.isnan(series.values[3, 1])
    assert np.isfinite(np.delete(series.values[:, 1], 3)).all()


def test_14_pandas_an_index_of_two_levels_is_series_and_time() -> None:
    pd = pytest.importorskip("pandas")
    frame = pandas_tables()["index"]
    both = pd.concat({"a": frame, "b": frame}, names=["id", "time"])
    data = load_dataset(both, targets="v")
    assert [one.name for one in data.series] == ["a", "b"]
    assert data.sample_period_s == 3600


def test_14_pandas_what_cannot_be_right_is_refused_in_words() -> None:
    pd = pytest.importorskip("pandas")
    frame = pandas_tables()["plain"]
    gone = frame.copy()
    gone.loc[3, "time"] = pd.NaT
    with pytest.raises(DataError, match=r"'time' is empty in row 4"):
        load_dataset(gone, targets="v")
    doubled = frame.copy()
    doubled.columns = ["time", "v", "v"]
    with pytest.raises(DataError, match="both named 'v'"):
        load_dataset(doubled, targets="v")
    with pytest.raises(DataError, match="--sort"):
        load_dataset(frame.sample(frac=1, random_state=1), targets="v")
