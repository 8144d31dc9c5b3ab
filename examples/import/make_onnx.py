"""Ten ONNX files as other programs write them: `python examples/import/make_onnx.py DIR`."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn


class Recurrent(nn.Module):
    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(3, 5, batch_first=True, **options)
        self.head = nn.Linear(5, 2)


class Hidden(Recurrent):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])


class LastOnly(Recurrent):
    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.head(self.rnn(x)[0][:, -1]), dim=-1)


class Wired(Recurrent):
    def forward(self, x: Tensor, h0: Tensor, c0: Tensor) -> tuple[Tensor, ...]:
        y, (h, c) = self.rnn(x, (h0, c0))
        return self.head(y), h, c


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Linear(3, 6)
        self.norm = nn.LayerNorm(6)
        self.rnn = nn.GRU(6, 6, batch_first=True)
        self.head = nn.Sequential(nn.Linear(12, 8), nn.GELU(), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        z = self.front(x)
        y = z + self.rnn(self.norm(z))[0]
        return self.head(torch.cat([y, torch.nn.functional.silu(z)], dim=-1))


class LstmCell(nn.Module):
    """A cell, which an exporter writes as plain operators; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)
        self.level, self.trend = nn.Linear(4, 1), nn.Linear(4, 2)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        h, c = self.cell(x, (h, c))
        return self.level(h), self.trend(h), h, c


class ConvCache(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4)
        self.cell, self.head = nn.GRU(4, 4), nn.Linear(4, 2)
        nn.init.uniform_(self.norm.running_mean)

    def forward(self, x: Tensor, cache: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
        seen = torch.cat([cache, x.unsqueeze(2)], dim=2)
        z = torch.relu(self.norm(self.conv(seen)))
        y, hidden = self.cell(z.permute(2, 0, 1), hidden)
        return self.head(y[0]), seen[:, :, 1:], hidden


def _of_torch(
    module: nn.Module,
    arguments: Sequence[Tensor],
    names: Sequence[str],
    outputs: Sequence[str],
    opset: int,
    *,
    time: bool = True,
    dynamo: bool = False,
) -> Callable[[Path], None]:
    """What writes the module with one of PyTorch's exporters."""

    def write(path: Path) -> None:
        options: dict[str, Any] = {}
        if time and dynamo:
            options = {"dynamic_shapes": ({1: torch.export.Dim("time", min=2)},)}
        elif time:
            options = {"dynamic_axes": {"x": {0: "batch", 1: "time"}}}
        quiet = contextlib.redirect_stdout(io.StringIO())
        with warnings.catch_warnings(), quiet:
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(),
                tuple(arguments),
                path,
                dynamo=dynamo,
                opset_version=opset,
                input_names=list(names),
                output_names=list(outputs),
                **options,
            )

    return write


def of_one_operator(
    operator: str,
    opset: int,
    *,
    gates: int,
    peepholes: bool = False,
    dims: Sequence[Any] = ("time", "batch", 3),
    **attributes: Any,
) -> onnx.ModelProto:
    """A recurrent operator with drawn weights, its state hidden."""
    rng = np.random.default_rng(gates)
    shapes = {"W": (1, gates * 4, 3), "R": (1, gates * 4, 4), "B": (1, 8 * gates)}
    inputs = ["x", "W", "R", "B"]
    if peepholes:
        shapes["P"] = (1, 12)
        inputs += ["", "", "", "P"]
    held = [
        numpy_helper.from_array(rng.normal(0, 0.4, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    node = helper.make_node(
        operator, inputs, ["y"], name="cell", hidden_size=4, **attributes
    )
    return _model([node], held, [("x", dims)], [("y", list("tdbh"))], opset)


def _model(
    nodes: Sequence[Any],
    held: Sequence[Any],
    inputs: Sequence[tuple[str, Sequence[Any]]],
    outputs: Sequence[tuple[str, Sequence[Any]]],
    opset: int,
) -> onnx.ModelProto:
    float32 = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(n, float32, list(dims)) for n, dims in inputs],
        [helper.make_tensor_value_info(n, float32, list(dims)) for n, dims in outputs],
        held,
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def own_lstm(opset: int) -> onnx.ModelProto:
    """A cell of plain operators, its gates by Split and Slice, joined in one matrix."""
    rng = np.random.default_rng(5)
    held = [
        numpy_helper.from_array(rng.normal(0, 0.4, (7, 16)).astype(np.float32), "W"),
        numpy_helper.from_array(rng.normal(0, 0.4, 16).astype(np.float32), "b"),
        numpy_helper.from_array(rng.normal(0, 0.4, (4, 2)).astype(np.float32), "V"),
    ]
    parts, options = ["i", "f", "g", "o"], {}
    inputs = ["sums"]
    if opset >= 18:
        options = {"num_outputs": 4}
    elif opset >= 13:
        held.append(numpy_helper.from_array(np.full(4, 4, np.int64), "sizes"))
        inputs.append("sizes")
    else:
        options = {"split": [4] * 4}
    make = helper.make_node
    nodes = [
        make("Concat", ["x", "h"], ["xh"], axis=1),
        make("Gemm", ["xh", "W", "b"], ["sums"]),
        make("Split", inputs, parts, axis=1, **options),
        *(make("Sigmoid", [name], [f"s{name}"]) for name in ("i", "f", "o")),
        make("Tanh", ["g"], ["tg"]),
        make("Mul", ["sf", "c"], ["kept"]),
        make("Mul", ["si", "tg"], ["added"]),
        make("Add", ["kept", "added"], ["c_out"]),
        make("Tanh", ["c_out"], ["tc"]),
        make("Mul", ["so", "tc"], ["h_out"]),
        make("MatMul", ["h_out", "V"], ["logits"]),
        make("Softmax", ["logits"], ["y"], axis=1),
    ]
    ports = [("x", (1, 3)), ("h", (1, 4)), ("c", (1, 4))]
    after = [("y", (1, 2)), ("h_out", (1, 4)), ("c_out", (1, 4))]
    return _model(nodes, held, ports, after, opset)


def tf_lstm(opset: int) -> onnx.ModelProto:
    """A Keras model as tf2onnx writes it: time first inside, zeros of the batch's size."""
    rng = np.random.default_rng(6)

    def weights(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(
            rng.normal(0, 0.4, shape).astype(np.float32), name
        )

    def whole(name: str, *values: int) -> Any:
        return numpy_helper.from_array(np.array(values, np.int64), name)

    at = "model/lstm/PartitionedCall/"
    held = [
        *(weights("W", 1, 16, 3), weights("R", 1, 16, 4), weights("B", 1, 32)),
        *(weights("kernel", 4, 2), weights("bias", 2)),
        *(whole("zero", 0), whole("one", 1), whole("units", 4)),
    ]
    make = helper.make_node
    squeezed: dict[str, Any] = {"axes": [1]} if opset < 13 else {}
    nodes = [
        make("Transpose", ["x"], [f"{at}transpose:0"], perm=[1, 0, 2]),
        make("Shape", ["x"], ["shape"]),
        make("Slice", ["shape", "zero", "one"], ["batch"]),
        make("Concat", ["one", "batch", "units"], ["state_shape"], axis=0),
        make("ConstantOfShape", ["state_shape"], ["zeros"]),
        make(
            "LSTM",
            [f"{at}transpose:0", "W", "R", "B", "", "zeros", "zeros"],
            ["Y", "Y_h", "Y_c"],
            name=f"{at}lstm",
            hidden_size=4,
            direction="forward",
        ),
        make("Squeeze", ["Y", *([] if squeezed else ["one"])], ["seq:0"], **squeezed),
        make("Transpose", ["seq:0"], ["back:0"], perm=[1, 0, 2]),
        make("MatMul", ["back:0", "kernel"], ["model/dense/MatMul:0"]),
        make("Add", ["model/dense/MatMul:0", "bias"], ["dense"]),
    ]
    ports = [("x", ("batch", "time", 3))]
    return _model(nodes, held, ports, [("dense", ("batch", "time", 2))], opset)


def vad(opset: int) -> onnx.ModelProto:
    """A detector of speech: samples of 8 or 16 kHz, which a branch tells apart."""
    rng = np.random.default_rng(7)

    def weights(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(
            rng.normal(0, 0.3, shape).astype(np.float32), name
        )

    def whole(name: str, *values: int) -> Any:
        return numpy_helper.from_array(np.array(values, np.int64), name)

    make = helper.make_node
    info = helper.make_tensor_value_info

    def branch(name: str, stride: int) -> Any:
        nodes = [
            make("Pad", ["x", "sides"], [f"{name}_p"], mode="reflect"),
            make("Unsqueeze", [f"{name}_p", "one"], [f"{name}_u"]),
            make("Conv", [f"{name}_u", "filters"], [f"{name}_c"], strides=[stride]),
            make("Relu", [f"{name}_c"], [f"{name}_r"]),
            make("ReduceMean", [f"{name}_r"], [f"{name}_m"], axes=[2], keepdims=0),
        ]
        return helper.make_graph(
            nodes, name, [], [info(f"{name}_m", TensorProto.FLOAT, [1, 6])]
        )

    nodes = [
        make("Equal", ["sr", "rate"], ["is_16k"]),
        make(
            "If",
            ["is_16k"],
            ["seen"],
            then_branch=branch("wide", 4),
            else_branch=branch("narrow", 2),
        ),
        make("Unsqueeze", ["seen", "zero"], ["frame"]),
        make("Split", ["state"], ["h", "c"], axis=0),
        make(
            "LSTM",
            ["frame", "W", "R", "B", "", "h", "c"],
            ["", "hn", "cn"],
            hidden_size=5,
        ),
        make("Concat", ["hn", "cn"], ["stateN"], axis=0),
        make("Squeeze", ["hn", "zero"], ["last"]),
        make("MatMul", ["last", "V"], ["logit"]),
        make("Sigmoid", ["logit"], ["output"]),
    ]
    held = [
        *(weights("filters", 6, 1, 4), weights("V", 5, 1)),
        *(weights("W", 1, 20, 6), weights("R", 1, 20, 5), weights("B", 1, 40)),
        *(whole("zero", 0), whole("one", 1), whole("sides", 0, 2, 0, 2)),
        numpy_helper.from_array(np.array(16_000, np.int64), "rate"),
    ]
    ports = [("x", (1, 16)), ("state", (2, 1, 5))]
    after = [("output", (1, 1)), ("stateN", (2, 1, 5))]
    model = _model(nodes, held, ports, after, opset)
    model.graph.input.append(info("sr", TensorProto.INT64, []))
    return model


def _saved(make: Callable[[], onnx.ModelProto]) -> Callable[[Path], None]:
    return lambda path: onnx.save(make(), path)


def examples() -> dict[str, Callable[[Path], None]]:
    """Ten files by name: what writes each."""
    torch.manual_seed(0)
    x = torch.randn(1, 4, 3)
    state = torch.zeros(2, 1, 5)
    keras_gru = {
        "linear_before_reset": 0,
        "activations": ["HardSigmoid", "Softsign"],
        "activation_alpha": [0.25],
        "activation_beta": [0.5],
    }
    return {
        "gru_hidden": _of_torch(Hidden("GRU"), [x], ["x"], ["y"], 9),
        "rnn_last_only": _of_torch(
            LastOnly("RNN", nonlinearity="relu"), [x], ["x"], ["y"], 13
        ),
        "lstm_wired": _of_torch(
            Wired("LSTM", num_layers=2),
            [x[:, :1], state, state],
            ["x", "h0", "c0"],
            ["y", "hn", "cn"],
            11,
            time=False,
        ),
        "residual_norm": _of_torch(Residual(), [x], ["x"], ["y"], 17),
        "lstm_cell": _of_torch(
            LstmCell(),
            [x[:, 0], torch.zeros(1, 4), torch.ones(1, 4)],
            ["x", "h", "c"],
            ["level", "trend", "h_next", "c_next"],
            20,
            time=False,
            dynamo=True,
        ),
        "conv_cache": _of_torch(
            ConvCache(),
            [torch.randn(1, 2), torch.zeros(1, 2, 2), torch.zeros(1, 1, 4)],
            ["x", "cache", "hidden"],
            ["y", "cache_out", "hidden_out"],
            18,
            time=False,
            dynamo=True,
        ),
        "keras_gru": _saved(lambda: of_one_operator("GRU", 22, gates=3, **keras_gru)),
        "lstm_peephole": _saved(
            lambda: of_one_operator("LSTM", 14, gates=4, peepholes=True)
        ),
        "tf_lstm": _saved(lambda: tf_lstm(13)),
        "vad": _saved(lambda: vad(15)),
    }


OPTIONS: dict[str, dict[str, Any]] = {
    "lstm_cell": {"outputs": ("level", "trend")},
    "vad": {"constants": {"sr": 16_000}},
}
"""What the import of some of them is told."""


def write_all(folder: Path) -> None:
    """All of them, as `<name>.onnx`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in examples().items():
        write(folder / f"{name}.onnx")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
