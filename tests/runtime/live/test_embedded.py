"""The rooms of `live` in a program of one's own: no command line, no polars, no click."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.run_helpers import LINES, make_artifact, weather_spec
from support.studies.kill_study import make_table

import rnnedge_runtime
from rnnedge_runtime.live.places import SINKS, SOURCES, open_source
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.runner import Settings, restore_state, run
from rnnedge_runtime.live.saving import SaveEvery, Saver
from rnnedge_runtime.live.sinks.file import RowOutput
from rnnedge_runtime.live.state_file import open_state
from rnnedge_runtime.live.stopping import SIGNALS
from rnnedge_runtime.tables.rows.reading import Row


def gateway(artifact: Path, state_path: Path, readings: list[list[float]]) -> str:
    """A loop as a gateway has one: it goes on from its state, and keeps it."""
    stream, answers = RowStream(rnnedge_runtime.load(artifact)), io.StringIO()
    with open_state(state_path) as state:
        restore_state(stream, state)
        saver = Saver(
            state,
            RowOutput(answers),
            stream.snapshot,
            every=SaveEvery(rows=2),
            is_live=True,
        )
        start_us = stream.last_time_us or 1_357_020_000_000_000
        for k, values in enumerate(readings, 1):
            time_us = start_us + k * 3_600_000_000
            row = Row(k, None, time_us, np.array(values, dtype=np.float32))
            print(stream.advance(row), file=answers)
            saver.took_row()
        saver.end()
    return answers.getvalue()


def test_a_gateway_goes_on_from_its_state(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    size = weather_spec().num_features
    readings = np.random.default_rng(0).normal(size=(9, size)).tolist()
    whole = gateway(artifact, tmp_path / "whole.state", readings)
    for cut in (0, 1, 4, 9):
        state = tmp_path / f"{cut}.state"
        first = gateway(artifact, state, readings[:cut])
        assert first + gateway(artifact, state, readings[cut:]) == whole
        assert state.read_bytes() == (tmp_path / "whole.state").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_a_run_inside_a_program_is_that_of_the_command(tmp_path: Path) -> None:
    table = make_table(tmp_path, 40)
    sink, said, seen = tmp_path / "out.csv", [], []
    settings = Settings(source=str(tmp_path / "whole.csv"), sink=str(sink))
    outcome = run(
        table.model,
        settings,
        tell=said.append,
        observe=lambda row, forecast: seen.append(row.number),
    )
    assert sink.read_text().splitlines() == table.answers
    assert seen == list(range(1, 41))
    assert (outcome.num_rows, outcome.num_written, outcome.signal) == (40, 40, 0)
    assert said == []
    assert all(line.startswith(settings.source) for line in outcome.lines())
    outcome.check()


def test_every_scheme_has_its_opener(tmp_path: Path) -> None:
    for table in (SOURCES, SINKS):
        assert {"", "-"} <= set(table)
        assert all(key in ("", "-") or key.endswith("://") for key in table)
    path = tmp_path / "readings.csv"
    path.write_text(LINES)
    with open_source(str(path)) as lines:
        assert "".join(lines) == LINES


@pytest.mark.parametrize("name", ["here://there", "-://", "://", "a:b"])
def test_a_name_of_no_known_scheme_is_a_path(name: str) -> None:
    from rnnedge_runtime.errors import DataError

    with (
        pytest.raises(DataError, match=f"^{name}: the file cannot be read"),
        open_source(name),
    ):
        pass


def test_signals_are_given_back() -> None:
    import signal

    from rnnedge_runtime.live.stopping import Stop

    before = [signal.getsignal(number) for number in SIGNALS]
    with Stop() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt), stop.interruptible():
            pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_live_needs_numpy_alone() -> None:
    """Neither loads it what a device lacks, nor is it loaded with the runtime."""
    code = (
        "import sys, rnnedge_runtime; "
        "assert not any('.live' in name for name in sys.modules); "
        "import rnnedge_runtime.live.runner; "
        "rest = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names; "
        "print(*sorted(rest & {'click', 'polars', 'torch', 'rnnedge', 'rnnedge_export'}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "\n"
