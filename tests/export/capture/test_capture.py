"""Users' own modules become chains of layers with equal numbers, or say why not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.export_helpers import streamed
from support.modules.streaming import check_streams
from support.modules.user_modules import (
    CHAINS,
    ListOfState,
    zeros,
)
from torch import nn

from rnnedge_export.capture.capturing import capture
from rnnedge_export.capture.graph.compositions import COMPOSITIONS
from rnnedge_export.capture.original import read_original
from rnnedge_export.exporting.export import export
from rnnedge_export.module.first_call import read_user_module
from rnnedge_export.module.reasons import NotAChainError
from rnnedge_runtime.errors import ShapeError, SpecError
from rnnedge_runtime.spec.layers import RECURRENT_LAYERS
from rnnedge_runtime.tolerances import parity_limit


@pytest.mark.parametrize("style", CHAINS)
def test_style_becomes_a_chain_with_the_numbers_of_the_module(style, seed, tmp_path):
    make, example, kinds = CHAINS[style]
    torch.manual_seed(seed)
    module = make().eval()
    report = export(
        module, example=example, formats=("onnx", "torchscript"), out=tmp_path
    )
    assert " ".join(layer.kind for layer in report.spec.layers) == kinds
    assert report.notes == ()
    assert [artifact.path.name for artifact in report.artifacts] == [
        "model.onnx",
        "model.pt",
    ]
    for artifact in report.artifacts:
        assert artifact.max_error <= artifact.limit
        x, y = streamed(artifact)
        found = torch_stream(module, example, x)
        assert np.abs(found - y).max() <= parity_limit(found, artifact.limit)


def torch_stream(module: nn.Module, example: tuple, x: np.ndarray) -> np.ndarray:
    """The module stepped by hand, with its own state in its own shapes."""
    batch, state, outputs = len(example[0]), example[1:], []
    with torch.inference_mode():
        for row in torch.from_numpy(x):
            y, *new = module(row.expand(batch, 1, -1), *state)
            state = tuple(new)
            outputs.append(y[0].reshape(-1).numpy())
    return np.array(outputs)


def reason_for(module: nn.Module, *example: torch.Tensor) -> str:
    with pytest.raises(NotAChainError) as caught:
        capture(read_user_module(module, example))
    return caught.value.reason


class Around(nn.Module):
    """A GRU with something done to its output or to its state."""

    def __init__(self, after=None, on_state=None, before=None):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.after = after or (lambda m, z, x: z)
        self.on_state = on_state or (lambda m, h: h)
        self.before = before or (lambda m, h: h)

    def forward(self, x, h):
        z, h = self.gru(x, self.before(self, h))
        return self.after(self, z, x), self.on_state(self, h)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"after": lambda m, z, x: z.sort(-1).values}, "sort in 'forward'"),
        ({"after": lambda m, z, x: z.flip(0)}, "it mixes the rows of a batch"),
        ({"on_state": lambda m, h: h.flip(1)}, "it mixes the rows of a batch"),
        ({"before": lambda m, h: torch.digamma(h)}, "digamma in 'forward'"),
    ],
)
def test_first_operation_that_is_no_layer_is_named(changes, reason):
    example = zeros(2, 1, 3), zeros(1, 2, 4)
    for rows in (1, 2):
        x, h = example[0][:rows], example[1][:, :rows]
        assert reason_for(Around(**changes), x, h).startswith(reason)


def swapped(m, h):
    return torch.cat([h[..., 2:], h[..., :2]], -1)


@pytest.mark.parametrize(
    "changes",
    [
        {"after": lambda m, z, x: m.norm(z)},
        {"after": lambda m, z, x: z + torch.tanh(z)},
        {"after": lambda m, z, x: z * z},
        {"after": lambda m, z, x: z[..., :2]},
        {"after": lambda m, z, x: torch.cat([z, x], -1)},
        {"on_state": lambda m, h: h * 0.5},
        {"on_state": lambda m, h: h.flip(-1)},
        {"on_state": swapped},
        {"before": lambda m, h: torch.tanh(h)},
        {"before": lambda m, h: h + m.gru.bias_hh_l0[:4]},
    ],
)
def test_a_graph_streams_the_numbers_of_the_module(changes, seed):
    torch.manual_seed(seed)
    module = Around(**changes).eval()
    example = (zeros(1, 1, 3), zeros(1, 1, 4) + 0.5)
    original = read_original(module, example=example, features=None, targets=None)
    check_streams(original, module, example)


def test_initial_state_other_than_zero_is_where_a_stream_starts():
    example = (zeros(1, 1, 3), zeros(1, 1, 4) + 0.5)
    original = read_original(Around(), example=example, features=None, targets=None)
    assert original.spec.layers[0].start == (0.5,) * 4
    assert original.spec.wiring == ()


@pytest.mark.parametrize(
    ("on_state", "message"),
    [
        (lambda m, h: torch.zeros_like(h), "state tensor 0 comes back as a constant"),
        (lambda m, h: zeros(1, 2, 4), "state tensor 0 comes back as a constant"),
    ],
)
def test_state_that_is_lost_is_refused(on_state, message):
    user = read_user_module(Around(on_state=on_state), (zeros(2, 1, 3), zeros(1, 2, 4)))
    with pytest.raises(SpecError, match=message):
        capture(user)


def test_state_returned_as_it_came_is_refused():
    class Forgets(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(3, 4, batch_first=True)

        def forward(self, x, h):
            return self.gru(x, h)[0], h

    user = read_user_module(Forgets(), (zeros(1, 1, 3), zeros(1, 1, 4)))
    with pytest.raises(SpecError, match=r"comes back unchanged.*Return the new state"):
        capture(user)


def test_layer_that_starts_from_zero_in_each_call_is_refused():
    class Stateless(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.GRU(3, 4, batch_first=True)

        def forward(self, x, h):
            return self.encoder(x)[0], h

    user = read_user_module(Stateless(), (zeros(1, 1, 3), zeros(1, 1, 4)))
    with pytest.raises(SpecError, match="'encoder' starts every call from a constant"):
        capture(user)


class Bare(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.core = nn.GRU(3, 4, **options)

    def forward(self, x, h):
        return self.core(x, h)


@pytest.mark.parametrize("batch", [1, 2])
def test_bidirectional_is_refused(batch):
    module = Bare(bidirectional=True, batch_first=True)
    with pytest.raises(SpecError, match=r"'core' is bidirectional.*cannot stream"):
        read_user_module(module, (zeros(batch, 1, 3), zeros(2, batch, 4)))


@pytest.mark.parametrize(("batch", "state_batch"), [(1, 1), (3, 1), (3, 3)])
def test_time_major_module_is_refused(batch, state_batch):
    """Whether the caller meant x as [B, T, I] or as [T, B, I]."""
    with pytest.raises(SpecError, match="'core' has batch_first=False"):
        capture(
            read_user_module(Bare(), (zeros(batch, 1, 3), zeros(1, state_batch, 4)))
        )


@pytest.mark.parametrize(
    ("error", "example", "message"),
    [
        (SpecError, None, "no example was given"),
        (SpecError, (), "no example was given"),
        (ShapeError, (zeros(1, 3), zeros(1, 1, 4)), r"x is \[1, 3\]"),
        (ShapeError, ("x", zeros(1, 1, 4)), "x is str"),
        (SpecError, (zeros(1, 1, 3).double(), zeros(1, 1, 4)), "torch.float64"),
        (SpecError, (zeros(1, 1, 5), zeros(1, 1, 4)), "Bare fails on one step"),
    ],
)
def test_example_that_does_not_fit_is_explained(error, example, message):
    with pytest.raises(error, match=message):
        read_user_module(Bare(batch_first=True), example)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda y, h: y, r"returns one tensor \[1, 1, 4\] and no state"),
        (lambda y, h: (y, h, h), r"the new state is not clear"),
        (lambda y, h: (y, h[..., :2]), r"not clear; by shape 0 could be"),
        (lambda y, h: (torch.cat([y, y]), h), r"returns y \[2, 1, 4\]"),
    ],
)
def test_wrong_return_is_explained(returned, message):
    class Returns(Bare):
        def forward(self, x, h):
            return returned(*self.core(x, h))

    with pytest.raises(SpecError, match=message):
        read_user_module(Returns(batch_first=True), (zeros(1, 1, 3), zeros(1, 1, 4)))


def test_weights_are_copied_not_shared_and_training_mode_is_left(tmp_path):
    module = ListOfState().train()
    user = read_user_module(module, (zeros(1, 1, 3), [zeros(2, 1, 5)]))
    assert module.training
    assert not user.module.training
    assert user.module.head.weight.data_ptr() != module.head.weight.data_ptr()


def test_names_of_features_and_targets(tmp_path):
    make, example, _ = CHAINS["list-of-state"]
    report = export(
        make(),
        example=example,
        features=("flow", "temp", "valve"),
        targets=("temp",),
        out=tmp_path,
        name="boiler",
    )
    assert report.spec.feature_names == ("flow", "temp", "valve")
    assert [output.name for output in report.spec.outputs] == ["temp_1", "temp_2"]
    for names, message in (
        ({"features": ("a",)}, "1 features were named, but x of ListOfState has 3"),
        ({"targets": ("a", "b", "c")}, "3 targets were named, but y"),
    ):
        with pytest.raises(SpecError, match=message):
            export(make(), example=example, out=tmp_path, **names)


def test_opaque_needs_an_example_of_one_stream():
    module = Around(after=lambda m, z, x: torch.digamma(z))
    with pytest.raises(SpecError, match=r"digamma in 'forward'.*batch of one"):
        export(module, example=(zeros(2, 1, 3), zeros(1, 2, 4)))


def test_every_recurrent_layer_is_found_in_a_graph() -> None:
    of_torch = {kind for kind in RECURRENT_LAYERS if hasattr(nn, kind.kind.upper())}
    assert set(COMPOSITIONS) == {kind.kind for kind in of_torch}
