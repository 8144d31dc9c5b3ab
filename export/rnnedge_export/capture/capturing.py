"""A user's module as a chain of layers.

`torch.export` turns one step of the module into a short graph in which `nn.GRU` and its
kin are still whole. The graph is walked with labels in place of numbers (`labels.py`), so
that the weights of each layer are found whatever way the module slices, stacks and
transposes its state. Time and batch are rebuilt by whoever runs the chain.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from rnnedge_runtime.errors import SpecError

from ..module.reasons import (
    NotAChainError,
    error_text,
    not_a_chain,
    time_major_error,
)
from ..module.user_module import UserModule, time_major_layer
from .cells import CELL_HANDLERS
from .chain_builder import ChainBuilder
from .operations import HANDLERS
from .walk import Known, Walk

_CAPTURE_BATCH = 2


def capture(user: UserModule) -> ChainBuilder:
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
        name = time_major_layer(user.module)
        if name:
            raise time_major_error(name)
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
            _check_output(walk, y)
            _check_state(walk, state)
        except SpecError:
            raise
        except Exception:  # operations in ways that no handler has met
            if walk.node is None:
                raise NotAChainError("its graph has an unknown form") from None
            raise walk.not_a_chain("is used in an unknown way") from None
    if not walk.chain.layers:
        raise NotAChainError("it returns x as it came")
    return walk.chain


def _check_output(walk: Walk, y: Any) -> None:
    """The output must be all of the last value, one row per stream."""
    labels = y.labels.reshape(-1) if isinstance(y, Known) else torch.empty(0)
    if torch.equal(labels, walk.tail.labels().reshape(-1)):
        return
    values = [walk.x, *(value for value, _ in walk.made)]
    for value, (_, node) in zip(values, walk.made, strict=False):
        if torch.equal(labels, value.labels().reshape(-1)):
            raise not_a_chain(node, "computes something besides y")
    raise NotAChainError("y is not the output of the last layer")


def _check_state(walk: Walk, returned: list[Any]) -> None:
    """Every number of the new state must come back where it went in."""
    went_in = torch.full((walk.num_labels,), -1)
    for value, labels, path in walk.fed:
        if labels.shape != value.labels().shape:
            raise NotAChainError(f"the state of '{path}' has another size")
        went_in[value.labels()] = labels
    for k, (labels, new) in enumerate(zip(walk.states, returned, strict=True)):
        is_known = isinstance(new, Known)
        if not is_known or torch.equal(new.labels, labels):
            raise SpecError(
                f"export: state tensor {k} comes back "
                f"{'unchanged' if is_known else 'as a constant'}, so the model would forget "
                "everything from step to step. Return the new state of its layer."
            )
        if not torch.equal(went_in[new.labels], labels):
            raise NotAChainError(
                f"state tensor {k} comes back in another order, or is computed from "
                "more than one layer's state"
            )
    if sum(labels.numel() for labels in walk.states) != sum(
        labels.numel() for _, labels, _ in walk.fed
    ):
        raise NotAChainError("two layers share one state")
