"""Programs that the project calls, and the Debian packages that bring them.

`python3 programs.py` prints the packages of those that are missing; it needs no other package.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LLVM = "usr/lib/llvm-14/lib/clang/*/lib/linux"
_PACKAGES = {
    "cc": "gcc libc6-dev",
    "gcc": "gcc libc6-dev",
    "g++": "g++",
    "make": "make",
    "sh": "dash",
    "nm": "binutils",
    "objdump": "binutils",
    "cmake": "cmake",
    "ctest": "cmake",
    "clang-14": "clang-14",
    "clang++-14": "clang-14",
    "clang-format-14": "clang-format-14",
    "llvm-cov-14": "llvm-14",
    "llvm-profdata-14": "llvm-14",
    "libFuzzer-14": "libclang-rt-14-dev",
    "valgrind": "valgrind",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "aarch64-linux-gnu-objdump": "binutils-aarch64-linux-gnu",
    "arm-linux-gnueabi-gcc": "gcc-arm-linux-gnueabi libc6-dev-armel-cross",
    "qemu-aarch64": "qemu-user",
    "qemu-arm": "qemu-user",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "arm-none-eabi-g++": "gcc-arm-none-eabi",
    "arm-none-eabi-objdump": "binutils-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "wasm-ld-14": "lld-14",
    "node": "nodejs",
    "chromium": "chromium",
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "openssl": "openssl",
}
_FILES = {
    "aarch64-linux-gnu-gcc": "usr/aarch64-linux-gnu/lib/libc.a",
    "arm-linux-gnueabi-gcc": "usr/arm-linux-gnueabi/lib/libc.a",
    "libFuzzer-14": f"{_LLVM}/libclang_rt.fuzzer-*.a",
}
"""What a program is of no use without, and comes in a package apart."""
_LIBRARIES = {"libFuzzer-14"}


@dataclass(frozen=True, slots=True)
class Program:
    """A command, or a library that compilers bring apart.

    Args:
        name: what it is called by.
        packages: those of Debian that bring it.
    """

    name: str
    packages: tuple[str, ...]

    def find(self) -> str | None:
        """Its path on this machine; None when it or what it needs is not here."""
        file = None
        if pattern := _FILES.get(self.name):
            file = next(map(str, Path("/").glob(pattern)), None)
            if file is None:
                return None
        return file if self.name in _LIBRARIES else shutil.which(self.name)


PROGRAMS = {name: Program(name, tuple(p.split())) for name, p in _PACKAGES.items()}


def packages_of(names: Iterable[str]) -> list[str]:
    """Debian packages of these programs, each once, in order."""
    packages = [package for name in names for package in PROGRAMS[name].packages]
    return list(dict.fromkeys(packages))


def missing_packages(names: Iterable[str]) -> list[str]:
    """Debian packages of those of these programs that are not on this machine."""
    return packages_of(name for name in names if PROGRAMS[name].find() is None)


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing_packages(PROGRAMS)) + "\n")
