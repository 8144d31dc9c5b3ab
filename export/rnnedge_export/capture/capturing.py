"""A user's module as a graph of layers, or as a chain where it is one.

`torch.export` turns one step of one stream into a short program in which `nn.GRU` and its
kin are still whole. It is read with names of elements in place of numbers (`graph/`), so
that the weights of each layer are found whatever way the module slices, stacks and
transposes its state. Time and batch are rebuilt by whoever runs the layers.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from rnnedge_runtime.errors import SpecError

from ..module.packed import read_as_plain
from ..module.reasons import (
    NotAChainError,
    error_text,
    impure,
    own_name,
    time_major_error,
)
from ..module.user_module import UserModule, time_major_layer
from .graph.builder import GraphBuilder
from .graph.casts import CASTS
from .graph.cells import CELLS
from .graph.comparisons import COMPARISONS
from .graph.formulas import FORMULAS
from .graph.linear_maps import LINEAR_MAPS
from .graph.lowering import Lowering
from .graph.nodes import Named, Nodes
from .graph.norms import NORMS
from .graph.products import PRODUCTS
from .graph.reductions import REDUCTIONS
from .graph.rules import RULES
from .graph.tracing import Traced, trace
from .rows import one_row, rows_keep_apart

_RULES = {
    **CASTS,
    **LINEAR_MAPS,
    **FORMULAS,
    **COMPARISONS,
    **REDUCTIONS,
    **PRODUCTS,
    **RULES,
    **NORMS,
    **CELLS,
}


def capture(user: UserModule, *, adds_last: bool = True) -> GraphBuilder:
    """The layers that compute what `user` computes, step by step.

    Args:
        user: the module.
        adds_last: whether a sum with x may become an AddLast, which adds raw readings.

    Raises:
        NotAChainError: an operation that no layer expresses; the module may still be
            exported as an opaque graph.
        SpecError: a module that cannot stream: time-major, or it drops its state.
    """
    one = _one_stream(user)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            with read_as_plain(lambda: one.to_probe().step(*_first_step(one))):
                program = one.program()
        except Exception as error:  # torch.export raises errors of many types
            raise NotAChainError(
                f"torch.export cannot trace it: {error_text(error)}"
            ) from None
        try:
            return _layers(one, program, (True, False) if adds_last else (False,))
        except NotAChainError as error:
            raise NotAChainError(error.reason, _others(one, program)) from None
        except SpecError:
            raise
        except Exception as error:  # operations in ways that no rule has met
            raise NotAChainError(
                f"its graph has an unknown form: {error_text(error)}"
            ) from None


def _first_step(user: UserModule) -> tuple[Tensor, tuple[Tensor, ...]]:
    x, *state = user.first_step
    return x, tuple(state)


def _one_stream(user: UserModule) -> UserModule:
    """With one row, whose numbers depend on no other."""
    one = one_row(user)
    is_apart = None if one is None else rows_keep_apart(one)
    name = time_major_layer(user.module)
    if name and is_apart is None:
        steps = None if one is None else one.x[:, :1].repeat(1, 2, 1)
        if one is None or steps is None or one.tried(steps, one.state) is None:
            raise time_major_error(name)
    if one is None:
        raise NotAChainError(f"it runs with no other batch than {len(user.x)}")
    if is_apart is False:
        raise NotAChainError("it mixes the rows of a batch")
    return one


def _trace(user: UserModule, program: Any, *, is_lenient: bool = False) -> Traced:
    nodes = Nodes()
    inputs = [nodes.input(user.x[:, :1].shape)]
    for name, tensor in zip(user.state_names, user.state, strict=True):
        fields = {"name": name, "start": tensor}
        inputs.append(nodes.make("memory", (), tensor.shape, fields=fields))
    return trace(program, inputs, nodes, _RULES, is_lenient=is_lenient)


def _layers(user: UserModule, program: Any, ways: tuple[bool, ...]) -> GraphBuilder:
    traced = _trace(user, program)
    for name in traced.written:
        raise impure(f"forward writes to '{own_name(name)}', a tensor of the module")
    y, *state = traced.returned
    nexts = {k: _next(traced, user, k, new) for k, new in enumerate(state)}
    named = traced.nodes.named(y)
    if torch.equal(named.names.reshape(-1), _names_of_input(user)):
        raise NotAChainError("it returns x as it came")
    found = None
    for adds_last in ways:  # a chain has a layer for a sum with its input
        low = Lowering(traced.nodes, user.input_size, nexts, named, adds_last=adds_last)
        found = low.lower()
        if not found.wiring():
            break
    assert found is not None
    return found


def _names_of_input(user: UserModule) -> Tensor:
    return Nodes().input((user.input_size,)).names


def _next(traced: Traced, user: UserModule, k: int, new: Any) -> Named:
    """Names of the new value of a state tensor, which must not be lost.

    One that stays what it was in the example, and was not zero there, is a constant.
    """
    mine = traced.nodes.made[k]
    is_constant = not isinstance(new, Named) or traced.nodes.numbers(new) is not None
    stays = not is_constant and torch.equal(
        new.names.reshape(-1), (torch.arange(mine.size) + (k << 32))
    )
    if is_constant or (stays and not bool(user.state[k].any())):
        raise SpecError(
            f"export: state tensor {k} comes back "
            f"{'as a constant' if is_constant else 'unchanged'}, so the model would forget "
            "everything from step to step. Return the new state of its layer."
        )
    if new.names.numel() != mine.size:
        raise NotAChainError(f"the state '{user.state_names[k]}' has another size")
    return new


def _others(user: UserModule, program: Any) -> tuple[str, ...]:
    """Reasons of all operations that have no rule."""
    try:
        traced = _trace(user, program, is_lenient=True)
    except Exception:  # after an operation that is not known anything may come
        return ()
    return tuple(error.reason for error in traced.unknown)
