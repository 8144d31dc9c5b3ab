"""What the tests of the live loop share: sources and sinks in memory, streams of rows."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rnnedge_runtime.live.loop.disk.store import Store
from rnnedge_runtime.live.loop.loop import Loop
from rnnedge_runtime.live.loop.nouns import (
    Batch,
    Counters,
    Outcome,
    Reading,
    Received,
    Sink,
)
from rnnedge_runtime.live.loop.settings import LoopSettings
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.row import Row

START_US = 1_357_000_000_000_000
Sent = tuple[str, int, bytes]
"""Series, time and values of a forecast."""


class ListSource:
    """Gives batches of readings one after the other, then ends."""

    name = "list"

    def __init__(self, batches: Iterable[Sequence[Reading]]) -> None:
        self.batches = list(batches)
        self.at = 0
        self.acknowledged: list[int] = []
        self.is_closed = False

    def start(self) -> None:
        pass

    def poll(self, timeout_s: float) -> Received | None:
        if self.at == len(self.batches):
            return None
        self.at += 1
        return Received(self.batches[self.at - 1], self.at)

    def acknowledge(self, token: Any) -> None:
        self.acknowledged.append(token)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class ListSink:
    """Keeps what it gets; down while `is_down` says so."""

    name: str = "memory"
    is_down: Callable[[], bool] = lambda: False
    confirms: bool = True
    outcomes: list[Outcome] = field(default_factory=list)
    arrived: int = 0
    is_closed: bool = False

    def start(self) -> None:
        pass

    def send(self, outcome: Outcome) -> bool:
        if self.is_down():
            return False
        self.outcomes.append(outcome)
        if self.confirms:
            self.arrived = outcome.sequence
        return True

    def delivered(self) -> int:
        return self.arrived

    def idle(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True

    def sent(self, names: Sequence[str]) -> list[Sent]:
        """Every forecast in the order in which they came."""
        return [
            (names[number], int(time_us), values.tobytes())
            for outcome in self.outcomes
            for number, time_us, values in zip(
                outcome.series, outcome.time_us, outcome.values, strict=True
            )
        ]


class RowsAsStreams:
    """Streams of rows, one by one: what the fleet of the loop has to equal."""

    def __init__(self, model: Model, counters: Counters | None = None) -> None:
        self.names: list[str] = []
        self.sequence = 0
        self._model = model
        self._streams: list[RowStream] = []

    def number(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
            self._streams.append(RowStream(self._model))
        return self.names.index(name)

    def apply(self, batch: Batch) -> Outcome:
        self.sequence += 1
        rows, values = [], []
        for k, (number, time_us, readings) in enumerate(
            zip(batch.series, batch.time_us, batch.values, strict=True)
        ):
            stream = self._streams[number]
            if stream.last_time_us is not None and time_us <= stream.last_time_us:
                continue
            value = stream.advance(Row(1, None, int(time_us), readings))
            assert value is not None
            rows.append(k)
            values.append(value)
        size = self._model.spec.output_size
        return Outcome(
            self.sequence,
            batch.now_us,
            batch.series[rows],
            batch.time_us[rows],
            batch.values[rows],
            np.array(values, np.float32).reshape(len(rows), size),
            np.array(rows, np.int32),
            origins=batch.origins,
        )

    def due_us(self) -> int | None:
        return None

    def snapshot(self) -> bytes:
        parts = [struct.pack("<QI", self.sequence, len(self.names))]
        for name, stream in zip(self.names, self._streams, strict=True):
            for part in (name.encode(), stream.snapshot()):
                parts += [struct.pack("<I", len(part)), part]
        return b"".join(parts)

    def restore(self, blob: bytes) -> None:
        self.sequence, number = struct.unpack_from("<QI", blob)
        at = 12
        self.names, self._streams = [], []
        for _ in range(number):
            pieces = []
            for _ in range(2):
                (size,) = struct.unpack_from("<I", blob, at)
                pieces.append(blob[at + 4 : at + 4 + size])
                at += 4 + size
            self._streams[self.number(pieces[0].decode())].restore(pieces[1])


def make_loop(
    model: Model,
    source: ListSource | None,
    sinks: Sequence[Sink],
    folder: Path | None = None,
    *,
    settings: LoopSettings | None = None,
    told: list[str] | None = None,
    streams: Any = None,
    **choices: Any,
) -> Loop:
    """A loop over streams of rows, what it says in `told`."""
    told = [] if told is None else told
    store = None
    if folder is not None:
        store = Store(folder, model=model.digest, tell=told.append)
    return Loop(
        model,
        source,
        sinks,
        store,
        settings or LoopSettings(expires=False, drain_s=0.05),
        streams=streams or RowsAsStreams(model),
        tell=told.append,
        **choices,
    )


def drawn_readings(
    rng: np.random.Generator,
    names: Sequence[str],
    *,
    num_batches: int,
    num_series: int = 3,
    period_s: float = 3600.0,
) -> list[list[Reading]]:
    """Batches of readings of several series, each in the order of time, with holes."""
    hours: Counter[int] = Counter()
    batches = []
    for _ in range(num_batches):
        batch = []
        for _ in range(int(rng.integers(1, 5))):
            number = int(rng.integers(num_series))
            hours[number] += int(rng.choice([1, 1, 1, 2, 4]))
            values = rng.normal(10, 3, len(names)).round(2).tolist()
            time_us = START_US + round(hours[number] * period_s * 1e6)
            pairs = dict(zip(names, values, strict=True))
            batch.append(Reading(f"s{number}", time_us, pairs))
        batches.append(batch)
    return batches
