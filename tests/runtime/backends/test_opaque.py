"""Graphs of a user's own module: one step, one stream, state in the module's shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import rnnedge_runtime as runtime
from rnnedge_export.formats.onnx.graph import seal_model
from rnnedge_export.formats.torchscript import save_torchscript
from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.layers import Opaque
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import model_digest
from rnnedge_runtime.streams.model import Model

TAPS = np.array([0.5, -0.25, 2.0], np.float32)
SPEC = ModelSpec(
    features=(Feature("a", initial=1.0),),
    targets=(Target("y"),),
    layers=(
        Opaque(
            input_size=1,
            output_size=1,
            states=(("ring", (1, 3, 1), (3.0, 2.0, 1.0)), ("count", (), ())),
            weights_sha256="0" * 64,
            reason="aten.roll",
        ),
    ),
)


class Filter(torch.nn.Module):
    """Three taps on a ring buffer, plus the number of steps so far."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("taps", torch.from_numpy(TAPS).reshape(1, 3, 1))

    def forward(
        self, x: torch.Tensor, state: list[torch.Tensor]
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        ring = torch.cat([x, state[0][:, :2]], dim=1)
        count = state[1] + 1.0
        y = (ring * self.taps).sum(dim=1, keepdim=True) + count
        return y, [ring, count]


def filtered(xs: np.ndarray) -> np.ndarray:
    """What Filter gives, as a plain loop."""
    ring, out = [3.0, 2.0, 1.0], []
    for t, x in enumerate(xs):
        ring = [x, *ring[:2]]
        out.append(sum(r * w for r, w in zip(ring, TAPS, strict=True)) + t + 1)
    return np.array(out)[:, None]


def metadata() -> Metadata:
    zeros = np.zeros((64, 1), np.float32)
    return Metadata(SPEC, model_digest(SPEC, {}), NUMERICS, Golden(zeros, zeros), "t")


def graph() -> onnx.ModelProto:
    """The same as Filter; `x` above 99 has no entry in `table` and fails."""
    constants = {
        "taps": TAPS.reshape(1, 3, 1),
        "one": np.array(1.0, np.float32),
        "axis": np.array([1], np.int64),
        "from": np.array([0], np.int64),
        "to": np.array([2], np.int64),
        "table": np.zeros(100, np.float32),
    }
    nodes = [
        helper.make_node("Slice", ["ring", "from", "to", "axis"], ["kept"]),
        helper.make_node("Concat", ["x", "kept"], ["ring_out"], axis=1),
        helper.make_node("Add", ["count", "one"], ["count_out"]),
        helper.make_node("Mul", ["ring_out", "taps"], ["products"]),
        helper.make_node("ReduceSum", ["products", "axis"], ["sum"], keepdims=1),
        helper.make_node("Cast", ["x"], ["number"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "number"], ["nothing"]),
        helper.make_node("Add", ["sum", "nothing"], ["checked"]),
        helper.make_node("Add", ["checked", "count_out"], ["y"]),
    ]

    def value(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    states = [("ring", (1, 3, 1)), ("count", ())]
    return helper.make_model(
        helper.make_graph(
            nodes,
            "filter",
            [value("x", (1, 1, 1)), *(value(*state) for state in states)],
            [value("y", (1, 1, 1)), *(value(f"{n}_out", s) for n, s in states)],
            [numpy_helper.from_array(array, k) for k, array in constants.items()],
        ),
        ir_version=9,
        opset_imports=[helper.make_opsetid("", 18)],
    )


@pytest.fixture(params=["onnx", "torchscript"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Model:
    if request.param == "onnx":
        path = tmp_path / "filter.onnx"
        path.write_bytes(seal_model(graph(), metadata()))
    else:
        path = tmp_path / "filter.pt"
        save_torchscript(Filter().eval(), metadata(), path)
    return runtime.load(path, request.param)


def test_steps_runs_and_fleets_agree_with_a_plain_loop(
    model: Model, rng: np.random.Generator
) -> None:
    xs = rng.integers(-50, 50, 20).astype(np.float32)
    expected = filtered(xs)
    np.testing.assert_array_equal(model.stream().run(xs[:, None]), expected)
    stream = model.stream()
    found = [stream.step([x]) for x in xs]
    np.testing.assert_array_equal(found, expected)
    fleet = model.streams(3)
    rows = [fleet.step([[-x], [x], [2 * x]])[1] for x in xs]
    np.testing.assert_array_equal(rows, expected)
    assert fleet.snapshot(1) == stream.snapshot()


def test_a_snapshot_holds_the_state_of_every_shape(model: Model) -> None:
    stream, other = model.stream(), model.stream()
    stream.run([[1.0], [2.0]])
    other.restore(stream.snapshot())
    assert other.snapshot() == stream.snapshot()
    np.testing.assert_array_equal(other.step([4.0]), stream.step([4.0]))
    state = other.state()
    assert {name: tensor.shape for name, tensor in state.items()} == {
        "ring": (1, 3, 1),
        "count": (),
        "held": (1,),
    }
    stream.set_state(state)
    assert stream.snapshot() == other.snapshot()
    fleet = model.streams(2)
    fleet.set_state(1, {"count": 3.0, "ring": state["ring"]})
    assert fleet.state(1)["ring"].tobytes() == state["ring"].tobytes()
    stream.reset()
    assert stream.snapshot() == model.stream().snapshot()


def test_a_run_that_fails_inside_leaves_the_state(tmp_path: Path) -> None:
    path = tmp_path / "filter.onnx"
    path.write_bytes(seal_model(graph(), metadata()))
    model = runtime.load(path)
    stream, fleet = model.stream(), model.streams(1)
    stream.run([[1.0], [2.0], [3.0]])
    fleet.restore(0, stream.snapshot())
    before = stream.snapshot()
    for call in (
        lambda: stream.step([1000.0]),
        lambda: stream.run([[5.0], [1000.0]]),
        lambda: fleet.step([[1000.0]]),
    ):
        with pytest.raises(Exception, match=r"Gather.*indices"):
            call()
        assert stream.snapshot() == before
        assert fleet.snapshot(0) == before
    np.testing.assert_array_equal(stream.step([4.0]), filtered([1, 2, 3, 4])[3])


def test_the_reference_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "filter.onnx"
    path.write_bytes(seal_model(graph(), metadata()))
    with pytest.raises(SpecError, match=r"filter\.onnx: .*backend='onnx'"):
        runtime.load(path, "reference")


def test_a_graph_with_a_batch_of_its_own_is_refused(tmp_path: Path) -> None:
    model = graph()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    path = tmp_path / "filter.onnx"
    path.write_bytes(seal_model(model, metadata()))
    with pytest.raises(FormatError, match=r"filter\.onnx"):
        runtime.load(path)


def test_an_output_does_not_share_memory_with_the_reading(tmp_path: Path) -> None:
    """A module that returns its input gave the caller's own array back as output."""

    class Echo(torch.nn.Module):
        def forward(
            self, x: torch.Tensor, state: list[torch.Tensor]
        ) -> tuple[torch.Tensor, list[torch.Tensor]]:
            return x, state

    path = tmp_path / "echo.pt"
    save_torchscript(Echo().eval(), metadata(), path)
    engine = runtime.load(path, "torchscript").engine
    readings = np.array([[[1.0], [2.0]]], np.float32)
    state = [np.ones((1, 1, 3, 1), np.float32), np.ones(1, np.float32)]
    arrays, new_state = engine.run(readings, state)
    for array, source in zip((arrays, *new_state), (readings, *state), strict=True):
        assert not np.shares_memory(array, source)
        np.testing.assert_array_equal(array, source)
