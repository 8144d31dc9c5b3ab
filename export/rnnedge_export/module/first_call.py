"""A user's module as the caller of `export` gave it: copied, called once and checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from rnnedge_runtime.errors import RnnEdgeError, SpecError

from .example_arguments import check_float32, read_arguments, unset_arguments
from .looking_ahead import refuse_looking_ahead
from .matching import Binding
from .module_copy import own_copy, unwrapped
from .reasons import error_text
from .returned import Choice, Returned
from .returned_checks import check_own_loop, check_returned, notes_on, target_names
from .structure import rebuild, tensors
from .user_module import UserModule, time_major_layer

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
    name = type(module).__name__
    x, names, rest, num_positional = read_arguments(module, example)
    check_float32(name, module, x, names, rest)
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
    check_returned(user, returned.value, _time_major_hint(own) + _SIGNATURE)
    check_own_loop(user)
    refuse_looking_ahead(user)
    is_chosen = outputs is not None or state is not None
    return dataclasses.replace(
        user,
        notes=tuple(notes_on(user, returned.value, is_chosen=is_chosen)),
        target_names=target_names(user, returned.value),
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
