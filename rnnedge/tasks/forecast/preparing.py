"""From a Dataset to what the trainer needs: spec, held inputs, targets, parts.

The inputs are what a stream on the device would feed the network: missing readings held,
derived columns appended, raw units. Everything fitted is fitted on the training part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.limits import read_limits
from rnnedge.data.scaling import fit_changes, fit_features, fit_scaler
from rnnedge.data.series import Dataset, Series
from rnnedge.data.split import Split, split_dataset, split_notes
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.derived import choose_derived
from rnnedge.tasks.forecast.network import (
    change_sources,
    fixed_weights,
    last_sources,
    network_layers,
    step_feature,
    usual_step,
)
from rnnedge.tasks.forecast.targets import (
    check_targets,
    plausible,
    target_ranges,
    true_outputs,
)
from rnnedge.tasks.task import FORECAST, Prepared, PreparedSeries, find_task
from rnnedge_runtime.errors import NonFiniteError, SpecError
from rnnedge_runtime.monitoring.stuck import longest_runs
from rnnedge_runtime.spec.derived import DerivedInput, time_features
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.inputs import hold_readings, is_missing

Array = NDArray[np.float32]


def prepare(dataset: Dataset, config: TrainConfig) -> Prepared:
    """Fit scalers and input handling, and lay out inputs and targets.

    Raises:
        DataError: too few rows for the horizon, or nothing to learn from.
        SpecError: the config does not fit the data.
    """
    horizon = config.horizon
    rule = config.split_rule(dataset.clock)
    split = split_dataset(dataset, horizon, rule)
    parts = split.parts
    limits = read_limits(config.clip, config.range)
    limits.check_names(dataset.features, where=dataset.source)
    num_features = len(dataset.features)
    training = np.concatenate(
        [s.values[: p.train.stop] for s, p in zip(dataset.series, parts, strict=True)]
    )
    features = fit_features(
        dataset.features,
        dataset.units[:num_features],
        training[:, :num_features],
        missing=config.missing,
        targets=dataset.targets,
        limits=limits,
    )
    _check_predicted(dataset, config)
    features = _with_longest_runs(features, dataset, parts)
    step = step_feature(dataset, config)
    if step is not None:
        usual = usual_step(training[:, step], config.step)
        features = _unclipped(features, step)
    if config.missing == "reject":
        _check_complete(dataset, features)
    derived = choose_derived(dataset, parts, config.derived, config.period)
    sources = last_sources(dataset, config)

    held = [
        hold_readings(
            features,
            series.values[:, :num_features],
            np.array([feature.initial for feature in features], dtype=np.float32),
            where="train",
        )
        for series in dataset.series
    ]
    columns = [dataset.columns.index(target) for target in dataset.targets]
    ranges = target_ranges(dataset, features, training[:, columns])
    targets = [plausible(s.values[:, columns], ranges) for s in dataset.series]
    outputs = [true_outputs(values, horizon) for values in targets]
    check_targets(dataset, plausible(training[:, columns], ranges), outputs, parts)
    output_scaler = fit_scaler(
        _changes(outputs, held, sources, parts),
        [name for name in dataset.targets for _ in range(horizon)],
        where=f"{dataset.source}, training part",
    )
    input_scaler = fit_scaler(
        (_clipped(held, features, k, parts) for k in range(num_features)),
        dataset.features,
        where=f"{dataset.source}, training part",
    )
    changing = change_sources(dataset, config)
    change_scaler = None
    if changing:
        change_scaler = fit_changes(
            [x[: p.train.stop, changing] for x, p in zip(held, parts, strict=True)],
            [dataset.features[k] for k in changing],
            where=f"{dataset.source}, training part",
        )
    network = network_layers(
        config,
        num_features + 2 * len(derived),
        outputs[0].shape[1],
        last=sources,
        changes=changing,
        step=step,
    )
    spec = ModelSpec(
        features=features,
        targets=tuple(
            Target(name, dataset.units[column])
            for name, column in zip(dataset.targets, columns, strict=True)
        ),
        layers=network.layers,
        wiring=network.wiring,
        horizon=horizon,
        derived=derived,
        sample_period_s=dataset.sample_period_s,
        max_gap_s=dataset.max_gap_s,
        clock=dataset.clock,
    )
    series = tuple(
        PreparedSeries(
            name=one.name,
            time_us=one.time_us,
            x=_model_inputs(one, x, derived),
            targets=known,
            y=y,
            parts=part,
            is_reading=one.is_reading,
            stretch=one.stretch,
            holes=_holes(features, one),
        )
        for one, x, known, y, part in zip(
            dataset.series, held, targets, outputs, parts, strict=True
        )
    )
    fixed = fixed_weights(spec, input_scaler, output_scaler, change_scaler)
    if step is not None:
        fixed[f"layers.{network.step_scaler}.shift"] = np.zeros(1, np.float32)
        fixed[f"layers.{network.step_scaler}.scale"] = np.full(1, 1 / usual, np.float32)
    return Prepared(
        task=find_task(FORECAST),
        spec=spec,
        affine_weights=fixed,
        series=series,
        output_scale=output_scaler.scale,
        notes=(*dataset.notes, *split_notes(dataset, split, rule)),
        starts=network.starts,
    )


def _check_predicted(dataset: Dataset, config: TrainConfig) -> None:
    """Raise SpecError where `predict` is asked for and would fill nothing."""
    if config.missing == "predict" and set(dataset.targets).isdisjoint(
        dataset.features
    ):
        raise SpecError(
            f"{dataset.source}: missing is 'predict', but no target "
            f"({', '.join(dataset.targets)}) is among the features "
            f"({', '.join(dataset.features)}), so no forecast is one of their readings. "
            "Make the target a --feature, or train with --missing hold."
        )


def _with_longest_runs(
    features: tuple[Feature, ...], dataset: Dataset, parts: Sequence[Split]
) -> tuple[Feature, ...]:
    """The features, with how long readings stayed the same in the training part."""
    rows = [
        series.values[: part.train.stop, : len(features)]
        for series, part in zip(dataset.series, parts, strict=True)
    ]
    longest = longest_runs(rows, [~is_missing(features, values) for values in rows])
    return tuple(
        dataclasses.replace(feature, longest_unchanged=int(number) or None)
        for feature, number in zip(features, longest, strict=True)
    )


def _holes(features: tuple[Feature, ...], series: Series) -> NDArray[np.bool_] | None:
    """`[T, F]` which readings a forecast fills; None where none does."""
    predicts = np.array([feature.missing == "predict" for feature in features])
    if not predicts.any():
        return None
    missing: NDArray[np.bool_] = is_missing(features, series.values[:, : len(features)])
    return missing & predicts


def _unclipped(features: tuple[Feature, ...], column: int) -> tuple[Feature, ...]:
    """A long step is as long as it is."""
    changed = list(features)
    changed[column] = dataclasses.replace(features[column], clip=None)
    return tuple(changed)


def _training(arrays: Sequence[Array], column: int, parts: Sequence[Split]) -> Array:
    """`[rows of training]` of one column of `[T, N]` arrays, as a copy."""
    rows = [x[: p.train.stop, column] for x, p in zip(arrays, parts, strict=True)]
    return np.concatenate(rows)


def _clipped(
    held: Sequence[Array],
    features: tuple[Feature, ...],
    column: int,
    parts: Sequence[Split],
) -> Array:
    """`[rows of training]` of one feature, held and clipped."""
    rows = _training(held, column, parts)
    clip = features[column].clip
    if clip is not None:
        low, high = np.array(clip, dtype=np.float32)
        np.clip(rows, low, high, out=rows)
    return rows


def _changes(
    outputs: Sequence[Array],
    held: Sequence[Array],
    sources: list[int] | None,
    parts: Sequence[Split],
) -> Iterator[Array]:
    """Per output `[rows of training]`: what the layers before add_last have to give."""
    for column in range(outputs[0].shape[1]):
        rows = _training(outputs, column, parts)
        if sources is not None:
            rows -= _training(held, sources[column], parts)
        yield rows


def _check_complete(dataset: Dataset, features: tuple[Feature, ...]) -> None:
    """Raise NonFiniteError at the first missing or implausible reading of a feature."""
    for series in dataset.series:
        readings = series.values[:, : len(features)]
        missing = is_missing(features, readings)
        if not missing.any():
            continue
        row = int(np.argmax(missing.any(axis=1)))
        column = int(np.argmax(missing[row]))
        feature, value = features[column], readings[row, column]
        place = f"slot {row + 1}"
        if series.time is not None:
            place = f"{np.datetime64(int(series.time[row]), 's')}Z"
        name = f", series '{series.name}'" if len(dataset.series) > 1 else ""
        if feature.range is not None and np.isfinite(value):
            low, high = feature.range
            raise NonFiniteError(
                f"{dataset.source}{name}: feature '{feature.name}' is {value:g} at {place}, "
                f"outside its range of {low:g} to {high:g}, and the policy is 'reject'. "
                "Mend the table, give another --range, or train with --missing hold."
            )
        raise NonFiniteError(
            f"{dataset.source}{name}: feature '{feature.name}' has no reading at {place}, "
            "and the policy is 'reject'. Fill the hole, or train with --missing hold."
        )


def _model_inputs(
    series: Series, held: Array, derived: tuple[DerivedInput, ...]
) -> Array:
    if not derived:
        return held
    assert series.time is not None
    return np.concatenate([held, time_features(series.time, derived)], axis=1)
