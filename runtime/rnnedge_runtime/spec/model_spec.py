"""ModelSpec: what a model is, apart from its weights.

Layers on flat vectors, a chain or a graph, plus the signature: which sensors go in, which
forecasts come out, in which units, how far apart in time, and what happens to a reading
that is missing or out of range.
"""

from __future__ import annotations

import itertools
import math
import reprlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from .derived import MAX_PERIOD_S, DerivedInput
from .frames import check_frames, of_one_row
from .graph_check import Wiring, chain_of, check_graph
from .layers import Embedding, Layer, Opaque

MISSING_POLICIES = ("hold", "reject", "pass", "predict")
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
LARGEST_RUN = 2**31 - 1
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Feature:
    """One sensor reading among the inputs.

    Attributes:
        name: column name.
        unit: unit as text, "" when unknown.
        missing: `hold` replaces a missing reading (NaN, infinite or outside `range`) by the
            last accepted one, `predict` by what the step before forecast for this one,
            within `range`; `reject` raises NonFiniteError before any state changes, and
            `pass` gives it to the model as NaN: of opaque models only. An infinite reading
            of it raises NonFiniteError.
        clip: (low, high) in the feature's unit, applied after the hold; None for no limit.
        initial: the held value before the first accepted reading (the training mean).
        range: (low, high) of plausible readings in the feature's unit; one outside it
            counts as missing. None: every finite reading is plausible.
        longest_unchanged: most readings in a row that were the same in training; None
            when unknown.
    """

    name: str
    unit: str = ""
    missing: Literal["hold", "reject", "pass", "predict"] = "hold"
    clip: tuple[float, float] | None = None
    initial: float = 0.0
    range: tuple[float, float] | None = None
    longest_unchanged: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One forecast quantity; also a feature of the same name when it is an input too."""

    name: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """One value of y: a target, so many steps ahead, at a quantile or none."""

    target: str
    step: int
    quantile: float | None
    unit: str

    @property
    def name(self) -> str:
        """Column name: `<target>_<step>`, with a quantile `<target>_<step>_q10`."""
        if self.quantile is None:
            return f"{self.target}_{self.step}"
        return f"{self.target}_{self.step}_q{100 * self.quantile:g}"


@dataclass(frozen=True, slots=True)
class StateEntry:
    """One tensor carried from step to step, batch axis left out.

    Attributes:
        name: `h_k` or `c_k` of the k-th recurrent layer, or `held`.
        shape: shape of one stream's tensor.
        initial: its value before the first step, in C order.
    """

    name: str
    shape: tuple[int, ...]
    initial: tuple[float, ...]

    @property
    def size(self) -> int:
        """Values of one stream's tensor."""
        return int(np.prod(self.shape, dtype=np.int64))

    def initial_array(self) -> NDArray[np.float32]:
        """`initial` in `shape`."""
        return np.array(self.initial, dtype=np.float32).reshape(self.shape)


@dataclass(frozen=True)
class ModelSpec:
    """The description of a model; equal specs have equal canonical JSON (`spec_json.py`).

    Attributes:
        features: F sensor readings, in input order.
        targets: forecast quantities, in output order.
        layers: from the model input `[I]` to the model output `[O]`, which the last gives.
        horizon: steps ahead forecast by one output, 1 to horizon.
        derived: inputs derived from the time stamp, two columns each, after the features.
        quantiles: ascending in (0, 1); () for a point forecast.
        sample_period_s: real time between steps; None when unknown.
        vocabulary: token strings by index, for text models; () otherwise.
        max_gap_s: longest time without a row, in seconds, that is stepped as missing rows;
            after a longer one the stream starts anew. None: any hole is stepped.
        clock: what a time without an offset means in the model's tables: `UTC` or the name
            of a time zone; "" when it was not said.
        wiring: what each layer reads: numbers of earlier layers, -1 for the model input; None
            for the layer before it. () for a chain, in which all read the one before, and
            only the first may be an embedding.
        rows_per_step: rows of readings that make one step, a frame: the features are then
            those of every row, the oldest first, by the names `<name>[<row>]`.

    Raises:
        SpecError: sizes that do not chain, duplicate names, values out of range.
    """

    features: tuple[Feature, ...]
    targets: tuple[Target, ...]
    layers: tuple[Layer, ...]
    horizon: int = 1
    derived: tuple[DerivedInput, ...] = ()
    quantiles: tuple[float, ...] = ()
    sample_period_s: float | None = None
    vocabulary: tuple[str, ...] = field(default=())
    max_gap_s: float | None = None
    clock: str = ""
    wiring: Wiring = ()
    rows_per_step: int = 1

    def __post_init__(self) -> None:
        _check_signature(self)
        check_frames(self)
        chain = chain_of(self.layers)
        reads = tuple(
            before if read is None else read
            for read, before in zip(self.wiring or chain, chain, strict=False)
        )
        embeds_values = any(isinstance(layer, Embedding) for layer in self.layers[1:])
        is_chain = reads == chain and not embeds_values
        object.__setattr__(self, "wiring", () if is_chain else reads)
        check_graph(self.layers, self.wiring, self.input_size)
        _check_output_size(self)

    @cached_property
    def reads(self) -> Wiring:
        """`wiring`, written out for a chain too."""
        return self.wiring or chain_of(self.layers)

    @property
    def num_features(self) -> int:
        """F: values per reading given to `Stream.step`; of a frame all its rows."""
        return len(self.features)

    @cached_property
    def by_row(self) -> ModelSpec:
        """The same with the features of one row, for what reads rows; it has no layers."""
        return self if self.rows_per_step == 1 else of_one_row(self)

    @property
    def input_size(self) -> int:
        """I: F plus two columns per derived input."""
        return len(self.features) + 2 * len(self.derived)

    @cached_property
    def output_size(self) -> int:
        """O: targets x horizon x quantiles."""
        return len(self.targets) * self.horizon * max(1, len(self.quantiles))

    @property
    def is_opaque(self) -> bool:
        """Whether the model is a graph that only ONNX or TorchScript can run."""
        return isinstance(self.layers[0], Opaque)

    @cached_property
    def passes_missing(self) -> bool:
        """Whether a missing reading of some feature goes to the model as NaN."""
        return any(feature.missing == "pass" for feature in self.features)

    @cached_property
    def forecast_fills(self) -> tuple[tuple[int, int], ...]:
        """Features whose policy is `predict`, each with the output that fills its holes.

        The output one step ahead of the target of its name, the median with quantiles.
        """
        each = max(1, len(self.quantiles))
        middle = self.quantiles.index(0.5) if 0.5 in self.quantiles else 0
        return tuple(
            (k, self.target_names.index(feature.name) * self.horizon * each + middle)
            for k, feature in enumerate(self.features)
            if feature.missing == "predict"
        )

    @property
    def takes_readings(self) -> bool:
        """Whether a layer takes the model input as it is before the clip."""
        return any(layer.takes_readings for layer in self.layers)

    @cached_property
    def reading_sources(self) -> tuple[int, ...]:
        """Which model inputs these layers take, layer by layer."""
        return tuple(
            source
            for layer in self.layers
            if layer.takes_readings
            for source in getattr(layer, "sources", ())
        )

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in input order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def target_names(self) -> tuple[str, ...]:
        """Names of the targets, in output order."""
        return tuple(target.name for target in self.targets)

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The values of y in order: target, then step, then quantile."""
        return tuple(
            Output(target.name, step, quantile, target.unit)
            for target in self.targets
            for step in range(1, self.horizon + 1)
            for quantile in (self.quantiles or (None,))
        )

    @cached_property
    def graph_state(self) -> tuple[StateEntry, ...]:
        """What the network itself carries: `h_k`, for an LSTM also `c_k`, layer by layer."""
        entries = []
        recurrent = (layer for layer in self.layers if layer.state_shapes())
        for k, layer in enumerate(recurrent):
            if isinstance(layer, Opaque):
                entries += [
                    StateEntry(name, shape, initial or (0.0,) * math.prod(shape))
                    for name, shape, initial in layer.states
                ]
                continue
            for name, shape in layer.state_shapes().items():
                start = layer.start_of(name) or (0.0,) * shape[0]
                entries.append(StateEntry(f"{name}_{k}", shape, start))
        return tuple(entries)

    @cached_property
    def state(self) -> tuple[StateEntry, ...]:
        """Everything a stream carries: `graph_state`, then the held readings `held`."""
        initial = tuple(feature.initial for feature in self.features)
        return (*self.graph_state, StateEntry("held", (len(initial),), initial))


def _check_output_size(spec: ModelSpec) -> None:
    size = spec.layers[-1].output_size
    if size != spec.output_size:
        raise SpecError(
            f"ModelSpec: the last layer gives {size} values, but {len(spec.targets)} "
            f"targets x {spec.horizon} steps x {max(1, len(spec.quantiles))} quantiles "
            f"need {spec.output_size}. Change the size of the last linear layer."
        )


def _check_signature(spec: ModelSpec) -> None:
    if not spec.features or not spec.targets or not spec.layers:
        raise SpecError(
            "ModelSpec: features, targets and layers must each have at least one entry, "
            f"found {len(spec.features)}, {len(spec.targets)} and {len(spec.layers)}. "
            "Name at least one input column and one target."
        )
    for what, names in (("feature", spec.feature_names), ("target", spec.target_names)):
        uses = Counter(names)
        repeated = sorted(name for name in uses if uses[name] > 1 or not name)
        if repeated:
            num_more = len(repeated) - _MOST_NAMED
            raise SpecError(
                f"ModelSpec: {what} names must be non-empty and distinct, found "
                f"{repeated[:_MOST_NAMED]}{f' and {num_more} others' * (num_more > 0)} "
                "more than once or empty. Rename the columns."
            )
    for feature in spec.features:
        _check_feature(feature)
        if feature.missing == "pass" and not spec.is_opaque:
            raise SpecError(
                f"ModelSpec: feature '{feature.name}' has missing='pass', but the model is "
                "a chain of layers, in whose state a NaN would stay. Use 'hold' or "
                "'reject'; 'pass' is for a module that handles NaN itself."
            )
        if feature.missing == "predict":
            _check_predicted(spec, feature)
    if spec.horizon < 1:
        raise SpecError(
            f"ModelSpec: horizon is {spec.horizon}, expected 1 or more. "
            "Give the number of steps to forecast."
        )
    quantiles = spec.quantiles
    ascending = all(a < b for a, b in itertools.pairwise(quantiles))
    if not ascending or any(not 0 < q < 1 for q in quantiles):
        raise SpecError(
            f"ModelSpec: quantiles are {reprlib.repr(quantiles)}, expected ascending "
            "values between 0 and 1. Give for example (0.1, 0.5, 0.9)."
        )
    for item in spec.derived:
        if not 1 <= item.period_s <= MAX_PERIOD_S:
            raise SpecError(
                f"ModelSpec: a derived input has period_s={item.period_s}, expected 1 to "
                f"{MAX_PERIOD_S}. Use 86400 for the hour of day."
            )
    if spec.sample_period_s is not None and not 0 < spec.sample_period_s < np.inf:
        raise SpecError(
            f"ModelSpec: sample_period_s is {spec.sample_period_s}, expected a positive "
            "number of seconds. Leave it out when it is unknown."
        )
    if spec.max_gap_s is not None and not (
        spec.sample_period_s and spec.sample_period_s < spec.max_gap_s < np.inf
    ):
        raise SpecError(
            f"ModelSpec: max_gap_s is {spec.max_gap_s}, expected more than the sampling "
            f"period of {spec.sample_period_s} s. Leave it out to step every hole."
        )


def _check_predicted(spec: ModelSpec, feature: Feature) -> None:
    """Raise SpecError where no output is the next reading of `feature`."""
    start = f"ModelSpec: feature '{feature.name}' has missing='predict', but"
    if feature.name not in spec.target_names:
        raise SpecError(
            f"{start} it is not among the targets "
            f"({', '.join(spec.target_names[:_MOST_NAMED])}), so nothing forecasts its next "
            "reading. Make it a target, or use 'hold'."
        )
    if spec.quantiles and 0.5 not in spec.quantiles:
        raise SpecError(
            f"{start} the median, which would take its place, is not among the quantiles "
            f"{reprlib.repr(spec.quantiles)}. Add the quantile 0.5, or use 'hold'."
        )


def _check_feature(feature: Feature) -> None:
    if feature.missing not in MISSING_POLICIES:
        raise SpecError(
            f"ModelSpec: feature '{feature.name}' has missing='{feature.missing}', "
            f"expected one of {', '.join(MISSING_POLICIES)}. Choose one of these."
        )
    for name, bounds in (("clip", feature.clip), ("range", feature.range)):
        low, high = bounds or (0.0, 0.0)
        if not -LARGEST_FLOAT32 <= low <= high <= LARGEST_FLOAT32:
            raise SpecError(
                f"ModelSpec: feature '{feature.name}' has {name}={bounds}, expected two "
                "finite float32 numbers (low, high) with low <= high. Use None for no "
                "limit."
            )
    if not -LARGEST_FLOAT32 <= feature.initial <= LARGEST_FLOAT32:
        raise SpecError(
            f"ModelSpec: feature '{feature.name}' has initial={feature.initial}, expected "
            "a finite float32 number. Use the mean of the training readings."
        )
    longest = feature.longest_unchanged
    if longest is not None and not 1 <= longest <= LARGEST_RUN:
        raise SpecError(
            f"ModelSpec: feature '{feature.name}' has longest_unchanged={longest}, "
            f"expected 1 to {LARGEST_RUN}. Use None when it is unknown."
        )
