"""Where the walk through a graph ends: the output and the new state are the chain's own."""

from __future__ import annotations

from typing import Any

import torch

from ..module.reasons import NotAChainError, lost_state, not_a_chain
from .walk import Known, Walk


def check_output(walk: Walk, y: Any) -> None:
    """The output must be all of the last value, one row per stream."""
    labels = y.labels.reshape(-1) if isinstance(y, Known) else torch.empty(0)
    if torch.equal(labels, walk.tail.labels().reshape(-1)):
        return
    values = [walk.x, *(value for value, _ in walk.made)]
    for value, (_, node) in zip(values, walk.made, strict=False):
        if torch.equal(labels, value.labels().reshape(-1)):
            raise not_a_chain(node, "computes something besides y")
    raise NotAChainError("y is not the output of the last layer")


def check_state(walk: Walk, returned: list[Any]) -> None:
    """Every number of the new state must come back where it went in."""
    went_in = torch.full((walk.known.count,), -1)
    for value, labels, path in walk.fed:
        if labels.shape != value.labels().shape:
            raise NotAChainError(f"the state of '{path}' has another size")
        went_in[value.labels()] = labels
    for k, (labels, new) in enumerate(zip(walk.states, returned, strict=True)):
        if not isinstance(new, Known):
            raise lost_state(k, "comes back as a constant")
        if torch.equal(new.labels, labels):
            raise lost_state(k, "comes back unchanged")
        if not torch.equal(went_in[new.labels], labels):
            raise NotAChainError(
                f"state tensor {k} comes back in another order, or is computed from "
                "more than one layer's state"
            )
    if sum(labels.numel() for labels in walk.states) != sum(
        labels.numel() for _, labels, _ in walk.fed
    ):
        raise NotAChainError("two layers share one state")
