"""Synthetic series that leave the range they were trained on.

Each holds something to predict, a season of 24 steps or noise that returns, but for
`random_walk`, where the last reading is the best forecast there is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DRIFTS = ("trend", "growth", "regime", "late_regime", "random_walk")
_SEASON = 24
_START_US = 1_704_067_200_000_000  # 2024-01-01
_HOUR_US = 3_600_000_000


def drifting(
    kind: str, num_rows: int = 3000, *, seed: int = 0
) -> dict[str, NDArray[Any]]:
    """The columns `time` and `level` of an hourly series.

    Args:
        kind: `trend`, a rise of 12 times the season's height; `growth`, the level doubles
            four times; `regime`, the level jumps about every 300 steps; `late_regime`, it
            jumps once, in the last fifth; `random_walk`.
        num_rows: T.
        seed: of the noise.
    """
    assert kind in DRIFTS, kind
    rng = np.random.default_rng(seed)
    t = np.arange(num_rows)
    season = np.sin(2 * np.pi * t / _SEASON) + 0.3 * np.sin(4 * np.pi * t / _SEASON)
    noise = _returning_noise(rng, num_rows)
    if kind == "trend":
        level = 12 * t / num_rows + season + 0.2 * noise
    elif kind == "growth":
        level = 2.0 ** (4 * t / num_rows) * (1 + 0.1 * season + 0.02 * noise)
    elif kind == "regime":
        level = _jumps(rng, num_rows, 300) + season + 0.2 * noise
    elif kind == "late_regime":
        late = t >= int(0.85 * num_rows)
        level = 15.0 * late + season + 0.2 * noise
    else:
        level = np.cumsum(rng.normal(size=num_rows))
    times = (_START_US + _HOUR_US * t).astype("datetime64[us]")
    return {"time": times, "level": level.astype(np.float32)}


def _returning_noise(rng: np.random.Generator, num_rows: int) -> NDArray[np.float64]:
    """First-order autoregression of coefficient 0.5 and unit variance."""
    noise = rng.normal(size=num_rows) * np.sqrt(1 - 0.25)
    for k in range(1, num_rows):
        noise[k] += 0.5 * noise[k - 1]
    return noise


def _jumps(
    rng: np.random.Generator, num_rows: int, mean_length: int
) -> NDArray[np.float64]:
    """Levels that last about `mean_length` steps, each 3 to 8 away from the one before."""
    level = np.zeros(num_rows)
    at = 0
    while (at := at + int(rng.uniform(0.5, 1.5) * mean_length)) < num_rows:
        level[at:] += rng.uniform(3, 8) * (1 if rng.random() < 0.65 else -1)
    return level
