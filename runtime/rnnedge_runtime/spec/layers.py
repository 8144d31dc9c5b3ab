"""The layers a ModelSpec is made of, on flat vectors.

A layer knows its sizes, the shapes of its weights in PyTorch's layout and gate order
(GRU `r z n`, LSTM `i f g o`) and the state it carries. It does not compute: each engine
and each writer has one function for each kind of layer. What the files hold of a layer
follows from its class: its fields, whose type says what JSON may give them (`spec_json`),
`since`, `code`, `form` and `inner_size`. A new kind is a class here and its name in `Layer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from .diagonal_layers import Lru as Lru
from .graph_layers import Combine as Combine
from .graph_layers import Concat as Concat
from .graph_layers import Constant as Constant
from .graph_layers import Depthwise as Depthwise
from .graph_layers import Memory as Memory
from .graph_layers import Norm as Norm
from .graph_layers import Select as Select
from .graph_layers import Sum as Sum
from .graph_layers import Window as Window
from .layer_base import Elementwise, Form, LayerKind, Size, Start
from .layer_base import RecurrentLayer as RecurrentLayer
from .layer_base import Shape as Shape

Sources: TypeAlias = tuple[int, ...]
States: TypeAlias = tuple[tuple[str, Shape, tuple[float, ...]], ...]
Parameters: TypeAlias = tuple[float, ...]
Nonlinearity: TypeAlias = Literal["tanh", "relu"]
Function: TypeAlias = Literal[
    "tanh",
    "relu",
    "sigmoid",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "softplus",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "softsign",
    "exp",
    "log",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "abs",
    "erf",
    "step",
    "floor",
    "sin",
    "cos",
]

FUNCTIONS: tuple[str, ...] = get_args(Function)
"""Elementwise functions, in the order of their numbers in `MODL`."""

NUM_FIRST_FUNCTIONS = 3
"""Those that version 1 of the spec has."""

NUM_PARAMETERS = {"leaky_relu": 1, "elu": 1, "softplus": 2, "hardtanh": 2}
"""Of the functions that have some."""


@dataclass(frozen=True, slots=True)
class Affine(Elementwise):
    """The scaler: `(z - shift) * scale`, with `inverse` its way back, `z * scale + shift`."""

    kind: ClassVar[str] = "affine"
    code: ClassVar[int] = 1
    takes_raw: ClassVar[bool] = True
    form: ClassVar[Form] = ("inverse", (False, True))
    size: Size
    inverse: bool = False

    def weight_shapes(self) -> dict[str, Shape]:
        """One shift and one scale for each value."""
        return {"shift": (self.size,), "scale": (self.size,)}


@dataclass(frozen=True, slots=True)
class Embedding(LayerKind):
    """Row of a table. Input is one token id; out of range or NaN becomes index 0."""

    kind: ClassVar[str] = "embedding"
    code: ClassVar[int] = 2
    takes_raw: ClassVar[bool] = True
    input_size: ClassVar[int] = 1
    num_embeddings: Size
    embedding_dim: Size

    @property
    def output_size(self) -> int:
        """Values of a row."""
        return self.embedding_dim

    @property
    def inner_size(self) -> int:
        return self.num_embeddings

    def weight_shapes(self) -> dict[str, Shape]:
        return {"weight": (self.num_embeddings, self.embedding_dim)}


@dataclass(frozen=True, slots=True)
class Rnn(RecurrentLayer):
    """`torch.nn.RNN`, one layer: h' = act(W_ih z + b_ih + W_hh h + b_hh)."""

    kind: ClassVar[str] = "rnn"
    code: ClassVar[int] = 3
    gates: ClassVar[tuple[str, ...]] = ("tanh",)
    onnx_gates: ClassVar[tuple[int, ...]] = (0,)
    form: ClassVar[Form] = ("nonlinearity", FUNCTIONS)
    input_size: Size
    hidden_size: Size
    nonlinearity: Nonlinearity = "tanh"
    start: Start = ()

    @property
    def is_bounded(self) -> bool:
        return self.nonlinearity == "tanh"


@dataclass(frozen=True, slots=True)
class Gru(RecurrentLayer):
    """`torch.nn.GRU`, one layer: the reset gate acts after the recurrent product."""

    kind: ClassVar[str] = "gru"
    code: ClassVar[int] = 4
    gates: ClassVar[tuple[str, ...]] = ("sigmoid", "sigmoid", "tanh")
    onnx_gates: ClassVar[tuple[int, ...]] = (1, 0, 2)
    blends: ClassVar[bool] = True
    input_size: Size
    hidden_size: Size
    start: Start = ()


@dataclass(frozen=True, slots=True)
class Lstm(RecurrentLayer):
    """`torch.nn.LSTM`, one layer; with `proj_size` P > 0, h is projected to P values."""

    kind: ClassVar[str] = "lstm"
    code: ClassVar[int] = 5
    gates: ClassVar[tuple[str, ...]] = ("sigmoid", "sigmoid", "tanh", "sigmoid")
    onnx_gates: ClassVar[tuple[int, ...]] = (0, 3, 1, 2)
    input_size: Size
    hidden_size: Size
    proj_size: int = 0
    start: Start = ()

    @property
    def output_size(self) -> int:
        return self.proj_size or self.hidden_size

    @property
    def variant(self) -> int:
        """1 with a projection."""
        return int(self.proj_size > 0)

    @property
    def is_bounded(self) -> bool:
        return not self.proj_size

    def weight_shapes(self) -> dict[str, Shape]:
        """With a projection its weight comes last."""
        shapes = RecurrentLayer.weight_shapes(self)
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def state_shapes(self) -> dict[str, Shape]:
        """`h`, its output, and the cell state `c`."""
        return {"h": (self.output_size,), "c": (self.hidden_size,)}


@dataclass(frozen=True, slots=True)
class Linear(LayerKind):
    """`torch.nn.Linear`: W z + b; of `positions` parts of z, each by itself."""

    kind: ClassVar[str] = "linear"
    code: ClassVar[int] = 6
    input_size: Size
    output_size: Size
    positions: Size = 1

    @property
    def inner_size(self) -> int:
        """The positions, where there are more than one."""
        return self.positions if self.positions > 1 else 0

    def fault(self) -> str:
        if self.input_size % self.positions or self.output_size % self.positions:
            return (
                f"has {self.positions} positions of unlike size. Make the parts equal."
            )
        return ""

    def weight_shapes(self) -> dict[str, Shape]:
        return {
            "weight": (
                self.output_size // self.positions,
                self.input_size // self.positions,
            ),
            "bias": (self.output_size // self.positions,),
        }


@dataclass(frozen=True, slots=True)
class Activation(Elementwise):
    """An elementwise function (docs/numerics.md, "Functions").

    Attributes:
        parameters: of the function: a slope, alpha, beta and threshold, low and high.
    """

    kind: ClassVar[str] = "activation"
    code: ClassVar[int] = 7
    form: ClassVar[Form] = ("function", FUNCTIONS)
    size: Size
    function: Function
    parameters: Parameters = ()

    @property
    def needs_version(self) -> int:
        """3 for all but the first functions."""
        return 1 if self.variant < NUM_FIRST_FUNCTIONS else 3

    @property
    def words(self) -> tuple[int | float, ...]:
        return self.parameters

    def fault(self) -> str:
        expected = NUM_PARAMETERS.get(self.function, 0)
        if len(self.parameters) == expected:
            return ""
        return (
            f"has {len(self.parameters)} parameters, {self.function} takes {expected}. Give "
            "as many."
        )


@dataclass(frozen=True, slots=True)
class Softmax(Elementwise):
    """exp(z - max z) normalised to a sum of one, or its logarithm; of each of `groups`."""

    kind: ClassVar[str] = "softmax"
    code: ClassVar[int] = 8
    not_in_integers: ClassVar[str] = "needs exp and a division"
    form: ClassVar[Form] = ("is_log", (False, True))
    size: Size
    groups: Size = 1
    is_log: bool = False

    @property
    def inner_size(self) -> int:
        """The groups, where there are more than one."""
        return self.groups if self.groups > 1 else 0

    def fault(self) -> str:
        if self.size % self.groups:
            return f"has {self.groups} groups of {self.size} values. Make them equal."
        return ""


@dataclass(frozen=True, slots=True)
class AddLast(LayerKind):
    """z + x[sources]: the model input (held, unscaled) added to each output.

    With it a network learns the change from the last reading, not the level.

    Attributes:
        sources: index of the model input to add to each output.
        is_clipped: add it as the graph clips it. Without, a series may leave its training
            range and its forecasts follow.
    """

    kind: ClassVar[str] = "add_last"
    code: ClassVar[int] = 9
    form: ClassVar[Form] = ("is_clipped", (True, False))
    sources: Sources
    is_clipped: bool = True

    @property
    def input_size(self) -> int:
        """One value for each source."""
        return len(self.sources)

    @property
    def output_size(self) -> int:
        """As many as it takes."""
        return len(self.sources)

    @property
    def takes_readings(self) -> bool:
        return not self.is_clipped


@dataclass(frozen=True, slots=True)
class Difference(LayerKind):
    """z, then the change of x[sources] since the step before, within `low` and `high`.

    x is the model input, held and not clipped. The change is 0 in the first step. The
    state `d` holds the n readings of the step before, then 1 once there was a step.

    Attributes:
        input_size: values of z.
        sources: indices of the n model inputs whose changes are appended.
    """

    kind: ClassVar[str] = "difference"
    since: ClassVar[int] = 2
    code: ClassVar[int] = 10
    input_size: Size
    sources: Sources

    @property
    def takes_readings(self) -> bool:
        return True

    @property
    def output_size(self) -> int:
        """The values of z and the changes."""
        return self.input_size + len(self.sources)

    def weight_shapes(self) -> dict[str, Shape]:
        """The limits of each change."""
        return {"low": (len(self.sources),), "high": (len(self.sources),)}

    def state_shapes(self) -> dict[str, Shape]:
        """`d`: the readings of the step before, and whether there was one."""
        return {"d": (len(self.sources) + 1,)}


@dataclass(frozen=True, slots=True)
class Opaque(LayerKind):
    """A graph we carry but cannot read: a module that none of the layers above expresses.

    Only the `onnx` and `torchscript` backends run it, one step and one stream at a time.

    Attributes:
        states: (name, shape, initial values or () for zeros) in the order of the graph; the
            shape is the module's own, batch axis of one included.
        weights_sha256: SHA-256 of the module's parameters and buffers, so that the digest
            identifies the model.
        reason: the first operation that keeps the module from becoming a chain of layers.
    """

    kind: ClassVar[str] = "opaque"
    input_size: Size
    output_size: Size
    states: States
    weights_sha256: str
    reason: str

    def state_shapes(self) -> dict[str, Shape]:
        return {name: shape for name, shape, _ in self.states}


Layer: TypeAlias = (
    Affine
    | Embedding
    | Rnn
    | Gru
    | Lstm
    | Linear
    | Activation
    | Softmax
    | AddLast
    | Difference
    | Opaque
    | Combine
    | Concat
    | Select
    | Memory
    | Window
    | Norm
    | Sum
    | Depthwise
    | Constant
    | Lru
)
LAYER_KINDS: dict[str, type[Layer]] = {layer.kind: layer for layer in get_args(Layer)}
RECURRENT_LAYERS = tuple(
    layer for layer in LAYER_KINDS.values() if issubclass(layer, RecurrentLayer)
)
