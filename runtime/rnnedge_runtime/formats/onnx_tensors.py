"""What the tensors of an `.onnx` file may be, checked before anything takes memory for them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..errors import FormatError, unfit_file
from .metadata import unreadable_error
from .protobuf import Message, fields, varint

# Numbers of fields in onnx.proto.
_MODEL_GRAPH, _MODEL_FUNCTION, _FUNCTION_NODE = 7, 25, 7
_GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE = 5
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_DIMS, _EXTERNAL, _LOCATION = 1, 13, 14

_DEEPEST = 16
_NUMBERS_PER_BYTE = 2  # of four bits each


def check_tensors(content: bytes, *, where: str) -> None:
    """Raise FormatError for a tensor in another file, or with more numbers than it holds.

    A sparse tensor is refused too: a few bytes of it may stand for any number of zeros.
    """
    try:
        for number, value in _parts(memoryview(content)):
            if number == _MODEL_GRAPH:
                _check_graph(value, where, 0)
            elif number == _MODEL_FUNCTION:
                for inner, node in _parts(value):
                    if inner == _FUNCTION_NODE:
                        _check_node(node, where, 0)
    except ValueError:
        raise unreadable_error("a readable ONNX model", where=where) from None


def _parts(message: Message) -> Iterator[tuple[int, Message]]:
    """The fields that have a length."""
    for number, value in fields(message):
        if not isinstance(value, int):
            yield number, value


def _check_graph(graph: Message, where: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise _refused(where, f"its graphs lie more than {_DEEPEST} in each other")
    for number, value in _parts(graph):
        if number == _GRAPH_NODE:
            _check_node(value, where, depth)
        elif number == _GRAPH_TENSOR:
            _check_tensor(value, where)
        elif number == _GRAPH_SPARSE:
            raise _refused(where, "it holds a sparse tensor")


def _check_node(node: Message, where: str, depth: int) -> None:
    for number, attribute in _parts(node):
        if number != _NODE_ATTRIBUTE:
            continue
        for kind, value in _parts(attribute):
            if kind in _ATTRIBUTE_TENSORS:
                _check_tensor(value, where)
            elif kind in _ATTRIBUTE_GRAPHS:
                _check_graph(value, where, depth + 1)
            elif kind in _ATTRIBUTE_SPARSE:
                raise _refused(where, "it holds a sparse tensor")


def _check_tensor(tensor: Message, where: str) -> None:
    dims: list[int] = []
    for number, value in fields(tensor):
        if number == _EXTERNAL or (number == _LOCATION and value):
            raise _refused(where, "a tensor of it lies in another file")
        if number == _DIMS:
            dims += [value] if isinstance(value, int) else _packed(value)
    # A negative length is a number of 64 bits here, so it is too large.
    if math.prod(dims) > _NUMBERS_PER_BYTE * len(tensor):
        shape = "x".join(map(str, dims[:8]))
        raise _refused(
            where, f"a tensor of {shape} numbers is given by {len(tensor):,} bytes"
        )


def _packed(message: Message) -> list[int]:
    found, offset = [], 0
    while offset < len(message):
        value, offset = varint(message, offset)
        found.append(value)
    return found


def _refused(where: str, found: str) -> FormatError:
    return unfit_file(where, f"{found}, which an artifact has no use for")
