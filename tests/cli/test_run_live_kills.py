"""A few kills of the live study that `make kills` is."""

from __future__ import annotations

from pathlib import Path

from support.studies.live_kill_study import study


def test_a_killed_live_run_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    chains = study(tmp_path, kills=5, chains=1, num_lines=200, seed=1)
    assert [fault for chain in chains for fault in chain.faults] == []
    assert sum(chain.num_killed for chain in chains) == 5
