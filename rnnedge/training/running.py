"""One network trained in a run folder: with progress, checkpoints and Ctrl-C."""

from __future__ import annotations

import time as clock
from pathlib import Path
from typing import Any

from rnnedge.runs.folder import RESULTS, save_rows
from rnnedge.training.checkpoint import save_checkpoint
from rnnedge.training.observers.progress import Progress
from rnnedge.training.records import record_rows
from rnnedge.training.session import interruptible
from rnnedge.training.trainer import Trainer

CHECKPOINT_INTERVAL_S = 5.0
PAST_SEEDS = "past_seeds"


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
        folder: of the run.
        trainer: new, or as it was stopped.
        fingerprint: of the data.
        past: states of the seeds trained before.
        is_quiet: no progress.

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
    """Write a row per epoch."""
    rows = record_rows(trainer.history, trainer.metric)
    save_rows(folder / RESULTS, rows)
