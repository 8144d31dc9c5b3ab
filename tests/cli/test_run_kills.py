"""A dozen kills of the study that `make kills` is."""

from __future__ import annotations

from pathlib import Path

from support.studies.kill_study import make_table, study


def test_a_killed_run_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    table = make_table(tmp_path, 400)
    found = study(table, pipes=5, files=4, saves=3, seed=1)
    outcomes = [outcome for each in found.values() for outcome in each]
    assert [fault for outcome in outcomes for fault in outcome.faults] == []
    assert sum(outcome.is_killed for outcome in outcomes) >= len(outcomes) / 2
