"""What a training changes in its process, and puts back: threads, random numbers, Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import torch

from rnnedge.tasks.config import TrainConfig
from rnnedge_export.tools.threads import torch_threads
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.live.stopping import handled

SMALL_HIDDEN_SIZE = 256  # up to here a second CPU thread costs more than it brings


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
