"""Bidirectional layers: over time they need the future, within one step they do not.

Which it is shows in the length of the sequence that the layer reads: over time a call of
one step gives it one position, and a call of several gives it more. A layer over the bands
or samples of one frame reads as many positions however many frames there are.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnnedge_runtime.errors import SpecError

from .user_module import UserModule, recurrent_layers

_MANY_STEPS = 3


def refuse_looking_ahead(user: UserModule) -> None:
    """Raise SpecError where a bidirectional layer reads its sequence over time.

    A layer that reads one position in a call of one step is taken to run over time unless
    a call of several steps shows that it does not.
    """
    layers = bidirectional_layers(user.module)
    if not layers:
        return
    in_one = _lengths(user, layers, 1)
    suspects = [name for name, lengths in in_one.items() if 1 in lengths]
    in_many = _lengths(user, layers, _MANY_STEPS) if suspects else {}
    for name in suspects:
        if in_many.get(name) != {1}:
            raise looks_ahead(name)


def bidirectional_layers(module: nn.Module) -> dict[str, nn.RNNBase]:
    """Recurrent layers that run in both directions, by name."""
    layers = recurrent_layers(module).items()
    return {name: layer for name, layer in layers if layer.bidirectional}


def looks_ahead(layer: str) -> SpecError:
    """The refusal of a layer that runs over time in both directions."""
    return SpecError(
        f"export: layer '{layer}' is bidirectional: it needs the future to compute the "
        "present, so it cannot stream. Train with bidirectional=False; over the bands or "
        "samples of one step both directions are welcome."
    )


def _lengths(
    user: UserModule, layers: dict[str, nn.RNNBase], num_steps: int
) -> dict[str, set[int]]:
    """Lengths of the sequences that each layer reads in one call.

    {} where a call of several steps fails.
    """
    seen: dict[str, set[int]] = {}

    def see(name: str, layer: nn.RNNBase, arguments: tuple[Any, ...]) -> None:
        seen.setdefault(name, set()).add(_length(layer, arguments[0]))

    with ExitStack() as hooks, torch.no_grad():
        for name, layer in layers.items():
            hook: Any = partial(see, name)
            hooks.enter_context(layer.register_forward_pre_hook(hook))
        called = user.tried(user.x[:, :1].repeat(1, num_steps, 1), user.state)
    return {} if called is None and num_steps > 1 else seen


def _length(layer: nn.RNNBase, sequence: Tensor | PackedSequence) -> int:
    if isinstance(sequence, PackedSequence):
        return len(sequence.batch_sizes)
    is_batched = sequence.ndim > 2
    return sequence.shape[1 if is_batched and layer.batch_first else 0]
