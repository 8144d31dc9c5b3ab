"""Checks of what a module returned, once outputs and state are found in it."""

from __future__ import annotations

from typing import Any

import torch

from rnnedge_runtime.errors import SpecError

from .structure import at, describe, path_text, rebuild, tensors
from .user_module import UserModule

_OWN_LOOP_STEPS = 4


def check_returned(user: UserModule, value: Any, hint: str) -> None:
    """Refuse what was found for its element type or shape; `hint` ends the message."""
    where = f"export: {user.name}"
    pairs = zip(user.state_names, user.binding.state, strict=True)
    for name, path in pairs:
        part = at(value, path)
        if part.dtype != torch.float32:
            raise SpecError(
                f"{where}: the state '{name}' goes in as torch.float32 and comes back as "
                f"{part.dtype}. Return it with .float()."
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
            what = (
                "y" if len(user.binding.outputs) == 1 else f"output {path_text(path)}"
            )
            raise SpecError(
                f"{where} returns {what} {list(y.shape)} for x {list(user.x[:, :1].shape)}, "
                f"expected [B={batch_size}, T=1, O]. {hint}"
            )
        if not y.numel():
            raise SpecError(
                f"{where}: its output {path_text(path)} {list(y.shape)} holds no number. "
                "Return at least one."
            )


def check_own_loop(user: UserModule) -> None:
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
    if not is_same and _repeats(user):
        raise SpecError(
            f"export: {user.name} takes its state in another order than it returns it: fed "
            "back as it comes, it gives other numbers than matched by the names "
            f"{', '.join(user.state_names)}. Return the state in the structure that came in."
        )


def _repeats(user: UserModule) -> bool:
    """Whether two equal calls give equal numbers; another check names it if not."""
    with torch.no_grad():
        first, second = (user.step(user.x[:, :1], user.state) for _ in range(2))
    return torch.equal(first[0], second[0])


def notes_on(user: UserModule, value: Any, *, is_chosen: bool) -> list[str]:
    """What the user should read of what was found.

    Args:
        user: the module with its binding.
        value: what its first call returned.
        is_chosen: the caller named outputs or state.
    """
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


def target_names(user: UserModule, value: Any) -> tuple[str, ...]:
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
