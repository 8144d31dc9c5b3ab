"""Graphs drawn at random: every kind of layer, joins, states in branches, feedback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from support.rnn_cells import CELLS

from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.graph_layers import OPERATIONS
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

INPUT = -1
MOST_VALUES = 48
"""A value of more elements is summed before it is read again."""
PARAMETERS = {
    "leaky_relu": (0.1,),
    "elu": (0.7,),
    "softplus": (2.0, 3.0),
    "hardtanh": (-0.5, 0.25),
}
BOUNDED = {"exp": "tanh", "log": "sigmoid", "sqrt": "sigmoid"} | {
    "rsqrt": "sigmoid",
    "reciprocal": "sigmoid",
}
"""What goes before functions that are not finite everywhere."""


@dataclass
class Graph:
    """Layers so far, and what each reads."""

    rng: np.random.Generator
    input_size: int
    layers: list = field(default_factory=list)
    reads: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, layer: object, *reads: int) -> int:
        self.layers.append(layer)
        self.reads.append(reads)
        return len(self.layers) - 1

    def size(self, value: int) -> int:
        return self.input_size if value == INPUT else self.layers[value].output_size

    def value(self) -> int:
        """One drawn value, the last ones more often."""
        value = int(self.rng.integers(INPUT, len(self.layers)))
        if self.rng.random() < 0.5:
            value = len(self.layers) - 1
        if self.size(value) > MOST_VALUES:
            return self.add(kinds.Sum(self.size(value), 1), value)
        return value

    def function(self, value: int, name: str) -> int:
        if name in BOUNDED:
            value = self.function(value, BOUNDED[name])
        layer = kinds.Activation(self.size(value), name, PARAMETERS.get(name, ()))
        return self.add(layer, value)

    def of_size(self, size: int) -> int:
        """A value of so many elements."""
        fitting = [k for k in range(INPUT, len(self.layers)) if self.size(k) == size]
        if fitting and self.rng.random() < 0.8:
            return int(self.rng.choice(fitting))
        value = self.value()
        return self.add(kinds.Linear(self.size(value), size), value)

    def part_of(self, size: int) -> int:
        divisors = [n for n in range(1, size + 1) if size % n == 0]
        return int(self.rng.choice(divisors))

    def start(self, size: int) -> tuple[float, ...]:
        if self.rng.random() < 0.5:
            return ()
        return tuple(np.float32(self.rng.uniform(-1, 1, size)).tolist())


def _combine(graph: Graph) -> None:
    a = graph.value()
    b = graph.of_size(graph.size(a))
    operation = str(graph.rng.choice(OPERATIONS))
    if operation == "divide":
        b = graph.function(b, "sigmoid")
    graph.add(kinds.Combine(graph.size(a), operation), a, b)


def _concat(graph: Graph) -> None:
    values = [graph.value() for _ in range(graph.rng.integers(1, 4))]
    graph.add(kinds.Concat(tuple(map(graph.size, values))), *values)


def _select(graph: Graph) -> None:
    z, rng = graph.value(), graph.rng
    size = graph.size(z)
    start, stop = sorted(rng.integers(0, size + 1, 2).tolist())
    indices = list(range(start, stop))
    if rng.random() < 0.4:
        indices += list(range(size)) * int(rng.integers(0, 3))
    if not indices or rng.random() < 0.3:
        indices = rng.integers(0, size, rng.integers(1, 9)).tolist()
    graph.add(kinds.Select(size, tuple(indices)), z)


def _window(graph: Graph) -> None:
    z, rng = graph.value(), graph.rng
    taps, dilation = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    w = graph.add(kinds.Window(graph.size(z), taps, dilation), z)
    if rng.random() < 0.5:
        graph.add(kinds.Depthwise(graph.size(z), taps), w)


def _norm(graph: Graph) -> None:
    z = graph.value()
    size = graph.size(z)
    groups, is_centred = graph.part_of(size), bool(graph.rng.random() < 0.5)
    graph.add(kinds.Norm(size, 1e-5, groups, is_centred), z)


def _sum(graph: Graph) -> None:
    z = graph.value()
    graph.add(kinds.Sum(graph.size(z), graph.part_of(graph.size(z))), z)


def _positions(graph: Graph) -> None:
    z = graph.value()
    positions = graph.part_of(graph.size(z))
    size = positions * int(graph.rng.integers(1, 6))
    graph.add(kinds.Linear(graph.size(z), size, positions), z)


def _softmax(graph: Graph) -> None:
    z = graph.value()
    groups = graph.part_of(graph.size(z))
    graph.add(kinds.Softmax(graph.size(z), groups, bool(graph.rng.random() < 0.5)), z)


def _cell(graph: Graph) -> None:
    z, rng = graph.value(), graph.rng
    layer = CELLS[str(rng.choice(list(CELLS)))](graph.size(z), int(rng.integers(1, 10)))
    size = sum(shape[0] for shape in layer.state_shapes().values())
    graph.add(replace(layer, start=graph.start(size)), z)


def _lru(graph: Graph) -> None:
    z, hidden = graph.value(), int(graph.rng.integers(1, 10))
    has_step = bool(graph.rng.random() < 0.5)
    layer = kinds.Lru(graph.size(z), hidden, has_step, graph.start(hidden))
    graph.add(layer, z, *([graph.of_size(1)] if has_step else []))


def _token(graph: Graph) -> None:
    z = graph.value()
    one = graph.add(kinds.Select(graph.size(z), (graph.size(z) - 1,)), z)
    graph.add(kinds.Embedding(3, 5), one)


def _sources(graph: Graph, size: int) -> tuple[int, ...]:
    return tuple(graph.rng.integers(0, graph.input_size, size).tolist())


def _add_last(graph: Graph) -> None:
    z = graph.value()
    is_clipped = bool(graph.rng.random() < 0.5)
    graph.add(kinds.AddLast(_sources(graph, graph.size(z)), is_clipped), z)


def _difference(graph: Graph) -> None:
    z = graph.value()
    graph.add(kinds.Difference(graph.size(z), _sources(graph, 2)), z)


def _affine(graph: Graph) -> None:
    z = graph.value()
    graph.add(kinds.Affine(graph.size(z), bool(graph.rng.random() < 0.5)), z)


def _activation(graph: Graph) -> None:
    graph.function(graph.value(), str(graph.rng.choice(kinds.FUNCTIONS)))


def _constant(graph: Graph) -> None:
    graph.add(kinds.Constant(int(graph.rng.integers(1, 6))))


DRAWN: tuple[Callable[[Graph], None], ...] = (
    *(_combine, _concat, _select, _window, _norm, _sum, _positions, _softmax, _cell),
    *(
        _token,
        _add_last,
        _difference,
        _affine,
        _activation,
        _activation,
        _constant,
        _lru,
    ),
)


def drawn_graph(seed: int, size: int = 12) -> ModelSpec:
    """A graph of about `size` layers; equal seeds give equal graphs."""
    rng = np.random.default_rng(seed)
    derived = (DerivedInput(86_400),) if rng.random() < 0.3 else ()
    clip = (-1.0, 1.25) if rng.random() < 0.5 else None
    bounds = (-2.0, 2.5) if rng.random() < 0.3 else None
    features = tuple(
        Feature(f"s{k}", clip=clip, initial=0.25 * k, range=bounds)
        for k in range(rng.integers(1, 6))
    )
    graph = Graph(rng, len(features) + 2 * len(derived))
    memories = [
        graph.add(kinds.Memory(int(rng.integers(1, 8)), 0))
        for _ in range(rng.integers(0, 4))
    ]
    while len(graph.layers) < size:
        DRAWN[rng.integers(len(DRAWN))](graph)
    for k in memories:
        held = graph.layers[k].output_size
        others = [m for m in memories if graph.layers[m].output_size == held]
        if rng.random() < 0.3:
            after = int(rng.choice(others))
        else:
            after = graph.function(graph.of_size(held), "tanh")
        graph.layers[k] = kinds.Memory(held, after, graph.start(held))
    used = {source for read in graph.reads for source in read}
    used |= {graph.layers[k].next for k in memories}
    left = [k for k in range(len(graph.layers)) if k not in used] or [INPUT]
    last = graph.add(kinds.Concat(tuple(map(graph.size, left))), *left)
    if rng.random() < 0.7:
        last = graph.add(kinds.Linear(graph.size(last), int(rng.integers(1, 5))), last)
    if rng.random() < 0.3:
        last = graph.function(last, "softsign")
    return ModelSpec(
        features,
        tuple(Target(f"y{k}") for k in range(graph.size(last))),
        tuple(graph.layers),
        derived=derived,
        wiring=tuple(graph.reads),
    )


def every_function() -> ModelSpec:
    """All elementwise functions and operations of two values, beside one another."""
    graph = Graph(np.random.default_rng(0), 7)
    wide = graph.add(kinds.Linear(7, 9), INPUT)
    values = [graph.function(wide, name) for name in kinds.FUNCTIONS]
    positive = graph.function(wide, "sigmoid")
    values += [
        graph.add(kinds.Combine(9, operation), wide, positive)
        for operation in OPERATIONS
    ]
    graph.add(kinds.Concat(tuple(map(graph.size, values))), *values)
    return ModelSpec(
        tuple(Feature(f"s{k}") for k in range(7)),
        tuple(Target(f"y{k}") for k in range(9 * len(values))),
        tuple(graph.layers),
        wiring=tuple(graph.reads),
    )
