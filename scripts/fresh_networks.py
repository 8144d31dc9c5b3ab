"""Export networks exactly as PyTorch draws them, and verify every file: none may fail.

    python scripts/fresh_networks.py --sizes 16 128 --layers 1 2 --seeds 8

One line a kind, size and number of layers: how near the artifacts of all seeds came to
their limits, on single steps and on the carried run, and what was refused or failed. C and
WebAssembly, which give the bytes of `.rnne`, are left out of large networks.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_export.compare import verification_stream
from rnnedge_export.exporting.export import export
from rnnedge_export.formats.registry import FORMATS
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.errors import RnnEdgeError
from rnnedge_runtime.tolerances import VERIFY_STEPS

KINDS: dict[str, tuple[type[nn.RNNBase], dict[str, Any]]] = {
    "rnn": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "gru": (nn.GRU, {}),
    "lstm": (nn.LSTM, {}),
}
COMPILED = [item.name for item in FORMATS.values() if item.is_compiled]
INPUT_SIZE, OUTPUT_SIZE = 2, 4


class Fresh(nn.Module):
    """Recurrent layers and a linear one, as PyTorch draws them."""

    def __init__(self, kind: str, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        cell, options = KINDS[kind]
        self.rnn = cell(
            INPUT_SIZE, hidden_size, num_layers, batch_first=True, **options
        )
        self.head = nn.Linear(hidden_size, OUTPUT_SIZE)
        self.is_lstm = kind == "lstm"

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        if self.is_lstm:
            z, (h, c) = self.rnn(x, (state[0], state[1]))
            return self.head(z), h, c
        z, h = self.rnn(x, state[0])
        return self.head(z), h

    def example(self) -> tuple[Tensor, ...]:
        """One step of a new stream."""
        state = torch.zeros(self.rnn.num_layers, 1, self.rnn.hidden_size)
        return (torch.zeros(1, 1, INPUT_SIZE), *([state] * (1 + self.is_lstm)))


@dataclass(slots=True)
class Outcome:
    """What came of the networks of one shape."""

    steps: float = 0.0
    carried: float = 0.0
    exported: int = 0
    failures: list[str] = field(default_factory=list)


def try_network(
    kind: str,
    hidden_size: int,
    num_layers: int,
    seed: int,
    formats: Sequence[str],
    outcome: Outcome,
) -> None:
    """Export one network to every format, verify the files, and add to `outcome`."""
    torch.manual_seed(seed)
    model = Fresh(kind, hidden_size, num_layers).eval()
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = export(model, example=model.example(), formats=formats, out=folder)
        except RnnEdgeError as error:
            outcome.failures.append(f"seed {seed}: {error}")
            return
        for artifact in report.artifacts:
            parity = artifact.parity
            outcome.exported += 1
            outcome.carried = max(outcome.carried, parity.max_error / parity.limit)
            if parity.steps is not None and parity.steps.limit > 0:
                ratio = parity.steps.max_error / parity.steps.limit
                outcome.steps = max(outcome.steps, ratio)
        paths = [artifact.path for artifact in report.artifacts]
        backend = "torchscript" if "torchscript" in formats else None
        for check in verify(paths, backend=backend).checks:
            if check.outcome == "failed":
                outcome.failures.append(f"seed {seed}: {check}")


def main() -> int:
    """Exit code 1 when a network was refused or a file failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[16, 64, 128, 256, 512])
    parser.add_argument("--layers", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), choices=FORMATS)
    parser.add_argument("--compiled-up-to", type=int, default=128, metavar="UNITS")
    parser.add_argument("--steps", type=int, default=VERIFY_STEPS)
    chosen = parser.parse_args()
    verification_stream.VERIFY_STEPS = chosen.steps
    torch.set_num_threads(1)
    num_failures = 0
    print(
        "kind  units  layers  files  of the step's limit  of the carried  failed  seconds"
    )
    for size, kind, layers in itertools.product(
        chosen.sizes, chosen.kinds, chosen.layers
    ):
        outcome, started = Outcome(), time.perf_counter()
        formats = [
            name
            for name in chosen.formats
            if size <= chosen.compiled_up_to or name not in COMPILED
        ]
        for seed in range(chosen.seeds):
            try_network(kind, size, layers, seed, formats, outcome)
        num_failures += len(outcome.failures)
        print(
            f"{kind:<4}  {size:>5}  {layers:>6}  {outcome.exported:>5}  "
            f"{outcome.steps:>19.3f}  {outcome.carried:>14.3f}  "
            f"{len(outcome.failures):>6}  {time.perf_counter() - started:>7.0f}",
            *outcome.failures,
            sep="\n",
            flush=True,
        )
    return 1 if num_failures else 0


if __name__ == "__main__":
    sys.exit(main())
