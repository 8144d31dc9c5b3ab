"""How cases reach the places that are asked over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from support.live.asking import ask, looping
from support.live.places import Opened

from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.live.places import live_sink, live_source

_CHANGING = ("rnnedge_latency", "rnnedge_build", "process_", "# ")


def from_post(opened: Opened, data: bytes, options: Mapping[str, Any]) -> list[Reading]:
    """Posted to `/readings/attic/north`; what was said is left to the counters."""
    source: Any = live_source(opened.place("http://127.0.0.1:0", **options))
    with looping(source) as readings:
        answer = ask(f"{source.url}/readings/attic/north", data)
        assert answer.status in (202, 400), answer.body
    return readings


def asked_for(opened: Opened, outcomes: list[Any], options: Mapping[str, Any]) -> bytes:
    """What `GET /series` says, and the newest forecast of each."""
    sink: Any = live_sink(opened.place("http://127.0.0.1:0", **options))
    sink.start()
    assert all(sink.send(outcome) for outcome in outcomes)
    parts = [ask(f"{sink.url}/series")]
    names = parts[0].json()["series"]
    parts += [ask(f"{sink.url}/forecasts/{quote(name)}") for name in names]
    sink.close()
    return b"".join(part.body for part in parts)


def scraped(opened: Opened, outcomes: list[Any], options: Mapping[str, Any]) -> bytes:
    """What does not depend on the machine of `GET /metrics`."""
    sink: Any = live_sink(opened.place("prometheus://127.0.0.1:0", **options))
    sink.start()
    assert all(sink.send(outcome) for outcome in outcomes)
    text = ask(f"{sink.url}/metrics").body.decode()
    sink.close()
    lines = [line for line in text.splitlines() if not line.startswith(_CHANGING)]
    return "".join(f"{line}\n" for line in lines).encode()
