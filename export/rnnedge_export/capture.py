"""A user's module as a chain of layers.

`torch.export` turns one step of the module into a short graph in which `nn.GRU` and its
kin are still whole. The graph is walked with labels in place of numbers (`wiring.py`), so
that the weights of each layer are found whatever way the module slices, stacks and
transposes its state. Time and batch are rebuilt by whoever runs the chain.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rnnedge_runtime.layers import Layer

from .capture_errors import NotAChainError, error_text, time_major_error
from .graph_walk import Walk
from .operations import HANDLERS
from .user_module import UserModule, time_major_layers

_CAPTURE_BATCH = 2


@dataclass(frozen=True, slots=True)
class Captured:
    """What a module turned out to be: layers, and weights by canonical name."""

    layers: tuple[Layer, ...]
    weights: Mapping[str, NDArray[np.float32]]

    @property
    def output_size(self) -> int:
        return self.layers[-1].output_size


def capture(user: UserModule) -> Captured:
    """The chain of layers that computes what `user` computes, step by step.

    Raises:
        NotAChainError: an operation that no layer expresses; the module may still be
            exported as an opaque graph.
        SpecError: a module that cannot stream: time-major, or it drops its state.
    """
    if any(bool(tensor.any()) for tensor in user.state):
        raise NotAChainError("the initial state in the example is not zero")
    wide = user if len(user.x) > 1 else user.with_batch(_CAPTURE_BATCH)
    if wide is None:
        names = time_major_layers(user.module)
        if names:
            raise time_major_error(names[0])
        raise NotAChainError("the module runs with a batch of one only")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = wide.program()
        except Exception as error:  # torch.export raises errors of many types
            raise NotAChainError(
                f"torch.export cannot trace it: {error_text(error)}"
            ) from None
        chain = Walk(wide, program, HANDLERS).run()
    if not chain.layers:
        raise NotAChainError("it returns x as it came")
    return Captured(tuple(chain.layers), chain.weights)
