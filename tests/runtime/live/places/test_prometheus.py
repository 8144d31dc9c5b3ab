"""What Prometheus scrapes, parsed by its own client."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live.asking import ask
from support.live.places import T0_US, Opened, room_spec

from rnnedge_runtime.live.loop.nouns import Outcome
from rnnedge_runtime.live.places import live_sink
from rnnedge_runtime.live.sinks.prometheus.metrics import _horizon
from rnnedge_runtime.live.sinks.prometheus.text import Sample, family
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import ModelSpec

parser = pytest.importorskip("prometheus_client.parser")
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def parsed(text: str) -> dict[str, Any]:
    return {found.name: found for found in parser.text_string_to_metric_families(text)}


def outcome(
    series: list[int], values: np.ndarray, now_us: int, **options: Any
) -> Outcome:
    size = len(series)
    return Outcome(
        1,
        now_us,
        np.array(series, np.int32),
        np.full(size, T0_US),
        np.zeros((size, 2), np.float32),
        values.astype(np.float32),
        np.arange(size, dtype=np.int32),
        **options,
    )


def scraped(opened: Opened, *outcomes: Outcome, **options: Any) -> dict[str, Any]:
    sink = live_sink(opened.place("prometheus://127.0.0.1:0", **options))
    sink.start()
    try:
        for item in outcomes:
            assert sink.send(item)
        answer = ask(opened.said[-1].rpartition(" ")[2])
        assert answer.status == 200
        assert "version=0.0.4" in answer.headers["Content-Type"]
        return parsed(answer.body.decode())
    finally:
        sink.close()


def samples(found: Any) -> dict[tuple[tuple[str, str], ...], float]:
    return {tuple(sorted(s.labels.items())): s.value for s in found.samples}


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(TEXT, st.floats(width=32), max_size=5), TEXT)
def test_any_label_comes_back(labels: dict[str, float], about: str) -> None:
    given_samples = [Sample(repr(v), {"series": name}) for name, v in labels.items()]
    found = parsed(family("yhat", "gauge", "Forecast", given_samples))
    back = {s.labels["series"]: s.value for s in found["yhat"].samples}
    assert set(back) == set(labels)
    for name, value in labels.items():
        assert back[name] == value or math.isnan(value)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=6, unique=True), st.integers(0, 2**32))
def test_forecasts_are_gauges(names: list[str], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(len(names), 2)).astype(np.float32)
    opened = Opened(names=names)
    now_us = time.time_ns() // 1000
    found = scraped(opened, outcome([*range(len(names))], values, now_us))
    expected = {
        (("for", "temp"), ("horizon", horizon), ("series", name)): float(str(value))
        for row, name in zip(values, names, strict=True)
        for horizon, value in zip(("1m", "2m"), row, strict=True)
    }
    assert found["yhat"].type == "gauge"
    assert samples(found["yhat"]) == expected
    assert set(samples(found["rnnedge_reading_time_seconds"]).values()) == {T0_US / 1e6}


def test_counters_have_reasons_and_total_in_their_names() -> None:
    opened = Opened()
    for what, number in (("received", 5), ("dropped: name", 2), ("dropped: time", 1)):
        opened.counters.add("mqtt", what, number)
    opened.counters.add("streams", "late", 3)
    found = scraped(opened)
    assert samples(found["rnnedge_received"]) == {(("place", "mqtt"),): 5}
    assert samples(found["rnnedge_dropped"]) == {
        (("place", "mqtt"), ("reason", "name")): 2,
        (("place", "mqtt"), ("reason", "time")): 1,
    }
    late = (("event", "late"), ("place", "streams"))
    assert samples(found["rnnedge_events"])[late] == 3
    for name in ("received", "dropped", "sent", "events"):
        assert found[f"rnnedge_{name}"].type == "counter"


def test_latency_is_a_histogram_that_leaves_out_what_is_sent_again() -> None:
    now_us = time.time_ns() // 1000
    values = np.zeros((1, 2))
    early = outcome([0], values, now_us - 30_000_000)
    late = outcome([0], values, now_us - 30_000_000, is_late=True)
    found = scraped(Opened(), outcome([0], values, now_us), early, late)
    histogram = found["rnnedge_latency_seconds"]
    assert histogram.type == "histogram"
    buckets = [(float(s.labels["le"]), s.value) for s in histogram.samples if s.labels]
    assert buckets == sorted(buckets)
    assert [v for _, v in buckets] == sorted(v for _, v in buckets)
    assert buckets[-1] == (math.inf, 2)
    assert dict(buckets)[10.0] == 1
    total = {s.name: s.value for s in histogram.samples if not s.labels}
    assert total["rnnedge_latency_seconds_count"] == 2
    assert 30 <= total["rnnedge_latency_seconds_sum"] < 60


def test_the_number_of_series_is_bounded() -> None:
    names = [f"s{k}" for k in range(100)]
    now_us = time.time_ns() // 1000
    item = outcome([*range(100)], np.ones((100, 2)), now_us)
    found = scraped(Opened(names=names), item, max_series=7)
    assert len(found["yhat"].samples) == 14
    assert found["rnnedge_series"].samples[0].value == 100
    assert found["rnnedge_series_left_out"].samples[0].value == 93


def test_a_silent_series_is_left_out() -> None:
    now_us = time.time_ns() // 1000
    old = outcome([0], np.ones((1, 2)), now_us - 400_000_000)
    new = outcome([1], np.ones((1, 2)), now_us)
    opened = Opened(names=["old", "new"])
    found = scraped(opened, old, new)
    assert {s.labels["series"] for s in found["yhat"].samples} == {"new"}
    found = scraped(opened, old, new, expire_after=0)
    assert {s.labels["series"] for s in found["yhat"].samples} == {"old", "new"}


def test_outer_quantiles_are_bounds() -> None:
    room = room_spec()
    spec = ModelSpec(
        room.features,
        room.targets,
        (Linear(2, 6),),
        horizon=2,
        quantiles=(0.1, 0.5, 0.9),
    )
    now_us = time.time_ns() // 1000
    found = scraped(Opened(spec=spec), outcome([0], np.arange(6)[None], now_us))
    for name, values in (("yhat_lower", 0), ("yhat", 1), ("yhat_upper", 2)):
        got = {s.labels["horizon"]: s.value for s in found[name].samples}
        assert got == {"1": values, "2": values + 3}


def test_what_is_no_number_is_left_out() -> None:
    values = np.array([[math.nan, math.inf]])
    found = scraped(Opened(), outcome([0], values, time.time_ns() // 1000))
    assert "yhat" not in found


@pytest.mark.parametrize(
    ("step", "period_s", "text"),
    [
        (1, 3600.0, "1h"),
        (3, 1800.0, "1h30m"),
        (48, 3600.0, "2d"),
        (1, 0.08, "80ms"),
        (5, 15.0, "1m15s"),
        (4, None, "4"),
    ],
)
def test_horizons_are_durations(step: int, period_s: float | None, text: str) -> None:
    assert _horizon(step, period_s) == text


def test_build_and_process_are_named() -> None:
    found = scraped(Opened())
    (info,) = found["rnnedge_build_info"].samples
    assert info.labels["artifact"] == "room.rnne"
    assert found["process_start_time_seconds"].samples[0].value > 1.6e9
