"""`rnnedge run` with a live source, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from support.artifacts import save_artifact
from support.live.places import room_spec
from support.strategies import random_weights


def room_artifact(folder: Path) -> Path:
    """A model that reads temperature and humidity once a minute."""
    spec = room_spec()
    weights = random_weights(spec, np.random.default_rng(0))
    return save_artifact(spec, weights, folder, ".rnne")


def start_live(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """`rnnedge run` with these arguments; standard streams are pipes unless given."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-m", "rnnedge.cli", "run", *map(str, arguments)]
    return subprocess.Popen(command, **{**streams, **options})
