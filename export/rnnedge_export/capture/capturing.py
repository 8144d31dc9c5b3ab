"""A user's module as a chain of layers.

`torch.export` turns one step of the module into a short graph in which `nn.GRU` and its
kin are still whole. The graph is walked with labels in place of numbers (`labels.py`), so
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

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import Layer

from ..module.reasons import NotAChainError, error_text, not_a_chain, time_major_error
from ..module.user_module import UserModule, time_major_layers
from .cells import CELL_HANDLERS
from .endings import check_output, check_state
from .operations import HANDLERS
from .walk import Walk

_CAPTURE_BATCH = 2


@dataclass(frozen=True, slots=True)
class Captured:
    """What a module turned out to be: layers, and weights by canonical name."""

    layers: tuple[Layer, ...]
    weights: Mapping[str, NDArray[np.float32]]


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
        walk = Walk(wide, program, CELL_HANDLERS, HANDLERS)
        try:
            y, *state = walk.run()
            check_output(walk, y)
            check_state(walk, state)
        except SpecError:
            raise
        except Exception:  # operations in ways that no handler has met
            if walk.node is None:
                raise NotAChainError("its graph has an unknown form") from None
            raise not_a_chain(walk.node, "is used in an unknown way") from None
    chain = walk.chain
    if not chain.layers:
        raise NotAChainError("it returns x as it came")
    return Captured(tuple(chain.layers), chain.weights)
