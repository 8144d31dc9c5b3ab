"""One pass over an exported graph, with labels in place of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from rnnedge_runtime.spec.layers import Layer

from ..module.reasons import (
    NotAChainError,
    impure,
    module_path,
    not_a_chain,
    own_name,
)
from ..module.user_module import UserModule
from .chain_builder import ChainBuilder
from .labels import MOVING_OPERATIONS, Labels, Value
from .needed_nodes import needed_nodes

_aten = torch.ops.aten
_DROPOUTS = {  # the third argument says whether it is training
    _aten.dropout.default,
    _aten.feature_dropout.default,
    _aten.alpha_dropout.default,
    _aten.feature_alpha_dropout.default,
}


_SHAPE_ONLY = {
    _aten.zeros_like.default,
    _aten.ones_like.default,
    _aten.full_like.default,
    _aten.new_zeros.default,
    _aten.new_ones.default,
    _aten.new_full.default,
}


@dataclass(frozen=True, slots=True)
class Known:
    """A tensor of labels in the walk; a plain tensor or number is a constant."""

    labels: Tensor


Handlers = Mapping[Any, Callable[..., Any]]
"""By operation of the graph what becomes of it, `(walk, *arguments, **keywords)`."""


class Walk:
    """What is known so far: the chain, its last value, and the state each layer took.

    Args:
        user: the module, with an example of at least two rows.
        program: what `torch.export` made of it.
        cells: what to do with each recurrent layer.
        handlers: the same for each other operation that is no mere move of numbers.
    """

    def __init__(
        self, user: UserModule, program: Any, cells: Handlers, handlers: Handlers
    ) -> None:
        self.cells = cells
        self.handlers = handlers
        self.program = program
        self.batch_size = len(user.x)
        self.known = Labels()
        self.x = self.known.new(self.batch_size, user.input_size)
        self.states = [
            self.known.new(1, tensor.numel()).labels().reshape(tensor.shape)
            for tensor in user.state
        ]
        self.tail = self.x
        self.chain = ChainBuilder()
        self.node: Any = None
        self.fed: list[tuple[Value, Tensor, str]] = []
        self.made: list[tuple[Value, fx.Node]] = []
        self.constants = {**program.state_dict, **program.constants}
        self.held = {
            tensor.untyped_storage().data_ptr(): name
            for name, tensor in self.constants.items()
            if isinstance(tensor, Tensor) and tensor.numel()
        }

    def run(self) -> list[Any]:
        """Walk the whole graph; what it returns, the output first and then the state."""
        graph, values = self.program.graph, self.placeholders()
        needed = needed_nodes(graph)
        returned: list[Any] = []
        for node in graph.nodes:
            if node.op == "call_function" and node in needed:
                self.node = node
                args, kwargs = fx.node.map_arg(
                    (node.args, node.kwargs), values.__getitem__
                )
                values[node] = self.call(node.target, args, kwargs)
            elif node.op == "get_attr":
                values[node] = getattr(self.program.graph_module, str(node.target))
            elif node.op == "output":
                returned = list(fx.node.map_arg(node.args[0], values.__getitem__))
        self.chain.flush()
        return returned

    def placeholders(self) -> dict[fx.Node, Any]:
        """The value of every graph input: labels for x and state, tensors for weights."""
        signature = self.program.graph_signature
        sources = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        x = self.x.labels().reshape(self.batch_size, 1, -1)
        taken = zip(signature.user_inputs, map(Known, [x, *self.states]), strict=True)
        held = {name: self.constants[source] for name, source in sources.items()}
        inputs = {**held, **dict(taken)}
        nodes = self.program.graph.nodes
        return {node: inputs[node.name] for node in nodes if node.op == "placeholder"}

    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The value of one operation; layers are added to the chain on the way."""
        self.refuse_mutation(target, args)
        if not any(isinstance(leaf, Known) for leaf in _leaves((args, kwargs))):
            if target in self.cells:
                raise self.not_a_chain("does not depend on x")
            if _draws(target, args):
                raise impure(
                    f"{target} in '{self.path}' gives other numbers every time"
                )
            return target(*args, **kwargs)
        if getattr(target, "__name__", "") == "getitem":
            return args[0][args[1]]
        if target is _aten._assert_tensor_metadata.default:
            return None
        if target in _DROPOUTS and not args[2]:
            return args[0]
        if target in _SHAPE_ONLY:
            return target(torch.empty(args[0].labels.shape), *args[1:], **kwargs)
        if target in MOVING_OPERATIONS:
            return self.move(target, args, kwargs)
        handler = self.cells.get(target) or self.handlers.get(target)
        if handler is None:
            raise self.not_a_chain()
        return handler(self, *args, **kwargs)

    @property
    def path(self) -> str:
        """Dotted name of the submodule that the operation at hand stands in."""
        return module_path(self.node)

    def not_a_chain(self, why: str = "") -> NotAChainError:
        """The operation at hand has no layer, or `why` it cannot be used as one."""
        return not_a_chain(self.node, why)

    def refuse_mutation(self, target: Any, args: tuple[Any, ...]) -> None:
        """Raise SpecError when a tensor that the module holds is written to."""
        if not hasattr(target, "_schema") or not isinstance(args[0], Tensor):
            return
        name = self.held.get(args[0].untyped_storage().data_ptr())
        if name is not None and target._schema.is_mutable:
            raise impure(
                f"forward writes to '{own_name(name)}', a tensor of the module"
            )

    def move(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if any(isinstance(leaf, Tensor) for leaf in _leaves((args, kwargs))):
            raise self.not_a_chain("joins numbers with constants")
        plain_args, plain_kwargs = fx.node.map_aggregate(
            (args, kwargs),
            lambda leaf: leaf.labels if isinstance(leaf, Known) else leaf,
        )
        moved = target(*plain_args, **plain_kwargs)
        return Known(moved) if isinstance(moved, Tensor) else [*map(Known, moved)]

    def rows(self, z: Any) -> Tensor:
        """Row numbers of `z`, which must be what the chain computed last."""
        rows = self.tail.rows(z.labels) if isinstance(z, Known) else None
        if rows is None:
            raise self.not_a_chain("reads something else than the layer before it")
        return rows

    def extend(
        self, rows: Tensor, layer: Layer, weights: Mapping[str, Any] | None = None
    ) -> Known:
        """Append a layer; its output in the arrangement of its input."""
        arrays = {name: _array(tensor) for name, tensor in (weights or {}).items()}
        self.chain.append(layer, arrays)
        return self.advance(rows, layer.output_size)

    def advance(self, rows: Tensor, size: int) -> Known:
        """A new last value, made by the operation at hand."""
        self.tail = self.known.new(self.batch_size, size)
        self.made.append((self.tail, self.node))
        return Known(self.tail.labels()[rows])


def _leaves(values: Any) -> list[Any]:
    found: list[Any] = []
    fx.node.map_aggregate(values, found.append)
    return found


def _draws(target: Any, args: tuple[Any, ...]) -> bool:
    if target in _DROPOUTS and not args[2]:
        return False
    return torch.Tag.nondeterministic_seeded in getattr(target, "tags", ())


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array
