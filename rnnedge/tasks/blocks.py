"""Blocks that a network is made of between its scalers, and their table in TOML.

    [[layers]]
    block = "conv"
    channels = 8
    taps = 3

    [[layers]]
    block = "cell"
    cell = "gru"
    units = 32
    norm = "layer"
    residual = true

A new block is a class here, its name in `BLOCKS`, and a row of `stacking.STACKING`.
"""

from __future__ import annotations

import dataclasses
import reprlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import (
    FUNCTIONS,
    NUM_PARAMETERS,
    RECURRENT_LAYERS,
    Layer,
    Lru,
    Lstm,
    Rnn,
)

FUSED = {layer.kind: layer for layer in (*RECURRENT_LAYERS, Lru)}
"""Cells that are a layer of their own."""

COMPOSED = (
    "layernorm_gru",
    "layernorm_lstm",
    "peephole_lstm",
    "cifg",
    "gru_reset_before",
    "gru_relu",
    "gru_hard",
    "lstm_hard",
    "cfc",
    "ltc",
)
"""Cells that are a graph of simple layers (`capture/graph/composed_cells.py`)."""

CELLS = (*FUSED, *COMPOSED)
USUAL_LAYERS = {"lru": 2}
"""Cells of which one layer is not enough, as it does not see its own output."""

NormName: TypeAlias = Literal["none", "layer", "rms"]
LARGEST = 2**16
"""Of a number in a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """A causal convolution over time, and a function of each channel.

    Attributes:
        channels: values it gives.
        taps: steps it sees.
        dilation: steps between two of them.
        function: of each channel.
    """

    channels: int
    taps: int
    dilation: int = 1
    function: str = "silu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A recurrent cell.

    Attributes:
        units: H.
        cell: its name.
        proj_size: P of a projected LSTM, 0 for none.
        nonlinearity: of the plain RNN.
        norm: of what it reads.
        residual: add what it reads, before the norm, to what it gives; where the sizes are
            unlike, through a matrix.
    """

    units: int
    cell: str = "gru"
    proj_size: int = 0
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    norm: NormName = "none"
    residual: bool = False

    @property
    def is_fused(self) -> bool:
        """Whether it is one layer."""
        return self.cell in FUSED and self.norm == "none" and not self.residual


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """A matrix with a bias, and a function of each value.

    Attributes:
        units: values it gives.
        function: of each value.
    """

    units: int
    function: str = "relu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Normed:
    """A norm of all values, with a gain and a bias of each.

    Attributes:
        norm: which.
    """

    norm: Literal["layer", "rms"] = "layer"


Block: TypeAlias = Conv | Cell | Dense | Normed
BLOCKS: dict[str, type[Block]] = {
    "conv": Conv,
    "cell": Cell,
    "dense": Dense,
    "norm": Normed,
}
_NAMES = {block: name for name, block in BLOCKS.items()}
_TEXTS = {
    "cell": CELLS,
    "function": ("none", *(f for f in FUNCTIONS if f not in NUM_PARAMETERS)),
}


def fused_cell(block: Cell, input_size: int) -> Layer:
    """The one layer of a cell that has one."""
    kind = FUSED[block.cell]
    if kind is Lstm:
        return Lstm(input_size, block.units, block.proj_size)
    if kind is Rnn:
        return Rnn(input_size, block.units, block.nonlinearity)
    return kind(input_size, block.units)


def read_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a table.

    Args:
        text: TOML, `[[layers]]` and its fields for each block.

    Raises:
        SpecError: not such a table, an unknown block or field, a value it cannot have.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(
            f"train: the table of layers is not TOML: {error}. Mend the file of --layers."
        ) from None
    rows = content.get("layers")
    if set(content) != {"layers"} or not isinstance(rows, list) or not rows:
        raise SpecError(
            f"train: the table of layers has {reprlib.repr(list(content))}, expected "
            "[[layers]] for each block and nothing else. Mend the file of --layers."
        )
    return tuple(_block(row, k) for k, row in enumerate(rows))


def blocks_to_toml(blocks: Sequence[Block]) -> str:
    """The table of `blocks`, every field written."""
    lines = []
    for block in blocks:
        lines += ["[[layers]]", f'block = "{_NAMES[type(block)]}"']
        for field in dataclasses.fields(block):
            value = getattr(block, field.name)
            text = f'"{value}"' if isinstance(value, str) else str(value).lower()
            lines.append(f"{field.name} = {text}")
        lines.append("")
    return "\n".join(lines)


def read_conv(text: str) -> Conv:
    """`CHANNELSxTAPS`, such as 8x3, with `@DILATION` behind it if it has one.

    Raises:
        SpecError: it is not.
    """
    sizes, _, dilation = text.partition("@")
    channels, _, taps = sizes.partition("x")
    try:
        row = {"channels": int(channels), "taps": int(taps)}
        row["dilation"] = int(dilation or 1)
    except ValueError:
        raise SpecError(
            f"train: conv is '{text}', expected CHANNELSxTAPS. Write for example "
            "--conv 8x3, or 8x3@2 for every second step."
        ) from None
    block = _block({"block": "conv", **row}, 0)
    assert isinstance(block, Conv)
    return block


def _block(row: Any, k: int) -> Block:
    where = f"train: layer {k} of the table"
    name = row.get("block") if isinstance(row, dict) else None
    if not isinstance(name, str) or name not in BLOCKS:
        raise SpecError(
            f"{where} has block {reprlib.repr(name)}, expected one of "
            f'{", ".join(BLOCKS)}. Write block = "cell", for example.'
        )
    kind = BLOCKS[name]
    hints = get_type_hints(kind)
    fields = {key: value for key, value in row.items() if key != "block"}
    for key, value in fields.items():
        if key not in hints:
            raise SpecError(
                f"{where} ({name}) has {reprlib.repr(key)}, expected some of "
                f"{', '.join(hints)}. Check the spelling."
            )
        _check_value(f"{where} ({name})", key, value, hints[key])
    needed = [
        f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING
    ]
    absent = [key for key in needed if key not in fields]
    if absent:
        raise SpecError(
            f"{where} ({name}) lacks {', '.join(absent)}. Add a line {absent[0]} = 16."
        )
    return _checked(f"{where} ({name})", kind(**fields))


def _check_value(where: str, key: str, value: object, hint: Any) -> None:
    texts = get_args(hint) if get_origin(hint) is Literal else _TEXTS.get(key)
    if texts is not None:
        expected, is_such = f"one of {', '.join(texts)}", value in texts
    elif hint is bool:
        expected, is_such = "true or false", isinstance(value, bool)
    else:
        least = 0 if key == "proj_size" else 1
        expected = f"an integer from {least} to {LARGEST}"
        is_such = type(value) is int and least <= value <= LARGEST
    if not is_such:
        raise SpecError(
            f"{where} has {key} {reprlib.repr(value)}, expected {expected}. "
            "Choose one of these."
        )


def _checked(where: str, block: Block) -> Block:
    if not isinstance(block, Cell) or not block.proj_size:
        return block
    if block.cell == "lstm" and block.proj_size < block.units:
        return block
    raise SpecError(
        f"{where} has proj_size {block.proj_size} with a {block.cell} of {block.units} "
        "units, expected an lstm of more units. Leave it out."
    )
