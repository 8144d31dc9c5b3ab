"""The state folder: what is damaged, foreign or newer, and who may have it."""

from __future__ import annotations

import re
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live_helpers import ListSink, ListSource, drawn_readings, make_loop
from support.run_helpers import COLUMNS, make_artifact

from rnnedge_runtime import load
from rnnedge_runtime.errors import DataError, FormatError, StateError
from rnnedge_runtime.live.loop.disk.generations import numbered
from rnnedge_runtime.live.loop.disk.store import Store
from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.streams.model import Model

BATCHES = drawn_readings(np.random.default_rng(3), COLUMNS, num_batches=24)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(make_artifact(tmp_path_factory.mktemp("artifact")))


@pytest.fixture(scope="module")
def expected(model: Model) -> set[tuple[str, int, bytes]]:
    sink = ListSink()
    loop = make_loop(model, ListSource(BATCHES), [sink])
    loop.run()
    return set(sink.sent(loop.names))


@pytest.fixture(scope="module")
def left(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after 16 of the 24 batches and a stop that wrote no last snapshot."""
    folder = tmp_path_factory.mktemp("left") / "state"
    loop = make_loop(model, ListSource(BATCHES[:8]), [ListSink()], folder)
    loop.run()
    loop = make_loop(model, ListSource(BATCHES[8:16]), [ListSink()], folder)
    loop.start()
    while loop.turn():
        if loop.sequence == 12:
            loop.recorder.rotate(loop._saved)
    loop.close(saves=False)
    return folder


def go_on(
    model: Model, folder: Path, first: int = 16
) -> tuple[set[tuple[str, int, bytes]], list[str]]:
    """What comes out of the rest of the batches, and what is said."""
    sink, told = ListSink(), list[str]()
    loop = make_loop(model, ListSource(BATCHES[first:]), [sink], folder, told=told)
    loop.run()
    return set(sink.sent(loop.names)), told


def test_the_newest_is_used(
    model: Model, left: Path, tmp_path: Path, expected: set[tuple[str, int, bytes]]
) -> None:
    folder = shutil.copytree(left, tmp_path / "state")
    assert len(numbered(folder, "state", ".rnns")) == 2
    found, told = go_on(model, folder)
    assert found
    assert found <= expected
    assert told == []


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_torn_snapshot_gives_way_to_the_older_one(
    model: Model,
    left: Path,
    tmp_path_factory: pytest.TempPathFactory,
    expected: set[tuple[str, int, bytes]],
    data: st.DataObject,
) -> None:
    folder = shutil.copytree(left, tmp_path_factory.mktemp("torn") / "state")
    path = list(numbered(folder, "state", ".rnns").values())[-1]
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    else:
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
    found, told = go_on(model, folder)
    assert found
    assert found <= expected
    assert len(told) == 1
    assert re.search(r"not used; the older state state-\d+\.rnns", told[0])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_journal_cut_at_any_byte_keeps_its_whole_records(
    model: Model,
    left: Path,
    tmp_path_factory: pytest.TempPathFactory,
    expected: set[tuple[str, int, bytes]],
    data: st.DataObject,
) -> None:
    """The readings of the records that are gone come again, as they do from a broker."""
    folder = shutil.copytree(left, tmp_path_factory.mktemp("cut") / "state")
    path = list(numbered(folder, "journal").values())[-1]
    content = path.read_bytes()
    size = data.draw(st.integers(0, len(content)))
    zeros = data.draw(st.integers(0, 300))
    path.write_bytes(content[:size] + bytes(zeros))
    found, told = go_on(model, folder, first=12)
    assert found <= expected
    assert all("no whole record" in line or "journal" in line for line in told)
    later = {sent for sent in expected if sent not in found}
    assert later == {sent for sent in later if sent[:2] in times_of(BATCHES[:16])}


def times_of(batches: list[list[Reading]]) -> set[tuple[str, int]]:
    return {
        (reading.series, reading.time_us or 0) for batch in batches for reading in batch
    }


def change(path: Path, at: int, value: int) -> None:
    """A file with another 16-bit number in it, its checksum mended."""
    content = bytearray(path.read_bytes())
    content[at : at + 2] = value.to_bytes(2, "little")
    body = bytes(content[:-4])
    path.write_bytes(body + zlib.crc32(body).to_bytes(4, "little"))


def test_a_newer_snapshot_is_refused_and_the_older_used(
    model: Model, left: Path, tmp_path: Path, expected: set[tuple[str, int, bytes]]
) -> None:
    folder = shutil.copytree(left, tmp_path / "state")
    change(list(numbered(folder, "state", ".rnns").values())[-1], 4, 9)
    found, told = go_on(model, folder)
    assert found <= expected
    assert "version 9 is newer" in told[0]


def test_a_folder_without_a_usable_state_is_refused(
    model: Model, left: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(left, tmp_path / "state")
    for path in numbered(folder, "state", ".rnns").values():
        path.write_bytes(b"no state")
    with pytest.raises(FormatError, match="8 bytes are no saved state"):
        go_on(model, folder)
    for path in numbered(folder, "state", ".rnns").values():
        path.unlink()
    with pytest.raises(FormatError, match="holds journals and no saved state"):
        go_on(model, folder)


def test_a_state_of_another_model_is_refused(
    model: Model, left: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(left, tmp_path / "state")
    other = load(make_artifact(tmp_path, seed=1))
    with pytest.raises(StateError, match="it belongs to model"):
        go_on(other, folder)


def test_two_processes_on_one_folder_are_refused(model: Model, tmp_path: Path) -> None:
    store = Store(tmp_path, model=model.digest, tell=print)
    with pytest.raises(DataError, match=r"another process \(\d+\) has this state"):
        Store(tmp_path, model=model.digest, tell=print)
    store.close()
    Store(tmp_path, model=model.digest, tell=print).close()


def test_a_file_in_place_of_the_folder_is_refused(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be saved: File exists"):
        Store(path, model=model.digest, tell=print)


def test_two_generations_are_kept(model: Model, tmp_path: Path) -> None:
    for first in range(0, 24, 4):
        source = ListSource(BATCHES[first : first + 4])
        make_loop(model, source, [ListSink()], tmp_path).run()
    states = list(numbered(tmp_path, "state", ".rnns"))
    assert len(states) == 2
    assert list(numbered(tmp_path, "journal")) == states
