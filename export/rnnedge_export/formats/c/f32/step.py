"""The C statements of one step in float32, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass

from rnnedge_runtime.spec.layers import Activation, AddLast, Affine, Softmax
from rnnedge_runtime.spec.model_spec import ModelSpec

from .layers import write_layer
from .writer import ChainWriter

ON_STACK = 8
"""Buffers of up to so many floats are on the stack, larger ones in the state."""
TAIL = Affine | Activation | Softmax | AddLast
"""Layers behind the last product, which write to `y`."""


@dataclass(frozen=True, slots=True)
class StepCode:
    """One step of a model.

    Attributes:
        state: (name, floats) of the tensors in the state, `held` last.
        work: (name, floats) of the buffers in the state that no step leaves to the next.
        lines: statements from accepted readings `x` to `y`, not indented.
    """

    state: tuple[tuple[str, int], ...]
    work: tuple[tuple[str, int], ...]
    lines: tuple[str, ...]


def step_code(spec: ModelSpec, prefix: str) -> StepCode:
    """One step of `spec`.

    Args:
        spec: a chain of layers.
        prefix: of the constant arrays, `<prefix>_<layer>_<suffix>`.
    """
    writer = ChainWriter(spec, prefix)
    writer.accept()
    for k, layer in enumerate(spec.layers):
        is_tail = all(isinstance(item, TAIL) for item in spec.layers[k + 1 :])
        write_layer(writer, k, layer, is_tail)
    if writer.z != "y":
        size = spec.layers[-1].output_size
        writer.lines.append(f"rnne_f32_copy({size}, {writer.z}, y);")
    buffers = writer.buffers.sizes
    small = {name for name, size in buffers.items() if size <= ON_STACK}
    lines = [f"float {name}[{buffers[name]}];" for name in buffers if name in small]
    for line in writer.lines:
        for name in buffers:
            line = line.replace(f"@{name}@", name if name in small else f"s->{name}")
        lines.append(line)
    return StepCode(
        state=(*writer.state, ("held", spec.num_features)),
        work=tuple(item for item in buffers.items() if item[0] not in small),
        lines=tuple(lines),
    )
