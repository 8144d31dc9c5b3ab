"""Graphs of layers that are drawn: every kind, joins, states in branches, memories.

The one generator of the tests. `graph_specs` is its strategy, `drawn_graph` draws by a seed;
both go through `DRAWS`, a row for each kind, function and operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
from hypothesis import strategies as st
from support.strategies import features, random_weights

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights

T = TypeVar("T")
INPUT = -1
MOST_LAYERS = 12
LARGEST = 40
"""Of a longer value a few elements are selected before it is read."""
SIZES = (1, 2, 3, 8, 17)
PARAMETERS = {
    "leaky_relu": (0.1,),
    "elu": (0.7,),
    "softplus": (2.0, 20.0),
    "hardtanh": (-0.5, 0.75),
}
OF_POSITIVE = ("log", "sqrt", "rsqrt", "reciprocal")
JUMPS = ("step", "floor")
"""Functions whose rounding no bound covers: where they jump, engines may differ."""


class Choices(Protocol):
    """Where what is drawn comes from."""

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""

    def pick(self, items: Sequence[T]) -> T:
        """One of some."""


class OfSeed:
    """By a generator of random numbers: the same graph for the same seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def pick(self, items: Sequence[T]) -> T:
        return items[self.integer(0, len(items) - 1)]


class OfHypothesis:
    """By hypothesis, which makes a graph that fails smaller."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def integer(self, low: int, high: int) -> int:
        found: int = self.draw(st.integers(low, high))
        return found

    def pick(self, items: Sequence[T]) -> T:
        found: T = self.draw(st.sampled_from(items))
        return found


class Drawing:
    """A graph that grows: its layers, and what each reads.

    Attributes:
        is_tame: whether no value runs away, so that float engines stay close to each other.
    """

    def __init__(self, choices: Choices, input_size: int, *, is_tame: bool) -> None:
        self.choices = choices
        self.input_size = input_size
        self.is_tame = is_tame
        self.layers: list[Layer] = []
        self.reads: list[tuple[int, ...]] = []

    def add(self, layer: Layer, *reads: int) -> int:
        self.layers.append(layer)
        self.reads.append(reads)
        return len(self.layers) - 1

    def size(self, k: int) -> int:
        return self.input_size if k == INPUT else self.layers[k].output_size

    def value(self, largest: int = LARGEST) -> int:
        """Any value so far; the last ones more often."""
        known = range(INPUT, len(self.layers))
        k = self.choices.pick([*known, *known[-3:]])
        return self.of_size(k, largest) if self.size(k) > largest else k

    def of_size(self, k: int, size: int) -> int:
        """Value k, or as many elements of it."""
        given = self.size(k)
        if given == size:
            return k
        indices = tuple(self.choices.integer(0, given - 1) for _ in range(size))
        return self.add(graph.Select(given, indices), k)

    def positive(self, k: int) -> int:
        """At least a half and at most two."""
        k = self.add(layers.Activation(self.size(k), "sigmoid"), k)
        one = self.add(graph.Constant(self.size(k)))
        one = self.add(layers.Activation(self.size(k), "sigmoid"), one)
        return self.add(graph.Combine(self.size(k), "add"), k, one)

    def limited(self, k: int) -> int:
        return self.add(layers.Activation(self.size(k), "tanh"), k)

    def tamed(self, k: int) -> int:
        return self.limited(k) if self.is_tame else k

    def start(self, size: int) -> tuple[float, ...]:
        """Values that a state begins with; () for zeros."""
        if self.choices.integer(0, 1):
            return ()
        return tuple(self.choices.integer(-4, 4) / 4 for _ in range(size))

    def joined(self, *reads: int) -> int:
        return self.add(graph.Concat(tuple(map(self.size, reads))), *reads)

    def sources(self, size: int) -> tuple[int, ...]:
        return tuple(self.choices.integer(0, self.input_size - 1) for _ in range(size))


Draw = Callable[[Drawing], int]


def _activation(d: Drawing, function: str) -> int:
    k = d.value()
    if function in OF_POSITIVE:
        k = d.positive(k)
    elif function == "exp":
        k = d.limited(k)
    parameters = PARAMETERS.get(function, ())
    return d.add(layers.Activation(d.size(k), function, parameters), k)  # type: ignore[arg-type]


def _combine(d: Drawing, operation: str) -> int:
    a = d.tamed(d.value())
    b = d.value()
    if d.choices.integer(0, 1):
        b = d.of_size(b, d.size(a))
    else:
        b = d.add(layers.Linear(d.size(b), d.size(a)), b)
    if operation == "divide":
        b = d.positive(b)
    return d.add(graph.Combine(d.size(a), operation), a, b)  # type: ignore[arg-type]


def _concat(d: Drawing) -> int:
    return d.joined(*(d.value(13) for _ in range(d.choices.integer(1, 3))))


def _select(d: Drawing) -> int:
    """A part, one behind the other or anyhow, some elements several times."""
    k = d.value()
    first = d.choices.integer(0, d.size(k) - 1)
    last = d.choices.integer(first, d.size(k) - 1)
    if d.choices.integer(0, 1):
        return d.add(graph.Select(d.size(k), tuple(range(first, last + 1))), k)
    size = d.choices.integer(1, 9)
    indices = tuple(d.choices.integer(0, d.size(k) - 1) for _ in range(size))
    return d.add(graph.Select(d.size(k), indices), k)


def _of_parts(make: Callable[[int, int], Layer]) -> Draw:
    def draw(d: Drawing) -> int:
        parts = d.choices.integer(1, 4)
        k = d.of_size(d.value(), parts * d.choices.integer(2, 4))
        return d.add(make(d.size(k), parts), k)

    return draw


def _window(d: Drawing) -> int:
    k = d.value(10)
    taps, dilation = d.choices.integer(2, 4), d.choices.integer(1, 3)
    return d.add(graph.Window(d.size(k), taps, dilation), k)


def _depthwise(d: Drawing) -> int:
    k = _window(d)
    layer = d.layers[k]
    assert isinstance(layer, graph.Window)
    return d.add(graph.Depthwise(layer.input_size, layer.taps), k)


def _cell(make: Callable[[int, int], Any]) -> Draw:
    def draw(d: Drawing) -> int:
        k = d.value()
        layer = make(d.size(k), d.choices.pick(SIZES))
        size = sum(shape[0] for shape in layer.state_shapes().values())
        return d.add(replace(layer, start=d.start(size)), k)

    return draw


def _lstm_proj(size: int, hidden: int) -> Layer:
    return layers.Lstm(size, hidden + 1, proj_size=hidden)


def _lru_step(d: Drawing) -> int:
    """The length of a step is any value, below 0 too."""
    k, hidden = d.value(), d.choices.pick(SIZES)
    layer = layers.Lru(d.size(k), hidden, has_step=True, start=d.start(hidden))
    return d.add(layer, k, d.of_size(d.value(), 1))


def _linear(d: Drawing) -> int:
    k = d.value()
    return d.add(layers.Linear(d.size(k), d.choices.pick(SIZES)), k)


def _affine(d: Drawing) -> int:
    k = d.value()
    return d.add(layers.Affine(d.size(k), inverse=bool(d.choices.integer(0, 1))), k)


def _embedding(d: Drawing) -> int:
    k = d.of_size(d.value(), 1)
    return d.add(layers.Embedding(3, d.choices.pick(SIZES)), k)


def _add_last(d: Drawing) -> int:
    k = d.value()
    is_clipped = bool(d.choices.integer(0, 1))
    return d.add(layers.AddLast(d.sources(d.size(k)), is_clipped), k)


def _difference(d: Drawing) -> int:
    k = d.value()
    size = d.choices.integer(1, 2)
    return d.add(layers.Difference(d.size(k), d.sources(size)), k)


def _memory(d: Drawing) -> int:
    """What it takes next is drawn when all layers are there."""
    size = d.choices.pick(SIZES[:4])
    return d.add(graph.Memory(size, len(d.layers), d.start(size)))


DRAWS: dict[str, Draw] = {
    "linear": _linear,
    "positions": _of_parts(lambda n, p: layers.Linear(n, 2 * p, p)),
    "affine": _affine,
    "embedding": _embedding,
    "add_last": _add_last,
    "difference": _difference,
    "softmax": _of_parts(layers.Softmax),
    "log_softmax": _of_parts(lambda n, p: layers.Softmax(n, p, is_log=True)),
    "rnn": _cell(layers.Rnn),
    "rnn_relu": _cell(lambda n, h: layers.Rnn(n, h, "relu")),
    "gru": _cell(layers.Gru),
    "lstm": _cell(layers.Lstm),
    "lstm_proj": _cell(_lstm_proj),
    "lru": _cell(layers.Lru),
    "lru_step": _lru_step,
    "concat": _concat,
    "select": _select,
    "window": _window,
    "depthwise": _depthwise,
    "norm": _of_parts(lambda n, p: graph.Norm(n, 1e-3, p)),
    "rms_norm": _of_parts(lambda n, p: graph.Norm(n, 1e-3, p, is_centred=False)),
    "sum": _of_parts(graph.Sum),
    "constant": lambda d: d.add(graph.Constant(d.choices.pick(SIZES))),
    "memory": _memory,
    **{name: (lambda d, name=name: _combine(d, name)) for name in graph.OPERATIONS},
    **{name: (lambda d, name=name: _activation(d, name)) for name in layers.FUNCTIONS},
}
"""What is drawn, by name: every kind of layer, every operation, every function."""

OF_READINGS = ("add_last", "difference")
TOKENS = ("embedding",)
"""A value that is a token jumps as `JUMPS` do."""
SMOOTH = tuple(sorted({*DRAWS} - {*JUMPS, *TOKENS}))
"""What float engines agree on within bounds."""


def close(d: Drawing, output_size: int | None = None) -> None:
    """Gives memories what they take, and joins what nothing reads into the output."""
    for k, layer in enumerate(list(d.layers)):
        if not isinstance(layer, graph.Memory):
            continue
        size = layer.output_size
        fits = [n for n, each in enumerate(d.layers) if each.output_size == size]
        after = d.choices.pick(fits)
        if d.is_tame or d.choices.integer(0, 1):
            one = d.joined(d.value(), k)
            after = d.limited(d.add(layers.Linear(d.size(one), size), one))
        d.layers[k] = replace(layer, next=after)
    used = {source for read in d.reads for source in read}
    used |= {each.next for each in d.layers if isinstance(each, graph.Memory)}
    left = [k for k in range(len(d.layers)) if k not in used] or [len(d.layers) - 1]
    last = d.joined(*left) if len(left) > 1 else left[0]
    if output_size is not None:
        d.add(layers.Linear(d.size(last), output_size), last)


def drawn_graph(
    seed: int, *, num_memories: int | None = None, names: Sequence[str] = ()
) -> tuple[ModelSpec, Weights]:
    """A tame graph of some of `SMOOTH`, or of those named, with its weights."""
    choices = OfSeed(seed)
    d = Drawing(choices, 3, is_tame=True)
    if num_memories is None:
        num_memories = choices.integer(0, 2)
    if not names:
        names = [choices.pick(SMOOTH) for _ in range(choices.integer(2, 8))]
    for name in ("memory",) * num_memories + tuple(names):
        DRAWS[name](d)
    close(d, 2)
    spec = ModelSpec(
        (Feature("a", clip=(-2.5, 2.5)), Feature("b"), Feature("c")),
        (Target("a"), Target("b")),
        tuple(d.layers),
        wiring=tuple(d.reads),
    )
    return spec, random_weights(spec, np.random.default_rng(seed))


def wild_graph(seed: int) -> ModelSpec:
    """A graph of all that there is; its values may run away."""
    return _spec(OfSeed(seed), Feature, OfSeed(seed).integer(2, MOST_LAYERS - 2))


@st.composite
def graph_specs(draw: Any, most: int = MOST_LAYERS) -> ModelSpec:
    """Models of readings whose layers are a graph.

    Args:
        most: layers that are drawn, before those that close the graph.
    """
    choices = OfHypothesis(draw)
    wanted = draw(st.integers(1, most - 2))
    return _spec(choices, lambda name: draw(features(name)), wanted)


def _spec(
    choices: Choices, feature: Callable[[str], Feature], wanted: int
) -> ModelSpec:
    names = ("a", "b", "c")[: choices.integer(1, 3)]
    derived = (DerivedInput(86_400, 7),) if choices.integer(0, 1) else ()
    d = Drawing(choices, len(names) + 2 * len(derived), is_tame=False)
    while len(d.layers) < wanted:
        DRAWS[choices.pick(list(DRAWS))](d)
    horizon = choices.integer(1, 3)
    close(d, horizon)
    return ModelSpec(
        tuple(feature(name) for name in names),
        (Target(names[0]),),
        tuple(d.layers),
        horizon=horizon,
        derived=derived,
        sample_period_s=60.0,
        wiring=tuple(d.reads),
    )


def every_function() -> ModelSpec:
    """All elementwise functions and operations of two values, beside one another."""
    d = Drawing(OfSeed(0), 7, is_tame=False)
    wide = d.add(layers.Linear(7, 9), INPUT)
    known = {"exp": d.limited(wide), **dict.fromkeys(OF_POSITIVE, d.positive(wide))}
    values = []
    for name in layers.FUNCTIONS:
        layer = layers.Activation(9, name, PARAMETERS.get(name, ()))  # type: ignore[arg-type]
        values.append(d.add(layer, known.get(name, wide)))
    values += [
        d.add(graph.Combine(9, name), wide, known["log"])  # type: ignore[arg-type]
        for name in graph.OPERATIONS
    ]
    d.joined(*values)
    return ModelSpec(
        tuple(Feature(f"s{k}") for k in range(7)),
        tuple(Target(f"y{k}") for k in range(9 * len(values))),
        tuple(d.layers),
        wiring=tuple(d.reads),
    )
