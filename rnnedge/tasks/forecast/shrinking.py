"""How much of the change that a network forecasts is believed.

A network that forecasts the change from the last reading can do worse than no change at
all, on a random walk always. Each output's change is therefore taken times a share from 0
to 1: what is best on the validation part, where that is beyond chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.task import Predict, Prepared, PreparedSeries
from rnnedge_runtime.spec.layers import AddLast

if TYPE_CHECKING:
    from rnnedge_export.torch_model.sequence_model import SequenceModel

SHARES = np.linspace(0.0, 1.0, 11)

NOTHING, ALL = 1.0, 3.0
"""Standard errors of the gain over no change up to which, and from which, it counts."""

NEIGHBOURS = 3
"""Steps before and after one that bear it out: a single lucky one is no gain."""

FEW = 1.5
FEWEST_BLOCKS, MOST_BLOCKS = 5, 24
"""Blocks of the validation part; of fewer nothing can be told, and all is believed."""

Array = NDArray[np.float64]


def shrink_changes(model: SequenceModel, prepared: Prepared, predict: Predict) -> Array:
    """Take the changes that `model` forecasts times their shares, in its last linear.

    The model is on the CPU.

    Returns:
        `[O]` share of every output; 1 where nothing was changed.
    """
    layers = model.spec.layers
    shares = np.ones(model.spec.output_size)
    if not isinstance(layers[-1], AddLast):
        return shares
    linear, affine = len(layers) - 3, len(layers) - 2
    errors = _block_errors(
        prepared, lambda one, stop: predict(model, one, stop), layers[-1].sources
    )
    beliefs = np.ones_like(shares)
    for k in range(model.spec.output_size):
        totals, counts = errors[0][:, :, k], errors[1][:, k]
        shares[k], beliefs[k] = _share(totals[:, counts > 0], counts[counts > 0])
    shares *= _borne_out(beliefs, model.spec.horizon)
    weights = dict(model.weights())
    weight, bias = f"layers.{linear}.weight", f"layers.{linear}.bias"
    offset = weights[f"layers.{affine}.shift"] / weights[f"layers.{affine}.scale"]
    changed = {
        weight: weights[weight] * shares[:, None],
        bias: (weights[bias] + offset) * shares - offset,
    }
    model.load_weights(weights | {k: v.astype(np.float32) for k, v in changed.items()})
    return shares


def shares_line(shares: Sequence[float]) -> str:
    """What became of the changes, for people; "" where all are as the network has them."""
    reduced = [share for share in shares if share < 1]
    if not reduced:
        return ""
    low, high = min(reduced), max(reduced)
    times = f"{low:.2g}" if low == high else f"{low:.2g} to {high:.2g}"
    line = (
        f"Forecast changes are taken times {times} at {len(reduced):,} of "
        f"{len(shares):,} outputs, as the validation part bears out no more."
    )
    if high == 0:
        line += " There the forecast is the last reading."
    return line


def _borne_out(beliefs: Array, horizon: int) -> Array:
    """`[O]` beliefs, each no more than the median of its neighbours' among the steps."""
    found = []
    for steps in beliefs.reshape(-1, horizon):
        around = [
            steps[max(0, k - NEIGHBOURS) : k + NEIGHBOURS + 1] for k in range(horizon)
        ]
        found.append(np.minimum(steps, [np.median(some) for some in around]))
    return np.concatenate(found)


def _share(totals: Array, counts: Array) -> tuple[float, float]:
    """The best share of one output, and how far its gain is believed, 0 to 1.

    Args:
        totals: `[shares, blocks]` sum of absolute errors.
        counts: `[blocks]` of how many.
    """
    if len(counts) < FEWEST_BLOCKS:
        return 1.0, 1.0
    mae = totals.sum(axis=1) / counts.sum()
    best = int(np.argmin(mae))
    if mae[-1] - mae[best] <= _standard_error(totals[-1] - totals[best], counts):
        best = len(mae) - 1
    gain = mae[0] - mae[best]
    error = _standard_error(totals[0] - totals[best], counts)
    if gain <= NOTHING * error:
        return 0.0, 0.0
    belief = 1.0 if gain >= ALL * error else (gain / error - NOTHING) / (ALL - NOTHING)
    return float(SHARES[best]), float(belief)


def _standard_error(totals: Array, counts: Array) -> float:
    """Of the mean of what has these sums in blocks of these sizes, `[blocks]` each.

    Wider where the blocks are few, about as Student's t is.
    """
    num = len(counts)
    aside = totals - counts * totals.sum() / counts.sum()
    error = np.sqrt(np.square(aside).sum() * num / (num - 1)) / counts.sum()
    return float(error * (1 + FEW / (num - 1)))


def _block_errors(
    prepared: Prepared,
    predict: Callable[[PreparedSeries, int], NDArray[np.float32]],
    sources: tuple[int, ...],
) -> tuple[Array, Array]:
    """Sums of absolute errors `[shares, blocks, O]` and their counts `[blocks, O]`."""
    with_rows = [s for s in prepared.series if len(s.parts.validation)]
    blocks = _blocks(with_rows, prepared)
    num_blocks = 1 + max((int(block.max()) for block in blocks), default=-1)
    size = prepared.spec.output_size
    totals = np.zeros((len(SHARES), num_blocks, size))
    counts = np.zeros((num_blocks, size))
    for series, block in zip(with_rows, blocks, strict=True):
        rows = slice(series.parts.validation.start, series.parts.validation.stop)
        last = series.x[rows][:, list(sources)].astype(np.float64)
        change = predict(series, rows.stop)[rows] - last
        truth = series.y[rows] - last
        known = np.isfinite(truth) & series.is_reading[rows, None]
        np.add.at(counts, block, known)
        for k, share in enumerate(SHARES):
            error = np.where(known, np.abs(share * change - truth), 0.0)
            np.add.at(totals[k], block, error)
    return totals, counts


def _blocks(
    series: list[PreparedSeries], prepared: Prepared
) -> list[NDArray[np.int64]]:
    """Per series the block of every validation row; the same time is in the same block."""
    slots = []
    for one in series:
        rows = one.parts.validation
        slot = np.arange(len(rows))
        if one.time_us is not None and prepared.spec.sample_period_s:
            period_us = prepared.spec.sample_period_s * 1e6
            slot = np.rint(one.time_us[rows.start : rows.stop] / period_us)
        slots.append(slot.astype(np.int64))
    different = np.unique(np.concatenate(slots)) if slots else np.zeros(0, np.int64)
    length = max(prepared.spec.horizon, len(different) // MOST_BLOCKS, 1)
    return [np.searchsorted(different, slot) // length for slot in slots]
