"""Outputs and state of users' modules, one test per fault: right, or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from support.modules.returning_modules import (
    Memory,
    Returning,
    own_loop,
    returning,
    structure,
    zeros,
)
from torch import Tensor, nn

import rnnedge_runtime
from rnnedge_export.compare import verification_stream
from rnnedge_export.exporting.export import ExportReport, export
from rnnedge_export.module.first_call import read_user_module
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.tolerances import PARITY_STD_FRACTION

LSTM = (zeros(1, 1, 3), zeros(1, 1, 4), zeros(1, 1, 4))
STEPS = 40


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification_stream, "VERIFY_STEPS", 250)


def inputs(steps: int = STEPS) -> Tensor:
    return torch.randn(steps, 3, generator=torch.Generator().manual_seed(1))


def streamed(report: ExportReport, x: Tensor) -> np.ndarray:
    """The first artifact of an export, step by step."""
    artifact = report.artifacts[0]
    backend = None if artifact.format == "rnne" else artifact.format
    stream = rnnedge_runtime.load(artifact.path, backend).stream()
    return np.stack([stream.step(row) for row in x.numpy()])


def is_near(y: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(y - expected).max() <= 10 * PARITY_STD_FRACTION)


@settings(max_examples=100)
@given(returning())
def test_every_structure_is_read_as_its_user_means_it_or_refused(drawn: Any) -> None:
    """Never another exception, never other numbers than the user's own loop."""
    module, example, find = drawn
    try:
        user = read_user_module(module, example)
    except SpecError:
        return
    x = inputs(6)
    expected, _ = own_loop(module, find, x)
    state = list(user.state)
    for row, y in zip(x, expected, strict=True):
        with torch.no_grad():
            found, state = user.step(row[None, None], state)
        assert torch.equal(found.flatten(), y)


@settings(max_examples=2)
@given(drawn=returning())
def test_an_artifact_streams_what_the_users_own_loop_gives(
    drawn: Any, tmp_path: Path
) -> None:
    module, example, find = drawn
    for format_name in ("onnx", "torchscript"):
        try:
            report = export(module, example=example, formats=format_name, out=tmp_path)
        except SpecError:
            continue
        x = inputs()
        expected, _ = own_loop(module, find, x)
        assert is_near(streamed(report, x), expected.numpy())


class Net(nn.Module):
    """An LSTM with a head; `give` is what it returns."""

    def __init__(self, give: Any = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)
        self.give = give

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        z, (h, c) = self.lstm(x, (h, c))
        y = self.head(z)
        return self.give(y, h, c)


def carried(net: nn.Module, x: Tensor, pick: Any) -> np.ndarray:
    """`pick` gives y, h and c of what the module returns."""
    state, outputs = LSTM[1:], []
    with torch.no_grad():
        for row in x:
            y, *state = pick(net(row[None, None], *state))
            outputs.append(y.flatten())
    return torch.stack(outputs).numpy()


def test_d03_m50b_state_dict_in_another_order_is_matched_by_name(
    tmp_path: Path,
) -> None:
    """h and c changed places from the second step on: off by .09 of .31, and proved."""

    def give(y: Tensor, new: Any) -> Any:
        return y, {"c": new["c"], "h": new["h"]}

    module = Returning(["h", "c"], structure("dict", ["h", "c"]), give).eval()
    example = (LSTM[0], {"h": LSTM[1], "c": LSTM[2]})
    report = export(module, example=example, out=tmp_path)
    x = inputs()
    expected, _ = own_loop(module, lambda out: {"y": out[0], **out[1]}, x)
    assert report.notes == ()
    assert is_near(streamed(report, x), expected.numpy())


def test_names_decide_where_another_structure_has_another_order() -> None:
    """Wrong: h and c changed places between a dataclass and a named tuple. Right: h is h."""

    class State(NamedTuple):
        c: Tensor
        h: Tensor

    module = Returning(
        ["h", "c"],
        structure("dataclass", ["h", "c"]),
        lambda y, new: (y, State(new["c"], new["h"])),
    ).eval()
    user = read_user_module(module, (LSTM[0], Memory(*LSTM[1:])))
    assert user.binding.state == ((1, "h"), (1, "c"))


def test_a_module_that_reads_its_dict_by_order_is_refused() -> None:
    """`h, c = state.values()` beside keys in another order: no matching is right."""

    class ByOrder(Net):
        def forward(self, x: Tensor, state: Any) -> Any:
            h, c = state.values()
            z, (h, c) = self.lstm(x, (h, c))
            return self.head(z), {"c": c, "h": h}

    example = (LSTM[0], {"h": LSTM[1], "c": LSTM[2]})
    with pytest.raises(SpecError, match="takes its state in another order than it"):
        read_user_module(ByOrder(), example)


def test_position_decides_where_nothing_has_a_name(tmp_path: Path) -> None:
    """`return y, c, h` is what `y, *state = net(x, *state)` carries: followed."""
    net = Net(lambda y, h, c: (y, c, h)).eval()
    with pytest.warns(UserWarning, match="other numbers on a window"):
        report = export(net, example=LSTM, out=tmp_path, single_steps=True)
    x = inputs()
    assert is_near(streamed(report, x), carried(net, x, lambda out: out))


class Swapped(NamedTuple):
    y: Tensor
    c: Tensor
    h: Tensor


AMBIGUOUS = {
    "names against position": (
        lambda y, h, c: Swapped(y, c, h),
        r"by name the state is h, c, by position c, h\. Name .* state=\('h', 'c'\)",
    ),
    "other names": (
        lambda y, h, c: {"y": y, "h_n": h, "c_n": c},
        r"Which of h_n, c_n is which part of the state .*state=\('h_n', 'c_n'\)",
    ),
    "one too many": (
        lambda y, h, c: (y, h, c, h),
        r"by shape 1, 2, 3 could be\. .*in the order h, c: for example outputs=",
    ),
    "one too few": (
        lambda y, h, c: (y, h),
        r"by shape 1 could be the new state, expected one tensor for each of h: .*, c",
    ),
    "y alone": (lambda y, h, c: y, r"one tensor \[1, 1, 2\] and no state beside it"),
    "no output": (lambda y, h, c: (h, c), r"the state, and no output beside it"),
    "nothing": (lambda y, h, c: None, r"returns None: by shape nothing could be"),
    "an empty dict": (lambda y, h, c: {}, r"returns an empty dict: by shape nothing"),
    "a number": (lambda y, h, c: (y, h, c, 5), r"3 of what it returns is int"),
    "a text": (lambda y, h, c: "y", r"what it returns is str, expected a tensor"),
    "a distribution": (
        lambda y, h, c: (torch.distributions.Normal(y, y.exp()), h, c),
        r"0 of what it returns is Normal.*Return the tensors that describe",
    ),
    "complex": (
        lambda y, h, c: (torch.complex(y, y), h, c),
        r"output 0 is torch\.complex64, expected real numbers",
    ),
    "sparse": (
        lambda y, h, c: (y.to_sparse(), h, c),
        r"output 0 is torch\.sparse_coo, expected a dense tensor",
    ),
    "state in half": (
        lambda y, h, c: (y, h.half(), c),
        r"'h' goes in as torch\.float32 and comes back as torch\.float16",
    ),
    "state that grows": (
        lambda y, h, c: (y, torch.cat([h, h], -1), c),
        r"by shape 2 could be the new state",
    ),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_cannot_be_told_is_asked_in_one_sentence(name: str) -> None:
    """The old advice, "in the order and shapes of the state that came in", was no help."""
    give, message = AMBIGUOUS[name]
    with pytest.raises(SpecError, match=message):
        read_user_module(Net(give), LSTM)


def test_m07_state_behind_three_outputs(tmp_path: Path) -> None:
    """rl_games returns mu, sigma, value, h, c: refused with advice that was no help."""
    net = Net(lambda y, h, c: (y, y[..., :1].exp(), y * 2, h, c)).eval()
    report = export(net, example=LSTM, out=tmp_path)
    assert "h is 3, c is 4" in report.notes[0]
    assert "3 outputs, which the artifacts give side by side" in report.notes[1]
    assert report.spec.output_size == 5
    x = inputs()
    expected = carried(net, x, lambda out: (torch.cat(out[:3], -1), *out[3:]))
    assert is_near(streamed(report, x), expected)


CHOICES = [
    ({"outputs": 0, "state": (3, 4)}, slice(0, 2), ["y_0", "y_1"]),
    ({"outputs": (2, 1), "state": (3, 4)}, [3, 4, 2], ["y_0", "y_1", "y_2"]),
    ({"outputs": 0}, slice(0, 2), ["y_0", "y_1"]),
    ({"state": (3, 4)}, slice(0, 5), ["y_0", "y_1", "y_2", "y_3", "y_4"]),
]


@pytest.mark.parametrize(("options", "columns", "names"), CHOICES)
def test_outputs_and_state_by_position(
    options: Any, columns: Any, names: list[str], tmp_path: Path
) -> None:
    net = Net(lambda y, h, c: (y, y[..., :1].exp(), y * 2, h, c)).eval()
    report = export(net, example=LSTM, out=tmp_path, **options)
    assert [target.name for target in report.spec.targets] == names
    x = inputs()
    expected = carried(net, x, lambda out: (torch.cat(out[:3], -1), *out[3:]))
    assert is_near(streamed(report, x), expected[:, columns])


def test_outputs_and_state_by_key(tmp_path: Path) -> None:
    net = Net(
        lambda y, h, c: {
            "action": {"mean": y[..., :1], "scale": y[..., 1:]},
            "memory": {"second": c, "first": h},
            "text": "ignored",
        }
    ).eval()
    options = {"outputs": "action", "state": ("memory.first", "memory.second")}
    report = export(net, example=LSTM, out=tmp_path, **options)
    names = [target.name for target in report.spec.targets]
    assert names == ["action_mean", "action_scale"]
    x = inputs()

    def pick(out: Any) -> Any:
        memory = out["memory"]
        return (
            torch.cat(list(out["action"].values()), -1),
            memory["first"],
            memory["second"],
        )

    assert is_near(streamed(report, x), carried(net, x, pick))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": "mean"}, r"outputs= names 'mean', but what came back is 0: \[1"),
        ({"outputs": ()}, r"outputs= names 'nothing'"),
        ({"outputs": 1.5}, r"outputs= is float, expected a position, a key"),
        ({"state": 1}, r"state= names 1: \[1, 1, 4\], but the state that goes in is h"),
        ({"state": (1, 9)}, r"state= names 9, but what came back is"),
    ],
)
def test_choices_that_do_not_fit_are_explained(options: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_user_module(Net(lambda y, h, c: (y, h, c)), LSTM, **options)


def test_other_outputs_of_the_same_weights_have_another_digest(tmp_path: Path) -> None:
    net = Net(lambda y, h, c: (y.exp(), y.sin(), h, c))
    digests = {
        export(net, example=LSTM, outputs=k, state=(2, 3), out=tmp_path).digest
        for k in (0, 1)
    }
    assert len(digests) == 2


def test_state_that_the_example_leaves_out_is_asked_for() -> None:
    class Optional(Net):
        def forward(self, x: Tensor, h: Tensor, c: Tensor | None = None) -> Any:
            return super().forward(x, h, torch.zeros_like(h) if c is None else c)

    for give in (lambda y, h, c: (y, h, c), lambda y, h, c: {"y": y, "h": h, "c": c}):
        for example in (LSTM[:2], (*LSTM[:2], None)):
            with pytest.raises(SpecError, match=r"c is not in the example.*put its"):
                read_user_module(Optional(give), example)
