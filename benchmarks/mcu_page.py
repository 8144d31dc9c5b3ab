"""docs/mcu.md, from measurements of our models and the figures of others."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnedge_export.boards.estimating import work_of
from rnnedge_export.boards.measuring import Measurement

from .mcu_graphs import GRAPH_SETTINGS
from .mcu_models import (
    CELL_SETTINGS,
    INT8,
    WHOLE_SETTINGS,
    Measured,
    Subject,
    tools,
)

Row = Sequence[str]
SIZES = (16, 32, 64)
RECOUNTED = (
    "Where compiler and emulator are installed, the tests count hidden size 32 at `-O2` "
    "again on every board of the first table (LSTM, GRU and RNN in float32, LSTM in int8) "
    "and allow 1 % more. Of the other counts, only those of the LSTM are tested, against "
    "our goals; all others are from the last run of this command."
)

GRAPHS = (
    "A denoiser of 16 bands: a convolution over 3 steps, a LayerNorm, a GRU of 32 with a "
    "residual around it, and two heads (`benchmarks/mcu_graphs.py`). Values that are needed "
    "at different times share memory; parts of a `concat`, what a window takes and the next "
    "value of a memory are written where they belong. A window moves on by one step instead "
    "of turning as a ring, so that a product reads it in one piece: on the Cortex-M4F 57 of "
    "28,118 instructions do that (int8: 41 of 21,946), of a window of 16 steps 359 of "
    "43,813 (411 of 31,080). An int8 graph has floats at its border alone: readings are "
    "held in float, converted to int16, and outputs back. Estimates for machines without "
    "compilers are within 20 % of these figures (float32 on aarch64: 27 %), and give RAM to "
    "the byte."
)


def write_page(
    path: Path,
    found: Measured,
    subjects: Sequence[Subject],
    models: Sequence[Subject],
    graphs: Sequence[Subject],
) -> None:
    """Write the tables.

    Args:
        path: the page.
        found: every bare cell in `CELL_SETTINGS`, every whole model in `WHOLE_SETTINGS`.
        subjects: the bare cells.
        models: the whole models.
        graphs: nets that are no chain, in `GRAPH_SETTINGS`.
    """
    parts = [
        "# On microcontrollers",
        "Written by `python -m benchmarks.mcu`: models exported as C, compiled and run in "
        "emulators. The counts depend on the compilers (below), not on the machine that "
        "counts. They are "
        "instructions, not cycles: how many cycles an instruction takes depends on the chip. "
        + RECOUNTED,
        "## One step of a bare cell",
        "One recurrent layer with four inputs, without scaler and head, in float32 (`f32.v1`) "
        "and in integers (`w8a16.v1`: int8 weights, int16 state; `NAME_step_q`). Each gives "
        "the same bytes on all of these processors. Instructions are those of the longest of "
        "twenty steps; without a floating-point unit they depend on the data. Flash is what a "
        "firmware grows by (reset and step called, `--gc-sections`), RAM is the state of one "
        "stream.",
        _cell_table(found, subjects),
        "## Other software",
        "An LSTM of one layer with four inputs. We measured it in the same way, with the flags "
        "shown; the command does not measure these rows again. `-ffast-math` and `-Ofast` give "
        "up equal bytes. The others take sizes at run time; ours are known to the compiler. "
        "Flash, RAM and stack are for hidden size 32.",
        "Cortex-M4F:",
        _peer_table(CORTEX_M4F),
        "Cortex-M55:",
        _peer_table(CORTEX_M55),
        "No float unit:",
        _peer_table(SOFT_FLOAT),
        "onnx2c and CMSIS-NN have no GRU, CMSIS-NN no plain RNN.",
        "## A whole model",
        f"The network of `rnnedge demo` ({_chain(models[0])}), complete with scaler, held "
        "readings, derived inputs and head.",
        _whole_table(found, models),
        "## A graph",
        GRAPHS,
        _graph_table(found, graphs),
        "## How it is counted",
        "`rnnedge devices` lists the boards. On Cortex-M the SysTick timer counts in QEMU's "
        "virtual time (`-icount shift=7`: 128 ns an instruction, exact to one instruction), on "
        "RISC-V `minstret` counts, for Linux a plugin of QEMU. The cost of an empty call is "
        "subtracted. For the stack, the memory below it is filled before the step and searched "
        "after it. `rnnedge inspect model.c --board cortex-m4f` measures your model like this.",
        "\n".join(f"* `{tool}`" for tool in tools()),
    ]
    path.write_text(page_text(parts), encoding="utf-8")


def page_text(parts: Sequence[str]) -> str:
    """Parts of a page with a blank line between them, their prose at 120 columns."""
    lines = [part if part[0] in "#|!*" else textwrap.fill(part, 120) for part in parts]
    return "\n\n".join(lines) + "\n"


def _cell_table(found: Measured, subjects: Sequence[Subject]) -> str:
    by_name = {subject.name: subject for subject in subjects}
    kinds = dict.fromkeys(subject.name.rpartition(" ")[0] for subject in subjects)
    header = ["board", "cell", *(f"H = {size}" for size in SIZES)]
    header += ["per multiply-add, 64", "flash, 32", "RAM, 32", "stack, 32"]
    rows = []
    for setting, kind in itertools.product(CELL_SETTINGS, kinds):
        sizes = [found[setting.name, f"{kind} {size}"] for size in SIZES]
        counts = [_number(item.max_instructions) for item in sizes]
        per_one = _per_multiply_add(sizes[-1], by_name[f"{kind} {SIZES[-1]}"])
        rows.append([setting.name, kind, *counts, per_one, *_bytes(sizes[1])])
    return table(header, rows, num_texts=2)


def _whole_table(found: Measured, models: Sequence[Subject]) -> str:
    header = ["board", "", "instructions", "per multiply-add", "flash", "RAM", "stack"]
    rows = []
    for setting, model in itertools.product(WHOLE_SETTINGS, models):
        item = found[setting.name, model.name]
        kind = model.name.removeprefix("demo").strip() or "float32"
        counts = [_number(item.max_instructions), _per_multiply_add(item, model)]
        rows.append([setting.name, kind, *counts, *_bytes(item)])
    return table(header, rows, num_texts=2)


def _graph_table(found: Measured, graphs: Sequence[Subject]) -> str:
    header = ["board", "", "instructions", "flash", "RAM", "stack"]
    rows = []
    for setting, subject in itertools.product(GRAPH_SETTINGS, graphs):
        item = found[setting.name, subject.name]
        kind = INT8.strip() if INT8 in subject.name else "float32"
        count = _number(item.max_instructions)
        rows.append([setting.name, kind, count, *_bytes(item)])
    return table(header, rows, num_texts=2)


def _peer_table(peers: Sequence[Peer]) -> str:
    header = ["", "flags", "H = 16", "H = 32", "H = 64", "flash kB", "RAM", "stack"]
    rows = [
        [
            peer.name,
            f"`{peer.flags}`",
            *map(_number, peer.instructions),
            "" if peer.flash_kb is None else f"{peer.flash_kb:.1f}",
            _number(peer.ram_nbytes),
            _number(peer.stack_nbytes),
        ]
        for peer in peers
    ]
    return table(header, rows, num_texts=2)


def _bytes(found: Measurement) -> list[str]:
    return [*map(_number, (found.flash_nbytes, found.ram_nbytes, found.stack_nbytes))]


def _per_multiply_add(found: Measurement, subject: Subject) -> str:
    if found.max_instructions is None:
        return ""
    return f"{found.max_instructions / work_of(subject.spec).multiply_adds:.2f}"


def _chain(model: Subject) -> str:
    return ", ".join(
        f"{layer.kind} {layer.input_size} -> {layer.output_size}"
        for layer in model.spec.layers
    )


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def table(header: Row, rows: Sequence[Row], *, num_texts: int = 1) -> str:
    """A table of Markdown, the columns behind the first `num_texts` to the right."""
    rule = ["---"] * num_texts + ["---:"] * (len(header) - num_texts)
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *rows])


@dataclass(frozen=True, slots=True)
class Peer:
    """One row: instructions of a step at hidden 16, 32, 64, bytes at hidden 32."""

    name: str
    flags: str
    instructions: tuple[int | None, int | None, int | None]
    flash_kb: float | None = None
    ram_nbytes: int | None = None
    stack_nbytes: int | None = None


CORTEX_M4F = (
    Peer("CMSIS-NN f32", "gcc -Ofast", (12_770, 35_745, 112_350), 22.3, 400, 188),
    Peer("onnx2c", "gcc -O3 -ffast-math", (9_377, 27_819, 84_263), 21.9, 620, 712),
    Peer(
        "RTNeural", "gcc -O3 -ffast-math", (9_010, 34_765, 109_702), 23.7, 20_536, 176
    ),
    Peer("keras2c", "gcc -O3", (17_130, 47_600, 151_529), 21.6, 1_488, 244),
    Peer(
        "CMSIS-NN s8, 8-bit state",
        "gcc -Ofast",
        (13_050, 28_273, 70_212),
        10.0,
        496,
        644,
    ),
    Peer(
        "CMSIS-NN s16, 16-bit state",
        "gcc -Ofast",
        (None, 33_297, 84_200),
        10.8,
        560,
        676,
    ),
)
CORTEX_M55 = (
    Peer("CMSIS-NN f32", "clang -Ofast", (7_380, 16_653, 41_257)),
    Peer("onnx2c", "clang -O3 -ffast-math", (None, 15_951, 38_208)),
    Peer("RTNeural", "gcc -O3 -ffast-math", (8_112, 17_338, 46_880)),
    Peer("CMSIS-NN s8, 8-bit state", "clang -Ofast", (5_786, 10_270, 20_174)),
    Peer("CMSIS-NN s16, 16-bit state", "gcc -Ofast", (None, 21_572, 47_440)),
)
SOFT_FLOAT = (
    Peer("onnx2c on Cortex-M3", "gcc -O2", (None, 633_000, 1_990_000)),
    Peer("CMSIS-NN s8 on Cortex-M3", "gcc -Ofast", (None, 35_000, 91_400)),
    Peer("CMSIS-NN s8 on Cortex-M0+", "gcc -Ofast", (None, 77_800, 198_000)),
)
