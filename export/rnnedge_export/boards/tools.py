"""Compilers and emulators on this machine, and the Debian packages that bring them."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from itertools import chain
from pathlib import Path

from rnnedge_runtime.errors import MissingDependencyError

from .board import Board

_PACKAGES = {
    "arm-none-eabi-gcc": ("gcc-arm-none-eabi",),
    "qemu-system-arm": ("qemu-system-arm",),
    "riscv64-unknown-elf-gcc": ("gcc-riscv64-unknown-elf",),
    "qemu-system-riscv32": ("qemu-system-misc",),
    "aarch64-linux-gnu-gcc": ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"),
    "arm-linux-gnueabi-gcc": ("gcc-arm-linux-gnueabi", "libc6-dev-armel-cross"),
    "qemu-aarch64": ("qemu-user",),
    "qemu-arm": ("qemu-user",),
    "clang-14": ("clang-14",),
    "wasm-ld-14": ("lld-14",),
    "node": ("nodejs",),
    "cc": ("gcc", "libc6-dev"),
}
_LIBC = {
    "aarch64-linux-gnu-gcc": "/usr/aarch64-linux-gnu/lib/libc.a",
    "arm-linux-gnueabi-gcc": "/usr/arm-linux-gnueabi/lib/libc.a",
}
"""Cross compilers for Linux that are of no use without the C library, a package apart."""


def missing_packages(board: Board) -> list[str]:
    """Debian packages to install before the board can be used; empty when it can be."""
    names = [
        package
        for command in board.commands
        if not is_installed(command)
        for package in _PACKAGES[command]
    ]
    return list(dict.fromkeys(names))


def is_installed(command: str) -> bool:
    """Whether the command can be called and has what it needs beside it."""
    if shutil.which(command) is None:
        return False
    libc = _LIBC.get(command)
    return libc is None or Path(libc).exists()


def require_tools(*boards: Board) -> None:
    """Nothing when all tools of the boards are here.

    Raises:
        MissingDependencyError: names the boards and the packages.
    """
    missing = {board.name: missing_packages(board) for board in boards}
    missing = {name: packages for name, packages in missing.items() if packages}
    if missing:
        packages = list(dict.fromkeys(chain.from_iterable(missing.values())))
        raise MissingDependencyError(
            f"boards {', '.join(missing)}: the compiler or the emulator is not on this "
            f"machine. Install them, on Debian with: apt-get install "
            f"--no-install-recommends {' '.join(packages)}."
        )


@cache
def version(command: str) -> str:
    """First line of what the command says of its version."""
    found = subprocess.run(
        [command, "--version"], capture_output=True, text=True, check=False
    )
    lines = (found.stdout or found.stderr).splitlines()
    return lines[0] if lines else command


def version_number(line: str) -> str:
    """The number in what `version` gives, for example `12.2.1`."""
    numbers = re.findall(r"\d+\.\d+(?:\.\d+)*", line)
    return numbers[-1] if numbers else line
