"""The run folder: what a training run leaves behind, and how it is read again.

config.toml         every choice, resolved; where the data came from
model.toml          the blocks of the network, for --layers
module.pt           in place of it: state_dict of a module of the user's own, best epoch
results.csv         one row per epoch
model.safetensors   canonical weights of the best epoch
spec.json           canonical ModelSpec
stream.npz          the end of the data as model inputs: what exports prove themselves on
report.json         errors of the network and the baselines
scores.csv          the same, one row per target, step and forecaster
loss.png, forecast.png
last.ckpt           where training stands; read by --resume
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import (
    DataError,
    FormatError,
    NonFiniteError,
    ShapeError,
    require,
)
from rnnedge_runtime.formats.files import replacing
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json
from rnnedge_runtime.spec.weights import Weights, canonical_weights
from rnnedge_runtime.tables.csv_rows import CsvRows

CONFIG = "config.toml"
MODEL = "model.toml"
MODULE = "module.pt"
RESULTS = "results.csv"
WEIGHTS = "model.safetensors"
SPEC = "spec.json"
STREAM = "stream.npz"
REPORT = "report.json"
SCORES = "scores.csv"
CHECKPOINT = "last.ckpt"
LOSS_PLOT = "loss.png"
FORECAST_PLOT = "forecast.png"
OWN_MODULE = "module"
"""In the config's section of the data: the class of a module of the user's own."""
ALL_FILES = (
    CONFIG,
    MODEL,
    MODULE,
    RESULTS,
    WEIGHTS,
    SPEC,
    STREAM,
    REPORT,
    SCORES,
    CHECKPOINT,
    LOSS_PLOT,
    FORECAST_PLOT,
)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished training run.

    Attributes:
        path: the run folder.
        spec: the model's description.
        weights: canonical weights of the best epoch.
        stream: `[T, I]` model inputs of the end of the data, or None.
        report: content of `report.json`.
    """

    path: Path
    spec: ModelSpec
    weights: Weights
    stream: NDArray[np.float32] | None
    report: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the run, and of its artifacts."""
        return self.path.resolve().name


def new_folder(out: str | Path | None, stem: str, *, overwrite: bool) -> Path:
    """The folder of a new run, made and emptied of what an older run left.

    Args:
        out: where; None: `runs/<stem>`, numbered when it exists.
        stem: name of the data.
        overwrite: replace the run that `out` holds.

    Raises:
        DataError: it holds a run, or cannot be made.
    """
    if out is None:
        names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, 10_000))
        out = next(path for name in names if not (path := Path("runs") / name).exists())
    folder = Path(out)
    if (folder / CONFIG).exists() and not overwrite:
        raise DataError(
            f"{folder}: the folder already holds a run. Choose another --out, replace it "
            "with --overwrite, or go on with it by --resume."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder}: the run folder cannot be made: {error.strerror}. "
            "Choose another --out."
        ) from None
    for name in ALL_FILES:
        (folder / name).unlink(missing_ok=True)
    return folder


def load_run(path: str | Path) -> Run:
    """Read a run folder, which `fit` and `rnnedge train` write.

    Raises:
        DataError: not a run folder, or training has not finished an epoch.
        FormatError: a damaged spec, or weights or inputs that are not the spec's.
        MissingDependencyError: safetensors is not installed.
    """
    folder = Path(path)
    absent = [name for name in (SPEC, WEIGHTS, REPORT) if not (folder / name).is_file()]
    if absent:
        raise DataError(
            f"{folder}: {' and '.join(absent)} not found, expected the folder of a "
            "finished training run. Name a folder that `rnnedge train --out` wrote; "
            "`rnnedge train --resume` finishes one that was stopped."
        )
    safetensors = require(
        "safetensors.numpy", extra="train", purpose="Reading the weights of a run"
    )
    spec = spec_from_json(_text(folder / SPEC), where=str(folder / SPEC))
    try:
        tensors = safetensors.load_file(folder / WEIGHTS)
    except Exception as error:
        raise DataError(
            f"{folder / WEIGHTS}: not a readable safetensors file: {error}. "
            "Restore the file, or train again."
        ) from None
    try:
        weights = canonical_weights(spec, tensors)
    except (ShapeError, NonFiniteError, TypeError, ValueError) as error:
        raise FormatError(
            f"{folder / WEIGHTS}: {error} The file is not that of the run; restore it, or "
            "train again."
        ) from None
    return Run(folder, spec, weights, _stream(folder, spec), _report(folder))


def _stream(folder: Path, spec: ModelSpec) -> NDArray[np.float32] | None:
    path = folder / STREAM
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            stream: NDArray[np.float32] = archive["x"]
        if stream.dtype != np.float32 or stream.shape[1:] != (spec.input_size,):
            raise ValueError("other inputs than the model's")
    except Exception as error:  # numpy and zipfile raise errors of many types
        raise FormatError(
            f"{path}: not the inputs of the run: {error}. "
            "Restore the file or delete it, or train again."
        ) from None
    return stream


def _report(folder: Path) -> dict[str, Any]:
    try:
        report = json.loads(_text(folder / REPORT))
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict):
        raise FormatError(
            f"{folder / REPORT}: not the report of a run. Restore the file, or train again."
        )
    return report


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FormatError(
            f"{path}: the file cannot be read: {error.strerror}. Check its permissions."
        ) from None
    except UnicodeDecodeError:
        raise FormatError(
            f"{path}: the file is no text. Restore it, or train again."
        ) from None


def save_model(
    folder: Path, spec: ModelSpec, weights: Weights, stream: NDArray[np.float32]
) -> None:
    """Write spec, weights and verification stream."""
    safetensors = require(
        "safetensors.numpy", extra="train", purpose="Writing the weights of a run"
    )
    write_atomically(folder / SPEC, (spec_to_json(spec) + "\n").encode())
    write_atomically(folder / WEIGHTS, safetensors.save(weights))
    write_with(folder / STREAM, lambda file: np.savez_compressed(file, x=stream))


def save_rows(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file, the header among its rows, in place of the older one."""
    text = io.StringIO()
    table = CsvRows(text)
    for row in rows:
        table.write(row)
    write_atomically(path, text.getvalue().encode())


def save_report(folder: Path, report: dict[str, Any]) -> None:
    """Write `report.json`."""
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / REPORT, (text + "\n").encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, or leave it as it was."""
    write_with(path, lambda file: file.write(content))


def write_with(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a new file that takes the place of `path` (`replacing`).

    Raises:
        DataError: the disk is full, or the folder may not be written to.
    """
    try:
        with replacing(path) as file:
            write(file)
    except OSError as error:
        raise DataError(
            f"{path}: the file cannot be written: {error.strerror}. "
            "Make room, or choose another folder."
        ) from None
