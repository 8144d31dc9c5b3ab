"""From a Dataset to what the trainer needs: spec, held inputs, targets, parts.

The inputs are what a stream on the device would feed the network: missing readings held,
derived columns appended, raw units. Everything fitted is fitted on the training part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.scaling import Scaler, fit_features, fit_scaler
from rnnedge.data.series import Dataset, Series
from rnnedge.data.split import Parts, check_parts, split_rows
from rnnedge.training.config import TrainConfig
from rnnedge_runtime.errors import DataError, SpecError
from rnnedge_runtime.input_handling import hold_readings
from rnnedge_runtime.layers import AddLast, Affine, Gru, Layer, Linear, Lstm, Rnn
from rnnedge_runtime.spec import Feature, ModelSpec, Target
from rnnedge_runtime.time_features import (
    HOUR_OF_DAY_S,
    TIME_OF_YEAR_S,
    DerivedInput,
    time_features,
)

Array = NDArray[np.float32]

SAMPLES_PER_PERIOD = 4  # fewer do not show the shape of a period
TURNS_SEEN = {HOUR_OF_DAY_S: 2.0, TIME_OF_YEAR_S: 0.5}


@dataclass(frozen=True, slots=True)
class PreparedSeries:
    """One series as the network sees it.

    Attributes:
        name: series id.
        time: `[T]` Unix seconds, or None.
        x: `[T, I]` held model inputs in raw units.
        targets: `[T, targets]` readings as they came, NaN where missing.
        y: `[T, O]` true outputs in raw units, NaN where unknown.
        parts: rows from which forecasts are made, by part.
        is_reading: `[T]` False where a hole was re-indexed in; such rows are not scored.
    """

    name: str
    time: NDArray[np.int64] | None
    x: Array
    targets: Array
    y: Array
    parts: Parts
    is_reading: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A Dataset ready for training.

    Attributes:
        spec: the network to train.
        affine_weights: canonical weights of the scalers, fitted on the training part.
        series: the series with their parts.
        output_scale: `[O]` units of the loss: standard deviation of each output.
        notes: what was found, in plain sentences.
    """

    spec: ModelSpec
    affine_weights: dict[str, Array]
    series: tuple[PreparedSeries, ...]
    output_scale: Array
    notes: tuple[str, ...]


def prepare(dataset: Dataset, config: TrainConfig) -> Prepared:
    """Fit scalers and input handling, and lay out inputs and targets.

    Raises:
        DataError: too few rows for the horizon, or nothing to learn from.
        SpecError: the config does not fit the data.
    """
    horizon = config.horizon
    parts = [split_rows(len(series.values), horizon) for series in dataset.series]
    num_rows = sum(len(series.values) for series in dataset.series)
    check_parts(parts, num_rows, horizon)

    num_features = len(dataset.features)
    training = np.concatenate(
        [s.values[: p.train.stop] for s, p in zip(dataset.series, parts, strict=True)]
    )
    features = fit_features(
        dataset.features,
        dataset.units[:num_features],
        training[:, :num_features],
        missing=config.missing,
    )
    derived = choose_derived(dataset, parts, config.derived)
    sources = _last_sources(dataset, config)

    held = [
        hold_readings(
            features,
            series.values[:, :num_features],
            np.array([feature.initial for feature in features], dtype=np.float32),
            where=f"series '{series.name}'" if series.name else "train",
        )
        for series in dataset.series
    ]
    clipped = [_clip(features, x) for x in held]
    columns = [dataset.columns.index(target) for target in dataset.targets]
    outputs = [_true_outputs(s.values[:, columns], horizon) for s in dataset.series]
    changes = [
        y if sources is None else y - x[:, sources]
        for y, x in zip(outputs, clipped, strict=True)
    ]
    fitted = fit_scaler(
        np.concatenate([d[: p.train.stop] for d, p in zip(changes, parts, strict=True)])
    )
    output_scaler = _check_targets(dataset, fitted, training[:, columns])
    input_scaler = fit_scaler(
        np.concatenate([x[: p.train.stop] for x, p in zip(clipped, parts, strict=True)])
    )
    spec = ModelSpec(
        features=features,
        targets=tuple(
            Target(name, dataset.units[column])
            for name, column in zip(dataset.targets, columns, strict=True)
        ),
        layers=_layers(config, num_features + 2 * len(derived), outputs[0], sources),
        horizon=horizon,
        derived=derived,
        sample_period_s=dataset.sample_period_s,
    )
    series = tuple(
        PreparedSeries(
            name=one.name,
            time=one.time,
            x=_model_inputs(one, x, derived),
            targets=one.values[:, columns],
            y=y,
            parts=part,
            is_reading=one.is_reading,
        )
        for one, x, y, part in zip(dataset.series, held, outputs, parts, strict=True)
    )
    return Prepared(
        spec=spec,
        affine_weights=_affine_weights(spec, input_scaler, output_scaler),
        series=series,
        output_scale=output_scaler.deviation,
        notes=dataset.notes,
    )


def choose_derived(
    dataset: Dataset, parts: list[Parts], choice: str
) -> tuple[DerivedInput, ...]:
    """The derived inputs to use.

    `auto` takes the hour of day when a day has at least four samples and the training part
    two days, the time of year when the training part covers at least half a year.

    Raises:
        SpecError: derived inputs were asked for, and the data has no time.
    """
    if choice == "none":
        return ()
    period = dataset.sample_period_s
    if period is None or any(series.time is None for series in dataset.series):
        if choice == "auto":
            return ()
        raise SpecError(
            f"train: derived='{choice}' needs a time column, and {dataset.source} has "
            "none. Name the column with --time, or use --derived none."
        )
    periods = {"hour_of_day": HOUR_OF_DAY_S, "time_of_year": TIME_OF_YEAR_S}
    if choice in periods:
        return (DerivedInput(periods[choice]),)
    longest = period * max(len(part.train) for part in parts)
    return tuple(
        DerivedInput(length)
        for length in periods.values()
        if choice == "both"
        or (
            period * SAMPLES_PER_PERIOD <= length
            and longest >= TURNS_SEEN[length] * length
        )
    )


def _last_sources(dataset: Dataset, config: TrainConfig) -> list[int] | None:
    """Index of the input to add to each output, or None for no add_last."""
    absent = [name for name in dataset.targets if name not in dataset.features]
    if config.add_last is False or (config.add_last is None and absent):
        return None
    if absent:
        raise SpecError(
            f"train: add_last needs every target among the features, and "
            f"{', '.join(absent)} is not. Add it with --feature, or use --no-add-last."
        )
    return [
        dataset.features.index(name)
        for name in dataset.targets
        for _ in range(config.horizon)
    ]


def _clip(features: tuple[Feature, ...], x: Array) -> Array:
    bounds = np.array([feature.clip for feature in features], dtype=np.float32)
    return np.clip(x, bounds[:, 0], bounds[:, 1])


def _true_outputs(values: Array, horizon: int) -> Array:
    """`[T, targets * horizon]`: the reading `step` rows ahead, NaN where there is none."""
    num_rows, num_targets = values.shape
    y = np.full((num_rows, num_targets, horizon), np.nan, dtype=np.float32)
    for step in range(1, min(horizon, num_rows - 1) + 1):
        y[:-step, :, step - 1] = values[step:]
    return y.reshape(num_rows, num_targets * horizon)


def _check_targets(dataset: Dataset, scaler: Scaler, rows: Array) -> Scaler:
    for name, column in zip(dataset.targets, rows.T, strict=True):
        seen = column[np.isfinite(column)]
        if len(np.unique(seen)) < 2:
            raise DataError(
                f"training part: target '{name}' has {len(seen)} readings and does not "
                f"vary in its {len(column)} rows, expected at least two different values. "
                "Choose another --target, or give more data."
            )
    return scaler


def _layers(
    config: TrainConfig, input_size: int, y: Array, sources: list[int] | None
) -> tuple[Layer, ...]:
    output_size = y.shape[1]
    layers: list[Layer] = [Affine(input_size)]
    size = input_size
    for _ in range(config.num_layers):
        if config.cell == "rnn":
            layers.append(Rnn(size, config.hidden_size, config.nonlinearity))
        elif config.cell == "gru":
            layers.append(Gru(size, config.hidden_size))
        else:
            layers.append(Lstm(size, config.hidden_size, config.proj_size))
        size = layers[-1].output_size
    layers += [Linear(size, output_size), Affine(output_size, inverse=True)]
    if sources is not None:
        layers.append(AddLast(tuple(sources)))
    return tuple(layers)


def _model_inputs(
    series: Series, held: Array, derived: tuple[DerivedInput, ...]
) -> Array:
    if not derived:
        return held
    assert series.time is not None
    return np.concatenate([held, time_features(series.time, derived)], axis=1)


def _affine_weights(
    spec: ModelSpec, input_scaler: Scaler, output_scaler: Scaler
) -> dict[str, Array]:
    """Derived inputs are sines and cosines already: shift 0, scale 1."""
    extra = spec.input_size - spec.num_features
    shift = np.concatenate([input_scaler.mean, np.zeros(extra, np.float32)])
    scale = np.concatenate([1 / input_scaler.deviation, np.ones(extra, np.float32)])
    inverse = next(
        k
        for k, layer in enumerate(spec.layers)
        if isinstance(layer, Affine) and layer.inverse
    )
    return {
        "layers.0.shift": shift.astype(np.float32),
        "layers.0.scale": scale.astype(np.float32),
        f"layers.{inverse}.shift": output_scaler.mean,
        f"layers.{inverse}.scale": output_scaler.deviation,
    }
