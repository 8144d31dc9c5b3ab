"""The boards. Machines and clocks are those of Debian 12's QEMU 7.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rnnedge_runtime.errors import SpecError

from .board import Board, Memory, require_tools

ALL = "all"
_KB = 1024
_MB = 1024 * _KB


class _Machine(NamedTuple):
    """A machine without an operating system, what emulates it and compiles for it."""

    compiler: str
    emulator: str
    memory: Memory
    systick_hz: int = 0


def _arm(name: str, memory: Memory, systick_hz: int) -> _Machine:
    emulator = f"qemu-system-arm -M {name}"
    return _Machine("arm-none-eabi-gcc", emulator, memory, systick_hz)


_MPS2 = Memory(0, 4 * _MB, 0x2000_0000, 4 * _MB)
_MPS2_SECURE = Memory(0x1000_0000, 4 * _MB, 0x3800_0000, 4 * _MB)
_AN385 = _arm("mps2-an385", _MPS2, 25_000_000)
_AN386 = _arm("mps2-an386", _MPS2, 25_000_000)
_AN500 = _arm("mps2-an500", _MPS2, 25_000_000)
_AN505 = _arm("mps2-an505", _MPS2_SECURE, 20_000_000)
_AN547 = _arm("mps3-an547", Memory(0, 512 * _KB, 0x2000_0000, 512 * _KB), 32_000_000)
_MICROBIT = _arm("microbit", Memory(0, 256 * _KB, 0x2000_0000, 16 * _KB), 16_000_000)
_VIRT = _Machine(
    "riscv64-unknown-elf-gcc",
    "qemu-system-riscv32 -M virt -bios none",
    Memory(0x8000_0000, 4 * _MB, 0x8040_0000, 4 * _MB),
)


def _bare_metal(
    name: str, core: str, flags: str, machine: _Machine, part: tuple[str, int, int]
) -> Board:
    """A part is its name and KB of flash and RAM; the ABI tells whether it has floats."""
    return Board(
        name,
        core,
        machine.compiler,
        tuple(flags.split()),
        tuple(machine.emulator.split()),
        "bare metal",
        "systick" if machine.systick_hz else "minstret",
        machine.memory,
        machine.systick_hz,
        part[0],
        part[1] * _KB,
        part[2] * _KB,
        has_float_unit=flags.endswith(("=hard", "=ilp32f")),
    )


def _linux(name: str, core: str, compiler: str, flags: str, emulator: str) -> Board:
    commands = tuple(flags.split()), tuple(emulator.split())
    return Board(name, core, compiler, *commands, "linux", "plugin")


def _wasm(name: str, core: str, *flags: str) -> Board:
    flags = ("--target=wasm32-unknown-unknown", *flags)
    return Board(name, core, "clang-14", flags, ("node",), "wasm", "none")


_ALL = (
    _bare_metal(
        "cortex-m0plus",
        "Cortex-M0+, no float unit",
        "-mthumb -mcpu=cortex-m0plus",
        _AN385,  # no M0+ machine exists; a Cortex-M3 runs its instructions
        ("SAMD21", 256, 32),
    ),
    _bare_metal(
        "microbit",
        "Cortex-M0, no float unit, 16 KB",
        "-mthumb -mcpu=cortex-m0",
        _MICROBIT,
        ("nRF51822", 256, 16),
    ),
    _bare_metal(
        "cortex-m3",
        "Cortex-M3, no float unit",
        "-mthumb -mcpu=cortex-m3",
        _AN385,
        ("STM32F103xB", 128, 20),
    ),
    _bare_metal(
        "cortex-m4f",
        "Cortex-M4 with float unit",
        "-mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard",
        _AN386,
        ("STM32F401xE", 512, 96),
    ),
    _bare_metal(
        "cortex-m7",
        "Cortex-M7, double float unit",
        "-mthumb -mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard",
        _AN500,
        ("STM32F746xG", 1024, 320),
    ),
    _bare_metal(
        "cortex-m33",
        "Cortex-M33 with float unit",
        "-mthumb -mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=hard",
        _AN505,
        ("STM32L552xE", 512, 256),
    ),
    _bare_metal(
        "cortex-m55",
        "Cortex-M55, vectors (MVE)",
        "-mthumb -mcpu=cortex-m55 -mfloat-abi=hard",
        _AN547,
        ("Corstone-300", 512, 512),
    ),
    _bare_metal(
        "rv32imac",
        "RISC-V RV32IMAC, no float unit",
        "-march=rv32imac -mabi=ilp32",
        _VIRT,
        ("GD32VF103xB", 128, 32),
    ),
    _bare_metal(
        "rv32imafc",
        "RISC-V RV32IMAFC",
        "-march=rv32imafc -mabi=ilp32f",
        _VIRT,
        ("CH32V307", 256, 64),
    ),
    _linux("aarch64", "64-bit Arm, Linux", "aarch64-linux-gnu-gcc", "", "qemu-aarch64"),
    _linux(
        "armv6",
        "ARM1176 (Pi Zero), Linux",
        "arm-linux-gnueabi-gcc",
        "-marm -march=armv6 -mfpu=vfp -mfloat-abi=softfp",
        "qemu-arm -cpu arm1176",
    ),
    _wasm("wasm", "WebAssembly"),
    _wasm("wasm-simd", "WebAssembly with SIMD128", "-msimd128"),
)

BOARDS: dict[str, Board] = {board.name: board for board in _ALL}
"""Every board by its name, small ones first."""


def find_board(name: str) -> Board:
    """The board of that name.

    Raises:
        SpecError: there is none.
    """
    if name not in BOARDS:
        raise SpecError(
            f"board '{name}' is unknown, expected one of {', '.join(BOARDS)}. "
            "List them with: rnnedge devices."
        )
    return BOARDS[name]


def find_boards(names: Sequence[str]) -> list[Board]:
    """The boards named, `all` for every one; each once.

    Raises:
        SpecError: a name is unknown.
        MissingDependencyError: a tool is not installed; names all packages.
    """
    boards = list(BOARDS.values()) if ALL in names else [find_board(n) for n in names]
    boards = list(dict.fromkeys(boards))
    require_tools(*boards)
    return boards
