"""Tables whose times went wrong: what is right, one test per fault."""

from __future__ import annotations

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from PIL import Image
from support.tables.fault_tables import command, stamp_texts, stamps, train, wave, write

from rnnedge.data import load_dataset
from rnnedge_runtime import load
from rnnedge_runtime.tables.options import TableOptions

HOUR_S = 3600.0
pytestmark = pytest.mark.usefixtures("pictures")


def compact(form: str, size: int, period_s: float) -> list[str]:
    seconds = stamps(size, period_s).astype("datetime64[s]").astype(object)
    return [moment.strftime(form) for moment in seconds]


@pytest.mark.parametrize(
    ("texts", "period_s", "said"),
    [
        (compact("%Y%m%d%H", 300, HOUR_S), HOUR_S, "read as yyyymmddhh"),
        (compact("%Y%m%d", 300, 86_400.0), 86_400.0, "read as yyyymmdd"),
        ([f"{45_292 + k / 24:.6f}" for k in range(300)], HOUR_S, "Excel"),
        ([f"{739_252 + k / 24:.6f}" for k in range(300)], HOUR_S, "MATLAB"),
    ],
    ids=["YYYYMMDDHH", "YYYYMMDD", "excel", "matlab"],
)
def test_03_yyyymmddhh_is_recognised_with_a_note(
    tmp_path: Path, texts: list[str], period_s: float, said: str
) -> None:
    """Read as Unix seconds it gave a period of 1 s, the year 2034 and invented rows."""
    path = write(tmp_path / "a.csv", "time,v", texts, wave(300).round(2))
    data = load_dataset(path, targets="v")
    (series,) = data.series
    assert data.sample_period_s == pytest.approx(period_s, rel=1e-4)
    assert series.values.shape == (300, 1)
    assert abs(int(series.time_us[0]) - int(stamps(1)[0].astype(np.int64))) < 1e6
    notes = " ".join(data.notes)
    assert said.lower() in notes.lower()
    assert "--time-format" in notes or "--time-unit" in notes


@pytest.mark.parametrize(
    "texts",
    [
        [str(year) for year in range(1700, 2000)],
        [f"{2000 + k // 12}{1 + k % 12:02d}" for k in range(300)],
        [
            f"{24 + k // 300:02d}{1 + k // 28 % 12:02d}{1 + k % 28:02d}"
            for k in range(300)
        ],
    ],
    ids=["years", "YYYYMM", "YYMMDD"],
)
def test_03_other_numbers_are_never_seconds_silently(
    tmp_path: Path, texts: list[str]
) -> None:
    path = write(tmp_path / "a.csv", "time,v", texts, wave(300).round(2))
    code, text = command("check", path, "--target", "v")
    if code:
        assert "--time-format" in text or "--time-unit" in text or "--no-time" in text
    else:
        assert "every 1 s" not in text
        assert "2034" not in text
        assert "is read as" in text


def test_04_millis_is_the_time_and_never_a_feature(tmp_path: Path) -> None:
    """`--time millis` gave a period of 20 s."""
    rng = np.random.default_rng(0)
    ax, ay = rng.integers(0, 99, (2, 400))
    path = write(tmp_path / "a.csv", "millis,ax,ay", range(0, 8000, 20), ax, ay)
    for options in ((), ("--time", "millis")):
        text, run = train(path, "ax", *options, "--overwrite")
        assert run.spec.feature_names == ("ax", "ay")
        assert run.spec.sample_period_s == 0.02
        assert "every 20 ms, 0:00:00 to 0:00:07.980000" in text
        assert "counts elapsed milliseconds" in text
        assert "1970" not in text
        assert "(day)" not in text  # eight seconds show no season of a day


@pytest.mark.parametrize(
    ("name", "period_s"),
    [
        ("t", 1.0),
        ("time_ms", 0.001),
        ("Timestamp (ms)", 0.001),
        ("No", None),
        ("rownames", None),
        ("Unnamed: 0", None),
    ],
)
def test_04_millis_what_rises_and_is_named_so_is_no_feature(
    tmp_path: Path, name: str, period_s: float | None
) -> None:
    path = write(tmp_path / "a.csv", f"{name},v", range(1, 301), wave(300).round(2))
    data = load_dataset(path, targets="v")
    assert data.features == ("v",)
    assert data.sample_period_s == period_s


@pytest.mark.skipif(
    "Europe/Berlin" not in available_timezones(), reason="no list of time zones"
)
def test_05_naive_local_time_is_said_and_its_zone_can_be_given(tmp_path: Path) -> None:
    """Read as UTC, without a word, a device that sent true UTC was hours off."""
    berlin, utc = ZoneInfo("Europe/Berlin"), datetime.UTC
    start = datetime.datetime(2024, 3, 20, tzinfo=utc)
    moments = [start + datetime.timedelta(hours=k) for k in range(500)]
    texts = [f"{moment.astimezone(berlin):%Y-%m-%d %H:%M}" for moment in moments]
    path = write(tmp_path / "a.csv", "time,v", texts, wave(500).round(2))
    text, run = train(path, "v", "--tz", "Europe/Berlin")
    assert "times without an offset are Europe/Berlin" in text
    assert "1; 0 missing rows put in" in text  # in spring an hour is skipped
    assert run.spec.clock == "Europe/Berlin"
    (series,) = load_dataset(
        path, targets="v", options=TableOptions(tz="Europe/Berlin")
    ).series
    assert series.time[0] == int(start.timestamp())
    assert set(np.diff(series.time)) == {3600}
    code, _ = command(
        "export", run.path, "--format", "onnx", "--out", tmp_path / "dist"
    )
    assert code == 0
    assert load(tmp_path / "dist/run.onnx").spec.clock == "Europe/Berlin"
    whole = write(tmp_path / "b.csv", "time,v", texts[:200], wave(200).round(2))
    _, said = command("check", whole, "--target", "v")
    assert "are taken as UTC" in said
    assert "--tz" in said


def test_07_sessions_with_gaps_start_anew_and_nothing_is_invented(
    tmp_path: Path,
) -> None:
    """1,200 rows became 4.5 million; half an hour between sessions was filled."""
    for pause_s in (1800.0, 18_000.0):
        seconds = np.arange(600) * 0.02 + np.arange(600) // 100 * pause_s
        millis = 1_700_000_000_000 + np.rint(seconds * 1000).astype(np.int64)
        path = write(tmp_path / "a.csv", "time_stamp,a", millis, wave(600).round(3))
        text, run = train(path, "a", "--overwrite")
        assert "6; 0 missing rows put in" in text
        assert "600 rows in 6 stretches, each from the initial state" in text
        assert run.report["data"]["rows"] == 600


def test_restarted_logger_keeps_its_rows(tmp_path: Path) -> None:
    """Started again at :30 it lost 1,159 of 4,900 rows and got as many empty ones."""
    rng = np.random.default_rng(0)
    first = 60 * np.arange(300)
    second = first[-1] + 3630 + 60 * np.arange(300) + rng.integers(-2, 3, 300)
    seconds = 1_700_000_000 + np.concatenate([first, second])
    path = write(tmp_path / "a.csv", "time,v", seconds, wave(600).round(2))
    data = load_dataset(path, targets="v")
    assert data.sample_period_s == 60
    assert sum(int(one.is_reading.sum()) for one in data.series) == 600
    text, run = train(path, "v", "--horizon", "1")
    assert "600 rows" in text
    assert command("export", run.path, "--format", "rnne", "--out", tmp_path)[0] == 0
    code, found = command("run", tmp_path / "run.rnne", "--input", path)
    assert code == 0
    rows = [line for line in found.splitlines() if line[:1].isdigit()]
    assert len(rows) >= 600, found
    assert "left out" not in found


def test_15_50hz_plot_has_an_axis_below_a_second(tmp_path: Path) -> None:
    """All rows of a second stood on one vertical line."""
    turn = np.sin(np.arange(600) * 2 * np.pi / 40)
    path = write(
        tmp_path / "a.csv", "time,a", stamp_texts(600, 0.02, "Z"), turn.round(4)
    )
    _, run = train(path, "a")
    picture = np.asarray(Image.open(run.path / "forecast.png").convert("L"))
    panel = picture[40 : picture.shape[0] // 2 - 60, 120:-20]
    dark = (panel < 60).sum(axis=0)
    assert (dark > 0).mean() > 0.8  # the curve goes through nearly all columns
    assert np.diff(np.flatnonzero(dark)).max() < 40


@pytest.mark.parametrize(
    ("name", "first", "step", "form", "period_s"),
    [
        ("Time (s)", 0.0, 0.01, "{:.2f}", 0.01),
        ("Test_Time(s)", 0.03, 10.0, "{:.3f}", 10.0),
        ("t", 0.0, 0.5, "{:.1f}", 0.5),
        ("#timestamp_ms", 1_551_398_400_000, 20, "{:.0f}", 0.02),
        ("Unix Timestamp", 1_551_398_400, 0.02, "{:.2f}", 0.02),
    ],
)
def test_d13_elapsed_time_is_a_clock_and_no_feature(
    tmp_path: Path, name: str, first: float, step: float, form: str, period_s: float
) -> None:
    texts = [form.format(first + step * k) for k in range(400)]
    path = write(tmp_path / "a.csv", f"{name},v", texts, wave(400).round(2))
    data = load_dataset(path, targets="v")
    assert data.features == ("v",)
    assert data.sample_period_s == pytest.approx(period_s)
    assert not any("in all" in note for note in data.notes)
    has_date = first > 1e9
    assert data.has_calendar == has_date
    assert any("elapsed" in note for note in data.notes) != has_date
