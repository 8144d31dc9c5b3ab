"""Hypothesis strategies: graphs of layers, of every kind that one may have.

`graph_specs` draws values one by one, each from earlier ones, and joins those that nothing
reads at the end: up to `most` layers and those of the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from support.strategies import features, recurrent_layers

from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.graph_layers import (
    OPERATIONS,
    Combine,
    Concat,
    Constant,
    Depthwise,
    Memory,
    Norm,
    Select,
    Sum,
    Window,
)
from rnnedge_runtime.spec.layers import (
    FUNCTIONS,
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    Lru,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

MOST_LAYERS = 12
LARGEST = 40
SIZES = (1, 2, 3, 8, 17)
POSITIVE = ("log", "sqrt", "rsqrt", "reciprocal")
"""Functions that are given positive values alone."""

PARAMETERS: dict[str, tuple[float, ...]] = {
    "leaky_relu": (0.01,),
    "elu": (1.25,),
    "softplus": (0.5, 3.0),
    "hardtanh": (-0.75, 0.5),
}


class Drawing:
    """A graph that grows: its layers, what each reads, and the sizes of its values."""

    def __init__(self, draw: Callable[..., Any], input_size: int) -> None:
        self.draw = draw
        self.input_size = input_size
        self.layers: list[Layer] = []
        self.reads: list[tuple[int, ...]] = []

    def size(self, value: int) -> int:
        return self.input_size if value < 0 else self.layers[value].output_size

    def pick(self, largest: int = LARGEST) -> int:
        """An earlier value; the latest ones most often."""
        known = [k for k in range(-1, len(self.layers)) if self.size(k) <= largest]
        picked: int = self.draw(st.sampled_from([*known, *known[-3:]]))
        return picked

    def add(self, layer: Layer, *read: int) -> int:
        self.layers.append(layer)
        self.reads.append(read)
        return len(self.layers) - 1

    def fitted(self, value: int, size: int) -> int:
        """`value`, or elements of it, as many as `size`."""
        given = self.size(value)
        if given == size:
            return value
        indices = self.draw(
            st.lists(st.integers(0, given - 1), min_size=size, max_size=size)
        )
        return self.add(Select(given, tuple(indices)), value)

    def start(self, size: int) -> tuple[float, ...]:
        """Values that a state begins with, or none for zeros."""
        if self.draw(st.booleans()):
            return ()
        return tuple(self.draw(st.lists(NUMBERS, min_size=size, max_size=size)))

    def unread(self) -> list[int]:
        """Values that no layer reads."""
        used = {source for read in self.reads for source in read}
        used |= {layer.next for layer in self.layers if isinstance(layer, Memory)}
        return [k for k in range(len(self.layers)) if k not in used]


NUMBERS = st.floats(-1, 1, width=32).map(lambda v: v if abs(v) > 1e-6 else 0.0)


def _linear(g: Drawing) -> None:
    value = g.pick()
    size = g.size(value)
    positions = g.draw(st.sampled_from([p for p in (1, 1, 2, 3, 4) if size % p == 0]))
    part = g.draw(st.sampled_from(SIZES))
    if part * positions <= LARGEST:
        g.add(Linear(size, part * positions, positions), value)


def _cell(g: Drawing) -> None:
    value = g.pick()
    cell = g.draw(recurrent_layers(g.size(value)))
    size = sum(shape[0] for shape in cell.state_shapes().values())
    g.add(replace(cell, start=g.start(size)), value)


def _lru(g: Drawing) -> None:
    """The length of a step is any value, below 0 too."""
    value, hidden = g.pick(), g.draw(st.sampled_from(SIZES))
    layer = Lru(g.size(value), hidden, g.draw(st.booleans()), g.start(hidden))
    step = [g.fitted(g.pick(), 1)] if layer.has_step else []
    g.add(layer, value, *step)


def _activation(g: Drawing) -> None:
    value = g.pick()
    function = g.draw(st.sampled_from(FUNCTIONS))
    if function in POSITIVE:
        value = g.add(Activation(g.size(value), "softplus", (1.0, 20.0)), value)
    if function == "exp":
        value = g.add(Activation(g.size(value), "tanh"), value)
    parameters = PARAMETERS.get(function, ())
    g.add(Activation(g.size(value), function, parameters), value)


def _combine(g: Drawing) -> None:
    one = g.pick()
    other = g.fitted(g.pick(), g.size(one))
    operation = g.draw(st.sampled_from(OPERATIONS))
    if operation == "divide":
        other = g.add(Activation(g.size(one), "sigmoid"), other)
    g.add(Combine(g.size(one), operation), one, other)


def _concat(g: Drawing) -> None:
    values = [g.pick(LARGEST // 3) for _ in range(g.draw(st.integers(1, 3)))]
    g.add(Concat(tuple(map(g.size, values))), *values)


def _select(g: Drawing) -> None:
    value = g.pick()
    g.fitted(value, g.draw(st.sampled_from([s for s in SIZES if s != g.size(value)])))


def _memory(g: Drawing) -> None:
    """Its next layer is chosen when all are there (`_close`)."""
    size = g.draw(st.sampled_from(SIZES))
    g.add(Memory(size, -1, g.start(size)))


def _window(g: Drawing) -> None:
    value = g.pick(LARGEST // 4)
    taps, dilation = g.draw(st.integers(2, 4)), g.draw(st.integers(1, 3))
    value = g.add(Window(g.size(value), taps, dilation), value)
    if g.draw(st.booleans()):
        g.add(Depthwise(g.size(value) // taps, taps), value)


def _groups(g: Drawing, size: int) -> int:
    found: int = g.draw(
        st.sampled_from([n for n in range(1, size + 1) if size % n == 0])
    )
    return found


def _norm(g: Drawing) -> None:
    value = g.pick()
    size = g.size(value)
    eps = g.draw(st.sampled_from((1e-5, 1e-8, 0.5)))
    g.add(Norm(size, eps, _groups(g, size), g.draw(st.booleans())), value)


def _sum(g: Drawing) -> None:
    value = g.pick()
    g.add(Sum(g.size(value), _groups(g, g.size(value))), value)


def _softmax(g: Drawing) -> None:
    value = g.pick()
    size = g.size(value)
    g.add(Softmax(size, _groups(g, size), g.draw(st.booleans())), value)


def _embedding(g: Drawing) -> None:
    value = g.fitted(g.pick(), 1)
    g.add(Embedding(3, g.draw(st.sampled_from(SIZES))), value)


def _affine(g: Drawing) -> None:
    value = g.pick()
    g.add(Affine(g.size(value), g.draw(st.booleans())), value)


def _readings(g: Drawing) -> None:
    value = g.pick()
    sources = st.integers(0, g.input_size - 1)
    if g.draw(st.booleans()):
        g.add(Difference(g.size(value), (g.draw(sources),)), value)
    else:
        given = (g.draw(sources),) * g.size(value)
        g.add(AddLast(given, is_clipped=g.draw(st.booleans())), value)


def _constant(g: Drawing) -> None:
    g.add(Constant(g.draw(st.sampled_from(SIZES))))


MAKERS = (
    _activation,
    _affine,
    _cell,
    _cell,
    _combine,
    _combine,
    _concat,
    _constant,
    _embedding,
    _linear,
    _lru,
    _memory,
    _norm,
    _readings,
    _select,
    _softmax,
    _sum,
    _window,
)


def _close(g: Drawing, output_size: int) -> None:
    """Gives memories what they take, and joins what nothing reads into the output."""
    for k, layer in enumerate(g.layers):
        if isinstance(layer, Memory):
            size = layer.output_size
            fits = [n for n, each in enumerate(g.layers) if each.output_size == size]
            if fits == [k]:
                fits = [g.add(Linear(g.input_size, size), -1)]
            g.layers[k] = replace(layer, next=g.draw(st.sampled_from(fits)))
    left = g.unread() or [len(g.layers) - 1]
    value = left[0]
    if len(left) > 1:
        value = g.add(Concat(tuple(map(g.size, left))), *left)
    g.add(Linear(g.size(value), output_size), value)


@st.composite
def graph_specs(draw: Any, most: int = MOST_LAYERS) -> ModelSpec:
    """Models of readings whose layers are a graph.

    Args:
        most: layers that are drawn, before those that close the graph.
    """
    names = ("a", "b", "c")[: draw(st.integers(1, 3))]
    inputs: tuple[Feature, ...] = tuple(draw(features(name)) for name in names)
    derived = (DerivedInput(86_400, 7),) if draw(st.booleans()) else ()
    g = Drawing(draw, len(inputs) + 2 * len(derived))
    wanted = draw(st.integers(1, most - 2))
    for make in draw(
        st.lists(st.sampled_from(MAKERS), min_size=wanted, max_size=wanted)
    ):
        if len(g.layers) < most - 2:
            make(g)
    horizon = draw(st.integers(1, 3))
    if not g.layers:
        g.add(Linear(g.input_size, 3), -1)
    _close(g, horizon)
    is_chain = g.reads == [(k - 1,) for k in range(len(g.reads))]
    assume(not (is_chain and any(isinstance(each, Embedding) for each in g.layers[1:])))
    return ModelSpec(
        inputs,
        (Target(names[0]),),
        tuple(g.layers),
        horizon=horizon,
        derived=derived,
        sample_period_s=60.0,
        wiring=tuple(g.reads),
    )
