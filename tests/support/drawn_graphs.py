"""Graphs of layers drawn from a seed, with every kind and state in their branches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from support.strategies import random_weights

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights

Layer = layers.Layer
PARAMETERS = {
    "leaky_relu": (0.1,),
    "elu": (0.7,),
    "softplus": (2.0, 20.0),
    "hardtanh": (-0.5, 0.75),
}
OF_POSITIVE = ("log", "sqrt", "rsqrt", "reciprocal")
STEEP = "exp"


class Drawing:
    """Layers as they are drawn, and what each reads."""

    def __init__(self, seed: int, input_size: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.layers: list[Layer] = []
        self.wiring: list[tuple[int, ...]] = []
        self.sizes = {-1: input_size}

    def add(self, layer: Layer, *reads: int) -> int:
        self.layers.append(layer)
        self.wiring.append(reads)
        self.sizes[len(self.layers) - 1] = layer.output_size
        return len(self.layers) - 1

    def value(self) -> int:
        return int(self.rng.choice(list(self.sizes)))

    def positive(self, k: int) -> int:
        """At least a half and at most two."""
        k = self.add(layers.Activation(self.sizes[k], "sigmoid"), k)
        one = self.add(graph.Constant(self.sizes[k]))
        one = self.add(layers.Activation(self.sizes[k], "sigmoid"), one)
        return self.add(graph.Combine(self.sizes[k], "add"), k, one)

    def limited(self, k: int) -> int:
        return self.add(layers.Activation(self.sizes[k], "tanh"), k)

    def even(self, k: int, parts: int) -> int:
        """As many values as `parts` of one size have, selected from k."""
        size = parts * int(self.rng.integers(2, 4))
        indices = self.rng.integers(0, self.sizes[k], size)
        return self.add(graph.Select(self.sizes[k], tuple(map(int, indices))), k)


def activation(d: Drawing, function: str) -> int:
    k = d.value()
    if function in OF_POSITIVE:
        k = d.positive(k)
    elif function == STEEP:
        k = d.limited(k)
    return d.add(
        layers.Activation(d.sizes[k], function, PARAMETERS.get(function, ())), k
    )


def combine(d: Drawing, operation: str) -> int:
    a = d.limited(d.value())
    b = d.even(d.value(), 1)
    b = d.add(layers.Linear(d.sizes[b], d.sizes[a]), b)
    b = d.positive(b) if operation == "divide" else b
    return d.add(graph.Combine(d.sizes[a], operation), a, b)


def concat(d: Drawing) -> int:
    reads = [d.value() for _ in range(int(d.rng.integers(2, 4)))]
    return d.add(graph.Concat(tuple(d.sizes[k] for k in reads)), *reads)


def of_parts(make: Callable[[int, int], Layer]) -> Callable[[Drawing], int]:
    def draw(d: Drawing) -> int:
        parts = int(d.rng.integers(1, 4))
        k = d.even(d.value(), parts)
        return d.add(make(d.sizes[k], parts), k)

    return draw


def window(d: Drawing) -> int:
    k, taps = d.value(), int(d.rng.integers(2, 4))
    dilation = int(d.rng.integers(1, 3))
    k = d.add(graph.Window(d.sizes[k], taps, dilation), k)
    channels = d.sizes[k] // taps
    return d.add(graph.Depthwise(channels, taps), k)


def cell(make: Callable[[int, int], Layer]) -> Callable[[Drawing], int]:
    def draw(d: Drawing) -> int:
        k = d.value()
        return d.add(make(d.sizes[k], 3), k)

    return draw


def timed_cell(d: Drawing) -> int:
    """The length of a step is any value, below 0 too."""
    k = d.value()
    step = d.add(graph.Select(d.sizes[k], (d.sizes[k] - 1,)), k)
    return d.add(layers.Lru(d.sizes[k], 3, has_step=True), k, step)


DRAWS: dict[str, Callable[[Drawing], int]] = {
    "concat": concat,
    "norm": of_parts(lambda n, p: graph.Norm(n, 1e-3, p)),
    "rms_norm": of_parts(lambda n, p: graph.Norm(n, 1e-3, p, is_centred=False)),
    "sum": of_parts(graph.Sum),
    "softmax": of_parts(layers.Softmax),
    "log_softmax": of_parts(lambda n, p: layers.Softmax(n, p, is_log=True)),
    "positions": of_parts(lambda n, p: layers.Linear(n, 2 * p, p)),
    "window": window,
    "affine": lambda d: (lambda k: d.add(layers.Affine(d.sizes[k]), k))(d.value()),
    "rnn": cell(lambda n, h: layers.Rnn(n, h, start=(0.25, 0.0, -0.5))),
    "gru": cell(layers.Gru),
    "lstm": cell(layers.Lstm),
    "lru": cell(lambda n, h: layers.Lru(n, h, start=(0.5, 0.0, -0.25))),
    "lru_step": timed_cell,
    "lstm_proj": cell(lambda n, h: layers.Lstm(n, h, proj_size=2)),
    **{name: (lambda d, name=name: combine(d, name)) for name in graph.OPERATIONS},
    **{name: (lambda d, name=name: activation(d, name)) for name in layers.FUNCTIONS},
}
"""What is drawn, by name."""


def drawn_graph(
    seed: int, *, num_memories: int | None = None, names: tuple[str, ...] = ()
) -> tuple[ModelSpec, Weights]:
    """A graph of some of `DRAWS`, or of those named, with its weights."""
    d = Drawing(seed, 3)
    if num_memories is None:
        num_memories = int(d.rng.integers(0, 3))
    sizes = [int(d.rng.integers(1, 4)) for _ in range(num_memories)]
    memories = [d.add(graph.Memory(size, 0)) for size in sizes]
    if not names:
        names = tuple(d.rng.choice(list(DRAWS), int(d.rng.integers(2, 8))))
    made = [DRAWS[name](d) for name in names]
    for k, size in zip(memories, sizes, strict=True):
        new = d.add(
            layers.Linear(d.sizes[made[0]] + size, size), _joined(d, made[0], k)
        )
        start = tuple(float(v) for v in d.rng.integers(-2, 3, size) / 4)
        d.layers[k] = graph.Memory(size, d.limited(new), start)
    used = {source for read in d.wiring for source in read}
    used |= {v.next for v in d.layers if isinstance(v, graph.Memory)}
    unread = [k for k in range(len(d.layers)) if k not in used]
    unread = unread or [len(d.layers) - 1]
    all_of = d.add(graph.Concat(tuple(d.sizes[k] for k in unread)), *unread)
    d.add(layers.Linear(d.sizes[all_of], 2), all_of)
    spec = ModelSpec(
        features=(Feature("a", clip=(-2.5, 2.5)), Feature("b"), Feature("c")),
        targets=(Target("a"), Target("b")),
        layers=tuple(d.layers),
        wiring=tuple(d.wiring),
    )
    return spec, random_weights(spec, np.random.default_rng(seed))


def _joined(d: Drawing, *reads: int) -> int:
    return d.add(graph.Concat(tuple(d.sizes[k] for k in reads)), *reads)
