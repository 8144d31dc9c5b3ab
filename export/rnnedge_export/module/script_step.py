"""One step of a user's module in TorchScript: `forward(x, state: List[Tensor])`.

The module is scripted where TorchScript understands it; then its branches and loops are in
the file. Otherwise it is traced, which is right only where forward always goes one way.
"""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import SpecError

from ..tools.silence import silence
from .module_copy import same_again
from .reasons import error_text
from .structure import Path, at, nodes, rebuild
from .user_module import UserModule
from .value_reads import BranchError, traced_step

_EMPTY = "torch.jit.annotate(List[Tensor], [])"
_HEAD = "def forward(self, x: Tensor, state: List[Tensor]) -> Tuple[Tensor, List[Tensor]]:\n"


def scriptable_step(user: UserModule) -> nn.Module:
    """A TorchScript module for `save_torchscript`, tried on the first step.

    Raises:
        SpecError: the module can neither be scripted nor traced.
    """
    reasons = []
    for make in (_scripted, _traced):
        try:
            with silence():
                step = make(user)
                _check_first_step(step, user)
            return step
        except BranchError:
            raise
        except Exception as error:  # torch.jit raises errors of many types
            reasons.append(error_text(error))
    raise SpecError(
        f"export to TorchScript: {user.name} cannot be scripted: {reasons[0]}; nor traced: "
        f"{reasons[1]}. Use what TorchScript supports, or export to ONNX."
    )


def _scripted(user: UserModule) -> nn.Module:
    step = nn.Module()
    step.module = torch.jit.script(same_again(user.module))
    source = _call_source(user)
    with torch.no_grad():
        out = user.invoke(user.x[:, :1], user.in_structure(user.state))
    outputs = [_access("out", out, path) for path in user.binding.outputs]
    state = [_access("out", out, path) for path in user.binding.state]
    flat = [f"{output}.reshape(1, 1, -1).to(torch.float32)" for output in outputs]
    source += f"    y = torch.cat([{', '.join(flat)}], 2)\n"
    new_state = f"[{', '.join(state)}]" if state else _EMPTY
    return _defined(step, f"{source}    return y, {new_state}\n")


def _traced(user: UserModule) -> nn.Module:
    step = nn.Module()
    with torch.no_grad():
        step.step = traced_step(user, "TorchScript")
    numbers = range(len(user.state))
    arguments = ", ".join(["x", *(f"state[{k}]" for k in numbers)])
    if not user.state:
        return _defined(step, f"    return self.step({arguments})[0], {_EMPTY}\n")
    new_state = ", ".join(f"out[{k + 1}]" for k in numbers)
    body = f"    out = self.step({arguments})\n    return out[0], [{new_state}]\n"
    return _defined(step, body)


def _defined(step: nn.Module, body: str) -> nn.Module:
    scripted = torch.jit.script(step.eval())
    scripted.define(f"{_HEAD}{body}")
    return scripted


def _call_source(user: UserModule) -> str:
    """TorchScript that builds the arguments anew around the tensors."""
    for _, part in nodes(user.template):
        kind = type(part)
        if not (
            part is None or isinstance(part, Tensor) or kind in (list, tuple, dict)
        ):
            raise TypeError(f"{kind.__name__} as an argument")
    names = (_Source(f"state[{k}]") for k in range(len(user.state)))
    values = rebuild(user.template, lambda _: next(names))
    words = [
        repr(value) if k < user.num_positional else f"{name}={value!r}"
        for k, (name, value) in enumerate(zip(user.names, values, strict=True))
    ]
    return f"    out = self.module({', '.join(['x', *words])})\n"


class _Source(str):
    """Stands in a value for a tensor; the `repr` of the value is its source."""

    __slots__ = ()
    __repr__ = str.__str__


def _access(name: str, value: Any, path: Path) -> str:
    for depth, key in enumerate(path):
        is_field = isinstance(key, str) and isinstance(at(value, path[:depth]), tuple)
        name += f".{key}" if is_field else f"[{key!r}]"
    return name


def _check_first_step(step: nn.Module, user: UserModule) -> None:
    """Raise an error of some type where the step cannot be saved or run as promised."""
    torch.jit.save(step, io.BytesIO())
    with torch.no_grad():
        y, state = step(user.x[:, :1], [tensor.clone() for tensor in user.state])
        expected, new_state = user.step(user.x[:, :1], user.state)
    pairs = [(y, expected), *zip(state, new_state, strict=True)]
    if not all(
        a.shape == b.shape and torch.allclose(a, b, equal_nan=True) for a, b in pairs
    ):
        raise SpecError("one step of it gives other numbers than the module")
