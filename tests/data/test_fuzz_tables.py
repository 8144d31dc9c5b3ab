"""Drawn, changed and senseless tables of text: a short run of the study `fuzz_tables`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.studies.fuzz_tables import check_agreement, check_changed, check_text, main

SEEDS = st.integers(0, 2**32)


@settings(max_examples=40)
@given(seed=SEEDS)
def test_training_device_and_polars_agree(seed: int, tmp_path: Path) -> None:
    check_agreement(seed, tmp_path)


@settings(max_examples=40)
@given(seed=SEEDS)
def test_a_changed_table_gives_no_traceback(seed: int, tmp_path: Path) -> None:
    check_changed(seed, tmp_path)


@given(seed=SEEDS)
def test_a_text_without_sense_gives_no_traceback(seed: int) -> None:
    check_text(seed)


def test_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(0.2, 7) == 0
    assert "seeds from 7, no disagreement" in capsys.readouterr().out
