"""Whatever the bytes are: readings, or a PayloadError with its word."""

from __future__ import annotations

import contextlib
import json
import random
import typing

from hypothesis import given, settings
from hypothesis import strategies as st
from support.live.line_protocol import odd_line
from support.live.places import T0_US, Opened

from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.live.payloads import (
    FORMATS,
    PayloadError,
    decode,
    decode_each,
    take_rules,
)
from rnnedge_runtime.live.payloads.faults import Reason
from rnnedge_runtime.live.place_options import Options

WORDS = typing.get_args(Reason)
NAMES = ("temp", "hum", "time", "n", "v", "t", "bn", "bt", "bu", "bv", "u", "vs", "s")
OPTIONS = (
    {},
    {"series": "{time}{0}{measurement}"},
    {"time": "t", "precision": "ns", "zone": "Europe/Berlin"},
    {"names": ["time", "temp", "hum"], "rename": {"a.0.b": "temp", "n": "hum"}},
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(("2024-01-01", "99999-01-01", "Cel", "1e400", "9" * 30, "٣")),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=3)), inner),
    ),
    max_leaves=8,
)
jsons = values.map(lambda value: json.dumps(value).encode())
lines = st.integers(0, 10**9).map(
    lambda seed: odd_line(random.Random(seed), fields=("temp",), time=seed).encode()
)
payloads = st.one_of(st.binary(max_size=60), st.text().map(str.encode), jsons, lines)
edits = st.lists(
    st.tuples(st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3)), max_size=3
)


@settings(max_examples=400, deadline=None)
@given(
    payloads,
    edits,
    st.sampled_from(("", *FORMATS)),
    st.sampled_from(OPTIONS),
    st.text(st.sampled_from("a/temp0"), max_size=9),
)
def test_no_other_exception(
    data: bytes,
    changes: list[tuple[int, bytes, int]],
    payload_format: str,
    options: dict[str, typing.Any],
    topic: str,
) -> None:
    for at, new, length in changes:
        data = data[:at] + new + data[at + length :]
    place = Opened().place("x", format=payload_format, **options)
    rules = take_rules(Options(place), place.spec)
    readings: list[Reading] = []
    with contextlib.suppress(PayloadError):
        readings += decode(data, rules, topic=topic, now_us=T0_US)
    each, faults = decode_each(data, rules, topic=topic, now_us=T0_US)
    assert {fault.reason for fault in faults} <= set(WORDS)
    for reading in [*readings, *each]:
        assert set(reading.values) <= {"temp", "hum"}
        assert reading.values
        assert all(isinstance(value, float) for value in reading.values.values())
        reading.series.encode()
        assert reading.time_us is None or isinstance(reading.time_us, int)
