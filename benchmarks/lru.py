"""`python -m benchmarks.lru`: how fast the state of a long past is found, `lru` beside `gru`.

Both run 10,000 rows in one call (`Stream.prime`), in turn; what counts is the fastest of many.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
import numpy as np

import rnnedge_runtime
from rnnedge.cli.show.terminal import print_table
from rnnedge_runtime.spec.layers import Affine, Gru, Linear, Lru
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

from .networks import save

NUM_ROWS = 10_000
NUM_FEATURES = 4
SIZES = (32, 64, 128, 256)


def spec_of(cell: type[Gru] | type[Lru], units: int, num_layers: int) -> ModelSpec:
    """Scaler, cells and a head."""
    layers: list[Affine | Gru | Lru | Linear] = [Affine(NUM_FEATURES)]
    for _ in range(num_layers):
        layers.append(cell(layers[-1].output_size, units))
    return ModelSpec(
        tuple(Feature(f"x_{k}") for k in range(NUM_FEATURES)),
        (Target("y"),),
        (*layers, Linear(units, 1)),
    )


def seconds(
    units: int, num_layers: int, rounds: int, folder: Path
) -> tuple[float, float]:
    """Of gru and lru."""
    x = np.random.default_rng(1).standard_normal((NUM_ROWS, NUM_FEATURES))
    rows = x.astype(np.float32)
    models = []
    for cell in (Gru, Lru):
        name = f"{cell.kind}-{units}-{num_layers}"
        path = save(spec_of(cell, units, num_layers), folder, name)[".rnne"]
        models.append(rnnedge_runtime.load(path))
    fastest = [float("inf"), float("inf")]
    for _ in range(rounds):
        for k, model in enumerate(models):
            stream = model.stream()
            start = time.perf_counter()
            stream.prime(rows)
            fastest[k] = min(fastest[k], time.perf_counter() - start)
    return fastest[0], fastest[1]


@click.command()
@click.option("--rounds", default=50, show_default=True, help="Of each model, in turn.")
def main(rounds: int) -> None:
    """Prime both with as many units and layers, and print the ratio."""
    table = [["units", "layers", "gru ms", "lru ms", "ratio"]]
    with tempfile.TemporaryDirectory(prefix="rnnedge-") as folder:
        for num_layers in (1, 2):
            for units in SIZES:
                gru, lru = seconds(units, num_layers, rounds, Path(folder))
                times = [f"{1e3 * gru:.2f}", f"{1e3 * lru:.2f}", f"{gru / lru:.1f}"]
                table.append([str(units), str(num_layers), *times])
    print_table(table)


if __name__ == "__main__":
    main()
