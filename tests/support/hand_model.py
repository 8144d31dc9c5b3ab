"""The hand-written C model of `hand.c`, its weights, and the same model on the host."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.artifacts import describe
from support.strategies import random_weights

from rnnedge_export.boards.equality import HostRun
from rnnedge_export.formats.c.source import CSource
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.spec.layers import Linear, Rnn
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model

HERE = Path(__file__).parent
FAULTS = (
    "NONE",
    "WRONG_BIT",
    "RUN_FORGETS",
    "SAVE_FORGETS",
    "RESTORE_FORGETS",
    "RESTORE_TRUSTS",
    "NOTHING_HELD",
    "SELFTEST_FAILS",
    "DIES",
    "HANGS",
)
SPEC = ModelSpec(
    features=(Feature("a"), Feature("b"), Feature("c")),
    targets=(Target("y"), Target("z")),
    layers=(Rnn(3, 4, "relu"), Linear(4, 2)),
)


def hand_model(num_steps: int) -> HostRun:
    """The source, with what the host gives."""
    weights = random_weights(SPEC, np.random.default_rng(3))
    model = Model(describe(SPEC, weights), Float32Engine(SPEC, weights))
    bias = weights["layers.0.bias_ih"] + weights["layers.0.bias_hh"]
    tensors = {
        "input[4][3]": weights["layers.0.weight_ih"],
        "recurrent[4][4]": weights["layers.0.weight_hh"],
        "bias[4]": bias,
        "output[2][4]": weights["layers.1.weight"],
        "output_bias[2]": weights["layers.1.bias"],
    }
    lines = [f"static const float {n} = {_initialiser(t)};" for n, t in tensors.items()]
    digest = ", ".join(map(str, bytes.fromhex(model.digest)[:16]))
    lines.append(f"static const unsigned char digest[16] = {{{digest}}};")
    files = {name: (HERE / name).read_text() for name in ("hand.c", "hand.h")}
    files["hand_weights.h"] = "\n".join(lines) + "\n"
    source = CSource("hand", 3, 2, len(model.stream().snapshot()), files)
    return HostRun(source, model, num_steps)


def _initialiser(tensor: np.ndarray) -> str:
    if tensor.ndim == 1:
        return "{" + ", ".join(f"{float(v).hex()}f" for v in tensor) + "}"
    return "{" + ", ".join(_initialiser(row) for row in tensor) + "}"
