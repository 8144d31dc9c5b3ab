"""The recurrent cells in ONNX: a node of its own operator, or a Scan of smaller ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from rnnedge_runtime.formats.gate_order import torch_to_onnx_gate_order
from rnnedge_runtime.spec.layers import Gru, Lstm, RecurrentLayer, Rnn

from .builder import ELEMENTWISE, GraphBuilder, tensor_info


def _rnn(builder: GraphBuilder, prefix: str, layer: Rnn, z: str) -> str:
    activations = [ELEMENTWISE[layer.nonlinearity]]
    return _node(builder, prefix, layer, z, activations=activations)


def _gru(builder: GraphBuilder, prefix: str, layer: Gru, z: str) -> str:
    return _node(builder, prefix, layer, z, linear_before_reset=1)


def _lstm(builder: GraphBuilder, prefix: str, layer: Lstm, z: str) -> str:
    write = _projected_lstm if layer.proj_size else _node
    return write(builder, prefix, layer, z)


def _node(
    builder: GraphBuilder,
    prefix: str,
    layer: RecurrentLayer,
    z: str,
    **attributes: object,
) -> str:
    """One RNN, GRU or LSTM node, its direction axis of one added and removed."""
    states = [builder.state_names.pop(0) for _ in layer.state_shapes()]
    initial = [
        builder.add("Unsqueeze", [name, builder.axis(0)], f"{prefix}.{name}")
        for name in states
    ]
    inputs = [z, *_weights(builder, prefix, layer), "", *initial]
    outputs = [f"{prefix}.Y", *(f"{prefix}.{name}_new" for name in states)]
    node = helper.make_node(
        layer.kind.upper(),
        inputs,
        outputs,
        name=prefix,
        hidden_size=layer.hidden_size,
    )
    for name, value in attributes.items():
        node.attribute.append(helper.make_attribute(name, value))
    builder.nodes.append(node)
    for name, new in zip(states, outputs[1:], strict=True):
        builder.add("Squeeze", [new, builder.axis(0)], f"{name}_out")
    return builder.add("Squeeze", [outputs[0], builder.axis(1)], f"{prefix}.out")


def _weights(builder: GraphBuilder, prefix: str, layer: RecurrentLayer) -> list[str]:
    """`W` `[1, G*H, I]`, `R` `[1, G*H, H]`, `B` `[1, 2*G*H]` in ONNX gate order."""
    rows = [
        torch_to_onnx_gate_order(layer.kind, builder.weights[f"{prefix}.{name}"])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    return [
        builder.constant(f"{prefix}.W", rows[0][None]),
        builder.constant(f"{prefix}.R", rows[1][None]),
        builder.constant(f"{prefix}.B", np.concatenate(rows[2:])[None]),
    ]


def _projected_lstm(builder: GraphBuilder, prefix: str, layer: Lstm, z: str) -> str:
    """One Scan over time: ONNX's LSTM has no projection.

    `h' = W_hr (o * tanh c')`, as in the PyTorch nn.LSTM docs; the input's share of the
    gates is computed for all steps at once, before the loop.
    """
    h, c = builder.state_names.pop(0), builder.state_names.pop(0)
    product = builder.matmul(prefix, "weight_ih", z)
    bias = builder.weight(prefix, "bias_ih")
    gates = builder.add("Add", [product, bias], f"{prefix}.input_gates")
    turned = {k: builder.transposed(prefix, k) for k in ("weight_hh", "weight_hr")}
    bias_hh = builder.weight(prefix, "bias_hh")
    body = _projection_body(builder, prefix, layer, turned, bias_hh)
    outputs = [f"{h}_out", f"{c}_out", f"{prefix}.out"]
    builder.nodes.append(
        helper.make_node(
            "Scan",
            [h, c, gates],
            outputs,
            name=prefix,
            body=body,
            num_scan_inputs=1,
        )
    )
    return outputs[2]


def _projection_body(
    builder: GraphBuilder,
    prefix: str,
    layer: Lstm,
    turned: dict[str, str],
    bias_hh: str,
) -> onnx.GraphProto:
    """One step: (h `[B, P]`, c `[B, H]`, input gates `[B, 4H]`) to (h, c, output)."""
    proj_size, hidden_size = layer.proj_size, layer.hidden_size
    step = GraphBuilder(builder.spec, builder.weights)

    def local(name: str) -> str:
        return f"{prefix}.step.{name}"

    def add(operator: str, inputs: Sequence[str], name: str) -> str:
        return step.add(operator, inputs, local(name))

    product = add("MatMul", [local("h"), turned["weight_hh"]], "recurrent_product")
    recurrent = add("Add", [product, bias_hh], "recurrent_gates")
    gates = add("Add", [local("input_gates"), recurrent], "gates")
    parts = [local(name) for name in ("i_sum", "f_sum", "g_sum", "o_sum")]
    step.nodes.append(
        helper.make_node(
            "Split", [gates], parts, name=local("split"), axis=-1, num_outputs=4
        )
    )
    i = add("Sigmoid", [parts[0]], "i")
    f = add("Sigmoid", [parts[1]], "f")
    g = add("Tanh", [parts[2]], "g")
    o = add("Sigmoid", [parts[3]], "o")
    kept = add("Mul", [f, local("c")], "kept")
    written = add("Mul", [i, g], "written")
    c_new = add("Add", [kept, written], "c_new")
    hidden = add("Mul", [o, add("Tanh", [c_new], "c_tanh")], "hidden")
    h_new = add("MatMul", [hidden, turned["weight_hr"]], "h_new")
    y = add("Identity", [h_new], "y")
    return helper.make_graph(
        step.nodes,
        f"{prefix}.step",
        [
            tensor_info(local("h"), ["batch", proj_size]),
            tensor_info(local("c"), ["batch", hidden_size]),
            tensor_info(local("input_gates"), ["batch", 4 * hidden_size]),
        ],
        [
            tensor_info(h_new, ["batch", proj_size]),
            tensor_info(c_new, ["batch", hidden_size]),
            tensor_info(y, ["batch", proj_size]),
        ],
    )


CELLS: dict[type[Any], Callable[[GraphBuilder, str, Any, str], str]] = {
    Rnn: _rnn,
    Gru: _gru,
    Lstm: _lstm,
}
"""Each adds its nodes behind `z` and gives the name of its output."""
