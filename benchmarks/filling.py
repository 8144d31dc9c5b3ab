"""`python -m benchmarks.filling`: holes filled by forecasts beside held readings.

One network, trained on the weather of JFK with every column a target, streams the weather of
Newark, where no sensor answers in 15 % of the time. Errors are those of the steps in holes.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import click
import numpy as np
import polars as pl

from rnnedge.datasets import __file__ as datasets
from rnnedge.fitting import fit
from rnnedge.runs.folder import Run
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import model_digest
from rnnedge_runtime.streams.model import Model

JFK, NEWARK = (
    Path(datasets).with_name(f"{name}_weather_2013_hourly.csv.gz")
    for name in ("jfk", "ewr")
)
TARGETS = ("temp_c", "humidity_pct", "dewpoint_c", "pressure_hpa", "wind_ms")
SHOWN = (("temp_c", 1), ("temp_c", 6), ("humidity_pct", 1), ("pressure_hpa", 1))
SHARE = 0.15
LENGTHS = (1, 3, 6, 12)


def model_of(run: Run, missing: str) -> Model:
    """The network of a run with another policy."""
    features = tuple(
        dataclasses.replace(feature, missing=missing)  # type: ignore[arg-type]
        for feature in run.spec.features
    )
    spec: ModelSpec = dataclasses.replace(run.spec, features=features)
    empty = np.zeros((0, spec.input_size), np.float32)
    golden = Golden(empty, np.zeros((0, spec.output_size), np.float32))
    digest = model_digest(spec, run.weights)
    metadata = Metadata(spec, digest, NUMERICS, golden, "benchmark")
    return Model(metadata, numpy_engine(spec, run.weights))


def errors(model: Model, table: pl.DataFrame, length: int) -> list[float]:
    """Mean absolute errors of what is shown, in the holes of so many hours."""
    spec = model.spec
    x = table.select(spec.feature_names).cast(pl.Float32).to_numpy()
    time = table[table.columns[0]].str.to_datetime(time_zone="UTC").dt.epoch("s")
    rng = np.random.default_rng(length)
    is_hole = np.zeros(len(x), dtype=bool)
    for start in rng.integers(0, len(x) - length, round(SHARE * len(x) / length)):
        is_hole[start : start + length] = True
    readings = np.where(is_hole[:, None], np.float32(np.nan), x)
    y = model.stream().run(readings, time.to_numpy())
    names = [output.name for output in spec.outputs]
    found = []
    for target, step in SHOWN:
        y_hat = y[:-step, names.index(f"{target}_{step}")]
        truth = x[step:, spec.feature_names.index(target)]
        found.append(float(np.nanmean(np.abs(y_hat - truth)[is_hole[:-step]])))
    return found


@click.command()
@click.option("--seeds", default=3, show_default=True, help="Networks, averaged.")
@click.option("--epochs", default=12, show_default=True, help="Of a training.")
def main(seeds: int, epochs: int) -> None:
    """Train, fill holes in both ways, and print a table of errors."""
    table = pl.read_csv(NEWARK)
    policies = ("hold", "predict")
    found = np.zeros((len(policies), len(LENGTHS), len(SHOWN)))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            fitted = fit(
                str(JFK),
                target=list(TARGETS),
                out=Path(folder) / str(seed),
                horizon=6,
                hidden_size=16,
                epochs=epochs,
                seed=seed,
                threads=1,
                is_quiet=True,
            )
            for k, missing in enumerate(policies):
                model = model_of(fitted.run, missing)
                for n, length in enumerate(LENGTHS):
                    found[k, n] += np.array(errors(model, table, length)) / seeds
    names = (f"{target} {step} h" for target, step in SHOWN)
    click.echo(f"| length of a hole | {' | '.join(names)} |")
    click.echo(f"|---|{'---|' * len(SHOWN)}")
    for n, length in enumerate(LENGTHS):
        pairs = (f"{a:.2f} to {b:.2f}" for a, b in zip(*found[:, n], strict=True))
        click.echo(f"| {length} h | {' | '.join(pairs)} |")


if __name__ == "__main__":
    main()
