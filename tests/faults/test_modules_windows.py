"""d02, d08: what needs its window is refused, and nothing else is."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.modules.window_modules import HONEST, KINDS, Honest, OverWindow
from torch import nn

import rnnedge_runtime
from rnnedge_export.capture import capturing
from rnnedge_export.capture.original import read_original
from rnnedge_export.compare import verification_stream
from rnnedge_export.exporting.export import export
from rnnedge_export.module.reasons import NotAChainError
from rnnedge_export.probing.looking_back import compare_windows
from rnnedge_export.probing.recording import record
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.tolerances import parity_limit

zeros = torch.zeros
STEPS = 200


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(verification_stream, "VERIFY_STEPS", STEPS)


def difference(module: nn.Module, example: tuple[torch.Tensor, ...]):
    """What a window changes, on a short stream; no chain is looked for, which takes long."""
    with mock.patch.object(capturing, "capture", side_effect=NotAChainError("-")):
        subject = read_original(module, example=example, features=None, targets=None)
    noise = np.random.default_rng(0).standard_normal((STEPS, subject.spec.input_size))
    x = (0.9 * np.roll(noise, 1, axis=0) + noise).astype(np.float32)
    found, columns = compare_windows(subject, record(subject, x))
    return found or columns or None


@settings(max_examples=25)
@given(
    kind=st.sampled_from(KINDS),
    size=st.integers(2, 9),
    weight=st.sampled_from([1.0, 0.1, 1e-3]),
    seed=st.integers(0, 99),
)
def test_d02_what_needs_its_window_is_found_however_little(kind, size, weight, seed):
    torch.manual_seed(seed)
    module = OverWindow(kind, size, weight)
    found = difference(module, (zeros(1, 1, 3), zeros(1, 1, size)))
    assert found is not None
    assert found.difference > 0


@pytest.mark.parametrize("kind", HONEST)
def test_no_false_alarm(kind):
    torch.manual_seed(1)
    module = Honest(kind)
    assert difference(module, module.example()) is None


@settings(max_examples=10)
@given(
    kind=st.sampled_from(["gru, head", "lstm", "loop of cells", "constant of float32"]),
    gain=st.floats(1.0, 4.0),
    seed=st.integers(0, 99),
)
def test_nets_that_amplify_rounding_are_no_false_alarm(kind, gain, seed):
    torch.manual_seed(seed)
    module = Honest(kind, 16)
    for tensor in module.parameters():
        tensor.data *= gain
    assert difference(module, module.example()) is None


class Frames(nn.Module):
    """A recurrent layer over the bands of a frame, and one from frame to frame."""

    def __init__(self, bands: int, channels: int, *, is_over_time: bool = False):
        super().__init__()
        self.bands, self.channels, self.is_over_time = bands, channels, is_over_time
        self.intra = nn.GRU(channels, 2, bidirectional=True, batch_first=True)
        self.mix = nn.Linear(4, channels)
        size = bands * channels
        self.inter = nn.GRU(size, size, batch_first=True)

    def forward(self, x, h):
        num_streams, num_steps, size = x.shape
        frames = x.reshape(num_streams * num_steps, self.bands, self.channels)
        if self.is_over_time:
            frames = frames.transpose(0, 1)
        frames = frames + self.mix(self.intra(frames)[0])
        if self.is_over_time:
            frames = frames.transpose(0, 1)
        z, h = self.inter(frames.reshape(num_streams, num_steps, size), h)
        return z, h


@settings(max_examples=6)
@given(
    bands=st.integers(1, 5), channels=st.integers(1, 3), steps=st.sampled_from([1, 7])
)
def test_both_directions_within_a_frame_are_taken(bands, channels, steps):
    size = bands * channels
    example = (zeros(1, steps, size), zeros(1, 1, size))
    assert difference(Frames(bands, channels), example) is None
    over_time = Frames(bands, channels, is_over_time=True)
    with pytest.raises(
        SpecError, match="'intra' is bidirectional: it needs the future"
    ):
        difference(over_time, example)


def test_d08_frame_bidirectional_is_exported_and_streamed(tmp_path):
    torch.manual_seed(0)
    module = Frames(3, 2).eval()
    export(module, example=(zeros(1, 1, 6), zeros(1, 1, 6)), out=tmp_path)
    rows = np.random.default_rng(0).standard_normal((9, 6)).astype(np.float32)
    y = rnnedge_runtime.load(tmp_path / "model.onnx").stream().run(rows)
    with torch.no_grad():
        expected = module(torch.from_numpy(rows)[None], zeros(1, 1, 6))[0][0].numpy()
    np.testing.assert_allclose(y, expected, atol=parity_limit(expected))


@pytest.mark.parametrize("batch_first", [True, False])
def test_d08_both_directions_over_one_step_alone_are_taken_for_time(batch_first):
    """It takes one step only, so nothing shows that the layer stays within it."""

    class OneStep(nn.Module):
        def __init__(self):
            super().__init__()
            self.both = nn.GRU(3, 2, bidirectional=True, batch_first=batch_first)
            self.cell = nn.GRUCell(4, 5)

        def forward(self, x, h):
            z = self.both(x[:, :1] if batch_first else x[:, :1].transpose(0, 1))[0]
            h = self.cell(z.reshape(1, 4), h)
            return h, h.reshape(x.shape[1], 1, 5)[0]

    with pytest.raises(SpecError, match="'both' is bidirectional"):
        difference(OneStep(), (zeros(1, 1, 3), zeros(1, 5)))


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("softmax", "softmax in 'forward' works over the time axis"),
        ("padded convolution", "conv1d in 'conv' works"),
        ("causal convolution", "conv1d in 'forward' works"),
        ("mean", "mean in 'forward' works"),
        ("group norm", "group_norm in 'norm' works"),
        ("places", "is .* away from what single steps give"),
    ],
)
def test_d02_the_refusal_says_what_was_found_and_what_to_do(kind, named, tmp_path):
    torch.manual_seed(0)
    example = (zeros(1, 24, 3), zeros(1, 1, 6))
    with pytest.raises(SpecError, match=named) as caught:
        export(OverWindow(kind), example=example, out=tmp_path)
    assert "standard deviations of it" in str(caught.value)
    assert "take the last N of them as an argument of forward" in str(caught.value)
    assert "single_steps=True" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_single_steps_can_be_accepted_and_that_is_said(tmp_path):
    torch.manual_seed(0)
    example = (zeros(1, 24, 3), zeros(1, 1, 6))
    with pytest.warns(UserWarning, match="Single steps were accepted as the truth"):
        report = export(
            OverWindow("mean"), example=example, out=tmp_path, single_steps=True
        )
    assert any("single_steps=True" in note for note in report.notes)
    assert (tmp_path / "model.onnx").is_file()


@pytest.mark.parametrize("is_attention", [False, True])
def test_an_input_of_the_first_row_alone_is_named_and_hides_nothing(is_attention):
    """A flag that resets the state, as exported policies take it."""

    class Policy(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(2, 4, batch_first=True)
            self.score = nn.Linear(4, 1)

        def forward(self, x, h):
            z, h = self.gru(x[..., :2], h * (1 - x[:, 0, 2]))
            return z * torch.softmax(self.score(z), 1) if is_attention else z, h

    torch.manual_seed(0)
    found = difference(Policy(), (zeros(1, 1, 3), zeros(1, 1, 4)))
    assert found == [2] if not is_attention else found.difference > 0


@pytest.mark.parametrize("row", [None, 0, -1])
def test_a_module_without_state_is_compared_too(row):
    """Wrong: an IndexError in place of the refusal."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x):
            rows = x + x.mean(1, keepdim=True) if row is None else x[:, row]
            return (self.head(rows),)

    torch.manual_seed(0)
    found = difference(Net(), (zeros(1, 1, 3),))
    assert found is None if row is not None else found.difference > 0
