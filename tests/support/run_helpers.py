"""What the tests of `rnnedge run` share: artifacts, tables, and the command itself."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from support.artifacts import save_artifact
from support.strategies import random_weights

from rnnedge.cli import main
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import AddLast, Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

COLUMNS = ("temp_c", "dewpoint_c", "humidity_pct", "wind_ms", "pressure_hpa")
MEANS = (12.0, 6.0, 63.0, 5.0, 1018.0)
HORIZON = 3
NAMES = [f"temp_c_{step}" for step in (1, 2, 3)]
LINES = (
    "time,temp_c,dewpoint_c,humidity_pct,wind_ms,pressure_hpa\n"
    "2013-01-01T06:00:00Z,3.9,-3.3,59.4,5.7,1012.6\n"
    "2013-01-01T07:00:00Z,3.9,-3.3,59.4,468.7,\n"
    "2013-01-01T09:00:00Z,4,-3,60,5,1013\n"
    "2013-01-01T09:10:00Z,4,-3,60,5,1013\n"
)


def weather_spec(missing: str = "hold") -> ModelSpec:
    clips = ((-30, 50), (-30, 40), (0, 150), (0, 40), (950, 1070))
    return ModelSpec(
        features=tuple(
            Feature(name, "", missing, clip, mean)
            for name, clip, mean in zip(COLUMNS, clips, MEANS, strict=True)
        ),
        targets=(Target("temp_c", "C"),),
        layers=(Affine(7), Gru(7, 4), Linear(4, HORIZON), AddLast((0,) * HORIZON)),
        horizon=HORIZON,
        derived=(DerivedInput(86_400),),
        sample_period_s=3600.0,
    )


def make_artifact(folder: Path, spec: ModelSpec | None = None, seed: int = 0) -> Path:
    spec = spec or weather_spec()
    weights = random_weights(spec, np.random.default_rng(seed))
    weights["layers.0.shift"] = np.array([*MEANS, 0, 0], dtype=np.float32)
    weights["layers.0.scale"] = np.array([0.1, 0.1, 0.05, 0.3, 0.1, 1, 1], np.float32)
    return save_artifact(spec, weights, folder)


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)], input=stdin)


def parse(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def forecasts(rows: list[dict[str, str]]) -> np.ndarray:
    return np.array([[row[name] for name in NAMES] for row in rows], dtype=np.float32)


def several_series(size: int = 40) -> tuple[str, dict[str, str]]:
    """Three stations in one table, rows mixed, and the table of each alone."""
    rng = np.random.default_rng(0)
    header = LINES.splitlines()[0]
    order = rng.permutation(np.repeat(["JFK", "ewr 2", "ü"], size))
    hour = dict.fromkeys(order.tolist(), 0)
    rows, alone = [f"station,{header}"], {name: [header] for name in hour}
    for name in order.tolist():
        hour[name] += int(rng.choice([1, 1, 1, 1, 1, 1, 1, 3]))
        stamp = np.datetime64("2013-01-01T06") + np.timedelta64(hour[name], "h")
        values = rng.normal(MEANS).round(1).tolist()
        row = ",".join([f"{stamp}:00:00Z", *map(str, values)])
        rows.append(f"{name},{row}")
        alone[name].append(row)
    texts = {name: "\n".join(lines) + "\n" for name, lines in alone.items()}
    return "\n".join(rows) + "\n", texts
