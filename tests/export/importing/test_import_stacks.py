"""Files of Keras, RTNeural, Neural Amp Modeler and PyTorch stream with PyTorch's numbers."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rnnedge_export.importing.importing import import_model
from rnnedge_export.importing.proof import drawn_rows, stream
from rnnedge_runtime.errors import FormatError, NonFiniteError, SpecError
from rnnedge_runtime.tolerances import IMPORT_ERROR


def check(path, expected, **options):
    """`expected` `[N, I]` to `[N, O]` against the model in the file, over 1,000 steps."""
    imported = import_model(path, **options)
    x = drawn_rows(imported)
    with torch.no_grad():
        y = np.asarray(expected(torch.from_numpy(x)))
    assert np.abs(stream(imported, x) - y).max() < IMPORT_ERROR
    return imported


def blocks(tensor, order):
    parts = tensor.chunk(len(order))
    return torch.cat([parts[k] for k in order]).detach()


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def gru_net(seed):
    torch.manual_seed(seed)
    return nn.GRU(2, 4), nn.Linear(4, 1)


def rtneural(gru, head):
    order = (1, 0, 2)
    kernel, recurrent = (
        blocks(w, order).mT.tolist() for w in (gru.weight_ih_l0, gru.weight_hh_l0)
    )
    bias = [blocks(b, order).tolist() for b in (gru.bias_ih_l0, gru.bias_hh_l0)]
    dense = [head.weight.mT.tolist(), head.bias.tolist()]
    return {
        "in_shape": [None, None, 2],
        "layers": [
            {"type": "gru", "activation": "tanh", "weights": [kernel, recurrent, bias]},
            {"type": "dense", "activation": "tanh", "weights": dense},
        ],
    }


def test_rtneural_gru(gru_net, tmp_path):
    gru, head = gru_net
    path = write_json(tmp_path / "a.json", rtneural(gru, head))
    check(path, lambda x: torch.tanh(head(gru(x)[0])))


def test_rtneural_nan_is_refused_by_layer(gru_net, tmp_path):
    content = rtneural(*gru_net)
    content["layers"][1]["weights"][1][0] = float("nan")
    with pytest.raises(NonFiniteError, match=r"weight '1 \(dense\) 1' holds nan"):
        import_model(write_json(tmp_path / "a.json", content))


def test_rtneural_wrong_shape_is_refused_by_layer(gru_net, tmp_path):
    content = rtneural(*gru_net)
    content["layers"][1]["weights"][0].append([1.0])
    with pytest.raises(SpecError, match=r"'1 \(dense\) weight' has shape \[1, 5\]"):
        import_model(write_json(tmp_path / "a.json", content))


def nam(lstm, head, state):
    flat = []
    for k in range(lstm.num_layers):
        ih, hh, b, c = (
            getattr(lstm, f"{name}_l{k}").detach()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        parts = torch.cat([ih, hh], 1), b + c, state[0][k], state[1][k]
        flat += torch.cat([part.flatten() for part in parts]).tolist()
    flat += head.weight.flatten().tolist() + head.bias.tolist()
    sizes = {"input_size": 1, "hidden_size": lstm.hidden_size}
    return {
        "version": "0.5.4",
        "architecture": "LSTM",
        "config": {**sizes, "num_layers": lstm.num_layers},
        "weights": flat,
        "sample_rate": 48000,
    }


def test_nam_lstm_with_its_initial_state(tmp_path):
    torch.manual_seed(3)
    lstm, head = nn.LSTM(1, 4, 2), nn.Linear(4, 1)
    state = torch.randn(2, 4), torch.randn(2, 4)
    path = write_json(tmp_path / "amp.nam", nam(lstm, head, state))
    imported = check(path, lambda x: head(lstm(x, state)[0]))
    assert imported.spec.sample_period_s == 1 / 48000
    content = nam(lstm, head, state)
    content["weights"].pop()
    with pytest.raises(FormatError, match="weights, expected"):
        import_model(write_json(path, content))
    with pytest.raises(SpecError, match="architecture is WaveNet"):
        import_model(write_json(path, {**content, "architecture": "WaveNet"}))


LAYERS = """
features = ["a", "b"]
[[layers]]
kind = "gru"
prefix = "0"
[[layers]]
kind = "linear"
prefix = "1"
"""


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_described_weights(ending, gru_net, tmp_path):
    gru, head = gru_net
    (tmp_path / "layers.toml").write_text(LAYERS)
    path = tmp_path / f"w.{ending}"
    held = nn.ModuleList(gru_net).state_dict()
    torch.save(held, path) if ending == "pt" else save_file(held, path)
    options = {"description": tmp_path / "layers.toml"}
    imported = check(path, lambda x: head(gru(x)[0]), **options)
    assert imported.spec.feature_names == ("a", "b")
    with pytest.raises(SpecError, match="says nothing of the layers"):
        import_model(path)


def test_described_bidirectional_is_refused(tmp_path):
    (tmp_path / "layers.toml").write_text(LAYERS)
    both = nn.ModuleList([nn.GRU(2, 4, bidirectional=True)])
    torch.save(both.state_dict(), tmp_path / "w.pt")
    with pytest.raises(SpecError, match="is bidirectional"):
        import_model(tmp_path / "w.pt", description=tmp_path / "layers.toml")


@pytest.fixture
def keras(monkeypatch):
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_keras_layers(keras, ending, tmp_path):
    k = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            k.Conv1D(4, 3, padding="causal", activation="relu"),
            k.GRU(4, return_sequences=True, reset_after=False),
            k.GRU(4, return_sequences=True, reset_after=True),
            k.LSTM(3, return_sequences=True, recurrent_activation="hard_sigmoid"),
            k.SimpleRNN(3, return_sequences=True),
            k.LayerNormalization(),
            k.TimeDistributed(k.Dense(3, activation="tanh")),
            k.Dense(2, activation="softmax"),
        ]
    )
    path = tmp_path / f"m.{ending}"
    model.save(path)
    check(path, lambda x: keras.ops.convert_to_numpy(model(x[None]))[0])


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_both_forms_of_the_keras_gru(keras, ending, after, bias, tmp_path):
    gru = keras.layers.GRU(
        4,
        return_sequences=True,
        reset_after=after,
        use_bias=bias,
        bias_initializer="random_normal",
    )
    model = keras.Sequential([keras.Input((None, 3)), gru, keras.layers.Dense(2)])
    path = tmp_path / f"m.{ending}"
    model.save(path)
    imported = check(path, lambda x: keras.ops.convert_to_numpy(model(x[None]))[0])
    is_cell = [layer.kind for layer in imported.spec.layers] == ["gru", "linear"]
    assert is_cell == after  # resetting the state is composed of simple layers


def test_keras_bidirectional_is_refused(keras, tmp_path):
    both = keras.layers.Bidirectional(keras.layers.GRU(2), name="twice")
    keras.Sequential([keras.Input((None, 3)), both]).save(tmp_path / "m.keras")
    with pytest.raises(SpecError, match="layer 'twice' is bidirectional"):
        import_model(tmp_path / "m.keras")
