"""One step through the layers of a spec, in their order; what each reads is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..arrays import Array, State
from ..spec.layers import Layer, Memory
from ..spec.model_spec import ModelSpec


def step_graph(
    spec: ModelSpec,
    state: State,
    step: Callable[[int, Layer, Any, Iterator[Array]], Any],
    model_input: Callable[[Layer], Any],
) -> tuple[Any, State]:
    """One step of all layers: what the last one gives, and the new state.

    Args:
        spec: of the model.
        state: its tensors.
        step: what layer k gives of what it reads, then its new state.
        model_input: what a layer gets that reads the model input.
    """
    carried = iter(state)
    values: list[Any] = []
    new_state: State = []
    memories = []
    for k, (layer, read) in enumerate(zip(spec.layers, spec.reads, strict=True)):
        z = tuple(values[s] if s >= 0 else model_input(layer) for s in read)
        if isinstance(layer, Memory):
            memories.append((len(new_state), layer.next))
        y, *after = step(k, layer, z[0] if len(z) == 1 else z, carried)
        values.append(y)
        new_state += after
    for at, source in memories:
        new_state[at] = values[source]
    return values[-1], new_state
