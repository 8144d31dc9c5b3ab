"""Print what installed wheels make of models: file, backend, SHA-256 of outputs and state.

    python scripts/wheel_bytes.py MODEL...

Two machines that print the same have the same bytes.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path

import numpy as np

import rnnedge_runtime

NUM_STEPS = 200
START = 1_700_000_000


def bytes_of(path: Path) -> str:
    model = rnnedge_runtime.load(path)
    readings = np.random.default_rng(0).normal(
        size=(NUM_STEPS, model.spec.num_features)
    )
    readings = readings.astype(np.float32)
    readings[::7, 0] = np.nan
    stream = model.stream()
    period = int(model.spec.sample_period_s or 60)
    outputs = [
        stream.step(row, time=START + period * t) for t, row in enumerate(readings)
    ]
    digest = hashlib.sha256(np.array(outputs).tobytes() + stream.snapshot())
    return f"{path.name} {model.backend} {digest.hexdigest()}"


if __name__ == "__main__":
    print(
        platform.machine(), platform.python_version(), np.__version__, file=sys.stderr
    )
    for name in sys.argv[1:]:
        print(bytes_of(Path(name)))
