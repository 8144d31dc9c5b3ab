"""`python -m benchmarks.holes`: a stream with holes, by its rows and by a grid.

A level that forgets within some ten slots is read with noise, and readings come in bursts.
`lru` by rows takes the time since the row before as the length of its step; the others see
every slot, the last reading held where there is none. All are judged on the level at the
readings of the last fifth of the time, and trained with about as many steps of the optimizer:
a table of rows is shorter, so it is seen more often.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import polars as pl

from rnnedge.fitting import fit

NUM_SLOTS = 20_000
KEPT = 0.9
"""Of the level, from slot to slot."""
IN_A_ROW, HOLE = 2.0, 12.0
"""Mean numbers of readings without a hole, and of slots in one."""


def drawn(seed: int, num_slots: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows as they come, with the time since the row before, and a grid with holes.

    The target of a row is the level of the row before, so that one row ahead is now.
    """
    rng = np.random.default_rng(seed)
    level, t = np.zeros(num_slots), 0
    for slot in range(1, num_slots):
        level[slot] = KEPT * level[slot - 1] + rng.normal()
    seen = level + rng.normal(size=num_slots)
    is_reading = np.zeros(num_slots, dtype=bool)
    while t < num_slots:
        is_reading[t] = True
        is_hole = rng.random() < 1 / IN_A_ROW
        t += 1 + int(rng.exponential(HOLE)) * is_hole
    at = np.flatnonzero(is_reading)
    rows = {
        "seen": seen[at],
        "elapsed": np.diff(at, prepend=at[0] - 1),
        "level": np.append(0, level[at][:-1]),
    }
    known = np.append(False, is_reading[:-1])
    grid = {
        "seen": np.where(is_reading, seen, np.nan),
        "level": np.where(known, np.append(0, level[:-1]), np.nan),
    }
    return tuple(  # type: ignore[return-value]
        pl.DataFrame(
            {name: values.astype(np.float32) for name, values in table.items()}
        )
        for table in (rows, grid)
    )


def errors(seed: int, num_slots: int, epochs: int) -> dict[str, float]:
    """Mean absolute error of the level by way."""
    rows, grid = drawn(seed, num_slots)
    by_rows = {
        "features": ["seen", "elapsed"],
        "step": "elapsed",
        "split": _shares(np.cumsum(rows["elapsed"].to_numpy()), num_slots),
    }
    ways = {
        "lru, step": (rows, {"cell": "lru", **by_rows}),
        "lru, hold": (grid, {"cell": "lru", "features": ["seen"]}),
        "gru, hold": (grid, {"cell": "gru", "features": ["seen"]}),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (table, choices) in ways.items():
            fitted = fit(
                table,
                target="level",
                out=Path(folder) / name.replace(", ", "-"),
                hidden_size=16,
                num_layers=2,
                epochs=round(epochs * len(grid) / len(table)),
                patience=epochs * len(grid),
                seed=seed,
                threads=1,
                no_time=True,
                is_quiet=True,
                **choices,
            )
            scores = fitted.run.report["parts"]["test"]["scores"]
            found[name] = float(scores["network"]["level"]["1"]["mae"])
    return found


def _shares(slots: np.ndarray, num_slots: int) -> tuple[float, float, float]:
    """Of the rows before 70 % and 80 % of the time, and of the rest: as the grid is split."""
    first, second = (float((slots < part * num_slots).mean()) for part in (0.7, 0.8))
    return first, second - first, 1 - second


@click.command()
@click.option("--seeds", default=1, show_default=True, help="Streams that are drawn.")
@click.option("--slots", default=NUM_SLOTS, show_default=True, help="Of each.")
@click.option("--epochs", default=20, show_default=True, help="Of a training.")
def main(seeds: int, slots: int, epochs: int) -> None:
    """Train on each stream in every way, and print the errors side by side."""
    for seed in range(seeds):
        found = errors(seed, slots, epochs)
        text = ", ".join(f"{name} {error:.4f}" for name, error in found.items())
        click.echo(f"seed {seed}: {text}")


if __name__ == "__main__":
    main()
