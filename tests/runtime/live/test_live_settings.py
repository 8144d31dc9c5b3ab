"""`live.toml` and the flags before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop.settings import (
    KEYS,
    LiveSettings,
    LoopSettings,
    PlaceSettings,
    merged,
    parse_time,
    read_settings,
)

WHOLE = """
artifact = "dist/jfk.rnne"
state = "state"
prime = "history.csv"
watch = true
wait = "2s"
future = "90s"
on-gap = "step"
max-gap = "6h"
spool-mb = 1.5
spool-expiry = false
history-mb = 2
drain = "10s"
max-series = 500
range = ["temp_c=-40:60"]

[source]
url = "mqtt://host/sensors/+/reading"
user = "device"

[[sink]]
url = "-"

[[sink]]
url = "mqtt://host/forecasts/{series}"
qos = 1

[page]
url = "127.0.0.1:8080"
token = "secret"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "live.toml"
    path.write_text(text)
    return path


def test_all_keys_are_read(tmp_path: Path) -> None:
    found = read_settings(write(tmp_path, WHOLE))
    assert found == LiveSettings(
        source=PlaceSettings("mqtt://host/sensors/+/reading", {"user": "device"}),
        sinks=(
            PlaceSettings("-"),
            PlaceSettings("mqtt://host/forecasts/{series}", {"qos": 1}),
        ),
        state=tmp_path / "state",
        loop=LoopSettings(
            wait_us=2_000_000,
            future_us=90_000_000,
            on_gap="step",
            max_gap_s=21600.0,
            spool_nbytes=1_500_000,
            expires=False,
            history_nbytes=2_000_000,
            drain_s=10.0,
            max_series=500,
            range=("temp_c=-40:60",),
        ),
        prime=tmp_path / "history.csv",
        watch=True,
        page=PlaceSettings("127.0.0.1:8080", {"token": "secret"}),
        artifact=tmp_path / "dist/jfk.rnne",
    )
    assert set(KEYS) == {
        line.partition("=")[0].strip(" []")
        for line in WHOLE.splitlines()
        if line and not line.startswith(("url", "user", "qos", "token"))
    }


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    assert read_settings(write(tmp_path, "")) == LiveSettings()


def test_places_may_be_urls_alone(tmp_path: Path) -> None:
    found = read_settings(write(tmp_path, 'source = "-"\nsink = ["a.csv", "-"]\n'))
    assert found.source == PlaceSettings("-")
    assert found.sinks == (PlaceSettings("a.csv"), PlaceSettings("-"))


def test_flags_go_before_the_file(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, WHOLE))
    found = merged(
        settings,
        wait_us=0,
        state=Path("other"),
        source=None,
        sinks=(),
        watch=None,
        future_us=None,
    )
    assert found.loop.wait_us == 0
    assert found.loop.future_us == 90_000_000
    assert found.state == Path("other")
    assert found.source == settings.source
    assert found.sinks == settings.sinks
    assert found.watch


@pytest.mark.parametrize("key", KEYS)
def test_a_mistyped_key_is_refused_with_the_nearest(tmp_path: Path, key: str) -> None:
    wrong = f"{key[:-1]}{key[-1]}x" if len(key) > 4 else f"{key}s"
    with pytest.raises(
        DataError, match=f"'{wrong}' is not known. Did you mean '{key}'"
    ):
        read_settings(write(tmp_path, f"{wrong} = 1\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wait = 2\n", "'wait' is 2, expected text"),
        ("wait = '2 parsecs'\n", "wait '2 parsecs': this is no length of time"),
        ("watch = 'yes'\n", "'watch' is 'yes', expected true or false"),
        ("spool-mb = true\n", "'spool-mb' is True, expected a number"),
        ("spool-mb = -1\n", "'spool-mb' is -1, expected 0.001 or more"),
        ("spool-mb = nan\n", "'spool-mb' is nan, expected 0.001 or more"),
        ("range = 'a=1:2'\n", "'range' is 'a=1:2', expected a list of texts"),
        ("on-gap = 'skip'\n", "on-gap is 'skip', expected 'reset' or 'step'"),
        ("sink = 3\n", r"\[sink\] is 3, expected a table with its url"),
        ("[[source]]\nurl='-'\n[[source]]\nurl='-'\n", "there are 2 tables"),
        ("wait = 2s\n", "this is no TOML"),
        ("\udcff", "this is no TOML"),
    ],
)
def test_a_wrong_value_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "live.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=message) as caught:
        read_settings(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_settings(tmp_path / "live.toml")


def test_no_time_at_all_is_a_time() -> None:
    assert parse_time("0", option="--wait") == parse_time("0s", option="--wait") == 0
