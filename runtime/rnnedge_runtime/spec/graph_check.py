"""How the layers of a ModelSpec hang together, and whether they can."""

from __future__ import annotations

import itertools
import math
import reprlib
from collections.abc import Sequence
from typing import TypeAlias

from ..errors import SpecError
from .graph_layers import Memory
from .layers import Layer, Opaque

Wiring: TypeAlias = tuple[tuple[int, ...], ...]

INPUT = -1
"""The model input, among the values that a layer reads."""

LARGEST_STATE = 2**20
"""Most values that one stream of a model may carry (docs/security.md)."""


def chain_of(layers: Sequence[Layer]) -> Wiring:
    """What each layer reads in a chain: the one before it, as often as it reads a value."""
    return tuple((k - 1,) * len(layer.input_sizes) for k, layer in enumerate(layers))


def check_graph(layers: Sequence[Layer], wiring: Wiring, input_size: int) -> None:
    """Raise SpecError unless every layer can be computed, and is needed.

    Args:
        layers: of a ModelSpec.
        wiring: what each reads; () for a chain.
        input_size: values of the model input.
    """
    reads = wiring or chain_of(layers)
    if len(reads) != len(layers):
        raise SpecError(
            f"ModelSpec: wiring has {len(reads)} entries for {len(layers)} layers. "
            "Name for each layer what it reads."
        )
    for k, read in enumerate(reads):
        _check_reads(layers, k, read, input_size)
        _check_layer(layers, k, input_size)
    _check_use(layers, reads)
    shapes = (layer.state_shapes().values() for layer in layers)
    num_values = sum(map(math.prod, itertools.chain.from_iterable(shapes)))
    if num_values > LARGEST_STATE:
        raise SpecError(
            f"ModelSpec: the layers carry {num_values:,} values from step to step, at most "
            f"{LARGEST_STATE:,} are possible. Make the hidden sizes smaller."
        )


def _check_reads(
    layers: Sequence[Layer], k: int, read: tuple[int, ...], input_size: int
) -> None:
    layer = layers[k]
    where = f"ModelSpec: layer {k} ({layer.kind})"
    if len(read) != len(layer.input_sizes):
        raise SpecError(
            f"{where} reads {len(read)} values, expected {len(layer.input_sizes)}. Name as "
            "many in its wiring."
        )
    for source, expected in zip(read, layer.input_sizes, strict=True):
        if not INPUT <= source < k:
            raise SpecError(
                f"{where} reads layer {source}, expected an earlier one, or {INPUT} for the "
                "model input. Put it behind what it reads; what a step before gave is read "
                "through a memory."
            )
        size = input_size if source == INPUT else layers[source].output_size
        if size != expected:
            name = "the model input" if source == INPUT else f"layer {source}"
            raise SpecError(
                f"{where} takes {expected} values, but {name} has {size}. "
                "Make the sizes of neighbours equal."
            )


def _check_layer(layers: Sequence[Layer], k: int, input_size: int) -> None:
    layer = layers[k]
    where = f"ModelSpec: layer {k} ({layer.kind})"
    if min((*layer.input_sizes, layer.output_size)) < 1:
        raise SpecError(f"{where} has a size below 1. Every size must be positive.")
    if isinstance(layer, Opaque) and len(layers) > 1:
        raise SpecError(f"{where} must stand alone. Put the other layers inside it.")
    sources: tuple[int, ...] = getattr(layer, "sources", ())
    if any(not 0 <= source < input_size for source in sources):
        raise SpecError(
            f"{where} names inputs {reprlib.repr(sources)}, but the model input has "
            f"{input_size} values. Use indices from 0."
        )
    fault = layer.fault()
    if fault:
        raise SpecError(f"{where} {fault}")
    if isinstance(layer, Memory):
        _check_memory(layers, where, layer)


def _check_memory(layers: Sequence[Layer], where: str, layer: Memory) -> None:
    if not 0 <= layer.next < len(layers):
        raise SpecError(
            f"{where} takes its next value from layer {layer.next}, but there are "
            f"{len(layers)} layers. Name one of them."
        )
    size = layers[layer.next].output_size
    if size != layer.output_size:
        raise SpecError(
            f"{where} holds {layer.output_size} values, but layer {layer.next}, its next, "
            f"gives {size}. Make the sizes equal."
        )


def _check_use(layers: Sequence[Layer], reads: Wiring) -> None:
    used = {source for read in reads for source in read}
    used |= {layer.next for layer in layers if isinstance(layer, Memory)}
    for k, layer in enumerate(layers[:-1]):
        if k not in used:
            raise SpecError(
                f"ModelSpec: layer {k} ({layer.kind}) is read by none. Leave it out."
            )
