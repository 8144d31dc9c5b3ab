"""The layers a ModelSpec is a chain of, on flat vectors.

A layer knows its sizes, the shapes of its weights in PyTorch's layout and gate order
(GRU `r z n`, LSTM `i f g o`) and the state it carries. It does not compute: each engine
and each writer has one function for each kind of layer. What the files hold of a layer
follows from its class: its fields, `code`, `variant` and `inner_size`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

Shape: TypeAlias = tuple[int, ...]

FUNCTIONS = ("tanh", "relu", "sigmoid")
"""Elementwise functions, in the order of their numbers in `MODL`."""


class _Layer:
    """No weights and no state, unless the layer says otherwise.

    Attributes:
        kind: its name in JSON and messages.
        code: its number in section `MODL` of an `.rnne`; 0: that file holds none of it.
        not_in_integers: why it has no form in `w8a16.v1` wherever it stands; "" for one.
    """

    __slots__ = ()
    kind: ClassVar[str]
    code: ClassVar[int] = 0
    not_in_integers: ClassVar[str] = ""

    @property
    def variant(self) -> int:
        """Which of the forms of this kind it is, as `MODL` numbers them."""
        return 0

    @property
    def inner_size(self) -> int:
        """The size in `MODL` beside input and output: hidden values, or rows; 0 for none."""
        return 0

    def weight_shapes(self) -> dict[str, Shape]:
        """Shape of each weight by name, in canonical order."""
        return {}

    def state_shapes(self) -> dict[str, Shape]:
        """Shape of each state tensor by name, in the order of the spec."""
        return {}


class _Elementwise(_Layer):
    __slots__ = ()
    size: int

    @property
    def input_size(self) -> int:
        """Values it takes."""
        return self.size

    @property
    def output_size(self) -> int:
        """Values it gives."""
        return self.size


class RecurrentLayer(_Layer):
    """A cell: the base of all layers with weights on their own state.

    Attributes:
        gates: the function of each gate, in PyTorch's order: a block of `hidden_size` rows
            in its weights.
        onnx_gates: which of them each block of its ONNX node holds.
        blends: whether its new state is a mean of the old one and a candidate. In
            `w8a16.v1` such a state has 24 fraction bits, and the candidate's product with
            the state a bias of its own.
    """

    __slots__ = ()
    gates: ClassVar[tuple[str, ...]]
    onnx_gates: ClassVar[tuple[int, ...]]
    blends: ClassVar[bool] = False
    input_size: int
    hidden_size: int

    @property
    def output_size(self) -> int:
        """Values it gives: those of h."""
        return self.hidden_size

    @property
    def inner_size(self) -> int:
        """`hidden_size`."""
        return self.hidden_size

    @property
    def is_bounded(self) -> bool:
        """Whether every value of h lies between -1 and 1."""
        return True

    def weight_shapes(self) -> dict[str, Shape]:
        """As `torch.nn` names and lays them out, all gates in one tensor."""
        rows = len(self.gates) * self.hidden_size
        return {
            "weight_ih": (rows, self.input_size),
            "weight_hh": (rows, self.output_size),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }

    def state_shapes(self) -> dict[str, Shape]:
        """`h`, its output."""
        return {"h": (self.output_size,)}


@dataclass(frozen=True, slots=True)
class Affine(_Elementwise):
    """The scaler: `(z - shift) * scale`, with `inverse` its way back, `z * scale + shift`."""

    kind: ClassVar[str] = "affine"
    code: ClassVar[int] = 1
    size: int
    inverse: bool = False

    @property
    def variant(self) -> int:
        """1 for the way back."""
        return int(self.inverse)

    def weight_shapes(self) -> dict[str, Shape]:
        """One shift and one scale for each value."""
        return {"shift": (self.size,), "scale": (self.size,)}


@dataclass(frozen=True, slots=True)
class Embedding(_Layer):
    """Row of a table. Input is one token id; out of range or NaN becomes index 0."""

    kind: ClassVar[str] = "embedding"
    code: ClassVar[int] = 2
    num_embeddings: int
    embedding_dim: int

    @property
    def input_size(self) -> int:
        """One: the token id."""
        return 1

    @property
    def output_size(self) -> int:
        """Values of a row."""
        return self.embedding_dim

    @property
    def inner_size(self) -> int:
        """Rows of the table."""
        return self.num_embeddings

    def weight_shapes(self) -> dict[str, Shape]:
        """The table."""
        return {"weight": (self.num_embeddings, self.embedding_dim)}


@dataclass(frozen=True, slots=True)
class Rnn(RecurrentLayer):
    """`torch.nn.RNN`, one layer: h' = act(W_ih z + b_ih + W_hh h + b_hh)."""

    kind: ClassVar[str] = "rnn"
    code: ClassVar[int] = 3
    gates: ClassVar[tuple[str, ...]] = ("tanh",)
    onnx_gates: ClassVar[tuple[int, ...]] = (0,)
    input_size: int
    hidden_size: int
    nonlinearity: Literal["tanh", "relu"] = "tanh"

    @property
    def variant(self) -> int:
        """0 tanh, 1 relu."""
        return FUNCTIONS.index(self.nonlinearity)

    @property
    def is_bounded(self) -> bool:
        """Of tanh."""
        return self.nonlinearity == "tanh"


@dataclass(frozen=True, slots=True)
class Gru(RecurrentLayer):
    """`torch.nn.GRU`, one layer: the reset gate acts after the recurrent product."""

    kind: ClassVar[str] = "gru"
    code: ClassVar[int] = 4
    gates: ClassVar[tuple[str, ...]] = ("sigmoid", "sigmoid", "tanh")
    onnx_gates: ClassVar[tuple[int, ...]] = (1, 0, 2)
    blends: ClassVar[bool] = True
    input_size: int
    hidden_size: int


@dataclass(frozen=True, slots=True)
class Lstm(RecurrentLayer):
    """`torch.nn.LSTM`, one layer; with `proj_size` P > 0, h is projected to P values."""

    kind: ClassVar[str] = "lstm"
    code: ClassVar[int] = 5
    gates: ClassVar[tuple[str, ...]] = ("sigmoid", "sigmoid", "tanh", "sigmoid")
    onnx_gates: ClassVar[tuple[int, ...]] = (0, 3, 1, 2)
    input_size: int
    hidden_size: int
    proj_size: int = 0

    @property
    def output_size(self) -> int:
        """`proj_size`, or without a projection `hidden_size`."""
        return self.proj_size or self.hidden_size

    @property
    def variant(self) -> int:
        """1 with a projection."""
        return int(self.proj_size > 0)

    @property
    def is_bounded(self) -> bool:
        """Without a projection."""
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
class Linear(_Layer):
    """`torch.nn.Linear`: W z + b."""

    kind: ClassVar[str] = "linear"
    code: ClassVar[int] = 6
    input_size: int
    output_size: int

    def weight_shapes(self) -> dict[str, Shape]:
        """As `torch.nn.Linear` has them."""
        return {
            "weight": (self.output_size, self.input_size),
            "bias": (self.output_size,),
        }


@dataclass(frozen=True, slots=True)
class Activation(_Elementwise):
    """An elementwise function."""

    kind: ClassVar[str] = "activation"
    code: ClassVar[int] = 7
    size: int
    function: Literal["tanh", "relu", "sigmoid"]

    @property
    def variant(self) -> int:
        """0 tanh, 1 relu, 2 sigmoid."""
        return FUNCTIONS.index(self.function)


@dataclass(frozen=True, slots=True)
class Softmax(_Elementwise):
    """exp(z - max z) normalised to a sum of one."""

    kind: ClassVar[str] = "softmax"
    code: ClassVar[int] = 8
    not_in_integers: ClassVar[str] = "needs exp and a division"
    size: int


@dataclass(frozen=True, slots=True)
class AddLast(_Layer):
    """z + x[sources]: the model input (held, unscaled) added to each output.

    With it a network learns the change from the last reading, not the level.

    Attributes:
        sources: index of the model input to add to each output.
        is_clipped: add it as the graph clips it. Without, a series may leave its training
            range and its forecasts follow.
    """

    kind: ClassVar[str] = "add_last"
    code: ClassVar[int] = 9
    sources: tuple[int, ...]
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
    def variant(self) -> int:
        """1 for inputs that are not clipped."""
        return int(not self.is_clipped)


@dataclass(frozen=True, slots=True)
class Difference(_Layer):
    """z, then the change of x[sources] since the step before, within `low` and `high`.

    x is the model input, held and not clipped. The change is 0 in the first step. The
    state `d` holds the n readings of the step before, then 1 once there was a step.

    Attributes:
        input_size: values of z.
        sources: indices of the n model inputs whose changes are appended.
    """

    kind: ClassVar[str] = "difference"
    code: ClassVar[int] = 10
    input_size: int
    sources: tuple[int, ...]

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
class Opaque(_Layer):
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
    input_size: int
    output_size: int
    states: tuple[tuple[str, Shape, tuple[float, ...]], ...]
    weights_sha256: str
    reason: str

    def state_shapes(self) -> dict[str, Shape]:
        """Those of `states`."""
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
)
LAYER_KINDS: dict[str, type[Layer]] = {layer.kind: layer for layer in get_args(Layer)}
RECURRENT_LAYERS = tuple(
    layer for layer in LAYER_KINDS.values() if issubclass(layer, RecurrentLayer)
)
