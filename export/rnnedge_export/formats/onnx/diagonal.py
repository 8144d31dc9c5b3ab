"""The layers whose state no matrix acts on, in ONNX (`graph.py`).

All but the recurrence itself takes all steps at once; that is a Scan of three operators.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from rnnedge_runtime.spec.layers import Lru

from .builder import GraphBuilder, tensor_info
from .functions import FUNCTIONS, Operators


def write_lru(builder: GraphBuilder, prefix: str, layer: Lru, z: Any) -> str:
    """Add the nodes of an `lru` behind `z`, `[T, B, I]`, or a pair with the step."""
    op = Operators(builder, prefix)
    z, step = z if layer.has_step else (z, "")
    product = builder.matmul(prefix, "weight", z)
    sums = op("Add", product, builder.weight(prefix, "bias"))
    d, n, o = (f"{prefix}.{name}" for name in layer.blocks)
    sizes = builder.constant(
        f"{prefix}.sizes", np.full(3, layer.hidden_size, dtype=np.int64)
    )
    builder.nodes.append(
        helper.make_node(
            "Split", [sums, sizes], [d, n, o], name=f"{prefix}.split", axis=-1
        )
    )
    share = _share(op, d, step) if step else op("Sigmoid", d)
    states = _recurrence(builder, prefix, layer, share, op("Tanh", n))
    return builder.add("Mul", [op("Sigmoid", o), states], f"{prefix}.out")


def _share(op: Operators, d: str, step: str) -> str:
    """`-expm1(-v)` as `tanh(v / 2) (1 + exp(-v))`: exact for a short step, too."""
    v = op("Mul", FUNCTIONS["softplus"](op, d, 1.0, 20.0), op("Relu", step))
    half = op("Tanh", op("Mul", v, 0.5))
    return op("Mul", half, op("Add", op("Exp", op("Neg", v)), 1.0))


def _recurrence(
    builder: GraphBuilder, prefix: str, layer: Lru, share: str, goal: str
) -> str:
    """`h' = h + share (goal - h)` over all steps; the name of all h'."""
    state = builder.state_names.pop(0)
    step = GraphBuilder(builder.spec, builder.weights)
    h, g, n = (f"{prefix}.step.{name}" for name in ("h", "share", "goal"))
    way = step.add("Sub", [n, h], f"{prefix}.step.way")
    part = step.add("Mul", [g, way], f"{prefix}.step.part")
    new = step.add("Add", [h, part], f"{prefix}.step.h_new")
    shown = step.add("Identity", [new], f"{prefix}.step.shown")
    shape: list[int | str] = ["batch", layer.hidden_size]
    body = helper.make_graph(
        step.nodes,
        f"{prefix}.step",
        [tensor_info(name, shape) for name in (h, g, n)],
        [tensor_info(name, shape) for name in (new, shown)],
    )
    outputs = [f"{state}_out", f"{prefix}.states"]
    builder.nodes.append(
        helper.make_node(
            "Scan",
            [state, share, goal],
            outputs,
            name=f"{prefix}.scan",
            body=body,
            num_scan_inputs=2,
        )
    )
    return outputs[1]
