"""docs/mcu.md, from measurements of our models and the figures of others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from rnnedge_export.boards.estimating import work_of
from rnnedge_export.boards.measuring import Measurement

from .mcu_models import Subject
from .mcu_peers import CORTEX_M4F, CORTEX_M55, SOFT_FLOAT, Peer
from .mcu_settings import Measured, Setting

Row = Sequence[str]
SIZES = (16, 32, 64)
RECOUNTED = (
    "Where compiler and emulator are installed, the tests count hidden size 32 at `-O2` "
    "again on every board of the first table (LSTM, GRU and RNN in float32, LSTM in int8) "
    "and allow 1 % more. Of the other counts, only those of the LSTM are tested, against "
    "our goals; all others are from the last run of this command."
)


def write_page(
    path: Path,
    *,
    cells: Measured,
    whole: Measured,
    settings: Sequence[Setting],
    whole_settings: Sequence[Setting],
    subjects: Sequence[Subject],
    models: Sequence[Subject],
    tools: Sequence[str],
    command: str,
) -> None:
    """Write the tables."""
    parts = [
        "# On microcontrollers",
        f"Written by `{command}`: models exported as C, compiled and run in emulators. The "
        "counts depend on the compilers (below), not on the machine that counts. They are "
        "instructions, not cycles: how many cycles an instruction takes depends on the chip. "
        + RECOUNTED,
        "## One step of a bare cell",
        "One recurrent layer with four inputs, without scaler and head, in float32 (`f32.v1`) "
        "and in integers (`w8a16.v1`: int8 weights, int16 state; `NAME_step_q`). Each gives "
        "the same bytes on all of these processors. Instructions are those of the longest of "
        "twenty steps; without a floating-point unit they depend on the data. Flash is what a "
        "firmware grows by (reset and step called, `--gc-sections`), RAM is the state of one "
        "stream.",
        _cell_table(cells, settings, subjects),
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
        _whole_table(whole, whole_settings, models),
        "## How it is counted",
        "`rnnedge devices` lists the boards. On Cortex-M the SysTick timer counts in QEMU's "
        "virtual time (`-icount shift=7`: 128 ns an instruction, exact to one instruction), on "
        "RISC-V `minstret` counts, for Linux a plugin of QEMU. The cost of an empty call is "
        "subtracted. For the stack, the memory below it is filled before the step and searched "
        "after it. `rnnedge inspect model.c --board cortex-m4f` measures your model like this.",
        "\n".join(f"* `{tool}`" for tool in tools),
    ]
    path.write_text(page_text(parts), encoding="utf-8")


def page_text(parts: Sequence[str]) -> str:
    """Parts of a page with a blank line between them, their prose at 120 columns."""
    lines = [part if part[0] in "#|!*" else textwrap.fill(part, 120) for part in parts]
    return "\n\n".join(lines) + "\n"


def _cell_table(
    cells: Measured, settings: Sequence[Setting], subjects: Sequence[Subject]
) -> str:
    by_name = {subject.name: subject for subject in subjects}
    kinds = dict.fromkeys(subject.name.rpartition(" ")[0] for subject in subjects)
    header = ["board", "cell", *(f"H = {size}" for size in SIZES)]
    header += ["per multiply-add, 64", "flash, 32", "RAM, 32", "stack, 32"]
    rows = []
    for setting in settings:
        for kind in kinds:
            found = [cells[setting.name, f"{kind} {size}"] for size in SIZES]
            rows.append(
                [
                    setting.name,
                    kind,
                    *(_number(item.max_instructions) for item in found),
                    _per_multiply_add(found[-1], by_name[f"{kind} {SIZES[-1]}"]),
                    *_bytes(found[1]),
                ]
            )
    return _table(header, rows, num_texts=2)


def _whole_table(
    whole: Measured, settings: Sequence[Setting], models: Sequence[Subject]
) -> str:
    header = ["board", "", "instructions", "per multiply-add", "flash", "RAM", "stack"]
    rows = []
    for setting in settings:
        for model in models:
            found = whole[setting.name, model.name]
            rows.append(
                [
                    setting.name,
                    model.name.removeprefix("demo").strip() or "float32",
                    _number(found.max_instructions),
                    _per_multiply_add(found, model),
                    *_bytes(found),
                ]
            )
    return _table(header, rows, num_texts=2)


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
    return _table(header, rows, num_texts=2)


def _bytes(found: Measurement) -> list[str]:
    return [
        _number(found.flash_nbytes),
        _number(found.ram_nbytes),
        _number(found.stack_nbytes),
    ]


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


def _table(header: Row, rows: Sequence[Row], *, num_texts: int) -> str:
    rule = ["---"] * num_texts + ["---:"] * (len(header) - num_texts)
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *rows])
