"""What int8 costs, and a million steps of a quiet input: `python -m benchmarks.int8`.

Takes run folders, or trains a GRU, an LSTM and an RNN on the bundled weather first. Exit
code 1 where int8 leaves the band of `QUIET_STD_FRACTION` around float.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from rnnedge.cli.show.terminal import print_table
from rnnedge.datasets import weather
from rnnedge.fitting import fit
from rnnedge.runs.data import int8_data, load_run_data
from rnnedge.runs.folder import Run, load_run
from rnnedge_export.capture.original import read_original
from rnnedge_export.formats.rnne.writing import quick_engine
from rnnedge_export.quantise.report import (
    QuantisationReport,
    measure_quantisation,
    target_deviations,
)
from rnnedge_export.quantise.request import Int8
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine, initial_state
from rnnedge_runtime.tolerances import QUIET_STD_FRACTION

CELLS = ("gru", "lstm", "rnn")

Held = tuple[str, float, float]
"""Name of the held input, largest difference, and that in deviations of the target."""


def main() -> None:
    """Print two tables: the report of the export, and the quiet inputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--steps", type=int, default=1_000_000)
    arguments = parser.parse_args()
    costs = [
        ["run", "output", "float", "int8", "change", "drift", "float KB", "int8 KB"]
    ]
    quiet = [["run", "held", "largest difference", "% of deviation"]]
    largest = 0.0
    with tempfile.TemporaryDirectory(prefix="rnnedge-") as folder:
        runs = arguments.runs or [_train(cell, Path(folder)) for cell in CELLS]
        for run in map(load_run, runs):
            found, held = _measure(run, arguments.steps)
            costs += [_cost_row(run, found, k) for k in (0, -1)]
            for name, difference, part in held:
                row = [run.name, name, f"{difference:.2g}", f"{100 * part:.3f}"]
                quiet.append(row)
                largest = max(largest, part)
    print_table(costs)
    click.echo(
        "\nMean absolute error on the test part. Drift: largest difference over 100,000 "
        "carried steps.\n"
    )
    print_table(quiet)
    click.echo(
        f"\n{arguments.steps:,} steps; allowed: {100 * QUIET_STD_FRACTION:g} % of the "
        "standard deviation of the target on the test part."
    )
    raise SystemExit(largest > QUIET_STD_FRACTION)


def _cost_row(run: Run, found: QuantisationReport, k: int) -> list[str]:
    loss, drift = found.losses[k], found.drift
    return [
        run.name,
        loss.output,
        f"{loss.float_mae:.4f}",
        f"{loss.int8_mae:.4f}",
        f"{loss.percent:+.3f} %",
        f"{drift.largest:.2g} {drift.unit}",
        f"{found.float_nbytes / 1024:.1f}",
        f"{found.int8_nbytes / 1024:.1f}",
    ]


def _train(cell: str, folder: Path) -> Path:
    fit(
        weather("jfk"),
        target="temp_c",
        horizon=6,
        out=folder / cell,
        cell=cell,
        is_quiet=True,
    )
    return folder / cell


def _measure(run: Run, num_steps: int) -> tuple[QuantisationReport, list[Held]]:
    """The report of an export, and the held inputs."""
    prepared = load_run_data(run)
    data = int8_data(prepared)
    module = SequenceModel(run.spec)
    module.load_weights(run.weights)
    subject = read_original(module, example=None, features=None, targets=None)
    request = Int8(data)
    quantised = request.quantise(subject)
    x = data.scored[0].x
    golden = Golden(x[:64], np.zeros((64, run.spec.output_size), np.float32))
    metadata = Metadata(run.spec, subject.digest, NUMERICS, golden, "")
    found = measure_quantisation(request, quantised, metadata, run.weights, x)
    integer_metadata = replace(
        metadata, digest=quantised.digest, numerics=INTEGER_NUMERICS
    )
    engines = (
        quick_engine(metadata, run.weights),
        quick_engine(integer_metadata, quantised),
    )
    deviations = target_deviations(run.spec, data.scored, engines[0], x)
    series = prepared.series[0]
    training = series.x[: series.parts.train.stop]
    end = series.parts.test.stop
    held = {
        "mean of the training part": (training.mean(axis=0), None),
        "last row of the test part": (series.x[end - 1], series.x[:end]),
    }
    quiet: list[Held] = []
    for name, (row, prelude) in held.items():
        row = row.astype(np.float32)
        differences = quiet_difference(
            run.spec, engines, row, num_steps, prelude=prelude
        )
        worst = int(np.argmax(differences / deviations))
        part = float(differences[worst] / deviations[worst])
        quiet.append((name, float(differences[worst]), part))
    return found, quiet


if __name__ == "__main__":
    main()

_CHUNK = 10_000


def quiet_difference(
    spec: ModelSpec,
    engines: tuple[Engine, Engine],
    row: NDArray[np.float32],
    num_steps: int,
    *,
    prelude: NDArray[np.float32] | None = None,
) -> NDArray[np.float64]:
    """`[O]` largest difference of two engines while one model input is held.

    A state that is rounded can settle elsewhere, or creep, where a float state does not.

    Args:
        spec: the model.
        engines: what is compared.
        row: `[I]` the input that is held.
        num_steps: for how long.
        prelude: `[T, I]` inputs that come before, not compared.
    """
    states = [initial_state(spec.graph_state, 1, np.float32) for _ in engines]
    largest = np.zeros(spec.output_size)
    if prelude is not None:
        states = [
            engine.run(prelude[None], state)[1]
            for engine, state in zip(engines, states, strict=True)
        ]
    for start in range(0, num_steps, _CHUNK):
        chunk = np.tile(row, (1, min(_CHUNK, num_steps - start), 1))
        found = []
        for i, engine in enumerate(engines):
            y, states[i] = engine.run(chunk, states[i])
            found.append(y[0].astype(np.float64))
        largest = np.maximum(largest, np.abs(found[1] - found[0]).max(axis=0))
    return largest
