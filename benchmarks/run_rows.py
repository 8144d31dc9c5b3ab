"""`python -m benchmarks.run_rows`: rows a second of `rnnedge run`, from file to file.

By blocks and row by row, on one core, in one process; the outputs must be equal. The table
has an hourly time and readings with two decimals. The weather model is the one that the first
page of the documentation trains, with drawn weights; `--artifact` takes a trained one.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import numpy as np

from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_runtime import load
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.formats.metadata import Golden
from rnnedge_runtime.live.runner import Settings, run
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import DerivedInput, Feature, ModelSpec, Target
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import GOLDEN_STEPS

from .networks import described, drawn_weights

PERIOD_S = 3600


def small() -> ModelSpec:
    """LSTM 4->32 and one output."""
    return ModelSpec(
        features=tuple(Feature(f"x_{k}") for k in range(4)),
        targets=(Target("x_0"),),
        layers=(Lstm(4, 32), Linear(32, 1)),
        horizon=1,
        sample_period_s=PERIOD_S,
    )


def weather() -> ModelSpec:
    """Five readings and the time of day and year, GRU 64, six steps ahead."""
    names = ("temp_c", "dewpoint_c", "humidity_pct", "wind_ms", "pressure_hpa")
    return ModelSpec(
        features=tuple(Feature(name) for name in names),
        derived=(DerivedInput(86_400), DerivedInput(31_556_952)),
        targets=(Target("temp_c"),),
        layers=(Gru(9, 64), Linear(64, 6)),
        horizon=6,
        sample_period_s=PERIOD_S,
    )


def save(spec: ModelSpec, path: Path) -> None:
    """Write an artifact with drawn weights."""
    weights = drawn_weights(spec)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((GOLDEN_STEPS, spec.input_size)).astype(np.float32)
    state = initial_state(spec.graph_state, 1, np.float64)
    y, _ = ReferenceEngine(spec, weights).run(x[None], state)
    metadata = described(spec, weights, Golden(x, y[0].astype(np.float32)))
    path.write_bytes(build_rnne(metadata, weights))


def write_table(spec: ModelSpec, path: Path, num_rows: int) -> None:
    """A table of hourly readings around the middle of what the model takes."""
    rng = np.random.default_rng(2)
    bounds = [feature.clip or (-10.0, 10.0) for feature in spec.features]
    low, high = np.array(bounds).T
    share = 0.5 + 0.05 * rng.standard_normal((num_rows, len(bounds)))
    values = (low + share * (high - low)).round(2).tolist()
    start = datetime(2013, 1, 1, tzinfo=UTC)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(["time", *spec.feature_names]) + "\n")
        for k, row in enumerate(values):
            stamp = (start + timedelta(hours=k)).isoformat().replace("+00:00", "Z")
            file.write(f"{stamp},{','.join(map(str, row))}\n")


def rows_a_second(model: Model, settings: Settings, num_rows: int) -> float:
    """Of one run."""
    start = time.perf_counter()
    outcome = run(model, settings, tell=click.echo)
    if outcome.num_written != num_rows:
        raise SystemExit(f"{outcome.num_written:,} rows came out of {num_rows:,}.")
    return num_rows / (time.perf_counter() - start)


def measure(
    name: str, artifact: Path, folder: Path, num_rows: int, rounds: int
) -> None:
    """Print the best of some rounds, both ways turn by turn."""
    model = load(artifact)
    table = folder / "rows.csv"
    write_table(model.spec, table, num_rows)
    settings = Settings(source=str(table))
    best, outputs = {True: 0.0, False: 0.0}, {}
    for _ in range(rounds):
        for by_blocks in best:
            sink = folder / f"out-{by_blocks}.csv"
            one = replace(settings, sink=str(sink), by_blocks=by_blocks)
            best[by_blocks] = max(best[by_blocks], rows_a_second(model, one, num_rows))
            outputs[by_blocks] = sink.read_bytes()
    if outputs[True] != outputs[False]:
        raise SystemExit(f"{name}: the outputs differ.")
    click.echo(
        f"{name}: {best[True]:,.0f} rows/s by blocks, {best[False]:,.0f} row by row, "
        f"{best[True] / best[False]:.1f} times; {num_rows:,} rows, equal bytes"
    )


@click.command()
@click.option("--rows", "num_rows", default=200_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--artifact", type=click.Path(path_type=Path), help="A model to measure.")
def main(num_rows: int, rounds: int, artifact: Path | None) -> None:
    """Measure `rnnedge run` from file to file."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = {}
        if artifact is not None:
            models[artifact.name] = artifact
        else:
            for title, spec in (("LSTM 4->32", small()), ("weather", weather())):
                models[title] = folder / f"{title.replace('>', '')}.rnne"
                save(spec, models[title])
        for title, path in models.items():
            measure(title, path, folder, num_rows, rounds)


if __name__ == "__main__":
    main()
