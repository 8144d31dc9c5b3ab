"""What of a Dataset can be learned from, judged on its training part alone."""

from __future__ import annotations

import dataclasses

import numpy as np

from rnnedge.data.series import Dataset
from rnnedge.data.split import SplitRule, split_dataset
from rnnedge_runtime.errors import DataError


def without_constant_features(
    dataset: Dataset, horizon: int, *, are_named: bool, rule: SplitRule | None = None
) -> Dataset:
    """`dataset` without the features that do not vary in the training part.

    Such a feature teaches nothing, and its clip range would freeze it for ever. A constant
    target is left to `prepare`, which refuses it.

    Args:
        dataset: as loaded.
        horizon: steps to forecast, which sets where the training part ends.
        are_named: whether the caller asked for these features by name.
        rule: how the rows are shared out.

    Raises:
        DataError: a feature that was asked for by name does not vary, or none
            does, or a part is empty.
    """
    training = np.concatenate(
        [
            series.values[: part.train.stop]
            for series, part in zip(
                dataset.series,
                split_dataset(dataset, horizon, rule).parts,
                strict=True,
            )
        ]
    )
    constant = [
        name
        for k, name in enumerate(dataset.features)
        if name not in dataset.targets and not _varies(training[:, k])
    ]
    if not constant:
        return dataset
    if are_named:
        raise DataError(
            f"{dataset.source}: feature '{constant[0]}' does not vary in the training part, "
            f"{len(training):,} rows. Leave it out, or give data in which it does."
        )
    if len(constant) == len(dataset.features):
        raise DataError(
            f"{dataset.source}: none of its features varies in the training part, "
            f"{len(training):,} rows, so there is nothing to learn from. Give data in which "
            "one does, or move the parts with --split."
        )
    kept = [name not in constant for name in dataset.columns]
    return dataclasses.replace(
        dataset,
        columns=tuple(c for c, keep in zip(dataset.columns, kept, strict=True) if keep),
        units=tuple(u for u, keep in zip(dataset.units, kept, strict=True) if keep),
        features=tuple(name for name in dataset.features if name not in constant),
        series=tuple(
            dataclasses.replace(s, values=s.values[:, kept]) for s in dataset.series
        ),
        notes=(
            *dataset.notes,
            *(
                f"Column '{name}' does not vary in the training part and is left out."
                for name in constant
            ),
        ),
    )


def _varies(column: np.ndarray) -> bool:
    seen = column[np.isfinite(column)]
    return len(seen) > 0 and bool(seen.min() < seen.max())
