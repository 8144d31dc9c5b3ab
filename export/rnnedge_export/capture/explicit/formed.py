"""`forward(x, *state)` of a module that takes its inputs in another form."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...module.example_arguments import parameters_of
from ...module.structure import Path, children, is_ordered, rebuild, tensors
from .forms import Part


@dataclass(frozen=True, slots=True)
class Call:
    """How a module is called.

    Attributes:
        first: name of its first argument.
        others: the other arguments of the example, by name, in their order.
        num_positional: how many of them go by position.
    """

    first: str
    others: dict[str, Any]
    num_positional: int

    def invoke(self, module: nn.Module, first: Any, others: dict[str, Any]) -> Any:
        """Call it; `others` may hold more, which go by name."""
        known = list(self.others)[: self.num_positional]
        by_name = {k: v for k, v in others.items() if k not in known}
        return module(first, *(others[name] for name in known), **by_name)


class Formed(nn.Module):
    """Takes one `x` `[B, T, I]`, whose columns are all inputs of a module.

    Args:
        module: it.
        call: how it is called.
        templates: its inputs by name; their tensors mean nothing.
        parts: the tensors of these, in order.
        outputs: where outputs are in what it returns; None: in its first part.
    """

    def __init__(
        self,
        module: nn.Module,
        call: Call,
        templates: dict[str, Any],
        parts: tuple[Part, ...],
        outputs: tuple[Path, ...] | None,
    ) -> None:
        super().__init__()
        self.user_module = module
        self.call = call
        self.templates = templates
        self.parts = parts
        self.outputs = outputs
        self.original_name = type(module).__name__
        columns = [part for part in parts if part.size]
        names = [name for part in columns for name in part.names]
        self.rnnedge_feature_names = tuple(names) if len(columns) > 1 else ()
        self.rnnedge_flags = _columns(parts)

    @classmethod
    def of(
        cls,
        module: nn.Module,
        call: Call,
        first: Any,
        parts: tuple[Part, ...],
        added: tuple[str, ...],
        outputs: tuple[Path, ...] | None,
    ) -> Formed:
        """With the signature of the module, less the inputs that are columns now."""
        inputs = {call.first: first, **{k: call.others[k] for k in added}}
        templates = rebuild(inputs, lambda _: torch.empty(0))
        kinds = inspect.Parameter
        head = kinds(call.first, kinds.POSITIONAL_OR_KEYWORD)
        left = [item for item in parameters_of(module)[1:] if item.name not in added]
        signature = inspect.Signature([head, *left])
        own = type("Formed", (cls,), {"forward": with_signature(signature)})
        made: Formed = own(module, call, templates, parts, outputs)
        return made

    def take(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """One call."""
        sizes = [part.size for part in self.parts]
        columns = iter(zip(self.parts, x.split(sizes, dim=-1), strict=True))

        def taken(_: Tensor) -> Tensor:
            part, own = next(columns)
            return part.taken(own)

        inputs = rebuild(self.templates, taken)
        first = inputs.pop(self.call.first)
        left = [name for name in self.call.others if name not in inputs]
        others = {**inputs, **dict(zip(left, args, strict=False)), **kwargs}
        value = self.call.invoke(self.user_module, first, others)
        return self._batched(value, x)

    def _batched(self, value: Any, x: Tensor) -> Any:
        """What came back, its outputs batch first."""
        paths = [path for path, _ in tensors(value)]
        outputs = self.outputs
        if outputs is None:
            parts = children(value) or []
            is_first = is_ordered(value) and len(parts) > 1
            outputs = tuple(p for p in paths if not is_first or p[0] == parts[0][0])
        waiting = iter(paths)

        def changed(tensor: Tensor) -> Tensor:
            is_output = next(waiting) in outputs
            return self.parts[0].batched(tensor, x) if is_output else tensor

        return rebuild(value, changed)


def with_signature(signature: inspect.Signature) -> Any:
    """A forward that says of itself what `signature` says, and calls `take`."""

    def forward(self: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        return self.take(x, *args, **kwargs)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    first, *rest = signature.parameters.values()
    is_only = first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert is_only
    forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [own, first, *rest], __validate_parameters__=False
    )
    return forward


def _columns(parts: tuple[Part, ...]) -> tuple[int, ...]:
    """Columns that are flags."""
    found: list[int] = []
    first = 0
    for part in parts:
        if part.dtype == torch.bool:
            found += range(first, first + part.size)
        first += part.size
    return tuple(found)
