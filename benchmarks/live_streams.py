"""`python -m benchmarks.live_streams`: many series through `LiveStreams`, on one core.

Readings a second through `LiveStreams.apply`, the share of the engine's own step, bytes a
series, and how long a snapshot takes. Bind it to a core: `taskset -c 0`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

import rnnedge_runtime
from rnnedge.cli.show.terminal import print_table
from rnnedge_runtime.live.loop.nouns import Batch, Counters
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.spec.layers import Affine, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model

from .networks import save

NUM_FEATURES = 4
PERIOD_US = 60_000_000
START_US = 1_700_000_000_000_000
Cut = Callable[[np.random.Generator, int], list[np.ndarray]]


def spec_of(units: int) -> ModelSpec:
    """Scaler, LSTM and a head, one reading a minute."""
    return ModelSpec(
        tuple(Feature(f"x_{k}", clip=(-8.0, 8.0)) for k in range(NUM_FEATURES)),
        (Target("y"),),
        (Affine(NUM_FEATURES), Lstm(NUM_FEATURES, units), Linear(units, 1)),
        sample_period_s=PERIOD_US / 1e6,
        max_gap_s=3600.0,
    )


CUTS: dict[str, Cut] = {
    "all at once, in order": lambda rng, count: [np.arange(count)],
    "all at once, shuffled": lambda rng, count: [rng.permutation(count)],
    "4,096 at a time, in order": lambda rng, count: np.split(
        np.arange(count), range(4096, count, 4096)
    ),
    "4,096 at a time, shuffled": lambda rng, count: np.split(
        rng.permutation(count), range(4096, count, 4096)
    ),
    "256 at a time, shuffled": lambda rng, count: np.split(
        rng.permutation(count), range(256, count, 256)
    ),
}


def resident_bytes() -> int:
    """Of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * 4096


def minute(
    streams: LiveStreams, parts: list[np.ndarray], values: np.ndarray, number: int
) -> float:
    """Seconds for one reading of each series."""
    time_us = np.full(len(values), START_US + number * PERIOD_US)
    batches = [
        Batch(int(time_us[0]), some.astype(np.int32), time_us[some], values[some])
        for some in parts
    ]
    start = time.perf_counter()
    for batch in batches:
        streams.apply(batch)
    return time.perf_counter() - start


def engine_seconds(model: Model, values: np.ndarray, rounds: int) -> float:
    """The fastest step of a fleet alone, in order."""
    fleet = model.streams(len(values))
    y = np.empty((len(values), model.spec.output_size), dtype=np.float32)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        fleet.step(values, out=y)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@click.command()
@click.option("--count", default=100_000, show_default=True, help="Series.")
@click.option("--units", default=32, show_default=True, help="Of the LSTM.")
@click.option(
    "--rounds", default=20, show_default=True, help="Readings of each series."
)
@click.option(
    "--wait", default=0.0, show_default=True, help="Seconds a reading may wait."
)
def main(count: int, units: int, rounds: int, wait: float) -> None:
    """Measure, and print."""
    rng = np.random.default_rng(1)
    values = rng.standard_normal((count, NUM_FEATURES)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="rnnedge-") as folder:
        path = save(spec_of(units), Path(folder), "lstm")[".rnne"]
        model = rnnedge_runtime.load(path)
    alone = engine_seconds(model, values, rounds)
    before = resident_bytes()
    streams = LiveStreams(
        model, wait_us=round(wait * 1e6), future_us=PERIOD_US, counters=Counters()
    )
    for k in range(count):
        streams.number(f"sensor-{k:06}")
    minute(streams, [np.arange(count)], values, 0)
    if wait:
        streams.apply(Batch(START_US + PERIOD_US - 1, *_nothing()))
    each = (resident_bytes() - before) / count
    table = [["readings", "readings/s", "fastest", "share of the engine"]]
    number = 0
    for name, cut in CUTS.items():
        seconds = []
        for _ in range(rounds):
            number += 1
            seconds.append(minute(streams, cut(rng, count), values, number))
        usual, best = statistics.median(seconds), min(seconds)
        table.append(
            [
                name,
                f"{count / usual:,.0f}",
                f"{count / best:,.0f}",
                f"{100 * alone / best:.0f} %",
            ]
        )
    print_table(table)
    click.echo(f"Engine alone: {count / alone:,.0f} steps/s.")
    click.echo(f"Memory: {each:,.0f} bytes a series.")
    start = time.perf_counter()
    blob = streams.snapshot()
    middle = time.perf_counter()
    streams.restore(blob)
    click.echo(
        f"Snapshot: {len(blob) / count:,.0f} bytes a series in "
        f"{1e3 * (middle - start):,.0f} ms, restored in "
        f"{1e3 * (time.perf_counter() - middle):,.0f} ms."
    )


def _nothing() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.empty(0, np.int32),
        np.empty(0, np.int64),
        np.empty((0, NUM_FEATURES), np.float32),
    )


if __name__ == "__main__":
    main()
