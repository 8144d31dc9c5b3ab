"""What compilers make of the float kernels: `vec_report.py [COMPILER ...]`, `make vec-report`.

For each kernel of each source runtime/core/src/f32/*.c, with the functions it calls: how many
multiplications of floats are packed to the source's vector width, how many are not, and how
many of both are fused with an addition. Fails where a kernel is not vectorised throughout, an
exact one holds a fused multiply-add, or a fast one none. The plain kernels may be vectorised
or not.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CORE = Path(__file__).resolve().parent.parent / "runtime" / "core"
SOURCES = sorted((CORE / "src/f32").glob("f32_*.c"))
KERNELS = re.findall(
    r"^    void \(\*(\w+)\)\(", (CORE / "src/f32/f32_kernels.h").read_text(), re.M
)
CELLS = re.findall(
    r"^#include RNNE_CELL_TEMPLATE\((\w+)\)",
    (CORE / "src/base/cells.inc.h").read_text(),
    re.M,
)
KERNELS += CELLS
WITH_SCALARS = ("norm",)
"""Their mean and root are one number a group."""
WITHOUT_SUMS = ("combine", "total")
"""A product is added to nothing, or in one of two ways alone."""
COMPILERS = ("gcc", "aarch64-linux-gnu-gcc")
WIDTHS = {"plain": 128, "vector": 128, "avx2": 256, "avx512": 512}

FUNCTION = re.compile(r"^[0-9a-f]+ <(\w+)>:$")
TARGET = re.compile(r"<(\w+)(?:\+0x[0-9a-f]+)?>")
X86_MULTIPLY = re.compile(r"\tv?(mul|fn?m(?:add|sub)\d+)([ps])s\s+(.*)")
ARM_MULTIPLY = re.compile(r"\t(fmul|fml[as]|fn?m(?:add|sub))\s+(\S+)")


@dataclass
class Counts:
    """Instructions of one function or, summed, of a kernel and what it calls."""

    packed: int = 0
    other: int = 0
    fused: int = 0

    def add_line(self, line: str, width: int) -> None:
        """Count the instruction of a line of objdump."""
        if x86 := X86_MULTIPLY.search(line):
            name, is_packed, registers = x86[1], x86[2] == "p", x86[3]
            found = 512 if "%zmm" in registers else 256 if "%ymm" in registers else 128
        elif arm := ARM_MULTIPLY.search(line):
            name, is_packed, found = arm[1], ".4s" in arm[2], 128
        else:
            return
        is_right = is_packed and found == width
        self.packed += is_right
        self.other += not is_right
        self.fused += name not in ("mul", "fmul")

    def add(self, more: Counts) -> None:
        self.packed += more.packed
        self.other += more.other
        self.fused += more.fused


@dataclass(frozen=True)
class Row:
    """One kernel of one source, for one compiler."""

    compiler: str
    source: str
    kernel: str
    counts: Counts

    @property
    def faults(self) -> list[str]:
        """What is not as it must be."""
        counts, is_fast = self.counts, self.source.endswith("_fast")
        is_plain = self.source == "plain"
        # SSE2, which the vector kernels of x86 keep to, has no fused multiply-add.
        can_fuse = not ("vector" in self.source and "aarch64" not in self.compiler)
        can_fuse = can_fuse and self.kernel not in WITHOUT_SUMS
        found = [
            (not is_plain and counts.packed == 0, "is not vectorised"),
            (
                not is_plain and counts.other > 0 and self.kernel not in WITH_SCALARS,
                "has vectors of another width",
            ),
            (not is_fast and counts.fused > 0, "fuses multiply and add"),
            (is_fast and can_fuse and counts.fused == 0, "does not fuse"),
        ]
        return [text for is_found, text in found if is_found]


def read_dump(dump: str, width: int) -> tuple[dict[str, Counts], dict[str, set[str]]]:
    """Counts of each function in the text of `objdump -d`, and what it calls or jumps to."""
    counts: dict[str, Counts] = {}
    targets: dict[str, set[str]] = {}
    name = ""
    for line in dump.splitlines():
        if header := FUNCTION.match(line):
            name = header[1]
            counts[name], targets[name] = Counts(), set()
        elif name:
            counts[name].add_line(line, width)
            targets[name].update(TARGET.findall(line))
    return counts, targets


def rows_of(compiler: str, source: Path, folder: Path, *flags: str) -> list[Row]:
    """The kernels that `source` defines for the compiler's processor."""
    code = folder / source.with_suffix(".o").name
    includes = (f"-I{CORE / 'include'}", f"-I{CORE / 'src/f32'}")
    command = [compiler, "-std=c99", "-O2", *flags, *includes, "-c", source, "-o", code]
    subprocess.run(command, check=True)
    objdump = compiler.removesuffix("gcc") if compiler.endswith("-gcc") else ""
    dump = subprocess.run(
        [f"{objdump}objdump", "-d", "--no-show-raw-insn", code],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    name = source.stem.removeprefix("f32_")
    counts, targets = read_dump(dump, WIDTHS[name.removesuffix("_fast")])
    rows = []
    for kernel in KERNELS if counts else ():
        total, seen, left = Counts(), set(), [kernel]
        while left:
            function = left.pop()
            if function in counts and function not in seen:
                seen.add(function)
                total.add(counts[function])
                left += targets[function]
        rows.append(Row(compiler, name, kernel, total))
    return rows


def main(compilers: Sequence[str]) -> int:
    is_wrong = False
    print(
        f"{'compiler':24}{'source':14}{'kernel':15}{'packed':>7}{'other':>7}{'fused':>7}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers:
            if shutil.which(compiler) is None:
                print(f"{compiler:24}is not installed: left out")
                continue
            for source in SOURCES:
                for row in rows_of(compiler, source, Path(folder)):
                    c = row.counts
                    print(
                        f"{compiler:24}{row.source:14}{row.kernel:15}"
                        f"{c.packed:7}{c.other:7}{c.fused:7}  {', '.join(row.faults)}"
                    )
                    is_wrong |= bool(row.faults)
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or COMPILERS))
