"""One network trained in a run folder: device, threads, checkpoints and Ctrl-C."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
import time as clock
from collections.abc import Iterator
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rnnedge.runs.folder import MODULE, RESULTS, save_rows, write_with
from rnnedge.tasks.config import TrainConfig
from rnnedge.training.checkpoint import save_checkpoint
from rnnedge.training.observers.progress import Progress
from rnnedge.training.own_network import OwnNetwork
from rnnedge.training.trainer import EpochRecord, Trainer
from rnnedge_export.module.module_copy import unwrapped
from rnnedge_export.tools.threads import torch_threads
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.live.stopping import handled

CHECKPOINT_INTERVAL_S = 5.0
PAST_SEEDS = "past_seeds"
SMALL_HIDDEN_SIZE = 256  # up to here a second CPU thread costs more than it brings


def run_in_folder(
    folder: Path,
    trainer: Trainer,
    fingerprint: str,
    past: list[dict[str, Any]],
    *,
    is_quiet: bool,
) -> bool:
    """Train to the end or to Ctrl-C; what was reached is in the folder.

    Args:
        past: states of the seeds trained before.

    Returns:
        Whether training is finished.
    """
    saved = clock.perf_counter()

    def save() -> None:
        state = {**trainer.state_dict(), PAST_SEEDS: past}
        save_checkpoint(folder, state, fingerprint)

    def on_chunk(current: Trainer) -> bool:
        progress.chunk(current)
        return not interrupted.is_set()

    def on_epoch(current: Trainer) -> None:
        nonlocal saved
        progress.epoch(current)
        if clock.perf_counter() - saved > CHECKPOINT_INTERVAL_S:
            save()
            saved = clock.perf_counter()

    with interruptible() as interrupted:
        with Progress(trainer, is_quiet=is_quiet) as progress:
            is_finished = trainer.run(on_chunk=on_chunk, on_epoch=on_epoch)
        save()
        save_results(folder, trainer)
    return is_finished


def save_results(folder: Path, trainer: Trainer) -> None:
    """Write a row per epoch, under the name of the error that the task shows."""
    header = [f.name.replace("shown", trainer.metric) for f in fields(EpochRecord)]
    save_rows(folder / RESULTS, [header, *map(astuple, trainer.history)])


def save_module(folder: Path, module: nn.Module, trainer: Trainer) -> None:
    """Give the best weights to the module that was trained, and write its state_dict."""
    from rnnedge.training.own_module import give_back

    assert isinstance(trainer.model, OwnNetwork)
    give_back(module, trainer.model)
    buffer = io.BytesIO()
    torch.save(unwrapped(module).state_dict(), buffer)
    write_with(folder / MODULE, lambda file: file.write(buffer.getbuffer()))


@contextlib.contextmanager
def torch_settings(config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Threads for the run; the caller's threads and random numbers are left as they were."""
    is_small = config.hidden_size <= SMALL_HIDDEN_SIZE
    threads = config.threads or (1 if is_small else torch.get_num_threads())
    devices = [device] if device.type == "cuda" else []
    with torch_threads(threads), torch.random.fork_rng(devices):
        yield


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """The first Ctrl-C sets the event, a second one interrupts at once."""
    interrupted = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    with handled([signal.SIGINT], handle):
        yield interrupted


def choose_device(name: str) -> torch.device:
    """The device to train on.

    Raises:
        SpecError: CUDA was asked for and PyTorch finds none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise SpecError(
            "train: device is 'cuda', but PyTorch finds no CUDA device. "
            "Install a CUDA build of torch, or use --device cpu."
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
