"""Requests to a server of the live loop, and the loop's part of a source beside them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rnnedge_runtime.live.loop.nouns import Reading, Source


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str, body: bytes | None = None, *, method: str = "", **headers: str
) -> Answered:
    """One request; `_` in a header's name is written `-`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    verb = method or ("GET" if body is None else "POST")
    try:
        connection.request(verb, path, body, named)
        found = connection.getresponse()
        return Answered(found.status, dict(found.getheaders()), found.read())
    finally:
        connection.close()


@contextmanager
def looping(source: Source, *, acknowledges: bool = True) -> Iterator[list[Reading]]:
    """Poll and acknowledge as the loop does; gives what came so far."""
    readings: list[Reading] = []
    is_over = threading.Event()

    def turn() -> None:
        while not is_over.is_set():
            received = source.poll(0.02)
            assert received is not None
            readings.extend(received.readings)
            if acknowledges:
                source.acknowledge(received.token)

    source.start()
    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield readings
    finally:
        is_over.set()
        thread.join(10)
        source.close()
