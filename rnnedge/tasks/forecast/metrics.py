"""Errors of forecasts, per output, in the target's unit.

MASE is the mean absolute error over the mean absolute error of the seasonal-naive forecast
one season back on the training part (Hyndman & Koehler 2006, eq. 2.6 with season m; m = 1
where no season is known). Skill is 1 - MAE / MAE of persistence, in per cent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.scores import Score
from rnnedge_runtime.errors import NonFiniteError


def score_outputs(
    y: NDArray[np.float32],
    y_hat: NDArray[np.float32],
    persistence: NDArray[np.float32],
    scale: NDArray[np.float64],
) -> list[Score | None]:
    """Score of every output; None where there is nothing to compare with.

    Args:
        y: `[N, O]` the actual values, NaN where unknown.
        y_hat: `[N, O]` what was forecast.
        persistence: `[N, O]` the persistence forecast.
        scale: `[O]` denominator of MASE.

    Raises:
        NonFiniteError: a forecast is NaN or infinite where the truth is known.
    """
    scores: list[Score | None] = []
    for k in range(y.shape[1]):
        known = np.isfinite(y[:, k])
        broken = known & ~np.isfinite(y_hat[:, k])
        if broken.any():
            raise NonFiniteError(
                f"evaluation: {int(broken.sum())} of {int(known.sum())} forecasts of output "
                f"{k} are not finite, the first in row {int(np.argmax(broken))} of the part. "
                "The network explodes when it is streamed; train with a smaller "
                "--learning-rate or another --cell."
            )
        if not known.any():
            scores.append(None)
            continue
        truth = y[known, k].astype(np.float64)
        error = y_hat[known, k] - truth
        mae = float(np.abs(error).mean())
        base = float(np.abs(persistence[known, k] - truth).mean())
        scores.append(
            Score(
                mae=mae,
                rmse=float(np.sqrt(np.square(error).mean())),
                mase=mae / float(scale[k]) if scale[k] > 0 else None,
                skill_percent=100 * (1 - mae / base) if base > 0 else None,
                count=int(known.sum()),
            )
        )
    return scores
