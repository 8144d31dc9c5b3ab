"""The boards. Machines and clocks are those of Debian 12's QEMU 7.2."""

from __future__ import annotations

from rnnedge_runtime.errors import SpecError

from .board import Board, Memory

_KB = 1024
_MB = 1024 * _KB

_MPS2 = Memory(0, 4 * _MB, 0x2000_0000, 4 * _MB)
_MPS2_SECURE = Memory(0x1000_0000, 4 * _MB, 0x3800_0000, 4 * _MB)
_MPS3 = Memory(0, 512 * _KB, 0x2000_0000, 512 * _KB)
_MICROBIT = Memory(0, 256 * _KB, 0x2000_0000, 16 * _KB)
_VIRT = Memory(0x8000_0000, 4 * _MB, 0x8040_0000, 4 * _MB)


def _cortex_m(
    name: str,
    core: str,
    flags: str,
    machine: str,
    memory: Memory,
    systick_hz: int,
    part: str,
    flash_kb: int,
    ram_kb: int,
    *,
    has_float_unit: bool = True,
) -> Board:
    return Board(
        name,
        core,
        "arm-none-eabi-gcc",
        ("-mthumb", *flags.split()),
        ("qemu-system-arm", "-M", machine),
        "bare metal",
        "systick",
        memory,
        systick_hz,
        part,
        flash_kb * _KB,
        ram_kb * _KB,
        has_float_unit,
        ("-lgcc",),
    )


def _rv32(
    name: str, core: str, flags: str, part: str, *, has_float_unit: bool
) -> Board:
    return Board(
        name,
        core,
        "riscv64-unknown-elf-gcc",
        tuple(flags.split()),
        ("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
        "bare metal",
        "minstret",
        _VIRT,
        0,
        part,
        (256 if has_float_unit else 128) * _KB,
        (64 if has_float_unit else 32) * _KB,
        has_float_unit,
        ("-lgcc",),
    )


def _wasm(name: str, core: str, *flags: str) -> Board:
    return Board(
        name,
        core,
        "clang-14",
        ("--target=wasm32-unknown-unknown", *flags),
        ("node",),
        "wasm",
        "none",
    )


_ALL = (
    _cortex_m(
        "cortex-m0plus",
        "Cortex-M0+, no float unit",
        "-mcpu=cortex-m0plus",
        "mps2-an385",  # no M0+ machine exists; a Cortex-M3 runs its instructions
        _MPS2,
        25_000_000,
        "SAMD21",
        256,
        32,
        has_float_unit=False,
    ),
    _cortex_m(
        "microbit",
        "Cortex-M0, no float unit, 16 KB",
        "-mcpu=cortex-m0",
        "microbit",
        _MICROBIT,
        16_000_000,
        "nRF51822",
        256,
        16,
        has_float_unit=False,
    ),
    _cortex_m(
        "cortex-m3",
        "Cortex-M3, no float unit",
        "-mcpu=cortex-m3",
        "mps2-an385",
        _MPS2,
        25_000_000,
        "STM32F103xB",
        128,
        20,
        has_float_unit=False,
    ),
    _cortex_m(
        "cortex-m4f",
        "Cortex-M4 with float unit",
        "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard",
        "mps2-an386",
        _MPS2,
        25_000_000,
        "STM32F401xE",
        512,
        96,
    ),
    _cortex_m(
        "cortex-m7",
        "Cortex-M7, double float unit",
        "-mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard",
        "mps2-an500",
        _MPS2,
        25_000_000,
        "STM32F746xG",
        1024,
        320,
    ),
    _cortex_m(
        "cortex-m33",
        "Cortex-M33 with float unit",
        "-mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=hard",
        "mps2-an505",
        _MPS2_SECURE,
        20_000_000,
        "STM32L552xE",
        512,
        256,
    ),
    _cortex_m(
        "cortex-m55",
        "Cortex-M55, vectors (MVE)",
        "-mcpu=cortex-m55 -mfloat-abi=hard",
        "mps3-an547",
        _MPS3,
        32_000_000,
        "Corstone-300",
        512,
        512,
    ),
    _rv32(
        "rv32imac",
        "RISC-V RV32IMAC, no float unit",
        "-march=rv32imac -mabi=ilp32",
        "GD32VF103xB",
        has_float_unit=False,
    ),
    _rv32(
        "rv32imafc",
        "RISC-V RV32IMAFC",
        "-march=rv32imafc -mabi=ilp32f",
        "CH32V307",
        has_float_unit=True,
    ),
    Board(
        "aarch64",
        "64-bit Arm, Linux",
        "aarch64-linux-gnu-gcc",
        (),
        ("qemu-aarch64",),
        "linux",
        "plugin",
    ),
    Board(
        "armv6",
        "ARM1176 (Pi Zero), Linux",
        "arm-linux-gnueabi-gcc",
        ("-marm", "-march=armv6", "-mfpu=vfp", "-mfloat-abi=softfp"),
        ("qemu-arm", "-cpu", "arm1176"),
        "linux",
        "plugin",
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
