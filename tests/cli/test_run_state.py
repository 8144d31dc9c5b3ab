"""`rnnedge run --state`: when it is saved, who may have it, and what can go wrong."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.studies.kill_study import Table, make_table

from rnnedge.cli import main
from rnnedge_runtime.formats import files
from rnnedge_runtime.live import state_file

RUN = [sys.executable, "-c", "from rnnedge.cli import main; main()", "run"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return make_table(tmp_path_factory.mktemp("table"), 60)


def lines_of(table: Table, first: int, last: int) -> str:
    return "".join(f"{line}\n" for line in [table.lines[0], *table.lines[first:last]])


def run(table: Table, *arguments: object, stdin: str | None = None) -> Result:
    command = ["run", str(table.artifact), *map(str, arguments)]
    return CliRunner().invoke(main, command, input=stdin)


def source_of(table: Table) -> Path:
    return table.artifact.parent / "whole.csv"


def saves(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is saved from now on."""
    found: list[bytes] = []
    replace = files.replace_file

    def counted(path: Path, content: bytes) -> None:
        found.append(content)
        replace(path, content)

    monkeypatch.setattr(state_file, "replace_file", counted)
    return found


@pytest.mark.parametrize(("every", "number"), [("1", 60), ("7", 9), ("1h", 1)])
def test_the_state_is_saved_every_so_many_rows(
    table: Table,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    every: str,
    number: int,
) -> None:
    found = saves(monkeypatch)
    options = ("--state", tmp_path / "a.state", "--save-every", every)
    assert run(table, *options, "--input", source_of(table)).exit_code == 0
    assert len(found) == number
    assert (tmp_path / "a.state").read_bytes() == found[-1]


@pytest.mark.parametrize("every", ["0", "-3", "1.5", "30 parsecs", ""])
def test_what_is_no_interval(table: Table, tmp_path: Path, every: str) -> None:
    options = ("--state", tmp_path / "a.state", "--save-every", every)
    result = run(table, *options, stdin=lines_of(table, 1, 3))
    assert result.exit_code == 2
    assert "--save-every" in result.stderr


def started(
    table: Table, state: Path, *more: str, stderr: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    """`rnnedge run` beside this process, with pipes for its rows and forecasts."""
    return subprocess.Popen(
        [*RUN, str(table.artifact), "--state", str(state), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def test_a_slow_pipe_has_every_row_saved(table: Table, tmp_path: Path) -> None:
    state = tmp_path / "a.state"
    process = started(table, state)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines_of(table, 1, 4))
        process.stdin.flush()
        for _ in range(4):
            process.stdout.readline()
        end = time.monotonic() + 60
        while table.last_row(state) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        assert table.last_row(state) == 3
        process.kill()


def test_a_second_process_is_kept_off(table: Table, tmp_path: Path) -> None:
    state, link = tmp_path / "a.state", tmp_path / "link"
    link.symlink_to(state)
    process = started(table, state)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines_of(table, 1, 2))
        process.stdin.flush()
        process.stdout.readline()
        for path in (state, link):
            result = run(table, "--state", path, stdin=lines_of(table, 2, 3))
            assert result.exit_code == 2
            (message,) = result.stderr.splitlines()
            assert f"{path}: another process ({process.pid}) has this state" in message
        process.stdin.close()
    assert process.returncode == 0
    assert run(table, "--state", link, stdin=lines_of(table, 2, 3)).exit_code == 0
    assert sorted(tmp_path.iterdir()) == [state, link]


@pytest.mark.parametrize("other", ["--input", "--output", "artifact"])
@pytest.mark.parametrize("way", ["same", "symlink", "hard link"])
def test_the_state_is_no_other_file_of_the_command(
    table: Table, tmp_path: Path, other: str, way: str
) -> None:
    file, state = tmp_path / "file", tmp_path / "state"
    file.write_bytes(table.artifact.read_bytes())
    if way == "same":
        state = file
    elif way == "symlink":
        state.symlink_to(file)
    else:
        state.hardlink_to(file)
    options = [str(table.artifact), "--input", str(source_of(table))]
    if other == "artifact":
        options[0] = str(file)
    else:
        options += [other, str(file)]
    result = CliRunner().invoke(main, ["run", *options, "--state", str(state)])
    assert result.exit_code == 2
    assert f"{state}: the file of --state is that of" in result.stderr
    assert other in result.stderr
    assert file.read_bytes() == table.artifact.read_bytes()


def test_mode_and_link_of_a_state_stay(table: Table, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    state, link = tmp_path / "disk" / "a.state", tmp_path / "link"
    link.symlink_to(state)
    assert run(table, "--state", link, stdin=lines_of(table, 1, 5)).exit_code == 0
    state.chmod(0o640)
    assert run(table, "--state", link, stdin=lines_of(table, 5, 9)).exit_code == 0
    assert link.is_symlink()
    assert stat.S_IMODE(state.stat().st_mode) == 0o640
    assert table.last_row(state) == 8
    assert list((tmp_path / "disk").iterdir()) == [state]


def test_files_of_killed_processes_are_removed(table: Table, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    state = tmp_path / "a.state"
    stale = tmp_path / f".a.state.{dead.pid}.partial"
    others = [
        tmp_path / f".a.state.{os.getppid()}.partial",
        tmp_path / f".b.state.{dead.pid}.partial",
        tmp_path / ".a.state.x.partial",
    ]
    for path in (stale, *others):
        path.write_bytes(b"")
    assert run(table, "--state", state, stdin=lines_of(table, 1, 5)).exit_code == 0
    assert sorted(tmp_path.iterdir()) == sorted([state, *others])


def test_a_state_that_is_no_file(table: Table, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, expected in (
        ("pipe", "this is no regular file"),
        ("no/state", "the folder for the state does not exist"),
        ("loop", "state"),
        ("x" * 300, "name"),
    ):
        result = run(table, "--state", tmp_path / name, stdin=lines_of(table, 1, 3))
        assert result.exit_code == 2
        assert expected in result.stderr
        assert "Traceback" not in result.output


def failing(call: Callable[..., Any], number: int) -> Callable[..., Any]:
    """A call of the system that fails on partial files."""

    def fail(*arguments: Any, **options: Any) -> Any:
        if any(str(one).endswith(".partial") for one in arguments):
            raise OSError(number, os.strerror(number))
        return call(*arguments, **options)

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_state_that_cannot_be_saved_is_named(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """All forecasts are written; the older state is still there; exit code 2."""
    state, output = tmp_path / "a.state", tmp_path / "out.csv"
    assert run(table, "--state", state, stdin=lines_of(table, 1, 11)).exit_code == 0
    before = state.read_bytes()
    monkeypatch.setattr(os, "open", failing(os.open, number))
    options = ("--state", state, "--save-every", "5", "--output", output)
    result = run(table, *options, stdin=lines_of(table, 11, 61))
    assert result.exit_code == 2
    text = f"{state}: the state cannot be saved: {os.strerror(number)}. "
    assert result.stderr.count(text) == 2
    assert "The forecasts go on; the state is tried again." in result.stderr
    assert "Traceback" not in result.output
    assert output.read_text().splitlines()[1:] == table.answers[11:]
    assert state.read_bytes() == before


def test_a_state_is_saved_again_once_it_can_be(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "a.state"
    fail, call = failing(os.open, errno.ENOSPC), os.open
    num_calls = 0

    def sometimes(*arguments: Any, **options: Any) -> Any:
        nonlocal num_calls
        num_calls += 1
        return (fail if num_calls < 10 else call)(*arguments, **options)

    monkeypatch.setattr(os, "open", sometimes)
    monkeypatch.setattr("rnnedge_runtime.live.saving._RETRY_S", 0.0)
    options = ("--state", state, "--save-every", "1")
    result = run(table, *options, stdin=lines_of(table, 1, 61))
    assert result.exit_code == 0
    assert result.stderr.count("No space left on device") == 1
    assert table.last_row(state) == 60


def test_a_reader_that_leaves_has_the_state_saved(table: Table, tmp_path: Path) -> None:
    state = tmp_path / "a.state"
    process = started(table, state, "--save-every", "1h", stderr=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(lines_of(table, 1, 11))
        process.stdin.flush()
        for _ in range(11):
            process.stdout.readline()
        process.stdout.close()
        process.stdin.write(table.lines[11] + "\n")
        process.stdin.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors
    assert table.last_row(state) in (10, 11)


def test_a_reader_that_leaves_a_file_has_a_state_no_newer_than_its_rows(
    tmp_path: Path,
) -> None:
    table, state = make_table(tmp_path, 5000), tmp_path / "a.state"
    process = subprocess.Popen(
        [*RUN, str(table.artifact), "--state", str(state), "--input", "-"],
        stdin=source_of(table).open(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors
    assert table.last_row(state) % 1000 == 0
    assert table.last_row(state) < 5000


def test_the_same_command_again_adds_nothing(table: Table, tmp_path: Path) -> None:
    state, output = tmp_path / "a.state", tmp_path / "out.csv"
    options = ("--input", source_of(table), "--state", state, "--output", output)
    for expected in ("", "60 rows were passed over, as the saved state holds them"):
        result = run(table, *options)
        assert result.exit_code == 0, result.output
        assert expected in result.stderr
        assert output.read_text().splitlines() == table.answers


def test_an_output_grows_beside_a_state(table: Table, tmp_path: Path) -> None:
    state, output = tmp_path / "a.state", tmp_path / "out.csv"
    options = ("--state", state, "--output", output)
    for first, last in ((1, 20), (20, 21), (21, 61)):
        assert run(table, *options, stdin=lines_of(table, first, last)).exit_code == 0
    assert output.read_text().splitlines() == table.answers


def test_rows_are_not_appended_to_another_table(table: Table, tmp_path: Path) -> None:
    state, output = tmp_path / "a.state", tmp_path / "out.csv"
    output.write_text("time,a,b\n1,2,3\n")
    options = ("--state", state, "--output", output)
    result = run(table, *options, stdin=lines_of(table, 1, 9))
    assert result.exit_code == 2
    assert f"{output}: the file starts with 'time,a,b', but the rows" in result.stderr
    assert output.read_text() == "time,a,b\n1,2,3\n"
