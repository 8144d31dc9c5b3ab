"""SequenceModel: the spec as a module, and the names of the package."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from support.artifacts import torch_model
from support.rnn_cells import IDS, forecaster
from support.strategies import model_specs, random_weights, seeds

from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import NonFiniteError, ShapeError, SpecError
from rnnedge_runtime.spec.layers import Opaque
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tolerances import parity_limit


@given(model_specs(), seeds)
@settings(max_examples=25)
def test_module_in_float64_is_the_reference(spec, seed):
    """The same equations, clip, embedding and add_last included."""
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    module = torch_model(spec, weights).double()
    x = 3 * rng.normal(size=(2, 5, spec.input_size)).astype(np.float32)
    state = [rng.uniform(-0.5, 0.5, (2, *e.shape)) for e in spec.graph_state]
    with torch.inference_mode():
        y, new_state = module(
            torch.from_numpy(x).double(), [torch.from_numpy(h) for h in state]
        )
    judged, judged_state = ReferenceEngine(spec, weights).run(x, state)
    found = np.concatenate([y.numpy().ravel(), *(h.numpy().ravel() for h in new_state)])
    expected = np.concatenate([judged.ravel(), *(h.ravel() for h in judged_state)])
    assert np.abs(found - expected).max() <= parity_limit(expected[:, None])


@given(model_specs(), seeds)
@settings(max_examples=25)
def test_weights_go_in_and_come_out(spec, seed):
    weights = random_weights(spec, np.random.default_rng(seed))
    module = SequenceModel(spec)
    module.load_weights(weights)
    read = module.weights()
    assert list(read) == list(weights)
    for name, array in weights.items():
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize("name", IDS)
def test_dropout_acts_between_layers_and_in_training_only(name, rng):
    spec = forecaster(name)
    module = SequenceModel(spec, dropout=0.9)
    module.load_weights(random_weights(spec, rng))
    x = torch.from_numpy(rng.normal(size=(2, 8, 3)).astype(np.float32))
    state = module.initial_state(2)
    torch.manual_seed(0)
    first, second = (module.train()(x, state)[0] for _ in range(2))
    assert torch.equal(first, second) == name.endswith("L1")
    assert torch.equal(*(module.eval()(x, state)[0] for _ in range(2)))


def test_wrong_weights_are_refused(rng):
    spec = forecaster("gru-L1")
    weights = random_weights(spec, rng)
    module = SequenceModel(spec)
    missing = {key: value for key, value in weights.items() if "bias_hh" not in key}
    with pytest.raises(ShapeError, match=r"layers.1.bias_hh is missing or left over"):
        module.load_weights(missing)
    with pytest.raises(ShapeError, match=r"'layers.2.bias' has shape \(3,\)"):
        module.load_weights({**weights, "layers.2.bias": np.zeros(3)})
    with pytest.raises(NonFiniteError, match=r"'layers.2.bias' holds NaN"):
        module.load_weights({**weights, "layers.2.bias": np.full(4, np.nan)})


def test_opaque_spec_has_no_module():
    layer = Opaque(1, 1, (("h_0", (1, 2), ()),), "0" * 64, "conv1d in 'conv'")
    spec = ModelSpec((Feature("a"),), (Target("a"),), (layer,))
    with pytest.raises(SpecError, match="holds an opaque graph"):
        SequenceModel(spec)


def test_package_is_light_and_says_what_is_missing():
    script = """
import sys
import rnnedge_export
from rnnedge_runtime.errors import MissingDependencyError
assert not {"torch", "onnx", "onnxruntime"} & set(sys.modules)
rnnedge_export.verify
assert not {"torch", "onnx", "onnxruntime"} & set(sys.modules)
sys.modules["torch"] = None
try:
    rnnedge_export.export
except MissingDependencyError as error:
    assert "pip install 'rnnedge[train]'" in str(error), error
else:
    raise AssertionError("export without torch")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
