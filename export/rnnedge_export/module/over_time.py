"""What of a module works over the time axis: layers in both directions, operations.

A bidirectional layer over time needs the future, within one step it does not. Which it is
shows in the length of the sequence that it reads: over time a call of one step gives it one
position, and a call of several gives it more. A layer over the bands or samples of one
frame reads as many positions however many frames there are.

For operations the graph of one call of a prime number of steps is read; the axis of that
length is time.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.nn.utils.rnn import PackedSequence

from rnnedge_runtime.errors import SpecError

from .reasons import module_path
from .user_module import UserModule, recurrent_layers

_MANY_STEPS = 3
_PRIMES = (13, 11, 7, 5)
_ONE_AXIS = {"softmax", "_softmax", "log_softmax", "cumsum", "cumprod", "logcumsumexp"}
_ONE_AXIS |= {"sort", "argmax", "argmin", "cummax", "cummin", "topk", "kthvalue"}
_ONE_AXIS |= {"median", "flip", "roll", "max", "min", "diff"}
_REDUCTIONS = {"mean", "sum", "amax", "amin", "std", "var", "var_mean", "std_mean"}
_REDUCTIONS |= {"logsumexp", "nanmean", "nansum", "norm", "linalg_vector_norm", "prod"}
_REDUCTIONS |= {"any", "all", "aminmax"}
_LAST_AXES = {"conv1d", "conv2d", "convolution", "avg_pool1d", "max_pool1d"}
_LAST_AXES |= {"adaptive_avg_pool1d", "adaptive_max_pool1d", "instance_norm"}
_LAST_AXES |= {"fft_rfft", "fft_fft", "stft", "max_pool1d_with_indices"}
_NORMS = {"layer_norm", "group_norm", "batch_norm", "instance_norm"}
_ATTENTION = {"scaled_dot_product_attention", "_native_multi_head_attention"}
_PRODUCTS = {"matmul", "bmm"}
_RECURRENT = {"gru", "lstm", "rnn_tanh", "rnn_relu"}


@dataclass(frozen=True, slots=True)
class TimeOperation:
    """An operation over time.

    Attributes:
        name: as PyTorch calls it: `softmax`, `conv1d`.
        where: name of the layer, `forward` outside of one.
        is_bidirectional: whether it is a recurrent layer that runs in both directions.
    """

    name: str
    where: str
    is_bidirectional: bool = False


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

    with contextlib.ExitStack() as hooks, torch.no_grad():
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


def first_time_operation(
    user: UserModule, x: NDArray[np.float32]
) -> TimeOperation | None:
    """The first operation over time of a call with several steps of `x` `[T, I]`.

    None where none is seen.
    """
    for length in _PRIMES:
        if any(length in tensor.shape for tensor in user.state):
            continue
        rows = torch.from_numpy(x[:length])[None].repeat(len(user.x), 1, 1)
        with contextlib.suppress(Exception), torch.no_grad():  # of any type
            return _first(user.program(rows).graph.nodes, length)
    return None


def _first(nodes: Any, length: int) -> TimeOperation | None:
    for node in nodes:
        if node.op != "call_function" or "." not in str(node.target):
            continue
        name = str(node.target).split(".")[1]
        is_both = name in _RECURRENT and bool(node.args[-2])
        if is_both and length in _shape(node.args[0]):
            return TimeOperation(name, module_path(node), is_bidirectional=True)
        if _is_over_time(name, node, length):
            return TimeOperation(name.strip("_"), module_path(node))
    return None


def _is_over_time(name: str, node: fx.Node, length: int) -> bool:
    shape = _shape(node.args[0] if node.args else None)
    if name == "conv1d" and length in _shape(node)[2:]:  # of an input padded before
        return _shape(node.args[1])[2] > 1
    if length not in shape:
        return name in _ATTENTION and any(length in _shape(a) for a in node.args[:3])
    if name in _ONE_AXIS | _REDUCTIONS:
        return any(shape[axis] == length for axis in _axes(node, len(shape)))
    if name in _LAST_AXES:
        kernel = _shape(node.args[1]) if "conv" in name else (0, 0, 2)
        reach = [size > 1 for size in kernel[2:]]
        axes = shape[len(shape) - len(reach) :] if reach else ()
        return any(size == length and r for size, r in zip(axes, reach, strict=True))
    if name == "layer_norm":
        normalised = node.args[1]
        return length in shape[len(shape) - len(normalised) :]
    if name in _NORMS:
        return length in shape[2:] and (name != "batch_norm" or bool(node.args[5]))
    if name in _ATTENTION:
        return True
    return name in _PRODUCTS and len(shape) > 1 and shape[-1] == length


def _axes(node: fx.Node, num_axes: int) -> list[int]:
    """Axes that a reduction works over; all of them where none is named."""
    named = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    axes = [named] if isinstance(named, int) else named
    if not isinstance(axes, list | tuple) or not all(isinstance(k, int) for k in axes):
        return list(range(num_axes))
    return [k % num_axes for k in axes if isinstance(k, int)]


def _shape(node: Any) -> tuple[int, ...]:
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return tuple(value.shape) if isinstance(value, Tensor) else ()
