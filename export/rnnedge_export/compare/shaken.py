"""Any PyTorch module with the roundings of float32 drawn at random, operation by operation.

What moves in the result is what float32 may be off by (stochastic arithmetic: Vignes 1993,
Parker 1997; ADR 0012). In float64 nothing else moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from rnnedge_runtime.tolerances import (
    FUNCTION_ERROR,
    ROUNDING_DEVIATIONS,
    UNIT_ROUNDOFF,
)

_PRODUCTS = {"mm", "bmm", "mv", "dot", "addmm", "addmv", "baddbmm"}
_SUMS = {"sum", "mean", "cumsum", "convolution", "_convolution", "mkldnn_linear"}
_SUMS |= {"linear", "avg_pool1d", "avg_pool2d", "_adaptive_avg_pool2d", *_PRODUCTS}
# fmt: off
_EXACT = {
    "_local_scalar_dense", "_to_copy", "abs", "amax", "amin", "arange", "argmax",
    "argmin", "bernoulli", "cat", "ceil", "clamp", "clamp_max", "clamp_min",
    "clone", "constant_pad_nd", "contiguous", "copy", "copy_", "detach",
    "embedding", "empty", "empty_like", "empty_strided", "eq", "fill", "fill_",
    "flip", "floor", "full", "full_like", "gather", "ge", "gt", "hardtanh",
    "hardtanh_", "index", "index_put", "index_put_", "index_select", "item", "le",
    "lift_fresh", "lift_fresh_copy", "logical_and", "logical_not", "logical_or",
    "lt", "masked_fill", "masked_fill_", "max", "max_pool2d_with_indices",
    "maximum", "min", "minimum", "ne", "neg", "neg_", "new_empty", "new_full",
    "new_ones", "new_zeros", "ones", "ones_like", "pad", "relu", "relu_", "repeat",
    "roll", "round", "scalar_tensor", "scatter", "scatter_", "select_scatter",
    "set_", "sign", "slice_scatter", "sort", "stack", "threshold", "topk", "tril",
    "triu", "trunc", "unsafe_split", "where", "zero_", "zeros", "zeros_like",
}
# fmt: on
_BASIC = {"add", "sub", "rsub", "mul", "div", "add_", "sub_", "mul_", "div_", "sqrt"}
_SIGMOIDS = {"sigmoid", "sigmoid_"}


class Shaken(TorchDispatchMode):
    """Within it every operation is rounded as float32 may round it, with random signs.

    Args:
        seed: of the signs.
        scale: multiple of the roundings.
    """

    def __init__(self, seed: int, scale: float = 1.0) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)
        self.scale = scale

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.pointwise not in func.tags:
            with self:
                whole = func.decompose(*args, **kwargs)
            if whole is not NotImplemented:
                return whole
        name = func._schema.name.split("::")[1]
        is_view = any(r.alias_info is not None for r in func._schema.returns)
        is_mutable = func._schema.is_mutable
        if name in _EXACT or (is_view and not is_mutable):
            return func(*args, **kwargs)
        if name in _SUMS:
            return self.shake(func(*args, **kwargs), _terms(func, name, args, kwargs))
        if name in _BASIC or name in _SIGMOIDS or torch.Tag.pointwise in func.tags:
            out = func(*args, **kwargs)
            if not out.is_floating_point():
                return out
            unit = UNIT_ROUNDOFF if name in _BASIC else FUNCTION_ERROR
            size = torch.ones_like(out) if name in _SIGMOIDS else out.abs()
            return self.shake(out, unit * size)
        if is_mutable:
            return func(*args, **kwargs)
        args, kwargs = pytree.tree_map_only(Tensor, self.moved, (args, kwargs))
        return pytree.tree_map_only(Tensor, self.moved, func(*args, **kwargs))

    def moved(self, tensor: Tensor) -> Tensor:
        """A tensor that an operation reads or gives, moved by a function's error."""
        if not tensor.is_floating_point():
            return tensor
        return self.shake(tensor.clone(), FUNCTION_ERROR * tensor.abs())

    def shake(self, out: Tensor, bound: Tensor) -> Tensor:
        """`out` in place, plus or minus its bound."""
        if not out.is_floating_point():
            return out
        signs = torch.randint(0, 2, out.shape, generator=self.generator)
        return out.add_((2 * signs - 1) * (self.scale * bound))


def _terms(func: Any, name: str, args: Any, kwargs: Any) -> Tensor:
    """Bound of a sum: its terms' magnitudes, times the root of their number."""
    absolute = pytree.tree_map_only(Tensor, torch.abs, (args, kwargs))
    out: Tensor = func(*absolute[0], **absolute[1])
    tensors = [item for item in pytree.tree_leaves(args) if isinstance(item, Tensor)]
    count = max(tensors[0].numel() // max(out.numel(), 1), 1)
    if name in _PRODUCTS:
        count = tensors[-1].shape[-2] if tensors[-1].ndim > 1 else len(tensors[-1])
    elif "linear" in name:
        count = tensors[1].shape[-1]
    elif "conv" in name:
        count = tensors[1][0].numel()
    elif name == "cumsum":
        count = tensors[0].shape[args[1]]
    unit = UNIT_ROUNDOFF / 3**0.5 * ROUNDING_DEVIATIONS
    return unit * (count + 1) ** 0.5 * out


def shaken_calls(
    call: Callable[[], Sequence[Tensor]], num_draws: int, scale: float = 1.0
) -> list[list[Tensor]]:
    """What `call` gives, each time with other roundings."""
    found = []
    for seed in range(num_draws):
        with torch.no_grad(), Shaken(seed, scale):
            found.append([tensor.clone() for tensor in call()])
    return found
