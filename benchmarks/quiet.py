"""Int8 beside float for a million steps of a quiet input: `python -m benchmarks.quiet`.

Names run folders, or trains a GRU, an LSTM and an RNN on the bundled weather first. Exit
code 1 where int8 leaves the band of `QUIET_STD_FRACTION` around float.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import click
import numpy as np

from rnnedge.cli.tables import print_table
from rnnedge.datasets import weather
from rnnedge.fitting import fit
from rnnedge.run_data import int8_data, load_run_data
from rnnedge.run_folder import Run, load_run
from rnnedge_export.int8 import Int8
from rnnedge_export.quantisation_report import target_deviations
from rnnedge_export.quiet import quiet_difference
from rnnedge_export.rnne import quick_engine
from rnnedge_export.sequence_model import SequenceModel
from rnnedge_export.subject import read_subject
from rnnedge_runtime.integer_numerics import INTEGER_NUMERICS
from rnnedge_runtime.metadata import Golden, Metadata
from rnnedge_runtime.tolerances import QUIET_STD_FRACTION
from rnnedge_runtime.weights import NUMERICS

CELLS = ("gru", "lstm", "rnn")


def main() -> None:
    """Print one line per run and input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--steps", type=int, default=1_000_000)
    arguments = parser.parse_args()
    rows = [["run", "held", "largest difference", "% of deviation"]]
    with tempfile.TemporaryDirectory(prefix="rnnedge-") as folder:
        runs = arguments.runs or [_train(cell, Path(folder)) for cell in CELLS]
        largest = 0.0
        for run in map(load_run, runs):
            for name, difference, part in _measure(run, arguments.steps):
                rows.append([run.name, name, f"{difference:.2g}", f"{100 * part:.3f}"])
                largest = max(largest, part)
    print_table(rows)
    click.echo(
        f"\n{arguments.steps:,} steps; allowed: {100 * QUIET_STD_FRACTION:g} % of the "
        "standard deviation of the target on the test part."
    )
    raise SystemExit(largest > QUIET_STD_FRACTION)


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


def _measure(run: Run, num_steps: int) -> list[tuple[str, float, float]]:
    """Name of the held input, largest difference, and that in deviations."""
    prepared = load_run_data(run)
    data = int8_data(prepared)
    module = SequenceModel(run.spec)
    module.load_weights(run.weights)
    subject = read_subject(module, example=None, features=None, targets=None)
    quantised = Int8(data).quantise(subject)
    golden = Golden(
        np.zeros((1, run.spec.input_size), np.float32),
        np.zeros((1, run.spec.output_size), np.float32),
    )
    engines = (
        quick_engine(
            Metadata(run.spec, subject.digest, NUMERICS, golden, ""), run.weights
        ),
        quick_engine(
            Metadata(run.spec, quantised.digest, INTEGER_NUMERICS, golden, ""),
            quantised,
        ),
    )
    deviations = target_deviations(run.spec, data.scored, engines[0], golden.x)
    series = prepared.series[0]
    training = series.x[: series.parts.train.stop]
    end = series.parts.test.stop
    held = {
        "mean of the training part": (training.mean(axis=0), None),
        "last row of the test part": (series.x[end - 1], series.x[:end]),
    }
    found = []
    for name, (row, prelude) in held.items():
        row = row.astype(np.float32)
        differences = quiet_difference(
            run.spec, engines, row, num_steps, prelude=prelude
        )
        worst = int(np.argmax(differences / deviations))
        part = float(differences[worst] / deviations[worst])
        found.append((name, float(differences[worst]), part))
    return found


if __name__ == "__main__":
    main()
