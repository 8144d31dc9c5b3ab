"""`rnnedge demo`: the whole way on the bundled weather data."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_runtime.errors import require

TARGET = "temp_c"
HORIZON = 6
TIMED_STEPS = 2000


@click.command("demo")
@click.option("--out", default="demo", show_default=True, help="Folder for everything.")
@click.option("--seed", default=0, show_default=True, help="Seed of the training.")
@click.option("--epochs", default=None, type=int, help="Fewer make a quicker demo.")
def command(out: str, seed: int, epochs: int | None) -> None:
    """Train on the weather at JFK, export, verify, and stream the weather at Newark."""
    for module in (
        "torch",
        "polars",
        "onnx",
        "onnxruntime",
        "safetensors",
        "matplotlib",
        "rich",
    ):
        require(module, extra="train", purpose="rnnedge demo")
    from rnnedge.cli.train import print_outcome, print_prepared
    from rnnedge.datasets import weather
    from rnnedge.exporting import export
    from rnnedge.fitting import fit

    folder = Path(out)
    echo("1. Train a GRU on hourly weather at JFK, temperature up to 6 h ahead\n")
    choices: dict[str, Any] = {"epochs": epochs} if epochs else {}
    fitted = fit(
        weather("jfk"),
        target=TARGET,
        horizon=HORIZON,
        out=folder / "jfk",
        seed=seed,
        overwrite=True,
        on_prepared=print_prepared,
        **choices,
    )
    print_outcome(fitted)

    echo("\n2. Export with explicit state, each artifact proved on 10,000 steps\n")
    report = export(fitted.run, formats=("rnne", "onnx", "torchscript"), out=folder)
    integers = export(
        fitted.run, formats="rnne", out=folder, int8=True, prepared=fitted.prepared
    )
    print_table(_artifact_table([*report.artifacts, *integers.artifacts]))
    echo(f"\n{integer_sentence(integers.artifacts[0].quantisation)}")

    echo("\n3. Stream the weather at Newark, a station the network has not seen\n")
    for sentence in stream_elsewhere(folder / "jfk.rnne", folder / "newark.csv"):
        echo(sentence)

    run = fitted.run.path
    echo(f"\nPlots: {run / 'forecast.png'}, {run / 'loss.png'}")
    both = f"{folder / 'jfk.rnne'} {folder / 'jfk.onnx'}"
    integer = folder / "jfk-int8.rnne"
    echo(f"Next:  rnnedge verify {both} {integer}")
    echo(f"       rnnedge bench {both}")


def integer_sentence(found: Any) -> str:
    """What the integers cost, at the furthest step."""
    loss = found.losses[-1]
    return (
        f"In int8, {loss.output} has a mean absolute error of {loss.int8_mae:.4f} "
        f"{loss.unit} on the test part, {loss.float_mae:.4f} {loss.unit} in float "
        f"({loss.percent:+.2f} %), from {found.int8_nbytes / found.float_nbytes:.0%} of "
        "the bytes."
    )


def _artifact_table(artifacts: Sequence[Any]) -> list[list[str]]:
    rows = [
        ["artifact", "format", "KB", "largest error, 10,000 steps", "limit", "us/step"]
    ]
    for artifact in artifacts:
        rows.append(
            [
                str(artifact.path),
                artifact.format,
                f"{artifact.path.stat().st_size / 1024:.1f}",
                f"{artifact.max_error:.2e}",
                f"{artifact.limit:.2e}" if math.isfinite(artifact.limit) else "none",
                f"{microseconds_per_step(artifact.path, artifact.format):.1f}",
            ]
        )
    return rows


def microseconds_per_step(path: Path, format_name: str) -> float:
    """Median time of `Stream.step` with an output buffer, in us."""
    from rnnedge_export.formats.registry import FORMATS
    from rnnedge_export.tools.threads import torch_threads

    model = FORMATS[format_name].load(path, FORMATS[format_name].backend)
    stream = model.stream()
    reading = model.golden.x[0, : model.spec.num_features].copy()
    y = np.empty(model.spec.output_size, dtype=np.float32)
    seconds = []
    with torch_threads(1):  # as training and export compute
        for step in range(TIMED_STEPS):
            started = time.perf_counter()
            stream.step(reading, time=step * 3600, out=y)
            seconds.append(time.perf_counter() - started)
    return 1e6 * float(np.median(seconds))


def stream_elsewhere(artifact: Path, forecasts: Path) -> list[str]:
    """Stream the readings of EWR through `artifact`, write the forecasts, score them."""
    from rnnedge.data.split import split_rows
    from rnnedge.data.tables.loading import load_dataset
    from rnnedge.datasets import weather
    from rnnedge_runtime import load

    dataset = load_dataset(weather("ewr"), targets=(TARGET,))
    series = dataset.series[0]
    assert series.time is not None
    model = load(artifact)
    columns = [dataset.columns.index(name) for name in model.spec.feature_names]
    started = time.perf_counter()
    stream = model.stream()
    rows = zip(series.values[:, columns], series.time, strict=True)
    y = np.stack([stream.step(x, time=int(t)) for x, t in rows])
    elapsed = time.perf_counter() - started

    names = [output.name for output in model.spec.outputs]
    with forecasts.open("w", encoding="utf-8") as file:
        file.write(",".join(["time", *names]) + "\n")
        for t, values in zip(series.time, y, strict=True):
            file.write(
                f"{np.datetime64(int(t), 's')}Z," + ",".join(map(str, values)) + "\n"
            )

    truth = series.values[:, dataset.columns.index(TARGET)]
    known = np.isfinite(truth)
    last = truth[np.maximum.accumulate(np.where(known, np.arange(len(truth)), 0))]
    part = split_rows(len(truth), HORIZON).test
    ahead = truth[part.start + HORIZON : part.stop + HORIZON]
    tested = slice(part.start, part.stop)
    network = float(np.nanmean(np.abs(y[tested, HORIZON - 1] - ahead)))
    persistence = float(np.nanmean(np.abs(last[tested] - ahead)))
    wind = series.values[:, dataset.columns.index("wind_ms")]
    outcome = "beats" if network < persistence else "LOSES to"
    return [
        f"{len(y):,} readings in {elapsed:.2f} s, {int((~known).sum())} of them without a "
        "temperature (held), one with a wind of "
        f"{np.nanmax(wind):.0f} m/s (implausible, so held).",
        f"Six hours ahead, on the last 20 % of the year, the network {outcome} persistence "
        f"there without retraining: {network:.2f} C against {persistence:.2f} C.",
        f"Forecasts: {forecasts}",
    ]
