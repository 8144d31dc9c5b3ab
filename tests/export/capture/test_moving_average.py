"""Exponential moving averages of a user's module become layers, in floats and in integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rnnedge_export
import rnnedge_runtime
from rnnedge_runtime.spec.graph_layers import Memory

WARM = (torch.zeros(1, 1, 3), torch.tensor([[0.5, 0.0, -0.5]]))


class Average(nn.Module):
    """A head behind an average, step by step."""

    def average(self, x: Tensor, m: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        outputs = []
        for t in range(x.shape[1]):
            m = self.average(x[:, t], m)
            outputs.append(self.head(torch.cat([x[:, t] - m, m], dim=-1)))
        return torch.stack(outputs, dim=1), m


class Blend(Average):
    """`m' = a m + (1 - a) x` with a decay of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("decay", torch.tensor([0.5, 0.9, 0.995]))
        self.head = nn.Linear(6, 2)

    def average(self, x: Tensor, m: Tensor) -> Tensor:
        return self.decay * m + (1 - self.decay) * x


class Step(Average):
    """The same as `m + k (x - m)`, its rate learned."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor([-1.0, -3.0, -5.0]))
        self.head = nn.Linear(6, 2)

    def average(self, x: Tensor, m: Tensor) -> Tensor:
        return m + torch.sigmoid(self.rate) * (x - m)


class Lerp(Average):
    """The same by `torch.lerp`."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 2)

    def average(self, x: Tensor, m: Tensor) -> Tensor:
        return torch.lerp(m, x, 0.1)


def stream() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.cumsum(rng.normal(size=(2_000, 3)), axis=0).astype(np.float32) / 20


@pytest.mark.parametrize("make", [Blend, Step, Lerp])
def test_it_is_a_memory_and_arithmetic_in_every_float_format(
    make: type[nn.Module], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    rnnedge_export.export(
        make().eval(),
        example=WARM,
        formats=("rnne", "onnx", "torchscript"),
        out=tmp_path,
        stream=stream(),
    )
    model = rnnedge_runtime.load(tmp_path / "model.rnne")
    kinds = {layer.kind for layer in model.spec.layers}
    assert "memory" in kinds
    assert kinds <= {"memory", "affine", "combine", "concat", "linear", "constant"}
    (memory,) = [v for v in model.spec.layers if isinstance(v, Memory)]
    assert memory.start == (0.5, 0.0, -0.5)


def test_in_integers_a_slow_average_does_not_stall(tmp_path: Path) -> None:
    """Half a unit of int16 would be more than its change: the memory is carried wide."""
    torch.manual_seed(0)
    rnnedge_export.export(
        Blend().eval(),
        example=WARM,
        formats=("rnne",),
        out=tmp_path,
        stream=stream(),
        int8=True,
    )
    whole = rnnedge_runtime.load(tmp_path / "model-int8.rnne").stream()
    held = np.tile(stream()[-1], (3_000, 1))
    whole.run(held)
    (name,) = [name for name in whole.state() if name.startswith("m_")]
    np.testing.assert_allclose(whole.state()[name], held[0], atol=2e-3)  # its units
