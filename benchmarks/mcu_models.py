"""What is measured for docs/mcu.md: models as C source, on boards, by compilers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_export.boards.board import Board
from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.measuring import Measurement, measure
from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.c.source import CSource
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_export.tools.calling import version
from rnnedge_runtime.formats.metadata import Golden
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.tolerances import GOLDEN_STEPS

from .networks import Network, described, drawn_weights

INPUT_SIZE = 4
INT8 = " int8"
COUNTED_STEPS = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to measure.

    Attributes:
        name: as in the tables.
        spec: its layers.
        source: its C source.
        x: `[COUNTED_STEPS, I]` rows to count on.
    """

    name: str
    spec: ModelSpec
    source: CSource
    x: NDArray[np.float32]


def bare_cell(
    cell: str,
    hidden_size: int,
    *,
    num_layers: int = 1,
    is_integer: bool = False,
) -> Subject:
    """Recurrent layers of four inputs: no scaler, no head."""
    network = Network(cell, INPUT_SIZE, hidden_size, num_layers)
    spec = network.spec()
    name = f"{cell.lower()}_{hidden_size}_{num_layers}"
    x = np.random.default_rng(0).uniform(-2, 2, (COUNTED_STEPS, INPUT_SIZE))
    title = f"{cell}{INT8 if is_integer else ''} {hidden_size}"
    return _subject(title, name, spec, x, is_integer=is_integer)


def demo_model(*, is_integer: bool = False) -> Subject:
    """The network of `rnnedge demo` with drawn weights: its cost is that of the trained one."""
    from rnnedge.data.tables.loading import load_dataset
    from rnnedge.datasets import weather
    from rnnedge.tasks.config import TrainConfig
    from rnnedge.tasks.forecast.preparing import prepare

    dataset = load_dataset(weather("jfk"), targets=("temp_c",))
    prepared = prepare(dataset, TrainConfig(horizon=6))
    x = prepared.series[0].x[:COUNTED_STEPS]
    title = f"demo{INT8 if is_integer else ''}"
    given = dict(prepared.affine_weights)
    return _subject(title, "demo", prepared.spec, x, given, is_integer=is_integer)


def drawn_subject(
    title: str, name: str, spec: ModelSpec, *, is_integer: bool = False
) -> Subject:
    """Any model, on drawn readings."""
    x = np.random.default_rng(0).uniform(-2, 2, (COUNTED_STEPS, spec.input_size))
    return _subject(title, name, spec, x, is_integer=is_integer)


def _subject(
    title: str,
    name: str,
    spec: ModelSpec,
    x: NDArray[np.floating],
    given: Weights | None = None,
    *,
    is_integer: bool = False,
) -> Subject:
    rows = np.ascontiguousarray(x, np.float32)
    weights = drawn_weights(spec, given)
    recorded = np.resize(rows, (GOLDEN_STEPS, spec.input_size))
    blank = np.zeros((GOLDEN_STEPS, spec.output_size), np.float32)
    metadata = described(spec, weights, Golden(recorded, blank))
    if is_integer:
        ranges = measure_ranges(spec, weights, recorded)
        model = quantise(spec, weights, ranges, frozenset())
        source = generate_source(metadata, model, f"{name}_int8")
    else:
        source = generate_source(metadata, weights, name)
    return Subject(title, spec, source, rows)


@dataclass(frozen=True, slots=True)
class Setting:
    """A board, a compiler and its level of optimisation.

    Attributes:
        board: its name.
        compiler: `clang-14`; None for the board's gcc.
        level: `-O2` and such.
    """

    board: str
    compiler: str | None = None
    level: str = "-O2"

    @property
    def name(self) -> str:
        """As in the tables and in the file of counts."""
        own = "gcc" if self.target.compiler.endswith("gcc") else self.target.compiler
        return f"{self.board} {self.compiler or own} {self.level}"

    @property
    def target(self) -> Board:
        return BOARDS[self.board]

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of the model's file."""
        return "-std=c99", self.level


CELL_SETTINGS = (
    Setting("cortex-m4f"),
    Setting("cortex-m4f", level="-O3"),
    Setting("cortex-m4f", level="-Os"),
    Setting("cortex-m7"),
    Setting("cortex-m33"),
    Setting("cortex-m55"),
    Setting("cortex-m55", "clang-14"),
    Setting("cortex-m3"),
    Setting("cortex-m0plus"),
    Setting("rv32imafc"),
    Setting("rv32imac"),
    Setting("aarch64"),
    Setting("armv6"),
)
WHOLE_SETTINGS = tuple(Setting(name) for name in BOARDS if name != "microbit")

Measured = dict[tuple[str, str], Measurement]
"""Measurements by the names of setting and subject."""


def measure_all(
    settings: Sequence[Setting],
    subjects: Sequence[Subject],
    say: Callable[[str], None],
) -> Measured:
    """Every subject in every setting.

    Raises:
        MissingDependencyError: a compiler or emulator is not on this machine.
    """
    found: Measured = {}
    for setting in settings:
        say(setting.name)
        for subject in subjects:
            found[setting.name, subject.name] = measure(
                setting.target,
                subject.source,
                subject.x,
                model_flags=setting.flags,
                compiler=setting.compiler,
            )
    return found


def tools() -> list[str]:
    """Versions of every compiler and emulator used."""
    names = [command for board in BOARDS.values() for command in board.commands]
    names = [name for name in dict.fromkeys(names) if name != "wasm-ld-14"]
    return [f"{name}: {version(name)}" for name in names]
