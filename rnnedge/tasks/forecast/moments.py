"""Least squares with a penalty, from sums over rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PENALTIES = tuple(10.0**power for power in range(-7, 3))
"""On the mean of squares of a standardised column."""

FLAT = 1e-9
"""Deviation over magnitude below which a column is taken for constant."""


class Moments:
    """Sums over rows, from which the weights of every penalty follow.

    Where the outputs are not known in the same rows, their products with the columns are
    means over their own rows.
    """

    def __init__(self, num_columns: int, num_outputs: int) -> None:
        self._count = 0
        self._sum = np.zeros(num_columns)
        self._gram = np.zeros((num_columns, num_columns))
        self._known = np.zeros(num_outputs)
        self._known_x = np.zeros((num_columns, num_outputs))
        self._known_y = np.zeros(num_outputs)
        self._cross = np.zeros((num_columns, num_outputs))

    def add(self, x: Array, y: Array) -> None:
        """Take in columns `[N, P]` and changes `[N, O]`, NaN where unknown."""
        known = np.isfinite(y)
        filled = np.where(known, y, 0.0)
        self._count += len(x)
        self._sum += x.sum(axis=0)
        self._gram += product(x.T, x)
        self._known += known.sum(axis=0)
        self._known_x += product(x.T, known.astype(np.float64))
        self._known_y += filled.sum(axis=0)
        self._cross += product(x.T, filled)

    def solve(
        self, most_values: int
    ) -> Iterator[tuple[NDArray[np.int64], Array, Array]]:
        """Some outputs at a time, their weights and constants for every penalty.

        Yields positions of the outputs, weights `[penalties, P, O]` and constants
        `[penalties, O]`.

        Args:
            most_values: weights at a time.
        """
        count = max(1, self._count)
        mean = self._sum / count
        covariance = self._gram / count - np.outer(mean, mean)
        scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        flat = scale <= FLAT * np.sqrt(np.diag(self._gram) / count)
        shrink = np.where(flat, 0.0, 1 / np.where(flat, 1.0, scale))
        values, vectors = _eigen(covariance * shrink * shrink[:, None])
        divisors = np.maximum(values, 0)[:, None] + np.array(PENALTIES)
        known = np.maximum(self._known, 1)
        size = max(1, most_values // (len(PENALTIES) * len(mean)))
        for start in range(0, len(known), size):
            some = np.arange(start, min(start + size, len(known)))
            mean_x = self._known_x[:, some] / known[some]
            mean_y = self._known_y[some] / known[some]
            cross = self._cross[:, some] / known[some] - mean_x * mean_y
            rotated = product(vectors.T, cross * shrink[:, None])
            weights = np.stack(
                [
                    shrink[:, None] * product(vectors, rotated / divisor[:, None])
                    for divisor in divisors.T
                ]
            )
            yield some, weights, mean_y - np.einsum("kpo,po->ko", weights, mean_x)


def product(a: Array, b: Array) -> Array:
    """`a @ b` with as many threads as the training has; NumPy's may fight for the CPUs."""
    import torch

    product: Array = (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()
    return product


def _eigen(matrix: Array) -> tuple[Array, Array]:
    import torch

    values, vectors = torch.linalg.eigh(torch.from_numpy(matrix))
    return values.numpy(), vectors.numpy()
