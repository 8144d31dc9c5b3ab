"""What a network is trained for: all that training and evaluation ask about it.

The trainer, the scores and the run folder know rows, outputs and errors, and nothing of
what they mean. A task says it: a row of functions, named in `TASKS`.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Dataset
from rnnedge.data.split import Split
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.scores import Comparison, Score
from rnnedge_runtime.spec.layers import Affine
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rnnedge_export.module.user_module import UserModule
    from rnnedge_export.torch_model.sequence_model import SequenceModel

FORECAST = "forecast"
TASKS = {FORECAST: "rnnedge.tasks.forecast.task"}
"""Module of every task, imported when it is asked for; its `TASK` is the task."""

Array = NDArray[np.float32]
Cut = Mapping[str, Mapping[str, int]]
Progress = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class PreparedSeries:
    """One series as the network sees it.

    Attributes:
        name: series id.
        time_us: `[T]` microseconds since 1970 UTC, or None.
        x: `[T, I]` held model inputs in raw units.
        targets: `[T, targets]` plausible readings as they came, NaN where missing.
        y: `[T, K]` what is true of every row, NaN where unknown; of a forecast K is O.
        parts: rows from which forecasts are made, by part.
        is_reading: `[T]` False where a hole was re-indexed in; such rows are not scored.
        stretch: number of this stretch among those of the same name, from 0.
        holes: `[T, F]` which features of `x` are held where a device takes the forecast of
            the step before; None for none.
    """

    name: str
    time_us: NDArray[np.int64] | None
    x: Array
    targets: Array
    y: Array
    parts: Split
    is_reading: NDArray[np.bool_]
    stretch: int = 0
    holes: NDArray[np.bool_] | None = None

    @property
    def time(self) -> NDArray[np.int64] | None:
        """`[T]` Unix seconds UTC, rounded down."""
        return None if self.time_us is None else self.time_us // 1_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """Data ready for training.

    Attributes:
        task: what the network is for.
        spec: the network to train.
        affine_weights: canonical weights that are fitted on the training part, not trained.
        series: the series with their parts.
        output_scale: `[K]` units of the errors, such as deviations of the outputs.
        notes: what was found, in plain sentences.
        starts: canonical weights that are trained, but do not begin at random.
        module: a module of the user's own that is trained between the first affine layer
            of the spec and its last, in place of the layers there.
    """

    task: Task
    spec: ModelSpec
    affine_weights: dict[str, Array]
    series: tuple[PreparedSeries, ...]
    output_scale: Array
    notes: tuple[str, ...]
    starts: Mapping[str, Array] = field(default_factory=dict)
    module: UserModule | None = None

    def with_features(self, features: tuple[Feature, ...]) -> Prepared:
        """The same with features that say something else of themselves."""
        spec = dataclasses.replace(self.spec, features=features)
        return dataclasses.replace(self, spec=spec)

    def with_spec(self, spec: ModelSpec) -> Prepared:
        """The same for a spec with other layers between the first affine and the last."""
        shift = len(spec.layers) - len(self.spec.layers)
        last = last_affine(self.spec)
        weights = {}
        for name, values in self.affine_weights.items():
            _, number, tensor = name.split(".")
            k = int(number)
            weights[f"layers.{k + shift if k >= last else k}.{tensor}"] = values
        return dataclasses.replace(
            self, spec=spec, affine_weights=weights, starts={}, module=None
        )


def first_affine(spec: ModelSpec) -> int:
    """Number of the layer that scales the inputs."""
    return next(k for k, layer in enumerate(spec.layers) if isinstance(layer, Affine))


def last_affine(spec: ModelSpec) -> int:
    """Number of the layer that gives outputs their units."""
    return max(k for k, layer in enumerate(spec.layers) if isinstance(layer, Affine))


Predict = Callable[["SequenceModel", PreparedSeries, int], Array]
"""`[stop, O]` outputs of a network streamed over a series up to row `stop`."""


@dataclass(frozen=True, eq=False, slots=True)
class ExtraLanes:
    """Lanes of an epoch that are seen once more, changed.

    Attributes:
        lanes: `[L]` which.
        weight: of their loss.
        move: inputs `[L, T, I]` and truth `[L, T, K]` of a chunk, and its number: to the
            changed ones, as copies.
    """

    lanes: Tensor
    weight: float
    move: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False, slots=True)
class Objective:
    """What a network learns from, and what is made small.

    The rows are those of all series, one after another, on the training device.

    Attributes:
        x: `[N, I]` model inputs.
        y: `[N, ...]` what is true of every row, K values; a view is enough.
        ranges: rows of every series, empty where it has none to train on.
        loss: `[L, T, K]` of outputs `[L, T, O]`, truth `[L, T, K]` and what is known of it,
            `[L, T, K]`; 0 where it is not.
        extra_lanes: lanes to see once more, of the rows `[chunks, lanes]` of an epoch and
            its number; None for none.
    """

    x: Tensor
    y: Tensor
    ranges: list[range]
    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    extra_lanes: Callable[[NDArray[np.int64], int], ExtraLanes | None]


@dataclass(frozen=True, eq=False, slots=True)
class Baselines:
    """What a network is compared with.

    Attributes:
        forecasters: by name `[T, O]` outputs of a series; before the validation part they
            are not looked at.
        season: rows after which the data repeats itself; 1: it does not.
        block: fewest rows of one piece in which errors may go together.
    """

    forecasters: dict[str, Callable[[PreparedSeries], Array]]
    season: int
    block: int


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """What the networks of one kind have in common, as functions without state.

    Attributes:
        metric: name of the mean error that is shown in training, in lower case.
        prepare: fits what is fitted and lays out inputs and truth; raises DataError where
            there is nothing to learn from, SpecError where the config does not fit.
        objective: what a training run makes small.
        shown: which of the K outputs is shown while training.
        finish: changes a trained network where the validation part asks for it; gives what
            the report says of it, under `training`.
        errors: `[..., K]` error of every output `[..., O]`, NaN where the truth is.
        reference: `[T, O]` outputs of the baseline that skill is measured against.
        baselines: what the network has to beat, fitted on the training part; the last
            argument is told the part of the work that is done.
        scores: K scores of truth `[N, K]`, outputs `[N, O]` and the reference's `[N, O]`;
            the last argument is the season of the baselines.
        verdict: plain sentences, where the network wins and where it does not, from the K
            comparisons on the test part, the season, and by feature how many of its test
            readings are `clipped` and `implausible`.
    """

    metric: str
    prepare: Callable[[Dataset, TrainConfig], Prepared]
    objective: Callable[[Prepared, TrainConfig, torch.device], Objective]
    shown: Callable[[ModelSpec], int]
    finish: Callable[[SequenceModel, Prepared, Predict], dict[str, Any]]
    errors: Callable[[Any, Any], Any]
    reference: Callable[[Prepared, PreparedSeries], Array]
    baselines: Callable[[Prepared, TrainConfig, Progress], Baselines]
    scores: Callable[[Prepared, Array, Array, Array, int], list[Score | None]]
    verdict: Callable[[ModelSpec, Sequence[Comparison | None], int, Cut], list[str]]


def find_task(name: str = FORECAST) -> Task:
    """The task of a name."""
    task: Task = importlib.import_module(TASKS[name]).TASK
    return task
