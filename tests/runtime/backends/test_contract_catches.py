"""The contract harness fails where it should: engines broken in the known ways."""

from __future__ import annotations

import numpy as np
import pytest
from support.artifacts import describe, reference_model
from support.contract import verify_stream_contract
from support.strategies import random_weights

from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.engine import RunStepper
from rnnedge_runtime.streams.model import Model

SPEC = ModelSpec(
    features=(Feature("a"), Feature("b")),
    targets=(Target("a"), Target("b")),
    layers=(Lstm(2, 7), Gru(7, 7), Linear(7, 2)),
)


class CellStateWiped(ReferenceEngine):
    """The LSTM's cell state is zero at every call."""

    def run(self, x, state):
        state = [state[0], np.zeros_like(state[1]), *state[2:]]
        return super().run(x, state)


class StateOutputsSwapped(ReferenceEngine):
    """`h_0_out` and `c_0_out` carry each other's values."""

    def run(self, x, state):
        y, (h, c, *rest) = super().run(x, state)
        return y, [c, h, *rest]


class StateNeverWritten(ReferenceEngine):
    """The new state is the old one."""

    def run(self, x, state):
        y, _ = super().run(x, state)
        return y, [tensor.copy() for tensor in state]


class LooksAhead(ReferenceEngine):
    """A sequence is scaled by its own mean."""

    def run(self, x, state):
        y, new_state = super().run(x, state)
        return y + x.mean(), new_state


class SharesState(ReferenceEngine):
    """All steppers hold one state."""

    def __init__(self, spec, weights):
        super().__init__(spec, weights)
        self._shared = RunStepper(self)

    def stepper(self):
        return self._shared


class SnapshotLacksALayer(ReferenceEngine):
    """The saved state leaves out the second layer's."""

    def stepper(self):
        return _ForgetfulStepper(self)


class _ForgetfulStepper(RunStepper):
    def get_state(self):
        return [*super().get_state()[:2], np.zeros(7)]


class RowsMixed(ReferenceEngine):
    """A batch is normalised over its rows."""

    def run(self, x, state):
        y, new_state = super().run(x, state)
        return y - (y.mean(axis=0) if len(y) > 1 else 0.0), new_state


class Random(ReferenceEngine):
    """Outputs are not a function of the inputs."""

    def run(self, x, state):
        y, new_state = super().run(x, state)
        return y + np.random.default_rng().normal(scale=1e-9, size=y.shape), new_state


class OtherWeights(ReferenceEngine):
    """Consistent with itself, but another model."""

    def __init__(self, spec, weights):
        super().__init__(spec, {k: w * np.float32(1.001) for k, w in weights.items()})


@pytest.mark.parametrize(
    "engine",
    [
        CellStateWiped,
        StateOutputsSwapped,
        StateNeverWritten,
        LooksAhead,
        SharesState,
        SnapshotLacksALayer,
        RowsMixed,
        Random,
        OtherWeights,
    ],
)
@pytest.mark.parametrize("is_bitwise", [True, False])
def test_a_broken_engine_fails(engine, is_bitwise: bool, rng) -> None:
    weights = random_weights(SPEC, rng)
    model = Model(describe(SPEC, weights, size=1), engine(SPEC, weights))
    with pytest.raises(AssertionError):
        verify_stream_contract(
            model.stream,
            SPEC,
            rng,
            make_judge=reference_model(SPEC, weights).stream,
            is_bitwise=is_bitwise,
        )
