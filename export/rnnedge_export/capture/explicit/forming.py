"""A module that takes its inputs in another form than `x` `[B, T, I]`, as one that does.

Tokens of integers, one step without time, no batch, time first, frames of several axes, a
dict of inputs, and arguments beside the state that come anew in every step: all become
columns of one `x`. Which arguments are state is told by what comes back.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import RnnEdgeError, SpecError

from ...module.example_arguments import (
    named_arguments,
    parameters_of,
    unset_arguments,
)
from ...module.matching import Binding
from ...module.module_copy import own_copy, same_again, unwrapped
from ...module.returned import Choice, Returned
from ...module.structure import Path, children, is_ordered, rebuild, tensors
from .formed import Call, Formed
from .forms import Part, layout_of

_MOST_INPUTS = 4


def in_usual_form(
    module: nn.Module, example: Any, outputs: Choice = None, state: Choice = None
) -> tuple[nn.Module, Any, str]:
    """`module` and its example with one `x`, and a sentence on it; or as given.

    Raises:
        SpecError: it is not clear which arguments are inputs.
    """
    as_given = module, example, ""
    try:
        first, names, rest, num_positional = named_arguments(module, example)
        inner = own_copy(unwrapped(module))
    except RnnEdgeError:  # said where the module is read
        return as_given
    parameters = parameters_of(inner)
    first_name = parameters[0].name if parameters else "x"
    call = Call(first_name, dict(zip(names, rest, strict=True)), num_positional)
    given = tensors(first, (first_name,))
    if not given or any(not t.numel() or t.is_complex() for _, t in given):
        return as_given
    is_plain = isinstance(first, Tensor) and first.dtype == torch.float32
    is_plain = is_plain and first.dim() == 3
    if is_plain and not tensors(list(rest)):
        return as_given
    trial = _Trial(inner, first, call, outputs, state)
    added = trial.inputs_among_arguments()
    if added is None:
        return as_given
    parts = list(_parts(trial, first, first_name, added))
    if is_plain and not added and parts[0].layout == "sequence":
        return as_given
    found = _formed(trial, first, parts, added)
    kind = Mapping if isinstance(example, Mapping) else tuple
    x = _joined(parts, {**call.others, first_name: first})
    left = {name: part for name, part in call.others.items() if name not in added}
    example = {first_name: x, **left} if kind is Mapping else (x, *left.values())
    return found, example, _note(trial.name, parts)


@dataclass(frozen=True)
class _Trial:
    """The module with its first example, to be called in other ways."""

    module: nn.Module
    first: Any
    call: Call
    outputs: Choice
    state: Choice

    @property
    def name(self) -> str:
        return type(self.module).__name__

    def value(self, first: Any) -> Any:
        """What it returns; None where it fails."""
        try:
            with torch.no_grad():
                arguments = rebuild(self.call.others, torch.clone)
                own = same_again(self.module)
                return self.call.invoke(own, rebuild(first, torch.clone), arguments)
        except Exception:  # the module is the user's: any error may come
            return None

    def bound(self, value: Any, inputs: tuple[str, ...] = ()) -> Any:
        """Where outputs and state lie in what came back; None where it is not told."""
        others = self.call.others
        left = [(k, v) for k, v in others.items() if k not in inputs and tensors(v)]
        unset = unset_arguments(self.module, tuple(others), tuple(others.values()))
        if not left and unset and inputs:
            return _behind_outputs(value, inputs)
        returned = Returned(value, tuple(left), f"export: {self.name}", unset)
        try:
            return returned.bind(self.outputs, self.state)
        except SpecError:
            return None

    def inputs_among_arguments(self) -> tuple[str, ...] | None:
        """Arguments that do not come back, or are no numbers; None where it fails."""
        others = {k: v for k, v in self.call.others.items() if tensors(v)}
        odd = [
            k
            for k, v in others.items()
            if any(not t.is_floating_point() for _, t in tensors(v))
        ]
        value = self.value(self.first)
        if value is None:
            return None
        may_be = [k for k in others if k not in odd]
        if not may_be:
            return tuple(odd)
        given = self.call.others
        unset = unset_arguments(self.module, tuple(given), tuple(given.values()))
        has_other_state = bool(unset)
        most = len(may_be) - 1 + has_other_state
        for num in range(min(most, _MOST_INPUTS) + 1):
            found = [
                chosen
                for chosen in itertools.combinations(may_be, num)
                if self.bound(value, (*odd, *chosen)) is not None
            ]
            if len(found) > 1:
                named = [c for c in found if not any(map(_sounds_like_state, c))]
                found = named if len(named) == 1 else found
            if len(found) > 1:
                choices = " or ".join(", ".join(chosen) for chosen in found[:3])
                taken = ", ".join([*odd, *may_be])
                raise SpecError(
                    f"export: {self.name} takes {taken} and gives less state "
                    f"back; whether {choices} comes anew in every step is not clear. "
                    'Return the state by its names, y, {"h": h}, or make the others '
                    "columns of x."
                )
            if found:
                return tuple(k for k in others if k in (*odd, *found[0]))
        return ()

    def keeps_state(self, first: Tensor, inputs: tuple[str, ...]) -> int | None:
        """Values of y of a call that gives the state back in its shapes, else None."""
        value = self.value(first)
        if value is None:
            return None
        others = {k: v for k, v in self.call.others.items() if k not in inputs}
        if not tensors(others):
            return sum(t.numel() for _, t in tensors(value))
        found = self.bound(value, inputs)
        if found is None:
            return None
        named = dict(tensors(value))
        return sum(named[path].numel() for path in found.outputs)


def _behind_outputs(value: Any, inputs: tuple[str, ...]) -> Binding | None:
    """The outputs, first in what came back, where all state begins as None."""
    parts = children(value) or []
    if not is_ordered(value) or len(parts) < 2 or any(map(_sounds_like_state, inputs)):
        return None
    first = [path for path, _ in tensors(value) if path[0] == parts[0][0]]
    return Binding(tuple(first), ()) if first else None


def _sounds_like_state(name: str) -> bool:
    words = ("state", "hidden", "cell", "mem", "cache", "hx", "carry", "buf", "prev")
    return name in ("h", "c", "s", "m") or any(word in name.lower() for word in words)


def _parts(
    trial: _Trial, first: Any, first_name: str, added: tuple[str, ...]
) -> Iterator[Part]:
    batch_size = None
    for path, tensor in tensors(first, (first_name,)):
        layout, num_axes = layout_of(tensor, batch_size)
        found = Part(path, layout, tuple(tensor.shape[num_axes:]), tensor.dtype)
        if isinstance(first, Tensor):
            found = _by_trial(trial, found, tensor, added)
        if batch_size is None:
            batch_size = tensor.shape[1 if found.layout == "time_major" else 0 : 2]
            batch_size = batch_size[0] if batch_size else 1
        yield found
    own_steps = first.shape[1] if isinstance(first, Tensor) and first.dim() > 1 else 1
    for name in added:
        for path, tensor in tensors(trial.call.others[name], (name,)):
            is_count = not tensor.is_floating_point() and tensor.dtype != torch.bool
            if is_count and ("len" in name or "size" in name):
                yield Part(path, "lengths", tuple(tensor.shape), tensor.dtype)
                continue
            layout, num_axes = layout_of(tensor, batch_size)
            if layout == "sequence" and tensor.shape[1] != own_steps:
                layout, num_axes = "step", 1
            yield Part(path, layout, tuple(tensor.shape[num_axes:]), tensor.dtype)


def _by_trial(trial: _Trial, part: Part, x: Tensor, added: tuple[str, ...]) -> Part:
    """How a first input is meant, as calls of the module show."""
    has_state = bool(
        tensors([v for k, v in trial.call.others.items() if k not in added])
    )
    is_one = len(x) == 1

    def grows(one: Tensor, more: Tensor) -> bool:
        """Whether both are taken, and the longer gives more of y."""
        sizes = trial.keeps_state(one, added), trial.keeps_state(more, added)
        return None not in sizes and sizes[0] != sizes[1]

    if part.layout == "step" and x.dim() < 3:
        is_over_time = _reads_unbatched(trial, x) or (
            has_state and not is_one and grows(x[:1], x)
        )
        if is_over_time:
            return replace(part, layout="unbatched")
        is_alone = x.dim() == 1
        return (
            replace(part, layout="single", rest=tuple(x.shape))
            if is_alone and (is_one is False and x.is_floating_point())
            else part
        )
    if part.layout != "sequence" or x.dim() < 3:
        return part
    if x.dim() > 3:
        is_frame = x.shape[1] > 1 and trial.keeps_state(x[:, :1], added) is None
        rest = tuple(x.shape[1:])
        return replace(part, layout="step", rest=rest) if is_frame else part
    if not has_state or added:
        return part
    step, twice = x[:, :1], x[:, :1].repeat(1, 2, 1)
    if trial.keeps_state(step, added) is not None and (
        not is_one or trial.keeps_state(twice, added) is not None
    ):
        is_batch = is_one or not grows(x[:1], x)
        return part if is_batch else replace(part, layout="time_major")
    is_turned = grows(x[:1], x[:1].repeat(2, 1, 1))
    return replace(part, layout="time_major") if is_turned else part


def _reads_unbatched(trial: _Trial, x: Tensor) -> bool:
    """Whether a recurrent layer reads a sequence without a batch."""
    seen: list[bool] = []
    layers = [m for m in trial.module.modules() if isinstance(m, nn.RNNBase)]
    handles = [
        layer.register_forward_pre_hook(
            lambda _, given: seen.append(getattr(given[0], "ndim", 3) == 2)
        )
        for layer in layers
    ]
    trial.value(x)
    for handle in handles:
        handle.remove()
    return any(seen)


def _joined(parts: list[Part], given: dict[str, Any]) -> Tensor:
    """The example of all inputs as one `x`."""
    named = dict(tensors(given))
    columns = [part for part in parts if part.layout != "lengths"]
    counts = [part.num_steps(named[part.path]) for part in columns]
    num_steps = next((count for count in counts if count), 1)
    return torch.cat([p.columns(named[p.path], num_steps) for p in columns], -1)


def _formed(
    trial: _Trial, first: Any, parts: list[Part], added: tuple[str, ...]
) -> Formed:
    value = trial.value(first)
    bound = None if value is None else trial.bound(value, added)
    outputs: tuple[Path, ...] | None = None if bound is None else bound.outputs
    return Formed.of(trial.module, trial.call, first, tuple(parts), added, outputs)


def _note(name: str, parts: list[Part]) -> str:
    columns = [part for part in parts if part.size]
    if len(columns) == 1:
        return ""
    found = ", ".join(
        p.names[0] if p.size == 1 else f"{p.names[0]} to {p.names[-1]}" for p in columns
    )
    return f"The inputs of {name} are columns of x, side by side: {found}."
