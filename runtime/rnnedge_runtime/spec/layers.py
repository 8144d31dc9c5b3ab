"""The layers a ModelSpec is a chain of, on flat vectors.

A layer knows its sizes, the shapes of its weights in PyTorch's layout and gate order
(GRU `r z n`, LSTM `i f g o`) and the state it carries. It does not compute: each engine
does that in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

Shape: TypeAlias = tuple[int, ...]

NUM_GATES: dict[str, int] = {"rnn": 1, "gru": 3, "lstm": 4}


class _Layer:
    """No weights and no state, unless the layer says otherwise."""

    __slots__ = ()

    def weight_shapes(self) -> dict[str, Shape]:
        return {}

    def state_shapes(self) -> dict[str, Shape]:
        return {}


@dataclass(frozen=True, slots=True)
class Affine(_Layer):
    """The scaler: `(z - shift) * scale`, with `inverse` its way back, `z * scale + shift`."""

    kind: ClassVar[str] = "affine"
    size: int
    inverse: bool = False

    @property
    def input_size(self) -> int:
        return self.size

    @property
    def output_size(self) -> int:
        return self.size

    def weight_shapes(self) -> dict[str, Shape]:
        return {"shift": (self.size,), "scale": (self.size,)}


@dataclass(frozen=True, slots=True)
class Embedding(_Layer):
    """Row of a table. Input is one token id; out of range or NaN becomes index 0."""

    kind: ClassVar[str] = "embedding"
    num_embeddings: int
    embedding_dim: int

    @property
    def input_size(self) -> int:
        return 1

    @property
    def output_size(self) -> int:
        return self.embedding_dim

    def weight_shapes(self) -> dict[str, Shape]:
        return {"weight": (self.num_embeddings, self.embedding_dim)}


@dataclass(frozen=True, slots=True)
class Rnn(_Layer):
    """`torch.nn.RNN`, one layer: h' = act(W_ih z + b_ih + W_hh h + b_hh)."""

    kind: ClassVar[str] = "rnn"
    input_size: int
    hidden_size: int
    nonlinearity: Literal["tanh", "relu"] = "tanh"

    @property
    def output_size(self) -> int:
        return self.hidden_size

    def weight_shapes(self) -> dict[str, Shape]:
        return _recurrent_shapes(
            self.kind, self.input_size, self.hidden_size, self.hidden_size
        )

    def state_shapes(self) -> dict[str, Shape]:
        return {"h": (self.hidden_size,)}


@dataclass(frozen=True, slots=True)
class Gru(_Layer):
    """`torch.nn.GRU`, one layer: the reset gate acts after the recurrent product."""

    kind: ClassVar[str] = "gru"
    input_size: int
    hidden_size: int

    @property
    def output_size(self) -> int:
        return self.hidden_size

    def weight_shapes(self) -> dict[str, Shape]:
        return _recurrent_shapes(
            self.kind, self.input_size, self.hidden_size, self.hidden_size
        )

    def state_shapes(self) -> dict[str, Shape]:
        return {"h": (self.hidden_size,)}


@dataclass(frozen=True, slots=True)
class Lstm(_Layer):
    """`torch.nn.LSTM`, one layer; with `proj_size` P > 0, h is projected to P values."""

    kind: ClassVar[str] = "lstm"
    input_size: int
    hidden_size: int
    proj_size: int = 0

    @property
    def output_size(self) -> int:
        return self.proj_size or self.hidden_size

    def weight_shapes(self) -> dict[str, Shape]:
        shapes = _recurrent_shapes(
            self.kind, self.input_size, self.hidden_size, self.output_size
        )
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def state_shapes(self) -> dict[str, Shape]:
        return {"h": (self.output_size,), "c": (self.hidden_size,)}


@dataclass(frozen=True, slots=True)
class Linear(_Layer):
    """`torch.nn.Linear`: W z + b."""

    kind: ClassVar[str] = "linear"
    input_size: int
    output_size: int

    def weight_shapes(self) -> dict[str, Shape]:
        return {
            "weight": (self.output_size, self.input_size),
            "bias": (self.output_size,),
        }


@dataclass(frozen=True, slots=True)
class Activation(_Layer):
    """An elementwise function."""

    kind: ClassVar[str] = "activation"
    size: int
    function: Literal["tanh", "relu", "sigmoid"]

    @property
    def input_size(self) -> int:
        return self.size

    @property
    def output_size(self) -> int:
        return self.size


@dataclass(frozen=True, slots=True)
class Softmax(_Layer):
    """exp(z - max z) normalised to a sum of one."""

    kind: ClassVar[str] = "softmax"
    size: int

    @property
    def input_size(self) -> int:
        return self.size

    @property
    def output_size(self) -> int:
        return self.size


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
    sources: tuple[int, ...]
    is_clipped: bool = True

    @property
    def input_size(self) -> int:
        return len(self.sources)

    @property
    def output_size(self) -> int:
        return len(self.sources)


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
    input_size: int
    sources: tuple[int, ...]

    @property
    def output_size(self) -> int:
        return self.input_size + len(self.sources)

    def weight_shapes(self) -> dict[str, Shape]:
        return {"low": (len(self.sources),), "high": (len(self.sources),)}

    def state_shapes(self) -> dict[str, Shape]:
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
RecurrentLayer: TypeAlias = Rnn | Gru | Lstm

LAYER_KINDS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (
        Affine,
        Embedding,
        Rnn,
        Gru,
        Lstm,
        Linear,
        Activation,
        Softmax,
        AddLast,
        Difference,
        Opaque,
    )
}


def _recurrent_shapes(
    cell: str, input_size: int, hidden_size: int, feedback: int
) -> dict[str, Shape]:
    rows = NUM_GATES[cell] * hidden_size
    return {
        "weight_ih": (rows, input_size),
        "weight_hh": (rows, feedback),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
    }
