"""The layers that a memory goes round, as one Scan over time.

Its body is a step of these layers: values of one step are `[1, B, size]` in it, so each
layer writes the nodes that it writes elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx import helper

from rnnedge_runtime.spec.graph_parts import LOOP, GraphParts

from .builder import GraphBuilder, tensor_info

Walk = Callable[[GraphBuilder, GraphParts, int, dict[int, str]], None]


def add_loop(
    builder: GraphBuilder, parts: GraphParts, values: dict[int, str], walk: Walk
) -> None:
    """Add the Scan; what layers behind it read goes to `values`.

    Args:
        builder: of the whole graph.
        parts: of its spec, with memories.
        values: name of what each layer before the loop gives.
        walk: adds the layers of a part.
    """
    spec, initializers = builder.spec, builder.initializers
    body = GraphBuilder(spec, builder.weights, initializers, states="step.")
    states = [
        (name, shape[0])
        for k, layer in enumerate(spec.layers)
        if parts.part_of[k] == LOOP
        for name, shape in zip(
            builder.states[k], layer.state_shapes().values(), strict=True
        )
    ]
    rows = {"x": (builder.x, spec.input_size)}
    if builder.readings != builder.x:
        rows["readings"] = (builder.readings, spec.input_size)
    entering = parts.entering(spec)
    for k in entering:
        rows[f"layers.{k}"] = (values[k], spec.layers[k].output_size)
    inner = {
        name: body.add("Unsqueeze", [f"step.{name}", body.axis(0)], f"step.{name}.row")
        for name in rows
    }
    body.x = inner["x"]
    body.readings = inner.get("readings", body.x)
    inside = {-1: body.x, **{k: inner[f"layers.{k}"] for k in entering}}
    walk(body, parts, LOOP, inside)
    for k, source in parts.memories.items():
        (name,) = body.states[k]
        body.add("Squeeze", [inside[source], body.axis(0)], f"{name}_out")
    leaving = parts.leaving(spec)
    for k in leaving:
        body.add("Squeeze", [inside[k], body.axis(0)], f"layers.{k}.step")
        values[k] = f"layers.{k}.steps"
    outputs = [(f"layers.{k}.step", spec.layers[k].output_size) for k in leaving]
    graph = helper.make_graph(
        body.nodes,
        "step",
        [tensor_info(f"step.{name}", ["batch", size]) for name, size in states]
        + [tensor_info(f"step.{k}", ["batch", size]) for k, (_, size) in rows.items()],
        [tensor_info(f"step.{name}_out", ["batch", size]) for name, size in states]
        + [tensor_info(name, ["batch", size]) for name, size in outputs],
    )
    builder.nodes.append(
        helper.make_node(
            "Scan",
            [*(name for name, _ in states), *(name for name, _ in rows.values())],
            [*(f"{name}_out" for name, _ in states), *(values[k] for k in leaving)],
            name="loop",
            body=graph,
            num_scan_inputs=len(rows),
        )
    )
