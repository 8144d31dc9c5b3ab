"""`rnnedge run --source http://... --serve ...` as a user starts it, stopped and killed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.live.asking import ask
from support.run_helpers import COLUMNS, MEANS, make_artifact

LINE = re.compile(r"(http|page): listening on (\S+?)(/readings|/forecasts/|/)$")
COMMAND = "from rnnedge.cli import main; main(prog_name='rnnedge')"
START_S = 1_700_000_000 // 3600 * 3600


@contextmanager
def run(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A process, and the addresses that it says it listens on."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
    )
    addresses: dict[str, str] = {}
    assert process.stderr is not None
    try:
        while "/readings" not in addresses:
            line = process.stderr.readline()
            assert line, (process.wait(10), addresses)
            if found := LINE.search(line.strip()):
                addresses[found[3]] = found[2]
        yield process, addresses
    finally:
        process.kill()
        process.communicate()


def body(hour: int) -> bytes:
    values = {name: mean + hour for name, mean in zip(COLUMNS, MEANS, strict=True)}
    return json.dumps({"time": START_S + 3600 * hour, **values}).encode()


def arguments(artifact: Path, state: Path, out: Path) -> list[object]:
    places = ["--source", "http://127.0.0.1:0", "--sink", out, "--serve", "127.0.0.1:0"]
    return [artifact, *places, "--state", state]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_artifact(tmp_path_factory.mktemp("artifact"))


def test_what_was_accepted_survives_a_kill(artifact: Path, tmp_path: Path) -> None:
    """Killed after every second 202, and every reading posted twice."""
    out = tmp_path / "out.jsonl"
    for part in range(3):
        with run(*arguments(artifact, tmp_path / "state", out)) as (process, at):
            for hour in (2 * part, 2 * part + 1):
                for _ in range(2):
                    answer = ask(f"{at['/readings']}/readings", body(hour))
                    assert answer.status == 202
            process.kill()
    with run(*arguments(artifact, tmp_path / "state", out)) as (process, at):
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, 128 + signal.SIGTERM, -signal.SIGTERM)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    values = {line["time"]: line["temp_c_1"] for line in lines}
    assert len(values) == 6
    assert all(values[line["time"]] == line["temp_c_1"] for line in lines)
    whole = tmp_path / "whole.jsonl"
    with run(*arguments(artifact, tmp_path / "other", whole)) as (process, at):
        for hour in range(6):
            assert ask(f"{at['/readings']}/readings", body(hour)).status == 202
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    expected = [json.loads(line) for line in whole.read_text().splitlines()]
    assert values == {line["time"]: line["temp_c_1"] for line in expected}


def test_the_page_of_a_run(artifact: Path, tmp_path: Path) -> None:
    with run(*arguments(artifact, tmp_path / "state", tmp_path / "o")) as (_, at):
        assert ask(f"{at['/']}/").status == 200
        assert ask(f"{at['/readings']}/readings", body(0)).status == 202
        about = ask(f"{at['/']}/api/about").json()
        assert [feature["name"] for feature in about["features"]] == list(COLUMNS)


def test_a_configuration_has_a_page(artifact: Path, tmp_path: Path) -> None:
    config = tmp_path / "live.toml"
    config.write_text(
        f"artifact = {str(artifact)!r}\n"
        '[page]\nurl = "127.0.0.1:0"\n'
        '[source]\nurl = "http://127.0.0.1:0"\nmax_waiting = 10\n'
        '[[sink]]\nurl = "http://127.0.0.1:0"\n'
        '[[sink]]\nurl = "prometheus://127.0.0.1:0"\n'
    )
    with run("--config", config) as (_, at):
        assert {"/", "/readings", "/forecasts/"} <= set(at)
        assert ask(f"{at['/readings']}/readings", body(0)).status == 202
        assert ask(f"{at['/forecasts/']}/forecasts/").json()["series"] == ""


@pytest.mark.parametrize("option", ["--serve", "--source"])
def test_an_address_in_use_ends_the_run(artifact: Path, option: str) -> None:
    with run(artifact, "--source", "http://127.0.0.1:0") as (_, at):
        taken = at["/readings"]
        places = ["--source", "http://127.0.0.1:0", option, taken]
        command = [sys.executable, "-c", COMMAND, "run", artifact, *places]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Choose another port" in done.stderr
    assert "Traceback" not in done.stderr
