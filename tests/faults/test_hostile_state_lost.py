"""The eight ways in which `rnnedge run --state` lost every step since its start.

Each run goes on from an orderly state, meets its fault after 100 more rows, and is started
again with the rows after: the forecasts are those of a run without the fault.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.studies.kill_study import Table, make_table

RUN = [sys.executable, "-c", "from rnnedge.cli import main; main()", "run"]
FIRST, LAST, END = 50, 150, 200


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return make_table(tmp_path_factory.mktemp("table"), END)


def run(table: Table, state: Path, rows: list[str], *, code: int = 0) -> list[str]:
    result = subprocess.run(
        [*RUN, str(table.artifact), "--state", str(state)],
        input="".join(f"{line}\n" for line in [table.lines[0], *rows]).encode(),
        capture_output=True,
        check=False,
    )
    assert result.returncode == code, result.stderr
    return result.stdout.decode().splitlines()[1:]


def goes_on(table: Table, tmp_path: Path, tail: bytes) -> None:
    state = tmp_path / "a.state"
    run(table, state, table.lines[1 : FIRST + 1])
    text = "\n".join([table.lines[0], *table.lines[FIRST + 1 : LAST + 1]]) + "\n"
    result = subprocess.run(
        [*RUN, str(table.artifact), "--state", str(state)],
        input=text.encode() + tail,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(b"\n") == 1 + LAST - FIRST
    assert table.last_row(state) == LAST
    assert run(table, state, table.lines[LAST + 1 :]) == table.answers[LAST + 1 :]


def test_invalid_utf_8_byte(table: Table, tmp_path: Path) -> None:
    goes_on(table, tmp_path, b"\xff\n")


def test_garbled_cell(table: Table, tmp_path: Path) -> None:
    """A bad row that is dated takes its step, so it is dated like the last one here."""
    stamp = table.lines[LAST].split(",")[0]
    goes_on(table, tmp_path, f"{stamp},3.9x,1,2,3,4\n".encode())


def test_header_repeated(table: Table, tmp_path: Path) -> None:
    goes_on(table, tmp_path, f"{table.lines[0]}\n".encode())


def test_row_cut_at_eof(table: Table, tmp_path: Path) -> None:
    goes_on(table, tmp_path, table.lines[LAST + 1][:25].encode())


def test_clock_back_1_h(table: Table, tmp_path: Path) -> None:
    goes_on(table, tmp_path, f"{table.lines[LAST - 1]}\n".encode())


def test_short_row(table: Table, tmp_path: Path) -> None:
    goes_on(table, tmp_path, b"2013-01-02T00:00:00Z,1\n")


def stopped(table: Table, state: Path, number: signal.Signals) -> int:
    process = subprocess.Popen(
        [*RUN, str(table.artifact), "--state", str(state), "--save-every", "10"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        rows = [table.lines[0], *table.lines[FIRST + 1 : LAST + 1]]
        process.stdin.write("".join(f"{line}\n" for line in rows).encode())
        process.stdin.flush()
        for _ in rows:
            process.stdout.readline()
        process.send_signal(number)
    return process.returncode


def test_kill_9(table: Table, tmp_path: Path) -> None:
    """At most the rows of one interval are lost, and none once they are given again."""
    state = tmp_path / "a.state"
    run(table, state, table.lines[1 : FIRST + 1])
    assert stopped(table, state, signal.SIGKILL) == -signal.SIGKILL
    last = table.last_row(state)
    assert LAST - 10 <= last <= LAST
    assert run(table, state, table.lines[last + 1 :]) == table.answers[last + 1 :]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_sighup(table: Table, tmp_path: Path, number: signal.Signals) -> None:
    state = tmp_path / "a.state"
    run(table, state, table.lines[1 : FIRST + 1])
    assert stopped(table, state, number) == 128 + number
    assert table.last_row(state) == LAST
    assert run(table, state, table.lines[LAST + 1 :]) == table.answers[LAST + 1 :]
    assert list(tmp_path.iterdir()) == [state]
