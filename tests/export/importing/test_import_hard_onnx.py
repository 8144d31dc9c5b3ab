"""Small versions of the hard ONNX files that are about: they stream, or say why not."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from rnnedge_export.importing.importing import import_model
from rnnedge_export.importing.onnx.running import OnnxFile
from rnnedge_export.importing.proof import prove
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.tolerances import IMPORT_STEPS

make = helper.make_node


def proved(path, **options):
    imported = import_model(path, **options)
    proof = prove(str(path), imported, OnnxFile(path, **options))
    return imported, proof


def info(name, dims, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, dims)


def saved(path, nodes, inputs, outputs, held=(), opset=17):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(held))
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def drawn(name, *shape, scale=0.4):
    rng = np.random.default_rng(len(name) + sum(shape))
    values = rng.normal(0, scale, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def whole(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def exported(path, module, arguments, names, outputs, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(arguments),
            path,
            dynamo=False,
            opset_version=17,
            input_names=names,
            output_names=outputs,
            **options,
        )
    return path


class Denoiser(nn.Module):
    """Bands of a frame: convolution with its cache, both ways over the bands, then time."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 4, (3, 3), stride=(1, 2), padding=(0, 1))
        self.norm = nn.BatchNorm2d(4)
        self.across = nn.GRU(4, 3, batch_first=True, bidirectional=True)
        self.along = nn.GRU(6, 4, batch_first=True)
        self.up = nn.ConvTranspose2d(4, 1, (1, 3), stride=(1, 2), padding=(0, 1))
        nn.init.uniform_(self.norm.running_mean)

    def forward(self, x, conv_cache, inter_cache):
        seen = torch.cat([conv_cache, x], dim=2)
        z = torch.relu(self.norm(self.down(seen)))
        bands, _ = self.across(z[:, :, 0].permute(0, 2, 1))
        y, inter_cache = self.along(bands.permute(1, 0, 2), inter_cache)
        mask = torch.tanh(self.up(y.permute(1, 2, 0)[:, :, None]))
        return mask * x[..., :7], seen[:, :, 1:], inter_cache


def test_denoiser_with_caches_and_bands(tmp_path, seed):
    torch.manual_seed(seed)
    shapes = [(1, 1, 1, 8), (1, 1, 2, 8), (1, 4, 4)]
    names = ["mix", "conv_cache", "inter_cache"]
    path = exported(
        tmp_path / "a.onnx",
        Denoiser(),
        [torch.zeros(shape) for shape in shapes],
        names,
        ["enh", "conv_cache_out", "inter_cache_out"],
    )
    imported, proof = proved(path)
    assert proof.num_steps == IMPORT_STEPS
    assert imported.spec.feature_names[0] == "mix_0"
    assert [t.name for t in imported.spec.targets] == [f"enh_{k}" for k in range(7)]


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_file_of_one_step_is_proved_over_time(kind, tmp_path, seed):
    """A window of one step with hidden state: the runtime makes it a stream."""
    torch.manual_seed(seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = getattr(nn, kind)(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.rnn(x)[0])

    path = exported(tmp_path / "a.onnx", Net(), [torch.zeros(1, 1, 3)], ["x"], ["y"])
    imported, proof = proved(path)
    assert [layer.kind for layer in imported.spec.layers] == [kind.lower(), "linear"]
    assert proof.num_steps == IMPORT_STEPS


def body_of_gru(sums="h_in"):
    nodes = [
        make("Concat", ["x_t", sums], ["xh"], axis=1),
        make("MatMul", ["xh", "Wz"], ["z0"]),
        make("Sigmoid", ["z0"], ["z"]),
        make("MatMul", ["xh", "Wn"], ["n0"]),
        make("Tanh", ["n0"], ["n"]),
        make("Sub", [sums, "n"], ["d"]),
        make("Mul", ["z", "d"], ["zd"]),
        make("Add", ["n", "zd"], ["h_out"]),
        make("Identity", ["h_out"], ["y_t"]),
    ]
    return helper.make_graph(
        nodes,
        "body",
        [info("h_in", [1, 4]), info("x_t", [1, 3])],
        [info("h_out", [1, 4]), info("y_t", [1, 4])],
    )


def scan(path, *, wired):
    node = make(
        "Scan",
        ["h0", "x"],
        ["hn", "y"],
        name="over",
        num_scan_inputs=1,
        body=body_of_gru(),
    )
    held = [drawn("Wz", 7, 4), drawn("Wn", 7, 4)]
    inputs, outputs = [info("x", ["time", 1, 3])], [info("y", ["time", 1, 4])]
    if wired:
        inputs.append(info("h0", [1, 4]))
        outputs.append(info("hn", [1, 4]))
    else:
        held.append(drawn("h0", 1, 4))
    return saved(path, [node], inputs, outputs, held)


@pytest.mark.parametrize("wired", [False, True])
def test_scan_over_time_is_a_stream(wired, tmp_path):
    imported, proof = proved(scan(tmp_path / "a.onnx", wired=wired))
    assert proof.num_steps == IMPORT_STEPS
    assert bool(imported.spec.layers[0].state_shapes())


def test_scan_backward_is_refused_by_name(tmp_path):
    path = scan(tmp_path / "a.onnx", wired=False)
    model = onnx.load(path)
    model.graph.node[0].attribute.append(
        helper.make_attribute("scan_input_directions", [1])
    )
    onnx.save(model, path)
    with pytest.raises(SpecError, match="Scan 'over' goes backward"):
        import_model(path)


def loop(path, rounds, *, known=True):
    body = helper.make_graph(
        [
            make("Identity", ["going"], ["still"]),
            make("MatMul", ["v", "W"], ["w"]),
            make("Tanh", ["w"], ["next"]),
        ],
        "body",
        [
            info("k", [], TensorProto.INT64),
            info("going", [], TensorProto.BOOL),
            info("v", [1, 3]),
        ],
        [info("still", [], TensorProto.BOOL), info("next", [1, 3])],
    )
    nodes = [make("Loop", ["count", "", "x"], ["y"], name="round", body=body)]
    held = [drawn("W", 3, 3)]
    if known:
        held.append(whole("count", rounds))
    else:
        nodes.insert(0, make("Cast", ["n"], ["count"], to=TensorProto.INT64))
        nodes.insert(0, make("ReduceSum", ["x"], ["n"], keepdims=0))
    return saved(path, nodes, [info("x", [1, 3])], [info("y", [1, 3])], held)


def test_loop_of_known_length_is_written_out(tmp_path):
    imported, _ = proved(loop(tmp_path / "a.onnx", 3))
    assert [layer.kind for layer in imported.spec.layers] == [
        "linear",
        "activation",
    ] * 3


def test_loop_is_refused_by_name_where_it_is_long_or_depends(tmp_path):
    with pytest.raises(SpecError, match="Loop 'round' goes round 5,000 times"):
        import_model(loop(tmp_path / "a.onnx", 5_000))
    with pytest.raises(SpecError, match=r"Cast '.*' rounds a value"):
        import_model(loop(tmp_path / "a.onnx", 0, known=False))


@pytest.mark.parametrize(
    ("operator", "options"),
    [
        ("MaxPool", {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
        ("AveragePool", {"kernel_shape": [2], "strides": [2]}),
        ("InstanceNormalization", {}),
        ("ConvTranspose", {"strides": [2], "pads": [1, 0], "output_padding": [1]}),
        ("ConvTranspose", {"group": 2, "dilations": [2]}),
        ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2]}),
        ("Conv", {"group": 2, "dilations": [2], "pads": [2, 1]}),
    ],
)
def test_operator_within_one_step(operator, options, tmp_path):
    held = {
        "MaxPool": [],
        "AveragePool": [],
        "InstanceNormalization": [drawn("s", 4), drawn("b", 4)],
        "ConvTranspose": [drawn("W", 4, 4 // options.get("group", 1), 3)],
        "Conv": [drawn("W", 4, 4 // options.get("group", 1), 3), drawn("b", 4)],
    }[operator]
    node = make(operator, ["x", *(item.name for item in held)], ["y"], **options)
    proved(
        saved(
            tmp_path / "a.onnx",
            [node],
            [info("x", [1, 4, 9])],
            [info("y", [1, "c", "n"])],
            held,
        )
    )


def test_choice_by_a_constant_is_a_choice_of_numbers(tmp_path):
    mask = numpy_helper.from_array(np.array([True, False, True]), "mask")
    nodes = [make("Where", ["mask", "x", "other"], ["y"])]
    held = [mask, drawn("other", 1, 3)]
    proved(
        saved(
            tmp_path / "a.onnx", nodes, [info("x", [1, 3])], [info("y", [1, 3])], held
        )
    )


def test_choice_by_a_reading_is_refused(tmp_path):
    nodes = [
        make("Cast", ["x"], ["mask"], to=TensorProto.BOOL),
        make("Where", ["mask", "x", "x"], ["y"], name="pick"),
    ]
    path = saved(tmp_path / "a.onnx", nodes, [info("x", [1, 3])], [info("y", [1, 3])])
    with pytest.raises(SpecError, match="Where 'pick' chooses by a value"):
        import_model(path)


def test_window_is_refused_beside_its_name(tmp_path, seed):
    torch.manual_seed(seed)
    path = exported(
        tmp_path / "a.onnx", nn.GRU(3, 4), [torch.zeros(20, 1, 3)], ["x"], ["y", "h"]
    )
    with pytest.raises(SpecError, match=r"GRU '.*' takes a window of 20 steps"):
        import_model(path)


class OwnGru(nn.Module):
    """A GRU in plain operations, its mix written in one of four ways."""

    def __init__(self, way):
        super().__init__()
        self.given, self.recurrent = nn.Linear(3, 12), nn.Linear(4, 12)
        self.way = way

    def forward(self, x, h):
        r, z, n = self.given(x).chunk(3, dim=1)
        hr, hz, hn = self.recurrent(h).chunk(3, dim=1)
        u = torch.sigmoid(z + hz)
        n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        h = {
            "torch": lambda: (1 - u) * n + u * h,
            "swapped": lambda: u * h + (1 - u) * n,
            "moved": lambda: n + u * (h - n),
            "turned": lambda: (1 - u) * h + u * n,
        }[self.way]()
        return 2 * h, h


@pytest.mark.parametrize("way", ["torch", "swapped", "moved", "turned"])
def test_gru_of_plain_operators_is_one_layer(way, tmp_path, seed):
    torch.manual_seed(seed)
    path = exported(
        tmp_path / "a.onnx",
        OwnGru(way),
        [torch.zeros(1, 3), torch.zeros(1, 4)],
        ["x", "h"],
        ["y", "h_out"],
    )
    imported, _ = proved(path)
    assert [layer.kind for layer in imported.spec.layers] == ["gru", "affine"]
