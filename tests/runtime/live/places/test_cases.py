"""Every place over its cases: `NAME.in`, perhaps `NAME.toml` with options, and `NAME.out`."""

from __future__ import annotations

import contextlib
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.live.feeding import FEEDS, SINKS
from support.live.places import T0_US, Opened

from rnnedge_runtime.errors import MissingDependencyError
from rnnedge_runtime.live import place_options
from rnnedge_runtime.live.loop.nouns import Outcome, Reading
from rnnedge_runtime.live.places import live_sink, live_source
from rnnedge_runtime.tables.timestamps import parse_time, time_text

DOCS = Path(__file__).parents[4] / "docs"
LIVE = Path(place_options.__file__).parent
CASES = sorted(LIVE.rglob("cases/*.in"))
PLACES = sorted(
    path.parent
    for path in LIVE.rglob("__init__.py")
    if {"open_source", "open_sink"} & set(path.read_text(encoding="utf-8").split('"'))
)


def folder_of(path: Path) -> str:
    return path.relative_to(LIVE).as_posix()


def reading_line(reading: Reading) -> str:
    time = None if reading.time_us is None else time_text(reading.time_us)
    values = {
        name: None if math.isnan(value) else value
        for name, value in reading.values.items()
    }
    return json.dumps({"series": reading.series, "time": time, **values})


def outcome_from(line: str, sequence: int, opened: Opened) -> Outcome:
    """One forecast as an outcome of its own."""
    content: dict[str, Any] = json.loads(line)
    if content["series"] not in opened.names:
        opened.names.append(content["series"])
    values = [math.nan if value is None else value for value in content["values"]]
    time_us = parse_time(content["time"])
    assert time_us is not None
    return Outcome(
        sequence,
        T0_US,
        np.array([opened.names.index(content["series"])], np.int32),
        np.array([time_us], np.int64),
        np.array([content.get("reading", [20.0, 40.0])], np.float32),
        np.array([values], np.float32),
        np.array([0], np.int32),
        is_late=content.get("late", False),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: folder_of(case)[:-3])
def test_case(case: Path) -> None:
    folder = folder_of(case.parent.parent)
    options_file = case.with_suffix(".toml")
    text = options_file.read_text(encoding="utf-8") if options_file.exists() else ""
    options = tomllib.loads(text)
    expected = case.with_suffix(".out").read_bytes()
    opened = Opened()
    if folder in SINKS:
        lines = case.read_text(encoding="utf-8").splitlines()
        outcomes = [outcome_from(line, k, opened) for k, line in enumerate(lines, 1)]
        assert SINKS[folder](opened, outcomes, options) == expected
        return
    readings = FEEDS[folder](opened, case.read_bytes(), options)
    counts = sorted(opened.counters.counts.items())
    found = [
        *map(reading_line, readings),
        *(f"{what} {number}" for (_, what), number in counts),
    ]
    assert found == expected.decode().splitlines()


@pytest.mark.parametrize("folder", PLACES, ids=folder_of)
def test_a_place_is_whole(folder: Path) -> None:
    """A place has a sample of its table, cases, and short files."""
    sample = tomllib.loads((folder / "sample.toml").read_text(encoding="utf-8"))
    assert {"source", "sink"} & set(sample)
    assert list((folder / "cases").glob("*.in"))
    sizes = {path.name: path.read_text().count("\n") for path in folder.glob("*.py")}
    assert max(sizes.values()) < 150, sizes


@pytest.mark.parametrize("folder", PLACES, ids=folder_of)
def test_a_page_shows_the_sample_as_it_is(folder: Path) -> None:
    sample = (folder / "sample.toml").read_text(encoding="utf-8")
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")]
    assert any(f"```toml\n{sample}```" in page for page in pages)


@pytest.mark.parametrize("folder", PLACES, ids=folder_of)
def test_a_place_takes_its_sample(folder: Path, tmp_path: Path) -> None:
    """Its options are known; features and files have other names than here."""
    file = tmp_path / "file"
    file.write_text("secret")
    content = tomllib.loads((folder / "sample.toml").read_text(encoding="utf-8"))
    tables = [(live_source, content.get("source"))]
    tables += [(live_sink, table) for table in content.get("sink", [])]
    for opener, table in tables:
        if table is None:
            continue
        for name in ("rename", "ca", "certificate", "key"):
            table.pop(name, None)
        if "password-file" in table:
            table["password-file"] = str(file)
        with contextlib.suppress(MissingDependencyError):
            opener(Opened().place(table.pop("url"), **table))


def test_telegraf_s_configuration_is_shown_as_it_is() -> None:
    shown = (DOCS.parent / "examples/telegraf/telegraf.conf").read_text()
    tomllib.loads(shown)
    assert shown in (DOCS / "sources.md").read_text(encoding="utf-8")


def test_every_case_is_run_by_a_known_place() -> None:
    folders = {folder_of(case.parent.parent) for case in CASES}
    assert folders <= {*FEEDS, *SINKS}
    assert all(case.with_suffix(".out").exists() for case in CASES)
