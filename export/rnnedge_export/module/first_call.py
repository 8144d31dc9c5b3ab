"""A user's module as the caller of `export` gave it: copied, called once and checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from rnnedge_runtime.errors import RnnEdgeError, SpecError

from .example_arguments import check_float32, read_arguments, unset_arguments
from .matching import Binding
from .module_copy import own_copy, unwrapped
from .over_time import refuse_looking_ahead
from .reasons import error_text
from .returned import Choice, Returned
from .structure import at, describe, path_text, rebuild, tensors
from .user_module import UserModule, time_major_layer

_OWN_LOOP_STEPS = 4
_SIGNATURE = (
    "Write forward(x, state: List[Tensor]) or forward(x, *state), returning (y, state), "
    "with x [B, T, I] and y [B, T, O]."
)


def read_user_module(
    module: nn.Module,
    example: Sequence[Any] | Mapping[str, Any] | None,
    *,
    outputs: Choice = None,
    state: Choice = None,
) -> UserModule:
    """A UserModule from what the caller of `export` passed, checked by calling it.

    Args:
        module: the module; it is copied, wrappers such as `torch.compile` are taken off.
        example: `(x, state...)`, or the arguments of `forward` by name.
        outputs: what of the returned value are outputs, by position or key.
        state: what of it is the new state, in the order in which the state goes in.

    Raises:
        SpecError: no example, a layer bidirectional over time, another element type than
            float32, or a call that fails or does not return outputs and the state that it
            took.
        ShapeError: the example's `x` is not `[B, T, I]`.
    """
    module = unwrapped(module)
    x, names, rest, num_positional = read_arguments(module, example)
    check_float32(module, x, names, rest)
    own = own_copy(module)
    template = tuple(
        rebuild(part, lambda tensor: tensor.detach().cpu().clone()) for part in rest
    )
    flat = tuple(tensor for _, tensor in tensors(list(template)))
    user = UserModule(
        own, x.detach().cpu(), flat, template, names, num_positional, Binding((), ())
    )
    returned = Returned(
        _first_call(user),
        tuple(pair for pair in zip(names, template, strict=True) if tensors(pair[1])),
        f"export: {user.name}",
        unset_arguments(module, names, template),
    )
    user = dataclasses.replace(user, binding=returned.bind(outputs, state))
    refuse_looking_ahead(user)
    _check_returned(user, returned.value, _time_major_hint(own) + _SIGNATURE)
    _check_own_loop(user)
    is_chosen = outputs is not None or state is not None
    return dataclasses.replace(
        user,
        notes=tuple(_notes_on(user, returned.value, is_chosen=is_chosen)),
        target_names=_target_names(user, returned.value),
        choice=f"{user.binding.outputs} {user.binding.state} " if is_chosen else "",
    )


def _first_call(user: UserModule) -> Any:
    x = user.x[:, :1]
    try:
        with torch.no_grad():
            return user.invoke(x, user.in_structure(user.state))
    except RnnEdgeError:
        raise
    except Exception as error:  # the module is the user's: any error may come
        raise SpecError(
            f"export: {user.name} fails on one step of the example, x {list(x.shape)} and "
            f"state {[list(part.shape) for part in user.state]}: {error_text(error)}. "
            f"{_time_major_hint(user.module)}{_SIGNATURE}"
        ) from error


def _time_major_hint(module: nn.Module) -> str:
    name = time_major_layer(module)
    return name and f"Layer '{name}' has batch_first=False, and x is batch first. "


def _check_returned(user: UserModule, value: Any, hint: str) -> None:
    """Refuse what was found for its element type or shape; `hint` ends the message."""
    where = f"export: {user.name}"
    for name, path in zip(user.state_names, user.binding.state, strict=True):
        kind = at(value, path).dtype
        if kind != torch.float32:
            raise SpecError(
                f"{where}: the state '{name}' goes in as torch.float32 and comes back as "
                f"{kind}. Return it with .float()."
            )
    batch_size = user.x.shape[0]
    for path in user.binding.outputs:
        y = at(value, path)
        if y.is_complex():
            raise SpecError(
                f"{where}: its output {path_text(path)} is {y.dtype}, expected real "
                "numbers. Return real and imaginary part side by side."
            )
        if y.layout != torch.strided or y.is_quantized:
            kind = y.dtype if y.is_quantized else y.layout
            raise SpecError(
                f"{where}: its output {path_text(path)} is {kind}, expected a dense tensor "
                "of plain numbers. Return it with .dequantize() or .to_dense()."
            )
        if y.numel() % batch_size or (y.ndim and y.shape[0] != batch_size):
            is_only = len(user.binding.outputs) == 1
            what = "y" if is_only else f"output {path_text(path)}"
            raise SpecError(
                f"{where} returns {what} {list(y.shape)} for x {list(user.x[:, :1].shape)}, "
                f"expected [B={batch_size}, T=1, O]. {hint}"
            )
        if not y.numel():
            raise SpecError(
                f"{where}: its output {path_text(path)} {list(y.shape)} holds no number. "
                "Return at least one."
            )


def _check_own_loop(user: UserModule) -> None:
    """Feed back what comes back, as it is, for a few steps, and compare.

    Raises:
        SpecError: a module reads its state by position and returns it by name in another
            order, or the other way round.
    """
    if not user.binding.wholes or not user.state:
        return
    flat = list(user.state)
    own = list(user.in_structure(user.state))
    carried = [k for k, part in enumerate(user.template) if tensors(part)]
    generator = torch.Generator().manual_seed(0)
    is_same = True
    try:
        with torch.no_grad():
            for _ in range(_OWN_LOOP_STEPS):
                # Upwards by less than one: a token stays the token that it is.
                noise = torch.rand(user.x[:, :1].shape, generator=generator)
                x = user.x[:, :1] + 0.9 * noise
                _, flat = user.step(x, flat)
                out = user.invoke(x, own)
                for k, path in zip(carried, user.binding.wholes, strict=True):
                    own[k] = rebuild(at(out, path), torch.clone)
                pairs = zip(flat, user.binding.state, strict=True)
                is_same &= all(torch.equal(new, at(out, path)) for new, path in pairs)
    except Exception:  # the user's own loop may convert the state in between
        return
    if is_same:
        return
    with torch.no_grad():
        (first, _), (second, _) = (
            user.step(user.x[:, :1], user.state) for _ in range(2)
        )
    if torch.equal(first, second):  # another check names a module that does not repeat
        raise SpecError(
            f"export: {user.name} takes its state in another order than it returns it: fed "
            "back as it comes, it gives other numbers than matched by the names "
            f"{', '.join(user.state_names)}. Return the state in the structure that came in."
        )


def _notes_on(user: UserModule, value: Any, *, is_chosen: bool) -> list[str]:
    """What the user should read of what was found in `value`, the first to come back."""
    notes, binding = [], user.binding
    if binding.is_found_by_shape:
        found = [
            f"{name} is {path_text(path)}"
            for name, path in zip(user.state_names, binding.state, strict=True)
        ]
        notes.append(
            f"Which of the tensors that {user.name} returns are the new state was found by "
            f"their shapes: {', '.join(found)}. Name others with state=."
        )
    if len(binding.outputs) > 1 and not is_chosen:
        found = [f"{path_text(p)} {describe(at(value, p))}" for p in binding.outputs]
        notes.append(
            f"{user.name} returns {len(binding.outputs)} outputs, which the artifacts give "
            f"side by side: {', '.join(found)}. Choose some with outputs=."
        )
    kinds = {path_text(path): at(value, path).dtype for path in binding.outputs}
    notes += [
        f"Output {name} of {user.name} is {kind}; the artifacts give it as float32."
        for name, kind in kinds.items()
        if kind != torch.float32
    ]
    return notes


def _target_names(user: UserModule, value: Any) -> tuple[str, ...]:
    """One name per value of `y`: of a key, the key; of a position, `y`."""
    stems = []
    for path in user.binding.outputs:
        keys = [str(key) for key in path if isinstance(key, str)]
        size = at(value, path).numel() // len(user.x)
        stems += [("_".join(keys) or "y", size)] * size
    names: list[str] = []
    for stem, size in stems:
        k = sum(name == stem or name.startswith(f"{stem}_") for name in names)
        names.append(stem if size == 1 and stem != "y" else f"{stem}_{k}")
    return tuple(names) if len(set(names)) == len(names) else ()
