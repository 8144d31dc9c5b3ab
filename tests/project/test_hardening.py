"""The C engine is built with guards: read from the file itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from elf_file import ElfFile, read_elf
from support import programs

from rnnedge_runtime import _native

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")

SOURCE = """
#include <string.h>
int f(char *to, const char *from, unsigned long n)
{
    char own[40];
    memcpy(own, from, n);
    memcpy(to, own, 8);
    return own[3];
}
"""
GUARDS = (
    "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2",
    "-Wl,-z,relro,-z,now,-z,noexecstack",
)  # fmt: skip
NO_GUARDS = (
    "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-Wl,-z,norelro,-z,lazy",
    "-Wl,-z,execstack",
)  # fmt: skip


def guards_of(library: ElfFile) -> dict[str, bool]:
    return {
        "the table of addresses is read-only (RELRO)": library.has_relro,
        "all addresses are resolved before (BIND_NOW)": library.binds_now,
        "the stack holds no code": not library.has_executable_stack,
        "the stack is checked": "__stack_chk_fail" in library.imports,
        "copies are checked": any(name.endswith("_chk") for name in library.imports),
    }


def test_the_engine_has_every_guard() -> None:
    library = read_elf(Path(_native.__file__).read_bytes())
    assert not [name for name, has in guards_of(library).items() if not has]
    assert not library.has_search_path


@pytest.mark.parametrize("flags", [GUARDS, NO_GUARDS], ids=["guards", "none"])
def test_the_reader_tells_guards_from_none(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "f.c").write_text(SOURCE)
    library = tmp_path / "f.so"
    command = ["gcc", "-O2", "-w", "-shared", "-fPIC", *flags, tmp_path / "f.c"]
    programs.run([*command, "-o", library], check=True)
    found = read_elf(library.read_bytes())
    assert set(guards_of(found).values()) == {flags is GUARDS}
    assert found.needed == ("libc.so.6",)
    assert all(name.startswith("GLIBC_") for name in found.versions["libc.so.6"])


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x01\x01", b"MZ" + bytes(64)])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no 64-bit"):
        read_elf(content)
