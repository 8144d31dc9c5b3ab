"""The firmware examples: built, run, restarted, and cut off in the middle of a write."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.firmware_nodes import (
    FIRMWARE,
    HOURS,
    POWER_CUT,
    UNCUT,
    Chip,
    Lines,
    Start,
    called,
    needs_tools,
)
from support.page_blocks import commands
from support.programs import run

from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.loading import load
from rnnedge_runtime.spec.derived import time_features

HERE = Path(__file__).parent
pytestmark = needs_tools
LINE = re.compile(r"(\d+): (\S+) C, in 6 h (\S+) C \[([0-9a-f]{8})\]")


@dataclass(frozen=True)
class Recorded:
    """What the sensor of the examples gives."""

    start: int
    rows: np.ndarray

    def inputs(self, model) -> np.ndarray:
        times = self.start + 3600 * np.arange(len(self.rows))
        return np.hstack([self.rows, time_features(times, model.spec.derived)])


@pytest.fixture(scope="session")
def recorded(built: Path) -> Recorded:
    text = (built / "model/recorded.h").read_text()
    start = int(re.search(r"RECORDED_START (\d+)", text)[1])
    rows = np.array(
        [[int(n) for n in row.split(",")] for row in re.findall(r"\{([\d, ]+)\}", text)]
    )
    values = (rows - 1000).astype(np.float32) / np.float32(10)
    values[rows == 65535] = np.nan
    assert np.isnan(values).any()
    return Recorded(start, values)


def forecasts(lines: Lines) -> dict[int, bytes]:
    found = [LINE.fullmatch(line) for line in lines]
    return {int(m[1]): bytes.fromhex(m[4])[::-1] for m in found if m}


def test_the_bundled_model_is_whole() -> None:
    assert not verify([FIRMWARE / "weather.rnne"]).has_failed


def test_the_node_gives_the_bytes_of_python(whole: Lines, recorded: Recorded) -> None:
    model = load(FIRMWARE / "weather.rnne", backend="numpy")
    times = recorded.start + 3600 * np.arange(HOURS)
    y = model.stream().run(recorded.rows[:HOURS], times).astype("<f4")
    found = forecasts(whole)
    assert list(found) == times.tolist()
    assert list(found.values()) == [row[-1].tobytes() for row in y]
    for line, reading, row in zip(whole, recorded.rows[:, 0], y, strict=False):
        match = LINE.fullmatch(line)
        shown = [np.nan if match[k] == "-" else float(match[k]) for k in (2, 3)]
        np.testing.assert_allclose(shown, [reading, row[-1]], rtol=0, atol=0.0501)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_restart_goes_on_from_flash(
    on_qemu: Start, whole: Lines, tmp_path: Path, share: float
) -> None:
    hours = round(share * HOURS)
    _, first = on_qemu(tmp_path, 0, hours, UNCUT)
    _, again = on_qemu(
        tmp_path, hours - 1, 1, UNCUT
    )  # within the same hour: done before
    _, second = on_qemu(tmp_path, hours, HOURS - hours, UNCUT)
    assert first[1:] + second[1:] == whole
    assert again == ["resumed"]
    assert second[0] == "resumed"


def test_power_cuts_in_the_middle_of_writes_change_no_forecast(
    on_qemu: Start, whole: Lines, tmp_path: Path, rng: np.random.Generator
) -> None:
    """A node that is cut off again and again, at drawn bytes of its flash operations."""
    hour, cuts, kept = 0, 0, False
    seen: Lines = []
    while hour < HOURS:
        code, lines = on_qemu(tmp_path, hour, HOURS - hour, int(rng.integers(0, 5000)))
        assert lines[0] == ("resumed" if kept else "new state")
        steps = len(lines) - 1
        assert set(lines[1:]) <= set(whole)
        seen += lines[1:]
        if code == 0:
            break
        cuts += 1
        kept |= steps > 1
        hour += max(steps - 1, 0)  # power is back within the hour that was cut
    assert cuts > 5
    assert list(dict.fromkeys(seen)) == whole


@pytest.mark.parametrize(
    ("missed", "origin"), [(5, "resumed"), (60, "kept state too old")]
)
def test_hours_without_power_are_missing_readings(
    on_qemu: Start, recorded: Recorded, tmp_path: Path, missed: int, origin: str
) -> None:
    on_qemu(tmp_path, 0, 10, UNCUT)
    _, lines = on_qemu(tmp_path, 10 + missed, 3, UNCUT)
    rows = recorded.rows[: 13 + missed].copy()
    rows[10:-3] = np.nan
    first = 0 if origin == "resumed" else 10 + missed
    times = recorded.start + 3600 * np.arange(len(rows))
    model = load(FIRMWARE / "weather.rnne", backend="numpy")
    y = model.stream().run(rows[first:], times[first:])[-3:].astype("<f4")
    assert lines[0] == origin
    assert list(forecasts(lines).values()) == [row[-1].tobytes() for row in y]


@pytest.fixture(scope="session")
def hosted(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The Arduino sketch and the ESP-IDF application as programs of this machine."""
    out = tmp_path_factory.mktemp("hosted")
    sketch = built / "arduino/ForecastNode"
    example = sketch / "examples/HourlyForecast"
    stand_ins = [
        f"-I{FIRMWARE / name / 'stand_ins'}" for name in ("arduino", "esp_idf")
    ]
    objects = out / "arduino"
    objects.mkdir()
    sources = [*(sketch / "src").glob("*.c"), *example.glob("*.c")]
    compile_c = ["cc", "-O1", f"-I{sketch / 'src'}", "-c", *map(str, sources)]
    run(compile_c, cwd=objects, check=True)
    arguments = [*map(str, objects.glob("*.o")), "-x", "c++", "-include", "Arduino.h"]
    arguments += [str(example / "HourlyForecast.ino"), str(HERE / "arduino_host.cpp")]
    includes = [f"-I{sketch / 'src'}", f"-I{example}", stand_ins[0]]
    run(["g++", *includes, *arguments, "-o", str(out / "sketch")], check=True)
    node = built / "esp_idf/components/forecast_node"
    files = [
        *node.glob("*.c"),
        *(built / "esp_idf/main").glob("*.c"),
        HERE / "esp_host.c",
    ]
    includes = [f"-I{node / 'include'}", stand_ins[1], "-o", str(out / "app")]
    run(["cc", "-O1", *includes, *map(str, files)], check=True)
    return {"arduino": out / "sketch", "esp_idf": out / "app"}


@pytest.mark.parametrize("kind", ["arduino", "esp_idf"])
def test_sketch_and_application_do_the_same(
    hosted: dict[str, Path],
    whole: Lines,
    tmp_path: Path,
    rng: np.random.Generator,
    kind: str,
) -> None:
    storage = tmp_path / "storage.bin"
    storage.write_bytes(b"\xff" * 8192)
    seen: Lines = []
    cuts = 0
    while len(set(seen)) < HOURS:
        cut = int(rng.integers(0, 9000 if kind == "esp_idf" else 2000))
        hours = HOURS - len(set(seen)) + 1
        command = [str(hosted[kind]), str(storage), str(hours), str(cut)]
        code, lines = called(command, tmp_path)
        seen += [line for line in lines[1:] if line in whole]
        assert lines[0] in ("new state", "resumed")
        cuts += code == POWER_CUT
    assert cuts > 3
    assert list(dict.fromkeys(seen)) == whole


def test_the_state_of_another_model_is_not_taken(
    on_qemu: Start, slots: ctypes.CDLL, whole: Lines, tmp_path: Path
) -> None:
    on_qemu(tmp_path, 0, 2, UNCUT)
    path = tmp_path / "flash.bin"
    content = path.read_bytes()
    chip = Chip(slots)
    chip.SIZE = len(content) // 2
    chip.cells = [bytearray(content[: chip.SIZE]), bytearray(content[chip.SIZE :])]
    size = int.from_bytes(content[8:12], "little")
    record = bytearray(chip.open(size))
    record[8 + 8] ^= 1  # the first byte of the model's digest in the snapshot
    assert chip.keep(bytes(record))
    path.write_bytes(b"".join(map(bytes, chip.cells)))
    _, lines = on_qemu(tmp_path, 0, HOURS, UNCUT)
    assert lines == ["new state", *whole]


@pytest.mark.parametrize("page", ["arduino", "esp-idf"])
def test_the_page_names_what_the_build_leaves(page: str, built: Path) -> None:
    """The command of the page is that of `built`, but for where it writes."""
    text = (FIRMWARE.parents[1] / f"docs/howto/{page}.md").read_text(encoding="utf-8")
    assert commands(text) == ["make -C examples/firmware PYTHON=python"]
    named = re.findall(r"`(?:.* )?build/firmware/([\w/]+)", text)
    assert named
    assert not [name for name in named if not (built / name).is_dir()]
