"""Every cell of the project, as models to export."""

from __future__ import annotations

from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import (
    AddLast,
    Affine,
    Difference,
    Gru,
    Linear,
    Lstm,
    Rnn,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

CELLS = {
    "rnn-tanh": lambda i, h: Rnn(i, h),
    "rnn-relu": lambda i, h: Rnn(i, h, "relu"),
    "gru": Gru,
    "lstm": Lstm,
    "lstm-proj": lambda i, h: Lstm(i, h, proj_size=(h + 1) // 2 if h > 1 else 0),
}
IDS = [f"{cell}-L{num_layers}" for cell in CELLS for num_layers in (1, 2)]


def forecaster(name: str, hidden_size: int = 11) -> ModelSpec:
    """Scaler, cells, head, inverse scaler, add_last; `name` is one of IDS."""
    cell, num_layers = name.rsplit("-L", 1)
    layers = [Affine(3)]
    for _ in range(int(num_layers)):
        layers.append(CELLS[cell](layers[-1].output_size, hidden_size))
    layers += [
        Linear(layers[-1].output_size, 4),
        Affine(4, inverse=True),
        AddLast((0, 0, 1, 1)),
    ]
    features = (Feature("a", clip=(-2.5, 2.5)), Feature("b"), Feature("c"))
    return ModelSpec(features, (Target("a"), Target("b")), tuple(layers), horizon=2)


def unclipped_forecaster() -> ModelSpec:
    """A series that leaves its training range: readings before the clip, and changes."""
    return ModelSpec(
        (Feature("a", clip=(-1.0, 1.0), range=(-50.0, 50.0)),),
        (Target("a"),),
        (
            Difference(3, (0,)),
            Affine(4),
            Gru(4, 8),
            Linear(8, 2),
            Affine(2, inverse=True),
            AddLast((0, 0), is_clipped=False),
        ),
        horizon=2,
        derived=(DerivedInput(86_400, 0),),
        sample_period_s=3600.0,
    )
