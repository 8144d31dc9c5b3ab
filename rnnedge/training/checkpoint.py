"""Checkpoints: where a training run stands, in `last.ckpt` of its folder."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rnnedge.runs.folder import CHECKPOINT, write_with
from rnnedge.tasks.task import Prepared
from rnnedge.training.own_network import OwnNetwork
from rnnedge_runtime.errors import FormatError, StateError
from rnnedge_runtime.spec.spec_json import spec_to_json

if TYPE_CHECKING:
    from rnnedge.training.trainer import Trainer

CHECKPOINT_VERSION = 1


def data_fingerprint(prepared: Prepared) -> str:
    """SHA-256 (hex) of the spec, but for the longest runs, and of all inputs and targets."""
    features = [replace(f, longest_unchanged=None) for f in prepared.spec.features]
    spec = prepared.with_features(tuple(features)).spec
    digest = hashlib.sha256(spec_to_json(spec).encode())
    for series in prepared.series:
        digest.update(np.ascontiguousarray(series.x).data)
        digest.update(np.ascontiguousarray(series.targets).data)
    return digest.hexdigest()


def save_checkpoint(folder: Path, state: dict[str, Any], fingerprint: str) -> None:
    """Write the trainer's state atomically."""
    content = {"version": CHECKPOINT_VERSION, "data": fingerprint, "trainer": state}
    # In memory first: what torch writes to a full disk is no OSError.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_with(folder / CHECKPOINT, lambda file: file.write(buffer.getbuffer()))


def load_checkpoint(folder: Path, fingerprint: str) -> dict[str, Any]:
    """The trainer's state.

    Raises:
        FormatError: no checkpoint, or a damaged one.
        StateError: the data is not the data that the run was started on.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise FormatError(
            f"{path}: the file does not exist, expected the checkpoint of a run that was "
            "stopped. Start the run again without --resume."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        version, data, state = content["version"], content["data"], content["trainer"]
        if not isinstance(state, dict):
            raise TypeError("no state")
    except Exception:  # torch.load raises errors of many types
        raise _damaged(path) from None
    if version != CHECKPOINT_VERSION:
        raise FormatError(
            f"{path}: checkpoint version {version}, expected {CHECKPOINT_VERSION}. "
            "Resume with the version of rnnedge that started the run."
        )
    if data != fingerprint:
        raise StateError(
            f"{path}: the data has changed since the run was started. "
            "Restore the data file, or start a new run."
        )
    result: dict[str, Any] = state
    return result


def restore_trainer(trainer: Trainer, state: dict[str, Any], folder: Path) -> None:
    """Let `trainer` go on from a state of a checkpoint.

    Raises:
        FormatError: the state is not one of such a trainer.
        StateError: it is one of another module.
    """
    if isinstance(trainer.model, OwnNetwork):
        _check_module(trainer.model, state, folder)
    try:
        trainer.load_state_dict(state)
        expected = {name: value.shape for name, value in state["model"].items()}
        best = state["best"]
        found = {name: value.shape for name, value in best.items()}
        is_none = not best and not np.isfinite(trainer.best_error)
        if len(trainer.history) != trainer.epoch or not (is_none or found == expected):
            raise ValueError("its parts are of different runs")
    except Exception:  # torch raises errors of many types for a state of other shapes
        raise _damaged(folder / CHECKPOINT) from None


def _check_module(model: OwnNetwork, state: dict[str, Any], folder: Path) -> None:
    mine, theirs = (
        {name: tuple(value.shape) for name, value in tensors.items()}
        for tensors in (model.state_dict(), state.get("model", {}))
    )
    if mine != theirs:
        odd = sorted(
            name.removeprefix("inner.")
            for name in mine.keys() | theirs.keys()
            if mine.get(name) != theirs.get(name)
        )
        raise StateError(
            f"{folder / CHECKPOINT}: {model.user.name} has other weights than the module of "
            f"the run: {odd[0]} and {len(odd) - 1} more. Give a module of the same class and "
            "sizes."
        )


def _damaged(path: Path) -> FormatError:
    return FormatError(
        f"{path}: not a checkpoint that can be read. It was cut short or changed; "
        "start the run again without --resume."
    )
