"""Files and pipes as sources, followed over rotation, cuts and restarts; files as sinks."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from support.live.places import T0_US, Opened, drain, outcome_of

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop.nouns import Reading, Source
from rnnedge_runtime.live.places import live_sink, live_source


def line(k: int) -> str:
    return f'{{"temp": {k}, "time": {1_700_000_000 + 60 * k}}}\n'


def temps(readings: list[Reading]) -> list[float]:
    return [reading.values["temp"] for reading in readings]


def opened(path: Path, opened: Opened | None = None, **options: object) -> Source:
    source = live_source((opened or Opened()).place(f"file://{path}", **options))
    source.start()
    return source


def polled(source: Source, *, polls: int = 3) -> list[float]:
    return temps(drain(source, polls=polls))


FILES = {
    "json": '{"temp": 1, "time": 1700000000}\n\n{"temp": 2}',
    "csv": "time,temp,note\n2023-11-14T22:13:20Z,1,a\n,2,b",
    "csv by ;": "time;hum;temp\n1700000000;5;1\n;;2\n",
    "senml": '[{"n": "temp", "bt": 1700000000, "v": 1}]\n[{"n": "temp", "v": 2}]\n',
    "influx": "m temp=1 1700000000000000000\n# comment\nm temp=2\n",
    "numbers": "1\n2\n",
}


@pytest.mark.parametrize("kind", FILES)
def test_the_format_of_a_file_is_found(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    path.write_text(FILES[kind])
    options = {"feature": "temp"} if kind == "numbers" else {}
    readings = drain(opened(path, series="", **options))
    assert temps(readings) == [1, 2]
    assert [reading.time_us for reading in readings] == [
        None if kind == "numbers" else T0_US,
        None,
    ]


def test_a_header_with_other_names_is_no_line_protocol(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("time,temperature,hum_%\n2023-11-14T22:13:20Z,1,2\n")
    place = Opened()
    assert drain(opened(path, place)) == []
    assert "'temperature'" in "".join(place.said)
    assert "rename" in "".join(place.said)


def test_a_file_that_grows_is_followed_over_rotation_and_cuts(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(line(0) + line(1)[:9])
    said = Opened()
    source = opened(path, said, follow=True)
    assert polled(source) == [0]
    with path.open("a") as file:
        file.write(line(1)[9:] + line(2))
    assert polled(source) == [1, 2]
    path.rename(tmp_path / "x.1")
    with (tmp_path / "x.1").open("a") as file:
        file.write(line(3)[:-1])  # by a writer that has not noticed yet, no break
    path.write_text(line(4))
    assert polled(source, polls=6) == [3, 4]
    path.write_text("")
    assert polled(source) == []
    path.write_text(line(5))
    assert polled(source) == [5]
    path.unlink()
    assert polled(source) == []
    path.write_text(line(6))
    assert polled(source, polls=6) == [6]
    assert said.counters.counts["file", "files begun anew"] == 3
    source.close()


def test_a_header_is_read_again_after_rotation(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("temp,hum\n1,2\n")
    source = opened(path, follow=True, position=str(tmp_path / "at"))
    assert polled(source) == [1]
    path.rename(tmp_path / "x.1")
    path.write_text("hum,temp\n7,2\n")
    assert polled(source, polls=6) == [2]
    source.close()
    with path.open("a") as file:
        file.write("8,3\n")
    source = opened(path, follow=True, position=str(tmp_path / "at"))
    assert polled(source) == [3]


def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """What was acknowledged does not come again; what was not does; over rotation."""
    rng = random.Random(0)
    path, at = tmp_path / "x", tmp_path / "at"
    path.touch()
    num_written, kept, num_seen = 0, [], 0
    for turn in range(200):
        source = opened(path, follow=True, position=str(at))
        for _ in range(rng.randrange(4)):
            with path.open("a") as file:
                for _ in range(rng.randrange(4)):
                    file.write(line(num_written))
                    num_written += 1
            received = source.poll(0.0)
            assert received is not None
            num_seen += len(received.readings)
            if rng.random() < 0.8:
                kept += temps(list(received.readings))
                source.acknowledge(received.token)
            else:
                break  # killed before it was on disk
        source.close()
        if rng.random() < 0.2 and turn < 199:
            path.rename(tmp_path / "x.1")
            path.touch()
            source = opened(path, follow=True, position=str(at))
            kept += polled(source, polls=4)
            source.close()
    source = opened(path, follow=True, position=str(at))
    kept += polled(source, polls=4)
    assert kept == list(range(num_written))
    assert num_seen > 100


def test_without_a_position_a_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(line(0) + line(1))
    for _ in range(2):
        assert polled(opened(path)) == [0, 1]


def test_a_damaged_position_is_the_start(tmp_path: Path) -> None:
    path, at = tmp_path / "x", tmp_path / "at"
    path.write_text(line(0))
    for text in ("", "{", "[]", '{"device": 1}', '{"device": -1, "inode": 2}'):
        at.write_text(text)
        assert polled(opened(path, position=str(at))) == [0]


def test_a_position_that_cannot_be_kept_is_said_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    with pytest.raises(DataError, match="position"):
        opened(path, position=str(tmp_path / "none" / "at"))


def test_a_pipe_gives_lines_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    source = opened(path)
    assert polled(source) == []
    writer = os.open(path, os.O_WRONLY)
    os.write(writer, line(0).encode() + b'{"temp": ')
    assert polled(source) == [0]
    os.write(writer, b'1}\n{"temp": 2}')
    assert polled(source) == [1]
    os.close(writer)
    assert polled(source) == [2]
    assert source.poll(0.0) is None
    source.close()


def test_a_followed_pipe_waits_for_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    source = opened(path, follow=True)
    for k in range(3):
        writer = os.open(path, os.O_WRONLY)
        os.write(writer, line(k).encode())
        os.close(writer)
        assert polled(source) == [k]
    source.close()


def test_what_is_no_reading_is_counted_and_said_once(tmp_path: Path) -> None:
    path = tmp_path / "x"
    bad = [b"{", b"\xff\xfe", b'{"temp": "warm"}', b'{"x": 1}', b"y" * 1_000_000]
    random.Random(0).shuffle(bad)
    data = b"".join(line(k).encode() + bad[k % 5] + b"\n" for k in range(20))
    path.write_bytes(data)
    said = Opened()
    assert polled(opened(path, said), polls=1000) == list(range(20))
    reasons = ("malformed", "not text", "not a number", "name", "too long")
    assert said.counters.counts == {("file", f"dropped: {word}"): 4 for word in reasons}
    assert len(said.said) == 5
    assert all(len(text) < 500 and "\n" not in text for text in said.said)


@pytest.mark.parametrize("name", ["none", "."])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"Give a file"):
        opened(tmp_path / name)


def test_a_sink_goes_on_after_the_lines_it_has(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    readings = [Reading("", T0_US + k, {"temp": k}) for k in range(4)]
    for sequence in range(4):
        sink = live_sink(Opened().place(str(path)))
        sink.start()
        for again in range(sequence):
            assert sink.send(
                outcome_of([readings[again]], sequence=again + 1, is_late=True)
            )
        assert sink.send(outcome_of([readings[sequence]], sequence=sequence + 1))
        sink.close()
        with path.open("a") as file:
            file.write('{"half')
    *whole, half = path.read_text().split("\n")
    assert half == '{"half'
    assert [json.loads(text)["temp_1"] for text in whole] == [1, 2, 3, 4]
    assert not any("late" in text for text in whole)


def test_what_a_file_lacks_is_written_late(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    sink = live_sink(Opened().place(str(path)))
    sink.start()
    sink.send(outcome_of([Reading("", T0_US, {"temp": 1})], is_late=True))
    sink.close()
    assert path.read_text().splitlines() == [
        "series,time,temp_1,temp_2,late",
        ",2023-11-14T22:13:20Z,2.0,3.0,1",
    ]


def test_a_full_disk_makes_outcomes_wait() -> None:
    said = Opened()
    sink = live_sink(said.place("/dev/full"))
    sink.start()
    outcome = outcome_of([Reading("", T0_US, {"temp": 1})])
    assert not sink.send(outcome)
    assert not sink.send(outcome)
    assert sink.delivered() == 0
    assert len(said.said) == 1
    assert "Make room" in said.said[0]
    assert said.counters.counts["file", "failures"] == 2


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        live_sink(Opened().place(str(tmp_path / "none" / "x"))).start()
