"""The one place that knows PyTorch's gate order from ONNX's.

PyTorch: GRU `r z n`, LSTM `i f g o`. ONNX: GRU `z r h`, LSTM `i o f c`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TORCH_GATES_IN_ONNX_ORDER = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}


def torch_to_onnx_gate_order(
    cell: str, rows: NDArray[np.float32], *, inverse: bool = False
) -> NDArray[np.float32]:
    """Reorder the gate blocks of a weight or bias whose first axis is gates x hidden.

    Args:
        cell: `rnn`, `gru` or `lstm`.
        rows: `[G * H, ...]`.
        inverse: from ONNX's order back to PyTorch's.
    """
    order = np.array(TORCH_GATES_IN_ONNX_ORDER[cell])
    if inverse:
        order = np.argsort(order)
    blocks = rows.reshape(len(order), rows.shape[0] // len(order), *rows.shape[1:])
    return np.ascontiguousarray(blocks[order]).reshape(rows.shape)
