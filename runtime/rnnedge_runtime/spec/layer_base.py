"""What every kind of layer says of itself; `layers.py` has the kinds."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

Shape: TypeAlias = tuple[int, ...]
Size: TypeAlias = int
Start: TypeAlias = tuple[float, ...]
Form: TypeAlias = tuple[str, tuple[object, ...]]


def start_fault(start: Start, size: int) -> str:
    """What is wrong with the first values of a state of `size`; "" for nothing."""
    if len(start) in (0, size):
        return ""
    return f"has {len(start)} start values for a state of {size}. Give all, or none."


class LayerKind:
    """No weights and no state, unless the layer says otherwise.

    Attributes:
        kind: its name in JSON and messages.
        since: the version of the spec that brought it.
        code: its number in section `MODL` of an `.rnne`; 0: that file holds none of it.
        form: the field that tells its forms apart, and its values as `MODL` numbers them.
        not_in_integers: why it has no form in `w8a16.v1` wherever it stands in a chain; ""
            for one.
        takes_raw: whether it takes model inputs as they are, not flushed.
    """

    __slots__ = ()
    kind: ClassVar[str]
    since: ClassVar[int] = 1
    code: ClassVar[int] = 0
    form: ClassVar[Form] = ("kind", ())
    not_in_integers: ClassVar[str] = ""
    takes_raw: ClassVar[bool] = False

    @property
    def input_sizes(self) -> tuple[int, ...]:
        """The size of each value it reads."""
        return (self.input_size,)  # type: ignore[attr-defined]  # of every kind

    @property
    def words(self) -> tuple[int | float, ...]:
        """What `MODL` holds of it besides, since version 2 of `.rnne`: integers and floats."""
        return ()

    @property
    def needs_version(self) -> int:
        """The version of the spec that holds it, its fields aside: `since`, or a later one."""
        return self.since

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

    def start_of(self, name: str) -> tuple[float, ...]:
        """Values of a state tensor before the first step; () for zeros."""
        return ()

    def fault(self) -> str:
        """What is wrong with its own fields, for people; "" for nothing."""
        return ""


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
        start: values of its state before the first step, tensor after tensor; () for zeros.
    """

    __slots__ = ()
    gates: ClassVar[tuple[str, ...]]
    onnx_gates: ClassVar[tuple[int, ...]]
    blends: ClassVar[bool] = False
    input_size: int
    hidden_size: int
    start: tuple[float, ...]

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

    def start_of(self, name: str) -> tuple[float, ...]:
        """From `start`, in which the tensors follow one another."""
        at = 0
        for known, shape in self.state_shapes().items():
            if known == name:
                return self.start[at : at + shape[0]]
            at += shape[0]
        return ()

    @property
    def words(self) -> tuple[int | float, ...]:
        """`start`."""
        return self.start

    def fault(self) -> str:
        """Whether `start` has a value for each of its state."""
        return start_fault(self.start, sum(s[0] for s in self.state_shapes().values()))
