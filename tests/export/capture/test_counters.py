"""Whole numbers as state, and inputs beside state that begins as None."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn, zeros

from rnnedge_export import export
from rnnedge_export.capture.explicit.counters import LARGEST_COUNT
from rnnedge_runtime import load
from rnnedge_runtime.errors import SpecError


class WarmUp(nn.Module):
    """Counts its steps: a position that turns round, and an output that fades in."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 6, batch_first=True)
        self.head = nn.Linear(6, 2)
        self.places = nn.Embedding(7, 6)

    def forward(self, x: Tensor, n: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        y, h = self.gru(x, h)
        y = self.head(y + self.places(n % 7).unsqueeze(1))
        return y * torch.clamp(n / 20, max=1.0), n + x.shape[1], h


class Conditioned(nn.Module):
    """A second input, and a state that begins as None."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(
        self, x: Tensor, cond: Tensor, h: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        y, h = self.gru(torch.cat([x, cond], -1), h)
        return self.head(y), h


def test_a_count_of_steps_is_state(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = WarmUp().eval()
    n, h = torch.full((1,), 3), zeros(1, 1, 6)
    for kind in (torch.int64, torch.int32):
        report = export(
            module,
            example=(zeros(1, 1, 3), n.to(kind), h),
            out=tmp_path,
            formats=("rnne", "onnx", "c"),
            single_steps=True,
        )
        assert not report.spec.is_opaque
        assert report.spec.input_size == 3
        assert len(report.spec.outputs) == 2
        assert "exact up to 16,777,216" in " ".join(report.notes)
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    expected, (count, hidden) = [], (n, h)
    with torch.no_grad():
        for row in torch.from_numpy(rows):
            y, count, hidden = module(row[None, None], count, hidden)
            expected.append(y[0, 0].numpy())
    for name, backend in (("rnne", "native"), ("rnne", "numpy"), ("onnx", "onnx")):
        stream = load(tmp_path / f"model.{name}", backend=backend).stream()
        np.testing.assert_allclose(stream.run(rows), expected, rtol=0, atol=2e-6)
        assert 63.0 in [float(v.ravel()[0]) for v in stream.state().values()]


def test_a_count_beyond_float32_is_refused() -> None:
    example = (zeros(1, 1, 3), torch.full((1,), LARGEST_COUNT + 1), zeros(1, 1, 6))
    with pytest.raises(SpecError, match="whole numbers up to 16,777,216"):
        export(WarmUp(), example=example, single_steps=True)


def test_an_input_beside_state_that_begins_as_none(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Conditioned().eval()
    example = (zeros(1, 1, 3), zeros(1, 1, 2))
    report = export(module, example=example, out=tmp_path, formats=("rnne",))
    assert report.spec.feature_names == ("x_0", "x_1", "x_2", "cond_0", "cond_1")
    assert not report.spec.is_opaque
    rows = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    x = torch.from_numpy(rows)[None]
    with torch.no_grad():
        expected = module(x[..., :3], x[..., 3:])[0][0].numpy()
    found = load(tmp_path / "model.rnne").stream().run(rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)
