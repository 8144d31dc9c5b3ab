"""ONNX files of other programs stream with the numbers ONNX Runtime gives."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support.onnx_examples import EXAMPLES, OPTIONS, of_one_operator, own_lstm

from rnnedge_export.importing.importing import import_model
from rnnedge_export.importing.onnx.running import OnnxFile
from rnnedge_export.importing.proof import prove
from rnnedge_runtime.errors import (
    FormatError,
    NonFiniteError,
    ParityError,
    SpecError,
)
from rnnedge_runtime.tolerances import IMPORT_STEPS


def proved(path, **options):
    imported = import_model(path, **options)
    return imported, prove(str(path), imported, OnnxFile(path, **options))


def saved(model, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("name", EXAMPLES)
def test_file_streams_with_the_numbers_of_onnxruntime(name, tmp_path):
    path = tmp_path / f"{name}.onnx"
    EXAMPLES[name](path)
    _, proof = proved(path, **OPTIONS.get(name, {}))
    assert proof.length == IMPORT_STEPS
    assert proof.num_steps == (72 if name == "rnn_last_only" else IMPORT_STEPS)


def test_cells_of_pytorch_stay_a_chain(tmp_path):
    EXAMPLES["gru_hidden"](tmp_path / "a.onnx")
    imported = import_model(tmp_path / "a.onnx")
    assert [layer.kind for layer in imported.spec.layers] == ["gru", "linear"]
    assert imported.spec.wiring == ()


def test_cell_of_plain_operators_is_one_layer(tmp_path):
    EXAMPLES["lstm_cell"](tmp_path / "a.onnx")
    imported, _ = proved(tmp_path / "a.onnx", **OPTIONS["lstm_cell"])
    kinds = [layer.kind for layer in imported.spec.layers]
    assert kinds == ["lstm", "linear", "linear", "concat"]


@pytest.mark.parametrize("opset", range(9, 23))
@pytest.mark.parametrize("after", [0, 1])
def test_gru_of_every_opset(opset, after, tmp_path):
    model = of_one_operator("GRU", opset, gates=3, linear_before_reset=after)
    proved(saved(model, tmp_path))


@pytest.mark.parametrize("opset", range(9, 23))
def test_own_cell_of_every_opset(opset, tmp_path):
    proved(saved(own_lstm(opset), tmp_path))


@pytest.mark.parametrize(
    ("functions", "alpha", "beta"),
    [
        (["Relu"], [], []),
        (["Affine"], [0.5], [0.1]),
        (["LeakyRelu"], [0.02], []),
        (["ScaledTanh"], [0.9], [0.7]),
        (["HardSigmoid"], [], []),
        (["Elu"], [0.7], []),
        (["Softsign"], [], []),
        (["Softplus"], [], []),
    ],
)
def test_function_of_an_rnn(functions, alpha, beta, tmp_path):
    options = {"activation_alpha": alpha} if alpha else {}
    options |= {"activation_beta": beta} if beta else {}
    model = of_one_operator("RNN", 14, gates=1, activations=functions, **options)
    proved(saved(model, tmp_path))


def test_batch_first_operator_is_the_time_first_one(tmp_path):
    first = import_model(saved(of_one_operator("LSTM", 14, gates=4), tmp_path))
    model = of_one_operator("LSTM", 14, gates=4, layout=1, dims=("batch", "time", 3))
    second = import_model(saved(model, tmp_path))
    assert first.spec == second.spec
    assert all(
        np.array_equal(first.weights[k], second.weights[k]) for k in first.weights
    )


@pytest.mark.parametrize("direction", ["bidirectional", "reverse"])
def test_other_direction_is_refused_by_name(direction, tmp_path):
    model = of_one_operator("GRU", 14, gates=3, direction=direction)
    with pytest.raises(SpecError, match=f"GRU 'cell' is {direction}"):
        import_model(saved(model, tmp_path))


def test_nan_weight_is_refused_by_name(tmp_path):
    model = of_one_operator("GRU", 14, gates=3)
    weight = numpy_helper.to_array(model.graph.initializer[1]).copy()
    weight[0, 2, 1] = np.nan
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(weight, "R"))
    with pytest.raises(NonFiniteError, match=r"weight 'R' holds nan at \[0, 2, 1\]"):
        import_model(saved(model, tmp_path))


def test_weight_of_wrong_shape_is_refused_by_name(tmp_path):
    model = of_one_operator("GRU", 14, gates=3)
    wrong = numpy_helper.from_array(np.zeros((1, 12, 9), np.float32), "W")
    model.graph.initializer[0].CopyFrom(wrong)
    with pytest.raises(SpecError, match=r"'GRU 'cell' W' has shape \[1, 12, 9\]"):
        import_model(saved(model, tmp_path))


def graph_of(nodes, dims=("time", 3), held=(), opset=17, rank=2):
    return helper.make_model(
        helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", 1, list(dims))],
            [helper.make_tensor_value_info("y", 1, ["any"] * rank)],
            list(held),
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )


def test_control_flow_is_refused_by_name(tmp_path):
    body = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["z"])],
        "body",
        [],
        [helper.make_tensor_value_info("z", 1, ["any"])],
    )
    choice = helper.make_node(
        "If", ["b"], ["y"], name="gate", then_branch=body, else_branch=body
    )
    model = graph_of([choice], (1,), rank=1)
    extra = helper.make_tensor_value_info("b", 9, [])
    model.graph.input.append(extra)
    model.graph.output.append(helper.make_tensor_value_info("b_out", 9, []))
    model.graph.node.append(helper.make_node("Identity", ["b"], ["b_out"]))
    with pytest.raises(SpecError, match="If 'gate' is control flow"):
        import_model(saved(model, tmp_path))


@pytest.mark.parametrize(
    ("operator", "options"),
    [
        ("Softmax", {"axis": 0}),
        ("ReduceMean", {"axes": [0]}),
        ("ReduceMax", {}),
    ],
)
def test_operator_over_time_is_refused_by_name(operator, options, tmp_path):
    node = helper.make_node(operator, ["x"], ["y"], name="over", **options)
    with pytest.raises(
        SpecError, match=f"{operator} 'over' looks over the axis 'time'"
    ):
        import_model(saved(graph_of([node]), tmp_path))


def test_convolution_over_time_is_refused_by_name(tmp_path):
    weight = numpy_helper.from_array(np.ones((2, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=[1, 1])
    with pytest.raises(SpecError, match="Conv 'conv' looks over the axis 'time'"):
        import_model(
            saved(graph_of([node], (1, 3, "time"), [weight], rank=3), tmp_path)
        )


def test_integers_are_refused_with_a_way_out(tmp_path):
    scale = numpy_helper.from_array(np.float32(0.1), "s")
    zero = numpy_helper.from_array(np.uint8(0), "z")
    node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], name="q")
    with pytest.raises(SpecError, match=r"QuantizeLinear 'q'.*Import the float model"):
        import_model(saved(graph_of([node], held=[scale, zero]), tmp_path))


def test_later_opset_is_refused(tmp_path):
    node = helper.make_node("Tanh", ["x"], ["y"])
    with pytest.raises(SpecError, match="opset 8, expected 9 to 22"):
        import_model(saved(graph_of([node], opset=8), tmp_path))


def test_what_is_no_model_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(FormatError, match="no valid ONNX model"):
        import_model(path)


def test_window_of_fixed_length_is_refused(tmp_path):
    model = of_one_operator("GRU", 14, gates=3, dims=(20, 1, 3))
    with pytest.raises(SpecError, match="takes a window of 20 steps"):
        import_model(saved(model, tmp_path))


def test_product_over_time_fails_the_proof(tmp_path):
    make = helper.make_node
    nodes = [
        make("Transpose", ["x"], ["t"], perm=[1, 0]),
        make("MatMul", ["x", "t"], ["s"]),
        make("MatMul", ["s", "x"], ["y"]),
    ]
    with pytest.raises(ParityError, match="several steps at once cannot stream"):
        proved(saved(graph_of(nodes), tmp_path))


def test_steps_without_state_are_proved_at_once(tmp_path):
    nodes = [helper.make_node("Tanh", ["x"], ["y"])]
    _, proof = proved(saved(graph_of(nodes), tmp_path))
    assert proof.num_steps == IMPORT_STEPS
