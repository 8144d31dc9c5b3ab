"""State that begins from the same numbers in every call: zeros made in forward.

Such a module was trained on windows, within which its layers carry their state. Carried
from step to step it must give what it gives on a window.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...module.module_copy import same_again
from ...module.reasons import own_name
from ...module.structure import rebuild, tensors
from .found import Found, are_equal, recurrent_parts, some_steps, starts_seen


class Carried(nn.Module):
    """`forward(x, *state)` to `(y, *state)`; its layers start where they stopped.

    Args:
        module: it.
        names: of its layers that carry their state.
    """

    def __init__(self, module: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.user_module = module
        self.names = names

    def forward(self, x: Tensor, *state: Any) -> tuple[Any, ...]:
        """One call from a given state."""
        new = dict(zip(self.names, state, strict=True))
        parts = {name: self.user_module.get_submodule(name) for name in self.names}
        for name, part in parts.items():
            vars(part)["forward"] = _carrying(part, name, new)
        try:
            y = self.user_module(x)
        finally:
            for part in parts.values():
                del vars(part)["forward"]
        return (y, *(new[name] for name in self.names))


def _carrying(part: nn.Module, name: str, state: dict[str, Any]) -> Any:
    """The forward of a layer that starts from `state`, where it leaves its new one."""
    calls: list[str] = []
    plain = type(part).forward

    def forward(z: Tensor, hx: Any = None) -> Any:
        given = hx if calls else state[name]
        calls.append(name)
        out = plain(part, z, given)
        state[name] = out[1] if isinstance(part, nn.RNNBase) else out
        return out

    return forward


def made_inside(module: nn.Module, x: Tensor, others: dict[str, Any]) -> Found | None:
    """The state of layers that start anew in every call, if a window shows that it carries."""
    steps = some_steps(x)
    names = [name for name, part in recurrent_parts(module).items()]
    with starts_seen(module) as first:
        module(steps[0])
    with starts_seen(module) as second:
        module(steps[1])
    names = [name for name in names if name in first and _is_fixed(first, second, name)]
    if not names:
        return None
    start = _starts(module, names, first, x)
    found = Carried(same_again(module), names)
    state = [rebuild(part, torch.clone) for part in start]
    outputs = []
    for step in steps:
        y, *state = found(step, *[rebuild(part, torch.clone) for part in state])
        outputs.append(rebuild(y, torch.clone))
    window = module(torch.cat(steps, dim=1))
    if not _ends_with(window, outputs[-1]):
        return None
    note = (
        f"State of {', '.join(map(own_name, names))}, which starts anew in every call, is "
        "carried from step to step, as within a window."
    )
    return Found(found, (x, *start), note)


def _is_fixed(first: dict[str, Any], second: dict[str, Any], name: str) -> bool:
    return are_equal(first[name], second[name])


def _starts(
    module: nn.Module, names: list[str], seen: dict[str, Any], x: Tensor
) -> list[Any]:
    """Of each layer the state that it starts from, in the structure in which it returns it."""
    made = {}

    def hook(part: nn.Module, _: Any, out: Any) -> None:
        made[part] = out[1] if isinstance(part, nn.RNNBase) else out

    parts = [module.get_submodule(name) for name in names]
    handles = [part.register_forward_hook(hook) for part in parts]
    module(x[:, :1])
    for handle in handles:
        handle.remove()
    found = []
    for name, part in zip(names, parts, strict=True):
        given = iter([t for _, t in tensors(seen[name])])

        def start(like: Tensor, given: Any = given) -> Tensor:
            tensor = next(given, None)
            return torch.zeros_like(like) if tensor is None else tensor.detach().clone()

        found.append(rebuild(made[part], start))
    return found


def _ends_with(window: Any, y: Any) -> bool:
    """Whether the last step of a window is `y`."""
    whole, last = ([t for _, t in tensors(value)] for value in (window, y))
    if not last or len(whole) != len(last):
        return False
    size = last[0].numel() // len(last[0])
    end = whole[0].reshape(len(last[0]), -1)[:, -size:]
    return are_equal(end, last[0].reshape(len(last[0]), -1))
