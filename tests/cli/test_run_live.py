"""`rnnedge run` with a live source: its options, its configuration, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.live_helpers import START_US
from support.run_helpers import COLUMNS, LINES, make_artifact, parse, run

HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_artifact(tmp_path_factory.mktemp("artifact"))


def lines_of(first: int, last: int, series: str = "a") -> str:
    return "".join(
        json.dumps(
            {
                "series": series,
                "time": START_US / 1e6 + 3600 * hour,
                **{name: hour % 7 + k for k, name in enumerate(COLUMNS)},
            }
        )
        + "\n"
        for hour in range(first, last)
    )


def live(artifact: Path, source: Path, *options: object) -> tuple[list[str], str]:
    """Lines of forecasts, and what was said."""
    sink = source.with_name(f"{source.name}.out")
    sink.unlink(missing_ok=True)
    result = run(artifact, "--source", source, "--sink", sink, *options)
    assert result.exit_code == 0, result.stderr
    return sink.read_text().splitlines(), result.stderr


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_live_file_gives_what_the_table_gives(artifact: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "in.csv", LINES)
    sink = tmp_path / "out.csv"
    result = run(artifact, "--source", table, "--sink", sink)
    assert result.exit_code == 0
    found = parse(sink.read_text())
    expected = parse(run(artifact, "--input", table).stdout)[:3]
    names = [name for name in expected[0] if name != "time"]
    assert [[row[name] for name in names] for row in found] == [
        [row[name] for name in names] for row in expected
    ]
    assert "streams: readings 4" in result.stderr
    assert "repeated 1" in result.stderr


def test_the_configuration_is_enough(artifact: Path, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", lines_of(0, 5))
    config = write(
        tmp_path / "live.toml",
        f'artifact = "{os.path.relpath(artifact, tmp_path)}"\nstate = "state"\n'
        f'[source]\nurl = "{tmp_path}/in.jsonl"\n'
        f'[[sink]]\nurl = "{tmp_path}/out.jsonl"\n',
    )
    result = run("--config", config)
    assert result.exit_code == 0, result.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 5
    assert (tmp_path / "state").is_dir()
    write(tmp_path / "in.jsonl", lines_of(3, 9))
    assert run("--config", config).exit_code == 0
    found = (tmp_path / "out.jsonl").read_text().splitlines()
    whole = write(tmp_path / "whole.jsonl", lines_of(0, 9))
    assert found == live(artifact, whole)[0]


def test_a_state_file_of_a_table_is_read(artifact: Path, tmp_path: Path) -> None:
    header, *rows = LINES.splitlines(keepends=True)
    state = tmp_path / "jfk.state"
    run(artifact, "--state", state, stdin=header + "".join(rows[:2]))
    second = write(tmp_path / "second.csv", header + rows[2])
    found, said = live(artifact, second, "--state", state)
    assert "state of one file; from now on it is kept in" in said
    whole = write(tmp_path / "whole.csv", header + "".join(rows[:3]))
    assert found == live(artifact, whole)[0][2:]
    assert (tmp_path / "jfk.state.d").is_dir()
    found, said = live(artifact, second, "--state", state)
    assert found == []
    assert "state of one file" not in said


def test_limits_of_sensors_hold_for_live_readings(
    artifact: Path, tmp_path: Path
) -> None:
    text = lines_of(0, 6)
    whole = write(tmp_path / "whole.jsonl", text)
    name = COLUMNS[0]
    gone = [json.loads(line) for line in text.splitlines()]
    for row in gone:
        if row[name] > 3:
            del row[name]
    part = write(tmp_path / "part.jsonl", "".join(f"{json.dumps(r)}\n" for r in gone))
    found, said = live(artifact, whole, "--range", f"{name}=-5:3")
    assert found == live(artifact, part)[0]
    assert found != live(artifact, whole)[0]
    assert f"implausible {name} 2" in said


def test_history_primes_new_streams_only(artifact: Path, tmp_path: Path) -> None:
    header, *rows = LINES.splitlines(keepends=True)
    history = write(tmp_path / "history.csv", header + "".join(rows[:2]))
    second = write(tmp_path / "second.csv", header + rows[2])
    options = ("--prime", history, "--state", tmp_path / "state")
    found, said = live(artifact, second, *options)
    assert "up to date" in said
    whole = write(tmp_path / "whole.csv", header + "".join(rows[:3]))
    assert found == live(artifact, whole)[0][2:]
    assert "up to date" not in live(artifact, second, *options)[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "-", "--sort"], "--sort: the option belongs to --input"),
        (["--source", "-", "--input", "x"], "--input: the option belongs to --input"),
        (["--source", "-", "--plot", "x.png"], "--plot: the option belongs to"),
        (["--source", "-", "--delimiter", ";"], "--delimiter: the option belongs"),
        (["--wait", "2s"], "--wait: the option belongs to a live source"),
        (["--sink", "x"], "--sink: the option belongs to a live source"),
        (["--watch"], "--watch: the option belongs to a live source"),
        (["--source", "-", "--wait", "soon"], "--wait 'soon': this is no length"),
        (["--source", "-", "--on-gap", "jump"], "--on-gap: on-gap is 'jump'"),
        (["--source", "-", "--max-gap", "1h"], "start anew at every late reading"),
        (["--source", "carrier://pigeon"], "there is no source of this scheme"),
        (["--config", "none.toml"], "none.toml: the configuration cannot be read"),
    ],
)
def test_what_has_no_meaning_is_refused(
    artifact: Path, options: list[str], message: str
) -> None:
    result = run(artifact, *options, stdin="")
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_live_run_needs_an_artifact_and_a_source(
    artifact: Path, tmp_path: Path
) -> None:
    assert "no artifact is named" in run("--source", "-", stdin="").stderr
    config = write(tmp_path / "live.toml", "")
    assert "there is no source" in run(artifact, "--config", config).stderr
    assert "Missing argument 'ARTIFACT'" in run().stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_state_and_ends(
    artifact: Path, tmp_path: Path, number: signal.Signals
) -> None:
    state = tmp_path / "state"
    command = ["run", str(artifact), "--source", "-", "--state", str(state)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from rnnedge.cli import main; main()", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines_of(0, 5))
        process.stdin.flush()
        first = [process.stdout.readline() for _ in range(5)]
        second = run(artifact, "--source", "-", "--state", state, stdin="")
        assert second.exit_code == 2
        assert f"another process ({process.pid}) has this state" in second.stderr
        start_s = time.monotonic()
        process.send_signal(number)
        rest, said = process.communicate()
        assert time.monotonic() - start_s < 20
    assert process.returncode == 128 + number
    assert rest == ""
    assert "Error" not in said
    source = write(tmp_path / "in.jsonl", lines_of(5, 9))
    found, _ = live(artifact, source, "--state", state)
    whole = write(tmp_path / "whole.jsonl", lines_of(0, 9))
    assert [*"".join(first).splitlines(), *found] == live(artifact, whole)[0]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_sighup_takes_a_new_model_over(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.mkdir()
    other.mkdir()
    artifact, new = make_artifact(path), make_artifact(other, seed=1)
    command = ["run", str(artifact), "--source", "-"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from rnnedge.cli import main; main()", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(lines_of(0, 5))
        process.stdin.flush()
        first = [process.stdout.readline() for _ in range(5)]
        new.replace(artifact)
        process.send_signal(signal.SIGHUP)
        assert "has taken over" in process.stderr.readline()
        second, _ = process.communicate(lines_of(5, 9))
    assert process.returncode == 0
    whole = write(tmp_path / "whole.jsonl", lines_of(0, 9))
    assert second.splitlines() == live(artifact, whole)[0][5:]
    assert [line.strip() for line in first] != live(artifact, whole)[0][:5]
