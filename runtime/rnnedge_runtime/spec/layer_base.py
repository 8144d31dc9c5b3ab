"""What every kind of layer says of itself; `layers.py` has the kinds."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

Shape: TypeAlias = tuple[int, ...]
Form: TypeAlias = tuple[str, tuple[object, ...]]


class LayerKind:
    """No weights and no state, unless the layer says otherwise.

    Attributes:
        kind: its name in JSON and messages.
        since: the version of the spec that brought it.
        code: its number in section `MODL` of an `.rnne`; 0: that file holds none of it.
        form: the field that tells its forms apart, and its values as `MODL` numbers them.
        not_in_integers: why it has no form in `w8a16.v1` wherever it stands; "" for one.
    """

    __slots__ = ()
    kind: ClassVar[str]
    since: ClassVar[int] = 1
    code: ClassVar[int] = 0
    form: ClassVar[Form] = ("kind", ())
    not_in_integers: ClassVar[str] = ""

    @property
    def variant(self) -> int:
        """Which of the forms of this kind it is, as `MODL` numbers them."""
        field, values = self.form
        return values.index(getattr(self, field)) if values else 0

    @property
    def inner_size(self) -> int:
        """The size in `MODL` beside input and output: hidden values, or rows; 0 for none."""
        return 0

    @property
    def takes_readings(self) -> bool:
        """Whether it takes the model input as it is before the clip."""
        return False

    def weight_shapes(self) -> dict[str, Shape]:
        """Shape of each weight by name, in canonical order."""
        return {}

    def state_shapes(self) -> dict[str, Shape]:
        """Shape of each state tensor by name, in the order of the spec."""
        return {}


class Elementwise(LayerKind):
    """As many values out as in."""

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


class RecurrentLayer(LayerKind):
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
