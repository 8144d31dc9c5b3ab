"""Drawn graphs of up to a dozen layers, for integers: joins, states in branches, loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.spec import graph_layers, layers
from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights, canonical_weights, weight_shapes

Reads = tuple[int, ...]
_SMOOTH = tuple(
    name
    for name in layers.FUNCTIONS
    if name not in ("log", "sqrt", "rsqrt", "reciprocal", "exp", "step", "floor")
)
PARAMETERS: dict[str, tuple[float, ...]] = {
    "leaky_relu": (0.1,),
    "elu": (1.0,),
    "softplus": (1.0, 20.0),
    "hardtanh": (-1.0, 1.0),
}


def activation(size: int, function: str) -> Layer:
    """A function with parameters as in PyTorch."""
    parameters = PARAMETERS.get(function, ())
    return layers.Activation(size, function, parameters)  # type: ignore[arg-type]


class _Drawing:
    """Layers one by one; each reads what was there before."""

    def __init__(self, rng: np.random.Generator, input_size: int) -> None:
        self.rng = rng
        self.layers: list[Layer] = []
        self.reads: list[Reads] = []
        self.sizes = {-1: input_size}

    def put(self, layer: Layer, *reads: int) -> int:
        self.layers.append(layer)
        self.reads.append(reads)
        self.sizes[len(self.layers) - 1] = layer.output_size
        return len(self.layers) - 1

    def some(self) -> int:
        return int(self.rng.choice(list(self.sizes)))

    def like(self, k: int) -> int:
        """A value of the size of value k, by a linear layer where there is no other."""
        same = [s for s, size in self.sizes.items() if size == self.sizes[k] and s != k]
        if same:
            return int(self.rng.choice(same))
        source = self.some()
        return self.put(layers.Linear(self.sizes[source], self.sizes[k]), source)

    def any_layer(self) -> None:
        kind = self.rng.choice(list(_KINDS))
        k = self.some()
        _KINDS[str(kind)](self, k, self.sizes[k])


def _combine(d: _Drawing, k: int, size: int) -> None:
    operations = ("add", "subtract", "multiply", "minimum", "maximum")
    d.put(graph_layers.Combine(size, str(d.rng.choice(operations))), k, d.like(k))  # type: ignore[arg-type]


def _blend(d: _Drawing, k: int, size: int) -> None:
    """m' = a m + b z: a loop."""
    memory = d.put(graph_layers.Memory(size, len(d.layers) + 3))
    kept = d.put(layers.Affine(size), memory)
    new = d.put(layers.Affine(size), k)
    d.put(graph_layers.Combine(size, "add"), kept, new)


_KINDS: dict[str, Callable[[_Drawing, int, int], object]] = {
    "linear": lambda d, k, n: d.put(layers.Linear(n, int(d.rng.integers(1, 9))), k),
    "gru": lambda d, k, n: d.put(layers.Gru(n, int(d.rng.integers(1, 9))), k),
    "lru": lambda d, k, n: d.put(layers.Lru(n, int(d.rng.integers(1, 9))), k),
    "lru_step": lambda d, k, n: d.put(
        layers.Lru(n, int(d.rng.integers(1, 9)), has_step=True),
        k,
        d.put(graph_layers.Select(n, (0,)), k),
    ),
    "lstm": lambda d, k, n: d.put(layers.Lstm(n, int(d.rng.integers(1, 9))), k),
    "activation": lambda d, k, n: d.put(activation(n, str(d.rng.choice(_SMOOTH))), k),
    "norm": lambda d, k, n: d.put(
        graph_layers.Norm(n, 1e-2, is_centred=bool(d.rng.integers(2))), k
    ),
    "softmax": lambda d, k, n: d.put(layers.Softmax(n), k),
    "concat": lambda d, k, n: d.put(graph_layers.Concat((n, n)), k, d.like(k)),
    "select": lambda d, k, n: d.put(
        graph_layers.Select(n, tuple(d.rng.integers(0, n, 4).tolist())), k
    ),
    "window": lambda d, k, n: d.put(
        graph_layers.Window(n, 3, int(d.rng.integers(1, 3))), k
    ),
    "sum": lambda d, k, n: d.put(graph_layers.Sum(n, 1), k),
    "combine": _combine,
    "blend": _blend,
}


def drawn_graph(seed: int, num_layers: int = 8) -> tuple[ModelSpec, Weights]:
    """A graph with weights; what nothing reads goes into the last two layers."""
    rng = np.random.default_rng(seed)
    d = _Drawing(rng, int(rng.integers(1, 5)))
    while len(d.layers) < num_layers:
        d.any_layer()
    used = {s for read in d.reads for s in read}
    used |= {item.next for item in d.layers if isinstance(item, graph_layers.Memory)}
    loose = [k for k in range(len(d.layers)) if k not in used]
    joined = d.put(graph_layers.Concat(tuple(d.sizes[k] for k in loose)), *loose)
    d.put(layers.Linear(d.sizes[joined], 2), joined)
    return graph_of(d.layers, d.reads, seed, d.sizes[-1])


def graph_of(
    given: list[Layer], reads: list[Reads], seed: int = 0, input_size: int | None = None
) -> tuple[ModelSpec, Weights]:
    """A spec with drawn weights; affines keep about half."""
    size = given[0].input_size if input_size is None else input_size
    spec = ModelSpec(
        tuple(Feature(f"x_{k}") for k in range(size)),
        tuple(Target(f"y_{k}") for k in range(given[-1].output_size)),
        tuple(given),
        wiring=tuple(reads),
    )
    rng = np.random.default_rng(seed)
    drawn = {}
    for name, shape in weight_shapes(spec).items():
        layer = spec.layers[int(name.split(".")[1])]
        fan = getattr(layer, "hidden_size", layer.input_size or 1)
        low, high = -1 / np.sqrt(fan), 1 / np.sqrt(fan)
        if name.endswith("scale"):
            low, high = 0.2, 0.8
        drawn[name] = rng.uniform(low, high, shape)
    return spec, canonical_weights(spec, drawn)


def readings_of(spec: ModelSpec, size: int, seed: int = 1) -> np.ndarray:
    """`[T, I]` model inputs that follow one another."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(size, spec.input_size))
    smooth = steps + np.roll(steps, 1, 0) + np.roll(steps, 2, 0)
    return np.asarray(smooth / 2, dtype=np.float32)


def in_integers(spec: ModelSpec, weights: Weights) -> QuantisedModel:
    """Calibrated on `readings_of`."""
    ranges = measure_ranges(spec, weights, readings_of(spec, 120))
    return quantise(spec, weights, ranges, frozenset())
