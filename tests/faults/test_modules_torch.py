"""What PyTorch does to modules, and what they return: right, or one true sentence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rnnedge_runtime
from rnnedge_export.compare import verification_stream
from rnnedge_export.exporting.export import ExportReport, export
from rnnedge_export.module.first_call import read_user_module
from rnnedge_runtime.errors import RnnEdgeError, ShapeError, SpecError
from rnnedge_runtime.tolerances import PARITY_STD_FRACTION

zeros = torch.zeros
EXAMPLE = (zeros(1, 1, 3), zeros(1, 1, 4))
BOTH = ("onnx", "torchscript")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification_stream, "VERIFY_STEPS", 250)


class Gru(nn.Module):
    """A GRU with a head, `net(x, h)` to `(y, h)`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)
        self.norm = nn.LayerNorm(4)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z, h = self.gru(x, h)
        return self.head(z), h


class Odd(Gru):
    """The same with something done before or after."""

    def __init__(self, body: Callable[..., Any]) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor, h: Tensor) -> Any:
        return self.body(self, super().forward, x, h)


def inputs(steps: int = 40) -> Tensor:
    return torch.randn(steps, 3, generator=torch.Generator().manual_seed(1))


def carried(net: Any, x: Tensor, *state: Tensor) -> np.ndarray:
    outputs = []
    with torch.no_grad():
        for row in x:
            y, *state = net(row[None, None], *state)
            state = [part for part in state if part is not None]
            outputs.append(y.float().flatten())
    return torch.stack(outputs).numpy()


def check_streams(report: ExportReport, expected: np.ndarray, x: Tensor) -> None:
    for artifact in report.artifacts:
        backend = None if artifact.format == "rnne" else artifact.format
        stream = rnnedge_runtime.load(artifact.path, backend).stream()
        y = np.stack([stream.step(row) for row in x.numpy()])
        assert np.abs(y - expected).max() <= 10 * PARITY_STD_FRACTION


def test_d04_projected_lstm_beside_a_residual(tmp_path):
    """A raw InferenceError came out of the checker of the first exporter's graph."""

    class Projected(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(3, 6, proj_size=3, batch_first=True)
            self.norm = nn.LayerNorm(3)

        def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
            z, (h, c) = self.lstm(x, (h, c))
            return self.norm(x + z), h, c

    torch.manual_seed(0)
    net, state = Projected().eval(), (zeros(1, 1, 3), zeros(1, 1, 6))
    report = export(net, example=(zeros(1, 1, 3), *state), formats=BOTH, out=tmp_path)
    assert len(report.artifacts) == 2
    check_streams(report, carried(net, inputs(), *state), inputs())


def test_d05_none_beside_the_state(tmp_path):
    """A raw AttributeError."""
    net = Odd(lambda m, step, x, h: (*step(x, h), None)).eval()
    report = export(net, example=EXAMPLE, formats="rnne", out=tmp_path)
    check_streams(report, carried(net, inputs(), EXAMPLE[1]), inputs())


def compiled(net: nn.Module) -> Any:
    return torch.compile(net, backend="eager")


def compiled_part(net: nn.Module) -> nn.Module:
    net.head = torch.compile(net.head, backend="eager")
    return net


def compiled_in_place(net: nn.Module) -> nn.Module:
    net.compile(backend="eager")
    return net


def old_weight_norm(net: nn.Module) -> nn.Module:
    net.head = torch.nn.utils.weight_norm(net.head)
    net.gru = torch.nn.utils.weight_norm(net.gru, "weight_hh_l0")
    net(*EXAMPLE)
    return net


def hooked(net: nn.Module) -> nn.Module:
    net.head.register_forward_hook(lambda module, args, out: 2 * out)
    return net


WRAPPED = [
    compiled,
    compiled_part,
    compiled_in_place,
    nn.DataParallel,
    old_weight_norm,
    hooked,
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrap", WRAPPED)
def test_d06_wrapped_modules_are_the_module_inside(wrap, tmp_path):
    """torch.compile: TypeError 'does not support len()'; weight_norm: no deepcopy."""
    net = wrap(Gru().eval())
    expected = carried(getattr(net, "module", net), inputs(), EXAMPLE[1])
    report = export(net, example=EXAMPLE, formats="rnne", out=tmp_path)
    check_streams(report, expected, inputs())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("is_whole", [True, False])
def test_scripted_modules_are_carried_as_graphs(is_whole, tmp_path):
    net = Gru().eval()
    expected = carried(net, inputs(), EXAMPLE[1])
    if is_whole:
        net = torch.jit.script(net)
    else:
        net.head = torch.jit.script(net.head)
    report = export(net, example=EXAMPLE, formats=BOTH, out=tmp_path)
    assert len(report.artifacts) == 2
    check_streams(report, expected, inputs())


@pytest.mark.filterwarnings("ignore")
def test_m48_a_quantised_module_is_refused():
    """A raw AttributeError."""
    net = torch.ao.quantization.quantize_dynamic(Gru(), {nn.GRU, nn.Linear})
    with pytest.raises(SpecError, match=r"layer 'gru' .* is quantised by PyTorch"):
        read_user_module(net, EXAMPLE)


def test_layers_without_weights_are_refused():
    """They would be drawn at random by the export."""
    net = Gru()
    net.head = nn.LazyLinear(2)
    with pytest.raises(SpecError, match=r"'head' \(LazyLinear\) of Gru has no weights"):
        read_user_module(net, EXAMPLE)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_modules_in_other_precisions_say_so(kind):
    net, example = Gru().to(kind), tuple(part.to(kind) for part in EXAMPLE)
    for given in (example, EXAMPLE):
        with pytest.raises(SpecError, match=f"{kind}.*expected .*float32"):
            read_user_module(net, given)


OUTPUTS = {
    "argmax": (lambda y: y.argmax(-1, keepdim=True), "torch.int64"),
    "flag": (lambda y: y > 0, "torch.bool"),
    "half": (lambda y: y.half(), "torch.float16"),
    "short": (lambda y: y.bfloat16(), "torch.bfloat16"),
    "scalar": (lambda y: y[0, -1, 0].double(), "torch.float64"),
    "bytes": (lambda y: (10 * y).to(torch.uint8), "torch.uint8"),
    "double": (lambda y: y.double(), "torch.float64"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_d09_output_types_are_given_as_float32(name, tmp_path):
    """'Holds hidden state or draws random numbers' was false: only bytes differed."""
    change, kind = OUTPUTS[name]

    def body(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
        y, h = step(x, h)
        return change(y), h

    net = Odd(body).eval()
    formats = "rnne" if name == "double" else "onnx"
    report = export(net, example=EXAMPLE, formats=formats, out=tmp_path)
    assert f"is {kind}; the artifacts give it as float32" in report.notes[0]
    check_streams(report, carried(net, inputs(), EXAMPLE[1]), inputs())


def test_d12_a_value_head_that_is_not_returned_costs_nothing(tmp_path):
    """It was dead code on the tail, and the chain was not found."""

    class Valued(Gru):
        def __init__(self) -> None:
            super().__init__()
            self.value = nn.Linear(4, 1)

        def forward(self, x: Tensor, h: Tensor) -> Any:
            unused = torch.tanh(self.value(x @ torch.ones(3, 4)))
            z, h = self.gru(x, h)
            self.last_value = torch.relu_(self.value(torch.relu(z))) + unused
            return self.head(z), h

    net = Valued().eval()
    expected = carried(net, inputs(), EXAMPLE[1])
    report = export(net, example=EXAMPLE, formats="rnne", out=tmp_path)
    assert [layer.kind for layer in report.spec.layers] == ["gru", "linear"]
    check_streams(report, expected, inputs())
    assert torch.is_tensor(net.last_value)


class Branching(Gru):
    """Another way for another state: only a script can hold both."""

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        if bool(h.abs().max() > 0.2):
            h = 0.5 * h
        z, h = self.gru(x, h)
        return self.head(z), h


def test_d10_separate_states_in_torchscript_keep_their_branches(tmp_path):
    """Refused before, for the form of its state."""
    net = Branching().eval()
    options = {"example": EXAMPLE, "out": tmp_path, "single_steps": True}
    report = export(net, formats="torchscript", **options)
    check_streams(report, carried(net, inputs(), EXAMPLE[1]), inputs())
    with pytest.raises(SpecError, match=r"reads values of x or of its state"):
        export(net, formats="onnx", **options)


def never_taken(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
    return step(x, h) if float(h.abs().max()) < 100 else step(-x, h)


@pytest.mark.parametrize("format_name", BOTH)
def test_a_branch_that_the_proof_never_takes_is_not_traced_away(format_name, tmp_path):
    """An older exporter kept one way of it and said nothing."""
    with pytest.raises(SpecError, match="reads values of x or of its state"):
        export(Odd(never_taken), example=EXAMPLE, formats=format_name, out=tmp_path)


def packed(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
    lengths = torch.full((x.shape[0],), x.shape[1])
    pack = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    z, h = m.gru(pack, h)
    return m.head(nn.utils.rnn.pad_packed_sequence(z, batch_first=True)[0]), h


def in_place(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
    y, new = step(x.sub_(0.5), h)
    return y, h.copy_(new)


def view_of_state(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
    y, h = step(x, h)
    return y, h[:, :, :]


def batch_of_one(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
    return step(x.reshape(1, 1, 3), h)


def test_m40_a_default_of_none_is_traced_where_a_script_cannot_be_saved(tmp_path):
    """RuntimeError 'strides() called on an undefined Tensor' out of torch.jit.save."""

    class Learned(Gru):
        def forward(self, x, h=None):
            if h is None:
                h = self.gru.bias_hh_l0[:4].expand(1, x.shape[0], 4)
            z, h = self.gru(x, h)
            return self.head(self.norm(z)), h

    net = Learned().eval()
    report = export(net, example=EXAMPLE, formats="torchscript", out=tmp_path)
    check_streams(report, carried(net, inputs(), EXAMPLE[1]), inputs())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("body", [packed, in_place, view_of_state, batch_of_one])
def test_unusual_bodies_stream_as_they_run(body, tmp_path):
    net = Odd(body).eval()
    x = inputs()
    expected = carried(net, x.clone(), EXAMPLE[1].clone())
    report = export(net, example=EXAMPLE, formats=BOTH, out=tmp_path)
    assert len(report.artifacts) == 2
    check_streams(report, expected, x)


def fails_on_values(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
    return step(x, h) if abs(float(x.sum())) < 3 else 1 / 0


def category(m: Any, step: Any, x: Tensor, h: Tensor) -> Any:
    return step(m.table[(0.7 * x[..., 2]).long()] + x, h)


@pytest.mark.parametrize(
    ("body", "reason"),
    [(fails_on_values, "division by zero"), (category, "index .* is out of bounds")],
)
def test_m29b_what_a_module_raises_on_the_stream_is_one_sentence(
    body, reason, tmp_path
):
    """IndexError with a traceback: drawn inputs ran into an embedding."""
    net = Odd(body)
    net.register_buffer("table", torch.eye(1, 3))
    message = rf"fails at step \d+ of the verification stream, x \[.*{reason}.*stream="
    with pytest.raises(SpecError, match=message):
        export(net, example=EXAMPLE, out=tmp_path)


class Keyword(Gru):
    def forward(self, x: Tensor, *, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(x, h)


@pytest.mark.parametrize("example", [EXAMPLE, {"x": EXAMPLE[0], "h": EXAMPLE[1]}])
def test_state_by_keyword(example, tmp_path):
    net = Keyword().eval()
    report = export(net, example=example, formats="rnne", out=tmp_path)
    expected = carried(lambda x, h: net(x, h=h), inputs(), EXAMPLE[1])
    check_streams(report, expected, inputs())


@pytest.mark.parametrize(
    ("error", "example", "message"),
    [
        (SpecError, {"y": EXAMPLE[0], "h": EXAMPLE[1]}, "first argument of forward is"),
        (SpecError, {"x": EXAMPLE[0], "g": EXAMPLE[1]}, "unexpected keyword argument"),
        (SpecError, (*EXAMPLE, 3), "'argument_1' in the example is int"),
        (SpecError, (*EXAMPLE, torch.tensor([1])), "'argument_1' .* is torch.int64"),
        (SpecError, (EXAMPLE[0].long(), EXAMPLE[1]), r"fails on .* torch.int64"),
        (SpecError, (zeros(1, 3).long(), EXAMPLE[1]), r"Pass torch.float32"),
        (ShapeError, (zeros(1, 3), EXAMPLE[1]), r"\[1, 3\], expected .* one call"),
        (SpecError, (EXAMPLE[0],), "missing 1 required positional argument"),
        (SpecError, (EXAMPLE[0], None), "holds no state|fails on one step"),
    ],
)
def test_examples_that_do_not_fit_are_explained(error, example, message):
    with pytest.raises(error, match=message):
        read_user_module(Gru(), example)


def test_a_module_is_left_as_it_was(tmp_path):
    """Nothing of tracing, stepping or unwrapping stays in the user's own object."""
    net = Odd(in_place).train()
    before = copy.deepcopy(net.state_dict())
    example = tuple(part.clone() for part in EXAMPLE)
    export(net, example=example, formats=BOTH, out=tmp_path)
    assert net.training
    assert all(torch.equal(a, b) for a, b in zip(example, EXAMPLE, strict=True))
    assert all(torch.equal(before[name], t) for name, t in net.state_dict().items())


def test_structure_that_changes_between_calls_is_one_sentence(tmp_path):
    class Changing(Gru):
        calls = 0

        def forward(self, x: Tensor, h: Tensor) -> Any:
            self.calls += 1
            y, h = super().forward(x, h)
            return (y, h) if self.calls < 20 else (y, {"h": h})

    with pytest.raises(RnnEdgeError, match="another structure in a later call"):
        export(Changing(), example=EXAMPLE, out=tmp_path)
