"""Modules that stride over time: PyTorch on a window against rows through every engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import seeds
from torch import Tensor, nn, zeros

from rnnedge_export import export
from rnnedge_export.capture.explicit.in_frames import in_frames
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime import load
from rnnedge_runtime.errors import SpecError


class Spotter(nn.Module):
    """Convolutions and pools with strides, the rows before kept as state, then a GRU."""

    def __init__(self, size: int, layers: list[tuple[int, int, str]]) -> None:
        super().__init__()
        self.size = size
        self.kinds = [kind for _, _, kind in layers]
        self.keeps = [kernel - stride for kernel, stride, _ in layers]
        parts: list[nn.Module] = []
        for kernel, stride, kind in layers:
            if kind == "conv":
                parts.append(nn.Conv1d(size, size, kernel, stride))
            elif kind == "depthwise":
                parts.append(nn.Conv1d(size, size, kernel, stride, groups=size))
            else:
                pool = nn.MaxPool1d if kind == "max" else nn.AvgPool1d
                parts.append(pool(kernel, stride))
        self.parts = nn.ModuleList(parts)
        self.gru = nn.GRU(size, 5, batch_first=True)
        self.head = nn.Linear(5, 2)

    def start(self) -> tuple[Tensor, ...]:
        caches = [zeros(1, self.size, keep) for keep in self.keeps if keep]
        return (*caches, zeros(1, 1, 5))

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        *caches, h = state
        z, new = x.transpose(1, 2), []
        left = iter(caches)
        for keep, part in zip(self.keeps, self.parts, strict=True):
            if keep:
                z = torch.cat([next(left), z], -1)
                new.append(z[..., -keep:])
            z = torch.tanh(part(z))
        y, h = self.gru(z.transpose(1, 2), h)
        return self.head(y), *new, h


class Denoiser(nn.Module):
    """Half the rate inside, the rate of the rows outside."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv1d(1, 4, 2, stride=2)
        self.gru = nn.GRU(4, 4, batch_first=True)
        self.up = nn.ConvTranspose1d(4, 1, 2, stride=2)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.relu(self.down(x.transpose(1, 2)))
        y, h = self.gru(z.transpose(1, 2), h)
        return self.up(y.transpose(1, 2)).transpose(1, 2) + x, h


class Ahead(nn.Module):
    """Pads on both sides of time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 6, 3, stride=2, padding=1)
        self.gru = nn.GRU(6, 6, batch_first=True)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        y, h = self.gru(z, h)
        return y, h


def windows_of(module: nn.Module, rows: np.ndarray, state: Any, num: int) -> np.ndarray:
    """What PyTorch gives on all the rows at once, `[num, outputs of a frame]`."""
    with torch.no_grad():
        y, *_ = module(torch.from_numpy(rows)[None], *state)
    return y[0].reshape(num, -1).numpy()


kinds = st.sampled_from(("conv", "depthwise", "max", "avg"))
strides = st.tuples(st.integers(0, 3), st.integers(1, 3), kinds).map(
    lambda drawn: (drawn[0] + drawn[1], drawn[1], drawn[2])
)


@settings(max_examples=40)
@given(layers=st.lists(strides, min_size=1, max_size=3), num=st.integers(1, 3))
def test_the_stride_of_a_module_is_found(
    layers: list[tuple[int, int, str]], num: int
) -> None:
    module = Spotter(3, layers).eval()
    expected = int(np.prod([stride for _, stride, _ in layers]))
    example = (zeros(1, num * expected, 3), *module.start())
    framed, (x, *state), num_rows, note = in_frames(module, example, None)
    if num * expected > 1:
        assert num_rows == expected
        assert bool(note) == (expected > 1)
    with torch.no_grad():
        assert framed(x, *state)[0].shape == (1, num, 2)


@settings(max_examples=4, deadline=None)
@given(layers=st.lists(strides, min_size=1, max_size=2), seed=seeds)
def test_rows_give_what_pytorch_gives_on_a_window(
    tmp_path_factory: pytest.TempPathFactory,
    layers: list[tuple[int, int, str]],
    seed: int,
) -> None:
    out = tmp_path_factory.mktemp("stride")
    torch.manual_seed(seed)
    layers = [*layers, (3, 2, "conv")]
    module = Spotter(2, layers).eval()
    num_rows = int(np.prod([stride for _, stride, _ in layers]))
    example = (zeros(1, num_rows, 2), *module.start())
    report = export(module, example=example, out=out, formats=("rnne", "onnx"))
    assert report.spec.rows_per_step == num_rows
    assert not report.spec.is_opaque
    rows = np.random.default_rng(seed).normal(size=(6 * num_rows, 2))
    rows = rows.astype(np.float32)
    expected = windows_of(module, rows, example[1:], 6)
    for artifact, backend in (("rnne", "native"), ("rnne", "numpy"), ("onnx", "onnx")):
        stream = load(out / f"model.{artifact}", backend=backend).stream()
        found = [y for y in map(stream.step, rows) if y is not None]
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)
        stream.reset()
        np.testing.assert_allclose(stream.run(rows), expected, rtol=0, atol=2e-6)


def test_every_format_takes_frames(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Spotter(3, [(4, 2, "conv"), (2, 2, "max")]).eval()
    example = (zeros(1, 4, 3), *module.start())
    formats = ("rnne", "onnx", "torchscript", "c")
    report = export(
        module,
        example=example,
        out=tmp_path,
        formats=formats,
        features=("ax", "ay", "az"),
        stream=np.random.default_rng(0).normal(size=(4 * 300, 3)),
    )
    assert report.spec.by_row.feature_names == ("ax", "ay", "az")
    assert report.spec.feature_names[-1] == "az[3]"
    paths = [item.path for item in report.artifacts if item.format != "torchscript"]
    checked = verify(paths)
    assert [c for c in checked.checks if c.outcome == "failed"] == []
    rows = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    expected = windows_of(module, rows, example[1:], 10)
    stream = load(tmp_path / "model.pt", backend="torchscript").stream()
    np.testing.assert_allclose(stream.run(rows), expected, rtol=0, atol=2e-6)


def test_integers_take_frames(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Spotter(3, [(4, 2, "conv"), (2, 2, "avg")]).eval()
    example = (zeros(1, 4, 3), *module.start())
    rows = np.random.default_rng(1).normal(size=(4 * 2000, 3)).astype(np.float32)
    export(
        module,
        example=example,
        out=tmp_path,
        formats=("rnne", "c"),
        int8=True,
        stream=rows,
        max_loss=0.1,
    )
    expected = windows_of(module, rows[:800], example[1:], 200)
    path = tmp_path / "model-int8.rnne"
    native, by_numpy = (load(path, backend=b).stream() for b in ("native", "numpy"))
    found = native.run(rows[:800])
    np.testing.assert_array_equal(found[:20], by_numpy.run(rows[:80]))
    assert np.abs(found - expected).mean() < 0.1 * expected.std()


def test_a_frame_may_have_several_outputs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, h = Denoiser().eval(), zeros(1, 1, 4)
    example = {"x": zeros(1, 6, 1), "h": h}
    report = export(
        module, example=example, out=tmp_path, formats=("rnne",), rows_per_step=2
    )
    assert report.spec.output_size == 2
    assert "2 outputs every 2 rows" in report.notes[0]
    rows = np.random.default_rng(1).normal(size=(20, 1)).astype(np.float32)
    expected = windows_of(module, rows, (h,), 10)
    found = load(tmp_path / "model.rnne").stream().run(rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_padding_that_looks_ahead_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    example = (zeros(1, 4, 3), zeros(1, 1, 6))
    with pytest.raises(SpecError, match=r"frame of 2 rows.*give it padding=0"):
        export(Ahead(), example=example, out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rows_per_step", "message"),
    [
        (0, "rows_per_step is 0, expected 1 to 65,536"),
        (8, r"needs 8 rows for a step, but the example's x \[1, 4, 3\] has 4"),
        (3, "does not give as many outputs for every frame of 3 rows"),
    ],
)
def test_a_frame_that_cannot_be_is_refused(
    tmp_path: Path, rows_per_step: int, message: str
) -> None:
    module = Spotter(3, [(2, 2, "conv")]).eval()
    example = (zeros(1, 4, 3), *module.start())
    with pytest.raises(SpecError, match=message):
        export(module, example=example, out=tmp_path, rows_per_step=rows_per_step)


def test_modules_without_a_stride_stay_as_they_are() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(3, 4, batch_first=True)

        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            y, h = self.gru(x, h)
            return y[:, -1], h

    class All(Last):
        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            y, h = self.gru(x, h)
            return y, h

    for module in (Last(), All()):
        for num in (1, 4, 5):
            example = (zeros(1, num, 3), zeros(1, 1, 4))
            assert in_frames(module, example, None) == (module, example, 1, "")
