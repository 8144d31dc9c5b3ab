"""`.nam` files of Neural Amp Modeler: LSTM.

Their weights are one list: for each layer the matrix of input and state `[4 H, I + H]` with
gates i, f, g, o, the bias, h and c to start from; then the head's weights and its bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rnnedge_runtime.errors import FormatError, SpecError

from . import stacks
from .cells import CellWeights
from .json_file import read_json
from .step import Imported, Step, check_finite


def import_nam(
    path: Path, *, features: Sequence[str] = (), targets: Sequence[str] = ()
) -> Imported:
    """Read a file of an LSTM.

    Raises:
        FormatError: it is no `.nam` file, or has more or fewer weights than its sizes say.
        SpecError: it holds another architecture.
    """
    content = read_json(path)
    where = str(path)
    architecture = content.get("architecture")
    if architecture != "LSTM":
        raise SpecError(
            f"{where}: its architecture is {architecture}, expected LSTM. Train an LSTM; "
            "other architectures are not read."
        )
    sizes = content.get("config", {})
    weights = content.get("weights")
    try:
        inputs, hidden, num_layers = (
            int(sizes[name]) for name in ("input_size", "hidden_size", "num_layers")
        )
        flat = torch.tensor(weights, dtype=torch.float32).reshape(-1)
    except (KeyError, TypeError, ValueError):
        raise FormatError(
            f"{where}: its config or weights are not those of an LSTM, which has "
            "input_size, hidden_size, num_layers and one list of numbers. Write it again."
        ) from None
    if min(inputs, hidden, num_layers) < 1:
        raise FormatError(f"{where}: its config has sizes below 1. Write it again.")
    num_layers = min(num_layers, len(flat))  # each has a weight: more never fit
    _check_count(where, flat, inputs, hidden, num_layers)
    check_finite(where, "weights", flat.numpy())
    step = Step(where)
    z = step.input(inputs)
    at = 0

    def take(*shape: int) -> torch.Tensor:
        nonlocal at
        count = int(torch.tensor(shape).prod())
        at += count
        return flat[at - count : at].reshape(shape)

    for k in range(num_layers):
        size = z.names.numel()
        matrix, bias = take(4 * hidden, size + hidden), take(4 * hidden)
        w = CellWeights(
            matrix[:, :size], matrix[:, size:], bias, torch.zeros(4 * hidden)
        )
        start = [take(hidden), take(hidden)]
        z = stacks.recurrent(step, "lstm", f"LSTM layer {k}", z, w, start=start)
    y = stacks.dense(step, "head", z, take(1, hidden), take(1))
    rate: Any = content.get("sample_rate")
    period = 1 / rate if isinstance(rate, int | float) and rate > 0 else None
    return step.finish(
        inputs, y, features=features, targets=targets, sample_period_s=period
    )


def _check_count(
    where: str, flat: torch.Tensor, inputs: int, hidden: int, num_layers: int
) -> None:
    expected = hidden + 1
    for k in range(num_layers):
        size = hidden if k else inputs
        expected += 4 * hidden * (size + hidden) + 6 * hidden
    if len(flat) != expected:
        raise FormatError(
            f"{where}: it has {len(flat):,} weights, expected {expected:,} for {num_layers} "
            f"layers of {hidden} and {inputs} inputs. Write it again."
        )
