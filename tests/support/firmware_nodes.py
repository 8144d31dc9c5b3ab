"""The firmware examples as the tests build and start them, and flash that loses power."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from support import programs

FIRMWARE = Path(__file__).parents[2] / "examples/firmware"
TOOLS = (
    "make",
    "cc",
    "g++",
    "arm-none-eabi-gcc",
    "arm-none-eabi-g++",
    "riscv64-unknown-elf-gcc",
    "qemu-system-arm",
)
needs_tools = programs.needs(*TOOLS)
QEMU = (
    *("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none"),
    *("-serial", "none", "-kernel"),
)
POWER_CUT = 75
UNCUT = 10**9
HOURS = 60

Lines = list[str]
Start = Callable[[Path, int, int, int], tuple[int, Lines]]


class Flash(ctypes.Structure):
    _fields_ = (
        ("erase", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
    )


class Slots(ctypes.Structure):
    _fields_ = (
        ("flash", ctypes.c_void_p),
        ("sequence", ctypes.c_uint32),
        ("newest", ctypes.c_uint),
    )


class PowerCut(Exception):
    pass


class Chip:
    """Two slots of flash that lose power after `left` bytes, and slots.c on them."""

    SIZE = 128

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.cells = [bytearray(b"\xff" * self.SIZE) for _ in range(2)]
        self.left = UNCUT
        self.slots = Slots()
        size, pointer, slot = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_uint
        transfer = ctypes.CFUNCTYPE(ctypes.c_int, slot, size, pointer, size)
        self.calls = (
            ctypes.CFUNCTYPE(ctypes.c_int, slot)(self.erase),
            transfer(self.write),
            transfer(self.read),
        )
        self.flash = Flash(*(ctypes.cast(call, pointer).value for call in self.calls))

    def put(self, slot: int, at: int, byte: int) -> bool:
        if self.left == 0:
            return False
        self.left -= 1
        self.cells[slot][at] = byte
        return True

    def erase(self, slot: int) -> int:
        return int(not all(self.put(slot, at, 0xFF) for at in range(self.SIZE)))

    def write(self, slot: int, offset: int, source: int, size: int) -> int:
        if offset % 8 or size % 8 or offset + size > self.SIZE:
            return 1
        for at, byte in enumerate(ctypes.string_at(source, size), offset):
            if not self.put(slot, at, self.cells[slot][at] & byte):
                return 1
        return 0

    def read(self, slot: int, offset: int, to: int, size: int) -> int:
        if offset + size > self.SIZE:
            return 1
        ctypes.memmove(to, bytes(self.cells[slot][offset : offset + size]), size)
        return 0

    def open(self, size: int) -> bytes | None:
        record = ctypes.create_string_buffer(size)
        pointers = ctypes.byref(self.slots), ctypes.byref(self.flash)
        found = self.library.slots_open(*pointers, record, ctypes.c_size_t(size))
        return record.raw if found else None

    def keep(self, record: bytes) -> bool:
        size = ctypes.c_size_t(len(record))
        return self.library.slots_write(ctypes.byref(self.slots), record, size) == 0


def called(command: list[str], folder: Path) -> tuple[int, Lines]:
    done = programs.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, POWER_CUT), done
    return done.returncode, (done.stdout + done.stderr).splitlines()
