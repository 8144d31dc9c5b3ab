"""A ModelSpec with its weights as a sealed ONNX file.

Graph inputs are `x` `[batch, time, I]` and the graph state `h_0` `[batch, H]`, ...; outputs
are `y` `[batch, time, O]` and the new state, `<name>_out`. Batch and time are dynamic, so
the same file runs one step or fifty, one stream or a fleet.

Initializers: an RNN, GRU or LSTM node has `layers.<k>.W`, `.R` and `.B` as ONNX wants them
(gates permuted, biases joined); every other tensor, those of a projected LSTM included,
keeps its canonical name, layout and gate order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import KEY_SHA256, Metadata, metadata_to_text
from rnnedge_runtime.formats.seal import BLANK_SEAL, seal
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.gate_order import torch_to_onnx_gate_order
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    RecurrentLayer,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

OPSET = 18
IR_VERSION = 9

_ELEMENTWISE = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


def build_onnx(metadata: Metadata, weights: Weights) -> bytes:
    """The ONNX file of a model; equal arguments give equal bytes.

    Args:
        metadata: what the file says of itself; its spec is what is built.
        weights: canonical weights of that spec.

    Raises:
        SpecError: the spec holds a layer that has no ONNX form here.
    """
    spec = metadata.spec
    builder = _Builder(spec, weights)
    builder.build()
    graph = helper.make_graph(
        builder.nodes,
        "rnnedge",
        [_tensor("x", ["batch", "time", spec.input_size])]
        + [_tensor(e.name, ["batch", *e.shape]) for e in spec.graph_state],
        [_tensor("y", ["batch", "time", spec.output_size])]
        + [_tensor(f"{e.name}_out", ["batch", *e.shape]) for e in spec.graph_state],
        initializer=list(builder.initializers.values()),
    )
    model = helper.make_model(
        graph,
        producer_name="rnnedge",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    return seal_model(model, metadata)


def seal_model(model: onnx.ModelProto, metadata: Metadata) -> bytes:
    """`model` serialized with the description and the checksum of the file inside."""
    text = metadata_to_text(metadata)
    helper.set_model_props(model, {**text, KEY_SHA256: BLANK_SEAL})
    return seal(model.SerializeToString(deterministic=True))


def _tensor(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


class _Builder:
    """Nodes and initializers of one graph, collected layer by layer.

    Between the layers the sequence is time-major, `[T, B, size]`, as ONNX's recurrent
    operators want it.
    """

    def __init__(self, spec: ModelSpec, weights: Weights) -> None:
        self.spec = spec
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.state_names = [entry.name for entry in spec.graph_state]
        self.x = "x"
        self.readings = "x"

    def build(self) -> None:
        """Add every node from `x` to `y`."""
        if any(feature.clip is not None for feature in self.spec.features):
            low, high = clip_bounds(self.spec)
            raised = self.add("Max", ["x", self.constant("clip.low", low)], "clip.max")
            self.x = self.add(
                "Min", [raised, self.constant("clip.high", high)], "clip.min"
            )
        clipped = self.x
        self.x = self.add("Transpose", [clipped], "x.time_major", perm=[1, 0, 2])
        self.readings = self.x
        if clipped != "x" and self.spec.takes_readings:
            name = "x.readings"
            self.readings = self.add("Transpose", ["x"], name, perm=[1, 0, 2])
        z = self.x
        for k, layer in enumerate(self.spec.layers):
            z = self.layer(f"layers.{k}", layer, z)
        self.add("Transpose", [z], "y", perm=[1, 0, 2])

    def add(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str,
        **attributes: object,
    ) -> str:
        """One node with one output, named after it."""
        node = helper.make_node(operator, inputs, [output], name=output, **attributes)
        self.nodes.append(node)
        return output

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        """The name of an initializer, stored once."""
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, prefix: str, name: str) -> str:
        """A canonical weight as an initializer of the same name."""
        full = f"{prefix}.{name}"
        return self.constant(full, self.weights[full])

    def axis(self, number: int) -> str:
        return self.constant(f"axis_{number}", np.array([number], dtype=np.int64))

    def layer(self, prefix: str, layer: Layer, z: str) -> str:
        """Add a layer; `z` and the result are names of `[T, B, size]` tensors."""
        out = f"{prefix}.out"
        match layer:
            case Affine():
                return self.affine(prefix, layer, z)
            case Embedding():
                return self.embedding(prefix, layer, z)
            case Lstm() if layer.proj_size:
                return self.projected_lstm(prefix, z)
            case Rnn() | Gru() | Lstm():
                return self.recurrent(prefix, layer, z)
            case Linear():
                product = self.matmul(prefix, "weight", z)
                return self.add("Add", [product, self.weight(prefix, "bias")], out)
            case Activation():
                return self.add(_ELEMENTWISE[layer.function], [z], out)
            case Softmax():
                return self.add("Softmax", [z], out, axis=-1)
            case AddLast():
                x = self.x if layer.is_clipped else self.readings
                last = self.sources(prefix, layer.sources, x)
                return self.add("Add", [z, last], out)
            case Difference():
                return self.difference(prefix, layer, z)
        raise SpecError(
            f"export to ONNX: {prefix} ({layer.kind}) has no ONNX form here. "
            "Use the layers of rnnedge_runtime.spec.layers."
        )

    def sources(self, prefix: str, sources: Sequence[int], x: str) -> str:
        """These columns of the model input `[T, B, I]`."""
        array = np.array(sources, dtype=np.int64)
        name = self.constant(f"{prefix}.sources", array)
        return self.add("Gather", [x, name], f"{prefix}.last", axis=2)

    def difference(self, prefix: str, layer: Difference, z: str) -> str:
        """z, then the readings less those of the step before, which start as `d`.

        Where `d` says that there was no step, its readings are the first ones.
        """

        def add(
            operator: str, inputs: Sequence[str], name: str, **fields: object
        ) -> str:
            return self.add(operator, inputs, f"{prefix}.{name}", **fields)

        state = self.state_names.pop(0)
        num_sources = len(layer.sources)
        values = self.sources(prefix, layer.sources, self.readings)
        parts = [f"{prefix}.carried", f"{prefix}.had_step"]
        sizes = np.array([num_sources, 1], dtype=np.int64)
        inputs = [state, self.constant(f"{prefix}.sizes", sizes)]
        self.nodes.append(
            helper.make_node("Split", inputs, parts, name=f"{prefix}.split", axis=1)
        )
        zero = self.constant("zero", np.array(0, dtype=np.float32))
        one = self.constant("one", np.array(1, dtype=np.float32))
        index = self.constant("index_0", np.array(0, dtype=np.int64))
        end = self.constant("index_-1", np.array(-1, dtype=np.int64))
        first = add("Gather", [values, index], "first_values", axis=0)
        last = add("Gather", [values, end], "last_values", axis=0)
        is_first = add("Equal", [parts[1], zero], "is_first")
        start = add("Where", [is_first, first, parts[0]], "start")
        start = add("Unsqueeze", [start, self.axis(0)], "start_step")
        earlier = add(
            "Slice", [values, self.axis(0), self.axis(-1), self.axis(0)], "earlier"
        )
        before = add("Concat", [start, earlier], "before", axis=0)
        change = add("Sub", [values, before], "change")
        raised = add("Max", [change, self.weight(prefix, "low")], "raised")
        change = add("Min", [raised, self.weight(prefix, "high")], "limited")
        shape = add("Shape", [parts[1]], "shape")
        ones = add("Expand", [one, shape], "ones")
        self.add("Concat", [last, ones], f"{state}_out", axis=1)
        return add("Concat", [z, change], "out", axis=2)

    def affine(self, prefix: str, layer: Affine, z: str) -> str:
        shift, scale = self.weight(prefix, "shift"), self.weight(prefix, "scale")
        if layer.inverse:
            scaled = self.add("Mul", [z, scale], f"{prefix}.scaled")
            return self.add("Add", [scaled, shift], f"{prefix}.out")
        shifted = self.add("Sub", [z, shift], f"{prefix}.shifted")
        return self.add("Mul", [shifted, scale], f"{prefix}.out")

    def embedding(self, prefix: str, layer: Embedding, z: str) -> str:
        zero = self.constant("zero", np.array(0, dtype=np.float32))
        size = np.array(layer.num_embeddings, dtype=np.float32)
        count = self.constant(f"{prefix}.num_embeddings", size)
        token = self.add("Squeeze", [z, self.axis(2)], f"{prefix}.token")
        at_least = self.add("GreaterOrEqual", [token, zero], f"{prefix}.at_least")
        below = self.add("Less", [token, count], f"{prefix}.below")
        is_known = self.add("And", [at_least, below], f"{prefix}.is_known")
        known = self.add("Where", [is_known, token, zero], f"{prefix}.known")
        index = self.add("Cast", [known], f"{prefix}.index", to=TensorProto.INT64)
        table = self.weight(prefix, "weight")
        return self.add("Gather", [table, index], f"{prefix}.out", axis=0)

    def matmul(self, prefix: str, name: str, z: str) -> str:
        """`z` times the transpose of a weight kept in PyTorch's `[out, in]` layout."""
        weight = self.weight(prefix, name)
        turned = self.add("Transpose", [weight], f"{weight}.transposed", perm=[1, 0])
        return self.add("MatMul", [z, turned], f"{weight}.product")

    def recurrent(self, prefix: str, layer: RecurrentLayer, z: str) -> str:
        """One RNN, GRU or LSTM node, its direction axis of one added and removed."""
        states = [self.state_names.pop(0) for _ in layer.state_shapes()]
        initial = [
            self.add("Unsqueeze", [name, self.axis(0)], f"{prefix}.{name}")
            for name in states
        ]
        inputs = [z, *self.recurrent_weights(prefix, layer), "", *initial]
        outputs = [f"{prefix}.Y", *(f"{prefix}.{name}_new" for name in states)]
        node = helper.make_node(
            layer.kind.upper(),
            inputs,
            outputs,
            name=prefix,
            hidden_size=layer.hidden_size,
        )
        if isinstance(layer, Rnn):
            name = _ELEMENTWISE[layer.nonlinearity]
            node.attribute.append(helper.make_attribute("activations", [name]))
        if isinstance(layer, Gru):
            node.attribute.append(helper.make_attribute("linear_before_reset", 1))
        self.nodes.append(node)
        for name, new in zip(states, outputs[1:], strict=True):
            self.add("Squeeze", [new, self.axis(0)], f"{name}_out")
        return self.add("Squeeze", [outputs[0], self.axis(1)], f"{prefix}.out")

    def recurrent_weights(self, prefix: str, layer: RecurrentLayer) -> list[str]:
        """`W` `[1, G*H, I]`, `R` `[1, G*H, H]`, `B` `[1, 2*G*H]` in ONNX gate order."""
        rows = [
            torch_to_onnx_gate_order(layer.kind, self.weights[f"{prefix}.{name}"])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        return [
            self.constant(f"{prefix}.W", rows[0][None]),
            self.constant(f"{prefix}.R", rows[1][None]),
            self.constant(f"{prefix}.B", np.concatenate(rows[2:])[None]),
        ]

    def projected_lstm(self, prefix: str, z: str) -> str:
        """One Scan over time: ONNX's LSTM has no projection.

        `h' = W_hr (o * tanh c')`, as in the PyTorch nn.LSTM docs; the input's share of the
        gates is computed for all steps at once, before the loop.
        """
        h, c = self.state_names.pop(0), self.state_names.pop(0)
        product = self.matmul(prefix, "weight_ih", z)
        bias = self.weight(prefix, "bias_ih")
        gates = self.add("Add", [product, bias], f"{prefix}.input_gates")
        turned = {
            name: self.add(
                "Transpose",
                [self.weight(prefix, name)],
                f"{prefix}.{name}.transposed",
                perm=[1, 0],
            )
            for name in ("weight_hh", "weight_hr")
        }
        body = _projection_body(
            prefix,
            self.weights[f"{prefix}.weight_hr"].shape,
            turned,
            self.weight(prefix, "bias_hh"),
        )
        outputs = [f"{h}_out", f"{c}_out", f"{prefix}.out"]
        self.nodes.append(
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
    prefix: str, shape: tuple[int, ...], turned: dict[str, str], bias_hh: str
) -> onnx.GraphProto:
    """One step: (h `[B, P]`, c `[B, H]`, input gates `[B, 4H]`) to (h, c, output)."""
    proj_size, hidden_size = shape
    nodes: list[onnx.NodeProto] = []

    def local(name: str) -> str:
        return f"{prefix}.step.{name}"

    def add(operator: str, inputs: Sequence[str], name: str) -> str:
        node = helper.make_node(operator, inputs, [local(name)], name=local(name))
        nodes.append(node)
        return local(name)

    product = add("MatMul", [local("h"), turned["weight_hh"]], "recurrent_product")
    recurrent = add("Add", [product, bias_hh], "recurrent_gates")
    gates = add("Add", [local("input_gates"), recurrent], "gates")
    parts = [local(name) for name in ("i_sum", "f_sum", "g_sum", "o_sum")]
    nodes.append(
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
        nodes,
        f"{prefix}.step",
        [
            _tensor(local("h"), ["batch", proj_size]),
            _tensor(local("c"), ["batch", hidden_size]),
            _tensor(local("input_gates"), ["batch", 4 * hidden_size]),
        ],
        [
            _tensor(h_new, ["batch", proj_size]),
            _tensor(c_new, ["batch", hidden_size]),
            _tensor(y, ["batch", proj_size]),
        ],
    )
