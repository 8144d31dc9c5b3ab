"""Cells of one size on the bundled weather: `python -m benchmarks.cells`.

Each is trained as `rnnedge train --cell NAME` trains it, 64 units and about 15,000 weights,
with several seeds; what counts is the middle one. Exit code 1 where the error of a cell at
the furthest step is more than 3 % above that of the GRU, or integers raise it by more than
1 %.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from rnnedge.cli.show.terminal import print_table
from rnnedge.data.split import without_constant_features
from rnnedge.data.tables.loading import load_dataset
from rnnedge.datasets import weather
from rnnedge.evaluation.seeds import seed_errors
from rnnedge.runs.data import int8_data
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.task import Prepared, find_task
from rnnedge.training.running import torch_settings
from rnnedge.training.trainer import Trainer
from rnnedge_export.capture.original import read_original
from rnnedge_export.quantise.request import Int8
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.streams.engine import Engine, initial_state

FIRST = "gru"
CELLS = (FIRST, "lru", "cifg", "layernorm_gru")
WORST_ERROR = 0.03
WORST_INT8 = 0.01


@dataclass(slots=True)
class CellResult:
    """One cell; a figure per seed.

    Attributes:
        cell: its name.
        num_weights: of a network.
        mae: at the furthest step of the test part.
        int8: parts by which integers raise it.
        rows_per_second: read in training, the validation included.
    """

    cell: str
    num_weights: int
    mae: list[float] = field(default_factory=list)
    int8: list[float] = field(default_factory=list)
    rows_per_second: list[float] = field(default_factory=list)


def main() -> None:
    """Print a row a cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="*", default=CELLS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--float", action="store_true", help="Leave int8 out.")
    arguments = parser.parse_args()
    results = study(
        arguments.cells, range(arguments.seeds), has_int8=not arguments.float
    )
    print_table(table(results))
    raise SystemExit(bool(misses(results)))


def study(
    cells: Sequence[str], seeds: Sequence[int], *, has_int8: bool = True, **choices: Any
) -> list[CellResult]:
    """Train every cell with every seed.

    Args:
        cells: names; the first is what the others are compared with.
        seeds: of the trainings.
        has_int8: also quantise every network.
        choices: other fields of TrainConfig.
    """
    found = []
    for cell in cells:
        result = CellResult(cell, 0)
        for seed in seeds:
            config = TrainConfig(
                cell=cell, seed=seed, **{"horizon": 6, "threads": 1, **choices}
            )
            _one(config, result, has_int8=has_int8)
        found.append(result)
    return found


def _one(config: TrainConfig, result: CellResult, *, has_int8: bool) -> None:
    prepared = weather_for(config)
    with torch_settings(config, torch.device("cpu")):
        trainer = Trainer(prepared, config, torch.device("cpu"))
        started = time.process_time()
        trainer.run()
        seconds = time.process_time() - started
        mae = seed_errors(prepared, trainer).mae["test"]
    rows = trainer.rows_per_epoch * len(trainer.history)
    model = trainer.best_model()
    prepared.task.finish(model, prepared, _predict)
    result.num_weights = sum(array.size for array in model.weights().values())
    result.mae.append(float(mae[-1]))
    result.rows_per_second.append(rows / seconds)
    if has_int8:
        result.int8.append(int8_rise(model, prepared))


def weather_for(config: TrainConfig) -> Prepared:
    """The bundled year of hourly weather, as `rnnedge train` prepares it."""
    dataset = load_dataset(weather("jfk"), targets=("temp_c",))
    rule = config.split_rule(dataset.clock)
    dataset = without_constant_features(
        dataset, config.horizon, are_named=False, rule=rule
    )
    return find_task().prepare(dataset, config)


def _predict(model: Any, series: Any, stop: int | None = None) -> Any:
    from rnnedge.training.validation import stream_predictions

    return stream_predictions(model, series, stop)


def int8_rise(model: SequenceModel, prepared: Prepared) -> float:
    """Part by which integers raise the error at the furthest step of the test part."""
    original = read_original(model, example=None, features=None, targets=None)
    quantised = Int8(int8_data(prepared)).quantise(original)
    engines = (
        numpy_engine(model.spec, model.weights()),
        numpy_engine(model.spec, quantised),
    )
    before, after = (_error(engine, model, prepared) for engine in engines)
    return after / before - 1


def _error(engine: Engine, model: SequenceModel, prepared: Prepared) -> float:
    total, count = 0.0, 0
    for series in prepared.series:
        state = initial_state(model.spec.graph_state, 1, np.float32)
        y = engine.run(series.x[None], state)[0][0]
        rows = slice(series.parts.test.start, series.parts.test.stop)
        error = np.abs(y[rows, -1].astype(np.float64) - series.y[rows, -1])
        error = error[np.isfinite(error) & series.is_reading[rows]]
        total, count = total + float(error.sum()), count + len(error)
    return total / count


def table(results: Sequence[CellResult]) -> list[list[str]]:
    """A row a cell, the header among them."""
    first = results[0]
    rows = [
        ["cell", "weights", "MAE by seed", "middle", "change", "int8", "training"],
    ]
    for one in results:
        middle = statistics.median(one.mae)
        change = middle / statistics.median(first.mae) - 1
        speeds = [statistics.median(r.rows_per_second) for r in (one, first)]
        rows.append(
            [
                one.cell,
                f"{one.num_weights:,}",
                " ".join(f"{mae:.3f}" for mae in one.mae),
                f"{middle:.3f}",
                f"{100 * change:+.1f} %",
                f"{100 * statistics.median(one.int8):+.2f} %" if one.int8 else "",
                f"{speeds[0] / speeds[1]:.2g} x",
            ]
        )
    return rows


def misses(results: Sequence[CellResult]) -> list[str]:
    """The cells that are beyond a limit."""
    limit = (1 + WORST_ERROR) * statistics.median(results[0].mae)
    return [
        one.cell
        for one in results
        if statistics.median(one.mae) > limit
        or (one.int8 and statistics.median(one.int8) > WORST_INT8)
    ]


if __name__ == "__main__":
    main()
