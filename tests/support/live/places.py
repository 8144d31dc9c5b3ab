"""Places opened without a loop: a model's description, counters, and what was said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnnedge_runtime.live.loop.nouns import Counters, Outcome, Place, Reading, Source
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

T0_US = 1_700_000_000_000_000


def room_spec(**options: Any) -> ModelSpec:
    """Temperature and humidity in, the temperature one and two steps ahead out."""
    return ModelSpec(
        features=(Feature("temp", "C"), Feature("hum", "%")),
        targets=(Target("temp", "C"),),
        layers=(Linear(2, 2),),
        horizon=2,
        sample_period_s=60.0,
        **options,
    )


@dataclass
class Opened:
    """What a place is opened with, and what it did."""

    spec: ModelSpec = field(default_factory=room_spec)
    names: list[str] = field(default_factory=lambda: [""])
    counters: Counters = field(default_factory=Counters)
    said: list[str] = field(default_factory=list)

    def place(self, url: str, **options: Any) -> Place:
        return Place(
            url,
            spec=self.spec,
            names=self.names,
            counters=self.counters,
            tell=self.said.append,
            options=options,
            artifact="room.rnne",
        )


def outcome_of(
    readings: list[Reading], *, sequence: int = 1, is_late: bool = False
) -> Outcome:
    """What streams would give that forecast the temperature plus its steps ahead."""
    size = len(readings)
    temps = [reading.values.get("temp", np.nan) for reading in readings]
    values = np.array([[temp + 1, temp + 2] for temp in temps], np.float32)
    return Outcome(
        sequence,
        T0_US,
        np.zeros(size, np.int32),
        np.array([reading.time_us or T0_US for reading in readings], np.int64),
        np.zeros((size, 2), np.float32),
        values.reshape(size, 2),
        np.arange(size, dtype=np.int32),
        is_late,
        [reading.origin for reading in readings],
    )


def drain(source: Source, *, polls: int = 1000) -> list[Reading]:
    """All readings up to the end of a source."""
    readings: list[Reading] = []
    for _ in range(polls):
        received = source.poll(0.01)
        if received is None:
            break
        readings += received.readings
        source.acknowledge(received.token)
    return readings
