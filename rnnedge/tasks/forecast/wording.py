"""What the forecasters are called, for people."""

from __future__ import annotations

from rnnedge.tasks.forecast.baselines import season_name
from rnnedge.tasks.scores import NETWORK, NETWORK_INT8

LABELS = {
    NETWORK: "network",
    NETWORK_INT8: "network, int8",
    "persistence": "persistence",
    "seasonal_naive": "seasonal-naive",
    "ridge_ar": "ridge AR",
}


def label(name: str, season: int = 0, sample_period_s: float | None = None) -> str:
    """Name of a forecaster for people: `seasonal-naive (week)`."""
    cycle = season_name(season, sample_period_s) if name == "seasonal_naive" else ""
    plain = LABELS.get(name, name.replace("_", " "))
    return f"{plain} ({cycle})" if cycle else plain
