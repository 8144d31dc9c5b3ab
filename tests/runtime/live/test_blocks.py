"""A file streamed by blocks gives what it gives row by row, byte for byte."""

from __future__ import annotations

import dataclasses
import gzip
import os
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st
from support.artifacts import native_model
from support.strategies import random_weights
from support.studies.drawn_logs import PERIOD_S, Log, drawn_log
from support.studies.fuzz_tables import change

from rnnedge_runtime.backends.native import has_native
from rnnedge_runtime.errors import RnnEdgeError
from rnnedge_runtime.live import blocks, saving
from rnnedge_runtime.live.runner import Settings, run
from rnnedge_runtime.live.saving import SaveEvery
from rnnedge_runtime.live.sinks.file import RowOutput
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows import row_cells

pytestmark = pytest.mark.skipif(not has_native(), reason="the C engine is not built")

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def early_blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Blocks after few rows, and how long those were that were taken."""
    monkeypatch.setattr(row_cells, "AHEAD_ROWS", 10)
    monkeypatch.setattr(row_cells, "HEAD_LINES", 10)
    monkeypatch.setattr(saving, "_COMMIT_ROWS", 40)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    sizes: list[int] = []
    take = blocks.Blocks.take

    def counted(self: blocks.Blocks, block: Any) -> int:
        sizes.append(len(block))
        return take(self, block)

    monkeypatch.setattr(blocks.Blocks, "take", counted)
    return sizes


def spec_of(log: Log, seed: int) -> ModelSpec:
    rng = random.Random(seed)
    missing = rng.choice(("hold", "hold", "predict", "reject"))
    unchanged = rng.choice((None, 2, 8))
    has_clock = log.has_time and rng.random() < 0.5
    size = 2 + 2 * has_clock
    period_s = PERIOD_S if rng.random() < 0.8 else None
    return ModelSpec(
        features=(
            Feature(
                "temp", "C", missing, (-10.0, 30.0), 10.0, (-100.0, 100.0), unchanged
            ),
            Feature(
                "flow", "", rng.choice(("hold", "reject")), None, 1.0, None, unchanged
            ),
        ),
        targets=(Target("temp", "C"),),
        layers=(Affine(size), Gru(size, 3), Linear(3, 2)),
        horizon=2,
        derived=(DerivedInput(86_400),) if has_clock else (),
        sample_period_s=period_s,
        max_gap_s=rng.choice((None, 12.0 * PERIOD_S)) if period_s else None,
    )


def model_of(log: Log, seed: int) -> Model:
    spec = spec_of(log, seed)
    return native_model(spec, random_weights(spec, np.random.default_rng(seed)))


def outcome_of(model: Model, settings: Settings) -> list[Any]:
    """All that a run says and leaves behind."""
    said: list[Any] = []
    try:
        outcome = run(model, settings, tell=said.append)
        findings = outcome.findings
        said += [outcome.lines(), list(findings.counts.items()), outcome.num_rows]
        said += [findings.num_rows, findings.num_slots, findings.num_single]
        said += [findings.num_periods, outcome.held.counts, outcome.num_written]
    except RnnEdgeError as error:
        said.append((type(error), str(error).replace(settings.sink, "SINK")))
    sink = Path(settings.sink)
    said.append(sink.read_bytes() if sink.exists() else None)
    if settings.state is not None and settings.state.exists():
        said.append(settings.state.read_bytes())
    return said


def check_same(model: Model, log: Log, folder: Path, **choices: Any) -> None:
    """Raise AssertionError where the two ways differ in anything."""
    found = []
    state = choices.pop("has_state", False)
    source = folder / choices.pop("name", "log.csv")
    source.write_bytes(gzip.compress(log.raw) if source.suffix == ".gz" else log.raw)
    for by_blocks in (True, False):
        one = folder / str(by_blocks)
        for file in (one / "out.csv", one / "state"):
            file.unlink(missing_ok=True)
        one.mkdir(exist_ok=True)
        settings = Settings(
            source=str(source),
            sink=str(one / "out.csv"),
            series=log.series,
            state=one / "state" if state else None,
            by_blocks=by_blocks,
            **choices,
        )
        found.append(outcome_of(model, settings))
    assert found[0] == found[1]


@drawing(max_examples=150)
@given(seed=SEEDS)
def test_any_log_is_streamed_the_same(tmp_path: Path, seed: int) -> None:
    rng, log = random.Random(seed), drawn_log(seed)
    check_same(
        model_of(log, seed),
        log,
        tmp_path,
        has_state=rng.random() < 0.5,
        every=SaveEvery(rng.choice((None, 1, 7, 100))),
        is_strict=rng.random() < 0.1,
        range=rng.choice(((), (), ("-50:50",), ("temp=-20:20", "flow=0:30"))),
        max_jump=rng.choice((None, None, "2h", "off")),
        output_format=rng.choice(("csv", "csv", "csv", "jsonl")),
        name=rng.choice(("log.csv", "log.csv", "log.csv.gz")),
        options=rng.choice(
            (
                TableOptions(),
                TableOptions(),
                TableOptions(na=("ok",)),
                TableOptions(missing_values=("-3000",)),
                TableOptions(tz="Europe/Berlin"),
                TableOptions(tz="+05:30"),
                TableOptions(fill_rows=True),
                TableOptions(difference=("flow",)),
                TableOptions(resample="20min:mean"),
            )
        ),
    )


@drawing(max_examples=60)
@given(seed=SEEDS)
def test_a_broken_log_is_streamed_the_same(tmp_path: Path, seed: int) -> None:
    log = drawn_log(seed)
    log = dataclasses.replace(log, raw=change(random.Random(seed), log.raw))
    check_same(model_of(log, seed), log, tmp_path)


@drawing(max_examples=40)
@given(seed=SEEDS)
def test_a_log_that_grows_is_streamed_as_one_that_is_whole(
    tmp_path: Path, seed: int
) -> None:
    rng, log = random.Random(seed), drawn_log(seed, is_clean=True)
    model = model_of(log, seed)
    lines = log.raw.splitlines(keepends=True)
    cuts = sorted(rng.sample(range(1, len(lines)), 2))
    source = tmp_path / "log.csv"
    found = []
    for by_blocks in (True, False):
        sink, state = tmp_path / f"{by_blocks}.csv", tmp_path / f"{by_blocks}.state"
        for file in (sink, state):
            file.unlink(missing_ok=True)
        said: list[Any] = []
        for cut in (*cuts, len(lines)):
            source.write_bytes(b"".join(lines[:cut]))
            settings = Settings(
                source=str(source),
                sink=str(sink),
                state=state,
                series=log.series,
                every=SaveEvery(rng.choice((None, 9))),
                by_blocks=by_blocks,
            )
            said += outcome_of(model, settings)
        found.append(said)
    assert found[0] == found[1]


@drawing(max_examples=20)
@given(seed=SEEDS, turns=st.integers(1, 30))
def test_a_signal_loses_nothing(tmp_path: Path, seed: int, turns: int) -> None:
    log = drawn_log(seed, is_clean=True)
    spec = dataclasses.replace(spec_of(log, seed), sample_period_s=PERIOD_S)
    model = native_model(spec, random_weights(spec, np.random.default_rng(seed)))
    source, state = tmp_path / "log.csv", tmp_path / "state"
    source.write_bytes(log.raw)
    settings = Settings(source=str(source), series=log.series, state=state)
    outputs = []
    for name in ("whole.csv", "parts.csv"):
        sink = tmp_path / name
        for file in (sink, state):
            file.unlink(missing_ok=True)
        one = dataclasses.replace(settings, sink=str(sink))
        if name == "parts.csv":
            left = turns

            def is_left(self: RowOutput) -> bool:
                nonlocal left
                left -= 1
                if left == 0:
                    signal.raise_signal(signal.SIGINT)
                return False

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(RowOutput, "is_left", is_left)
                outcome_of(model, one)
        outcome_of(model, one)
        outputs.append(sink.read_bytes())
    assert outputs[0] == outputs[1]


def test_a_plain_log_goes_by_blocks(tmp_path: Path, early_blocks: list[int]) -> None:
    lines = ["time,temp,flow"]
    lines += [
        f"2024-01-{d:02}T{h:02}:00:00Z,{h}.5,{d}"
        for d in range(1, 9)
        for h in range(24)
    ]
    log = Log("\n".join([*lines, ""]).encode())
    spec = dataclasses.replace(spec_of(log, 3), sample_period_s=3600.0)
    model = native_model(spec, random_weights(spec, np.random.default_rng(0)))
    check_same(model, log, tmp_path)
    assert sum(early_blocks) == len(lines) - 1 - 10
    assert max(early_blocks) == 40
