"""Live sources and sinks by scheme, of ours and of entry points."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from support.live.places import Opened, drain, outcome_of

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.live.place_options import Options, shown_url
from rnnedge_runtime.live.places import live_sink, live_source


def test_a_path_and_a_url_are_files(tmp_path: Path) -> None:
    path = tmp_path / "a b.jsonl"
    path.write_text('{"temp": 20.5, "time": "2024-01-01T00:00:00Z"}\n')
    for url in (str(path), f"file://{tmp_path}/a%20b.jsonl?format=json"):
        source = live_source(Opened().place(url))
        source.start()
        assert drain(source) == [Reading("", 1704067200000000, {"temp": 20.5})]
        source.close()


def test_forecasts_of_a_file_are_lines(tmp_path: Path) -> None:
    opened = Opened()
    for line_format, first in (
        ("json", '{"series": "", "time": "2023-11-14T22:13:20Z", "temp_1": 21.1, '),
        ("csv", "series,time,temp_1,temp_2,late"),
        ("influx", "forecast temp_1=21.1,temp_2=22.1 1700000000000000000"),
    ):
        path = tmp_path / line_format
        sink = live_sink(opened.place(str(path), format=line_format))
        sink.start()
        assert sink.send(outcome_of([Reading("", None, {"temp": 20.1})]))
        sink.close()
        assert sink.delivered() == 1
        assert path.read_text().startswith(first)


@pytest.mark.parametrize(("url", "near"), [("fil://x", "file"), ("qqq://x", "")])
def test_an_unknown_scheme_names_those_known(url: str, near: str) -> None:
    for opener, kind in ((live_source, "source"), (live_sink, "sink")):
        with pytest.raises(DataError) as caught:
            opener(Opened().place(url))
        said = str(caught.value)
        assert f"there is no {kind} of this scheme" in said
        assert "file" in said
        assert (f"Did you mean '{near}://'" in said) == bool(near)


def test_a_package_brings_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(group: str) -> list[metadata.EntryPoint]:
        value = {"rnnedge.sources": "json:loads", "rnnedge.sinks": "no_such:thing"}
        return [metadata.EntryPoint("own", value[group], group)]

    monkeypatch.setattr(metadata, "entry_points", found)
    with pytest.raises(TypeError):  # json.loads was called with the place
        live_source(Opened().place("own://x"))
    with pytest.raises(DataError, match="cannot be loaded"):
        live_sink(Opened().place("own://x"))


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("file:///x?followw=1", {}, "Did you mean 'follow'"),
        ("/x", {"follow": "maybe"}, "expected true or false"),
        ("/x", {"format": "xml"}, "expected one of"),
        ("/x", {"rename": {"t": "tmp"}}, "Did you mean 'temp'"),
        ("/x", {"rename": 3}, "expected a table"),
        ("/x", {"series": "{a"}, "'series'"),
        ("/x", {"zone": "Mars/Base"}, "Mars/Base"),
        ("/x", {"delimiter": ";;"}, "one character"),
    ],
)
def test_an_option_that_is_wrong_is_named(
    url: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        live_source(Opened().place(url, **options))


def test_no_message_shows_a_password() -> None:
    url = "mqtt://me:secret@host:1883/a?password=secret"
    assert shown_url(url) == "mqtt://me@host:1883/a"
    assert "secret" not in Options(Opened().place(url)).where
