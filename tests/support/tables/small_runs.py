"""A tiny finished run on a table on disk, for tests of what comes after training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnnedge.fitting import Fitted, fit


def write_waves(path: Path, num_rows: int = 500, seed: int = 0) -> Path:
    """A table of two noisy sines, hourly, one reading in fifty missing."""
    rng = np.random.default_rng(seed)
    t = np.arange(num_rows)
    a = 10 + 3 * np.sin(2 * np.pi * t / 24) + 0.2 * rng.normal(size=num_rows)
    b = 5 * np.cos(2 * np.pi * t / 24) + 0.2 * rng.normal(size=num_rows)
    times = np.datetime64("2013-01-01T00:00:00") + t.astype("timedelta64[h]")
    lines = ["time,a,b"]
    for k in range(num_rows):
        second = "" if k % 50 == 7 else f"{b[k]:.3f}"
        lines.append(f"{times[k]}Z,{a[k]:.3f},{second}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tiny_run(folder: Path, cell: str = "gru", **choices: Any) -> Fitted:
    """A network of eight units after a few epochs, in `<folder>/boiler`."""
    return fit(
        write_waves(folder / "waves.csv"),
        target="a",
        horizon=2,
        out=folder / "boiler",
        cell=cell,
        is_quiet=True,
        **{"hidden_size": 8, "epochs": 4, **choices},
    )
