"""Files that lie, are damaged or reach for what is not theirs: one clear message each."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from support.onnx_examples import of_one_operator
from torch import nn

from rnnedge_export.importing import limits
from rnnedge_export.importing.importing import import_model
from rnnedge_runtime.errors import FormatError, NonFiniteError, RnnEdgeError, SpecError

LAYERS = '[[layers]]\nkind = "gru"\nprefix = "0"\n[[layers]]\nkind = "linear"\nprefix = "1"\n'


@pytest.fixture
def described(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_text(LAYERS)
    return path


class Planted:
    """What a pickle may run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_pickle_runs_nothing(tmp_path, described):
    path, planted = tmp_path / "w.pt", tmp_path / "planted"
    torch.save({"w": Planted(planted)}, path)
    with pytest.raises(FormatError, match=r"cannot be read as weights.*state_dict"):
        import_model(path, description=described)
    path.write_bytes(pickle.dumps(Planted(planted)))
    with pytest.raises(FormatError):
        import_model(path, description=described)
    assert not planted.exists()
    path = path.rename(tmp_path / "w.pkl")
    with pytest.raises(SpecError, match=r"a pickle can run programs.*state_dict"):
        import_model(path)


def test_zip_bomb_is_not_unpacked(tmp_path, described, monkeypatch):
    monkeypatch.setattr(limits, "MAX_UNPACKED", 1 << 20)
    for name in ("w.pt", "m.keras"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("config.json", b" " * (2 << 20))
        options = {"description": described} if name == "w.pt" else {}
        pytest.importorskip("h5py")
        with pytest.raises(FormatError, match="would unpack to 2,097,152 bytes"):
            import_model(tmp_path / name, **options)


def external(tmp_path, place):
    model = of_one_operator("GRU", 14, gates=3)
    onnx.save(
        model,
        tmp_path / "a.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    loose = onnx.load(tmp_path / "a.onnx", load_external_data=False)
    for tensor in loose.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = place
    onnx.save(loose, tmp_path / "a.onnx")
    return tmp_path / "a.onnx"


def test_weights_beside_the_file_are_read(tmp_path):
    imported = import_model(external(tmp_path, "weights.bin"))
    assert imported.spec.input_size == 3


@pytest.mark.parametrize("place", ["../weights.bin", "/etc/hostname", "a/../../w", ""])
def test_weights_outside_the_folder_are_refused(place, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(FormatError, match=r"weight 'W' lies in .* outside the folder"):
        import_model(external(inner, place))


def test_link_out_of_the_folder_is_refused(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = external(inner, "link.bin")
    (inner / "weights.bin").rename(tmp_path / "w.bin")
    (inner / "link.bin").symlink_to(tmp_path / "w.bin")
    with pytest.raises(FormatError, match="outside the folder"):
        import_model(path)


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(
        FormatError, match=r"'W' lies in 'gone.bin', and there is no such"
    ):
        import_model(external(tmp_path, "gone.bin"))


def one_operator(tmp_path, operator, shape, **options):
    held = numpy_helper.from_array(np.array(shape, np.int64), "shape")
    inputs = ["shape"] if operator == "ConstantOfShape" else ["x", "shape"]
    nodes = [
        helper.make_node(operator, inputs, ["big"], name="large", **options),
        helper.make_node("Add", ["x", "big"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b"])],
        [held],
    )
    opsets = [helper.make_opsetid("", 17)]
    path = tmp_path / "a.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("operator", "shape"),
    [
        ("ConstantOfShape", [1 << 20, 1 << 20]),
        ("Expand", [1 << 30, 2]),
        ("Tile", [1 << 30, 2]),
        ("Pad", [1 << 30, 0, 0, 0]),
    ],
)
def test_huge_tensor_is_never_made(operator, shape, tmp_path):
    with pytest.raises(SpecError, match=r"'large' has shape .* values in one step"):
        import_model(one_operator(tmp_path, operator, shape))


def test_huge_input_is_refused(tmp_path):
    model = of_one_operator("GRU", 14, gates=3, dims=("time", "batch", 1 << 40))
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(SpecError, match="'x' has shape"):
        import_model(tmp_path / "a.onnx")


def rtneural():
    gru, head = nn.GRU(2, 3), nn.Linear(3, 1)
    bias = [gru.bias_ih_l0.tolist(), gru.bias_hh_l0.tolist()]
    weights = [gru.weight_ih_l0.mT.tolist(), gru.weight_hh_l0.mT.tolist(), bias]
    conv = [torch.randn(3, 3, 3).tolist(), torch.randn(3).tolist()]
    dense = [head.weight.mT.tolist(), head.bias.tolist()]
    return {
        "in_shape": [None, None, 2],
        "layers": [
            {"type": "gru", "activation": "tanh", "weights": weights},
            {"type": "conv1d", "activation": "relu", "dilation": [2], "weights": conv},
            {"type": "dense", "activation": "", "weights": dense},
        ],
    }


def nam():
    return {
        "architecture": "LSTM",
        "config": {"input_size": 1, "hidden_size": 2, "num_layers": 1},
        "weights": torch.randn(4 * 2 * 3 + 12 + 3).tolist(),
        "sample_rate": 48_000,
    }


ODD = st.sampled_from(
    [
        None,
        -1,
        0,
        1 << 40,
        1e300,
        float("nan"),
        "",
        "x" * 50,
        [],
        [[1]],
        {},
        [None],
        True,
    ]
)


def mutated(content, data):
    """`content` with one part of it replaced by something odd, or left out."""
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    if not keys:
        return content
    key = data.draw(st.sampled_from(keys))
    inner = content[key]
    if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 3)):
        content[key] = mutated(inner, data)
    elif isinstance(content, dict) and data.draw(st.booleans()):
        del content[key]
    else:
        content[key] = data.draw(ODD)
    return content


def message(path):
    """What an import says, "" where it reads the file."""
    try:
        import_model(path)
    except RnnEdgeError as error:
        return str(error)
    return ""


QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize(("make", "name"), [(rtneural, "a.json"), (nam, "a.nam")])
@QUICK
@given(data=st.data())
def test_odd_json_is_one_message_that_names_the_file(make, name, tmp_path, data):
    path = tmp_path / name
    path.write_text(json.dumps(mutated(make(), data)))
    said = message(path)
    assert not said or (said.startswith(str(path)) and said.endswith("."))


@QUICK
@given(data=st.data())
def test_damaged_onnx_is_one_message_that_names_the_file(tmp_path, data):
    content = bytearray(of_one_operator("LSTM", 14, gates=4).SerializeToString())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.onnx"
    path.write_bytes(bytes(content))
    said = message(path)
    assert not said or said.startswith(str(path))


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_truncated_weights_are_one_message(ending, tmp_path, described):
    path = tmp_path / f"w.{ending}"
    held = nn.ModuleList([nn.GRU(2, 3), nn.Linear(3, 1)]).state_dict()
    torch.save(held, path) if ending == "pt" else save_file(held, path)
    content = path.read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:length])
        with pytest.raises(FormatError, match="cannot be read as weights"):
            import_model(path, description=described)


def test_weights_that_do_not_fit_are_named(tmp_path, described):
    path = tmp_path / "w.pt"
    held = nn.ModuleList([nn.GRU(2, 3), nn.Linear(4, 1)]).state_dict()
    torch.save(held, path)
    with pytest.raises(SpecError, match=r"1 \(linear\) weight' has shape \[1, 4\]"):
        import_model(path, description=described)
    held["0.bias_hh_l0"][1] = torch.inf
    torch.save(held, path)
    with pytest.raises(NonFiniteError, match=r"'0.bias_hh_l0' holds inf at \[1\]"):
        import_model(path, description=described)


def keras_h5(path, change):
    """A Dense model as Keras writes it, changed by `change(file, group)`."""
    h5py = pytest.importorskip("h5py")
    layers = [
        {
            "class_name": "InputLayer",
            "config": {"name": "in", "batch_shape": [None, None, 2]},
        },
        {"class_name": "Dense", "config": {"name": "dense", "activation": "tanh"}},
    ]
    config = {"class_name": "Sequential", "config": {"layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights/dense")
        file.create_group("model_weights/in").attrs["weight_names"] = []
        group.attrs["weight_names"] = ["kernel", "bias"]
        group["kernel"], group["bias"] = np.ones((2, 3), "f4"), np.zeros(3, "f4")
        change(file, group, h5py)
    return path


def test_keras_h5_without_keras(tmp_path):
    path = keras_h5(tmp_path / "m.h5", lambda *_: None)
    imported = import_model(path)
    assert [layer.kind for layer in imported.spec.layers] == ["linear", "activation"]


def test_link_to_another_file_is_refused(tmp_path):
    def change(file, group, h5py):
        del group["kernel"]
        group["kernel"] = h5py.ExternalLink("/etc/hostname", "/x")

    with pytest.raises(FormatError, match=r"kernel' is a link to another file"):
        import_model(keras_h5(tmp_path / "m.h5", change))


def test_weight_stored_elsewhere_is_refused(tmp_path):
    (tmp_path / "raw").write_bytes(bytes(24))

    def change(file, group, h5py):
        del group["kernel"]
        place = [(str(tmp_path / "raw"), 0, 24)]
        group.create_dataset("kernel", (2, 3), "f4", external=place)

    with pytest.raises(FormatError, match="lies in another file"):
        import_model(keras_h5(tmp_path / "m.h5", change))


def test_weight_that_is_huge_on_paper_is_refused(tmp_path):
    def change(file, group, h5py):
        del group["kernel"]
        group.create_dataset("kernel", (1 << 24, 1 << 12), "f4", chunks=(1024, 64))

    with pytest.raises(FormatError, match=r"kernel' has shape \[16777216, 4096\]"):
        import_model(keras_h5(tmp_path / "m.h5", change))


def test_keras_file_of_odd_parts_is_one_message(tmp_path):
    pytest.importorskip("h5py")
    path = tmp_path / "m.keras"
    for config in (b"", b"[]", b'{"class_name": "Sequential"}', b"\xff"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("metadata.json", '{"keras_version": "3.0"}')
            archive.writestr("model.weights.h5", io.BytesIO(b"x").getvalue())
        with pytest.raises(RnnEdgeError, match=r"m\.keras: .*\.$"):
            import_model(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.tflite", "TensorFlow Lite is not read.*tf2onnx"),
        ("a.pb", "SavedModel is not read"),
        ("a.xyz", "files ending in '.xyz' are not read"),
        ("gone.onnx", "there is no such file"),
    ],
)
def test_file_that_is_not_read_says_the_way_out(name, words, tmp_path):
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(RnnEdgeError, match=words):
        import_model(tmp_path / name)
