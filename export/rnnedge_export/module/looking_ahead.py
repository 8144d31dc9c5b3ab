"""Bidirectional layers: over time they need the future, within one step they do not.

Which it is shows in the length of the sequence that the layer reads: over time a call of
one step gives it one position, and a call of several gives it more. A layer over the bands
or samples of one frame reads as many positions however many frames there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnnedge_runtime.errors import SpecError

from .user_module import UserModule

_MANY_STEPS = 3
_Lengths = dict[str, set[int]]


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
    return {
        name or type(part).__name__: part
        for name, part in module.named_modules()
        if isinstance(part, nn.RNNBase) and part.bidirectional
    }


def looks_ahead(layer: str) -> SpecError:
    """The refusal of a layer that runs over time in both directions."""
    return SpecError(
        f"export: layer '{layer}' is bidirectional: it needs the future to compute the "
        "present, so it cannot stream. Train with bidirectional=False; over the bands or "
        "samples of one step both directions are welcome."
    )


def _lengths(
    user: UserModule, layers: dict[str, nn.RNNBase], num_steps: int
) -> _Lengths:
    """Lengths of the sequences that each layer reads in one call; {} where that fails."""
    seen: _Lengths = {}
    x = user.x[:, :1].repeat(1, num_steps, *[1] * (user.x.ndim - 2))
    with _watched(layers, seen), torch.no_grad():
        try:
            user.call(x, [tensor.clone() for tensor in user.state])
        except Exception:  # the module is the user's: any error may come
            return seen if num_steps == 1 else {}
    return seen


@contextmanager
def _watched(layers: dict[str, nn.RNNBase], seen: _Lengths) -> Iterator[None]:
    def watch(name: str) -> Any:
        def hook(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
            assert isinstance(layer, nn.RNNBase)
            seen.setdefault(name, set()).add(_length(layer, arguments[0]))

        return hook

    handles = [
        layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _length(layer: nn.RNNBase, sequence: Tensor | PackedSequence) -> int:
    if isinstance(sequence, PackedSequence):
        return len(sequence.batch_sizes)
    is_batched = sequence.ndim > 2
    return sequence.shape[1 if is_batched and layer.batch_first else 0]
