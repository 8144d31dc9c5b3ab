"""What a person sees while training: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from rnnedge.training.trainer import Trainer
from rnnedge_runtime.errors import require
from rnnedge_runtime.printable import printable


class Progress(AbstractContextManager["Progress"]):
    """Reports loss, validation error, speed and time left."""

    def __init__(self, trainer: Trainer, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._epochs = trainer.config.epochs
        output = trainer.model.spec.outputs[trainer.shown]
        self._label = f"val {trainer.metric.upper()} {printable(output.name)}"
        self._unit = f" {printable(output.unit)}" if output.unit else ""
        self._first_epoch = trainer.epoch
        self._started = time.perf_counter()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        """Start the bar."""
        if not self._is_quiet and sys.stderr.isatty():
            rich = require("rich.progress", extra="train", purpose="The progress bar")
            console = require("rich.console", extra="train", purpose="The progress bar")
            self._bar = rich.Progress(
                rich.TextColumn("epoch {task.fields[epoch]}"),
                rich.BarColumn(bar_width=24),
                rich.TextColumn("{task.fields[errors]}"),
                rich.TimeRemainingColumn(compact=True),
                console=console.Console(file=sys.stderr),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0, epoch="", errors="")
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the bar."""
        if self._bar is not None:
            self._bar.stop()

    def chunk(self, trainer: Trainer) -> None:
        """After every chunk: move the bar."""
        if self._bar is not None:
            done = (trainer.epoch + trainer.chunk / trainer.num_chunks) / self._epochs
            self._bar.update(
                self._task, completed=done, epoch=f"{trainer.epoch + 1}/{self._epochs}"
            )

    def epoch(self, trainer: Trainer) -> None:
        """After every epoch: show its errors."""
        if self._is_quiet:
            return
        record = trainer.history[-1]
        elapsed = time.perf_counter() - self._started
        per_epoch = elapsed / (record.epoch - self._first_epoch)
        speed = trainer.rows_per_epoch / per_epoch
        errors = (
            f"loss {record.train_loss:.4f}  "
            f"{self._label} {record.validation_shown:.4g}{self._unit}  "
            f"{speed:,.0f} rows/s"
        )
        if self._bar is not None:
            self._bar.update(self._task, errors=errors)
            return
        mark = "  best" if trainer.best_epoch == record.epoch - 1 else ""
        left = per_epoch * (self._epochs - record.epoch)
        text = f"epoch {record.epoch}/{self._epochs}  {errors}  {left:.0f} s left{mark}"
        tell(text, is_quiet=False)


BASELINE_SILENCE_S = 3.0


def tell(text: str, *, is_quiet: bool) -> None:
    """Write a line of progress."""
    if not is_quiet:
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()


def baseline_progress(*, is_quiet: bool) -> Callable[[float], None]:
    """What tells how far the baselines are, one line every few seconds."""
    told = time.perf_counter()

    def on_progress(done: float) -> None:
        nonlocal told
        now = time.perf_counter()
        if now - told >= BASELINE_SILENCE_S:
            told = now
            tell(f"baselines: {done:.0%}", is_quiet=is_quiet)

    return on_progress
