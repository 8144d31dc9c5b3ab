"""Packed sequences of full length, which are plain ones to a tracer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_VF: Any = torch._VF
_LAYERS = ("lstm", "gru", "rnn_tanh", "rnn_relu")


@contextmanager
def read_as_plain(call: Callable[[], Any]) -> Iterator[None]:
    """Within it packed sequences are plain, if `call` packs nothing but full ones."""
    is_full: list[bool] = []
    with _patched(is_full):
        try:
            call()
        except Exception:  # the module is the user's: any error may come
            is_full.append(False)
    if is_full and all(is_full):
        with _patched(None):
            yield
    else:
        yield


@contextmanager
def _patched(is_full: list[bool] | None) -> Iterator[None]:
    replaced = {
        "_pack_padded_sequence": _pack(is_full),
        "_pad_packed_sequence": _pad,
        **{name: _over_packed(getattr(_VF, name)) for name in _LAYERS},
    }
    before = dict(vars(_VF))
    for name, function in replaced.items():
        vars(_VF)[name] = function
    try:
        yield
    finally:
        vars(_VF).clear()
        vars(_VF).update(before)


def _pack(is_full: list[bool] | None) -> Callable[..., Any]:
    def pack(x: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
        steps = x.transpose(0, 1) if batch_first else x
        num_steps, batch_size = steps.shape[:2]
        if is_full is not None:
            is_full.append(bool((lengths == num_steps).all()))
        sizes = torch.tensor([batch_size] * num_steps)
        return steps.reshape(num_steps * batch_size, -1), sizes

    return pack


def _pad(
    data: Tensor, sizes: Tensor, batch_first: bool, _value: float, _total: int
) -> tuple[Tensor, Tensor]:
    num_steps = len(sizes)
    steps = data.reshape(num_steps, len(data) // num_steps, -1)
    lengths = torch.tensor([num_steps] * steps.shape[1])
    return (steps.transpose(0, 1) if batch_first else steps), lengths


def _over_packed(plain: Callable[..., Any]) -> Callable[..., Any]:
    def layer(*args: Any) -> Any:
        if not isinstance(args[3], list):  # the weights, behind the sizes
            return plain(*args)
        data, sizes, *rest = args
        steps = data.reshape(len(sizes), len(data) // len(sizes), -1)
        y, *state = plain(steps, *rest, False)
        return (y.reshape(len(data), -1), *state)

    return layer
