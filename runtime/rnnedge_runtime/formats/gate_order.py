"""The one place that knows PyTorch's gate order from ONNX's.

PyTorch: GRU `r z n`, LSTM `i f g o`. ONNX: GRU `z r h`, LSTM `i o f c`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..spec.layers import RECURRENT_LAYERS

TORCH_GATES_IN_ONNX_ORDER = {layer.kind: layer.onnx_gates for layer in RECURRENT_LAYERS}


def torch_to_onnx_gate_order(
    cell: str, rows: NDArray[np.float32], *, inverse: bool = False
) -> NDArray[np.float32]:
    """Reorder the gate blocks of a weight or bias whose first axis is gates x hidden.

    Args:
        cell: the layer's kind; its `onnx_gates` say what ONNX holds, a gate twice or not.
        rows: `[G * H, ...]`.
        inverse: from ONNX's order back to PyTorch's.
    """
    order = TORCH_GATES_IN_ONNX_ORDER[cell]
    num_blocks = len(order)
    if inverse:
        order = tuple(order.index(gate) for gate in sorted(set(order)))
    else:
        num_blocks = len(set(order))
    blocks = rows.reshape(num_blocks, rows.shape[0] // num_blocks, *rows.shape[1:])
    return np.concatenate(blocks[list(order)])
