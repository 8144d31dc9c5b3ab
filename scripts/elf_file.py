"""What an ELF file says of itself: its machine, what it needs, how it is guarded.

Reads 64-bit little-endian files, which all wheels of this project are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MACHINES = {62: "x86_64", 183: "aarch64"}
_PT_LOAD, _PT_DYNAMIC, _PT_GNU_STACK, _PT_GNU_RELRO = 1, 2, 0x6474E551, 0x6474E552
_DT_NEEDED, _DT_STRTAB, _DT_STRSZ = 1, 5, 10
_DT_RPATH, _DT_BIND_NOW, _DT_RUNPATH, _DT_FLAGS = 15, 24, 29, 30
_DT_FLAGS_1, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFB, 0x6FFFFFFE, 0x6FFFFFFF
_SHT_DYNSYM = 11
_PF_X, _DF_BIND_NOW, _DF_1_NOW = 1, 8, 1


@dataclass(frozen=True, slots=True)
class ElfFile:
    """A shared library, as its headers describe it.

    Attributes:
        machine: as Python's platform tags name it.
        needed: names of the libraries it is linked with.
        versions: per library, the versions of its symbols that are wanted.
        imports: names of the symbols that others must provide.
        has_search_path: whether it names folders to look for libraries in.
        has_relro: whether the table of addresses becomes read-only.
        binds_now: whether all addresses are resolved before that.
        has_executable_stack: whether it asks for a stack that can hold code.
    """

    machine: str
    needed: tuple[str, ...]
    versions: dict[str, frozenset[str]]
    imports: frozenset[str]
    has_search_path: bool
    has_relro: bool
    binds_now: bool
    has_executable_stack: bool


def read_elf(content: bytes) -> ElfFile:
    """Read a shared library.

    Raises:
        ValueError: it is no 64-bit little-endian ELF file of a known machine.
    """
    if content[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no 64-bit little-endian ELF file")
    (machine,) = struct.unpack_from("<H", content, 18)
    if machine not in MACHINES:
        raise ValueError(f"ELF machine {machine}, expected one of {MACHINES}")
    segments = _segments(content)
    dynamic = _dynamic(content, segments)
    single = dict(dynamic)
    start = _offset(segments, single[_DT_STRTAB])
    strings = content[start : start + single[_DT_STRSZ]]
    stacks = [flags for kind, flags, *_ in segments if kind == _PT_GNU_STACK]
    return ElfFile(
        machine=MACHINES[machine],
        needed=tuple(_text(strings, at) for tag, at in dynamic if tag == _DT_NEEDED),
        versions=_versions(content, segments, single, strings),
        imports=_imports(content, strings),
        has_search_path=_DT_RPATH in single or _DT_RUNPATH in single,
        has_relro=any(segment[0] == _PT_GNU_RELRO for segment in segments),
        binds_now=_DT_BIND_NOW in single
        or bool(single.get(_DT_FLAGS, 0) & _DF_BIND_NOW)
        or bool(single.get(_DT_FLAGS_1, 0) & _DF_1_NOW),
        has_executable_stack=not stacks or any(flags & _PF_X for flags in stacks),
    )


def _segments(content: bytes) -> list[tuple[int, int, int, int, int]]:
    """Kind, flags, offset, address and size of the program headers."""
    (start,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    found = []
    for k in range(count):
        kind, flags, offset, address, _, nbytes = struct.unpack_from(
            "<IIQQQQ", content, start + k * size
        )
        found.append((kind, flags, offset, address, nbytes))
    return found


def _offset(segments: list[tuple[int, int, int, int, int]], address: int) -> int:
    """Place in the file of what is loaded at an address."""
    for kind, _, offset, start, nbytes in segments:
        if kind == _PT_LOAD and start <= address < start + nbytes:
            return offset + address - start
    raise ValueError(f"nothing of the file is loaded at address {address:#x}")


def _dynamic(
    content: bytes, segments: list[tuple[int, int, int, int, int]]
) -> list[tuple[int, int]]:
    for kind, _, offset, _, nbytes in segments:
        if kind == _PT_DYNAMIC:
            pairs = list(struct.iter_unpack("<QQ", content[offset : offset + nbytes]))
            return pairs[: pairs.index((0, 0))]
    raise ValueError("no dynamic section: no shared library")


def _versions(
    content: bytes,
    segments: list[tuple[int, int, int, int, int]],
    dynamic: dict[int, int],
    strings: bytes,
) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    if _DT_VERNEED not in dynamic:
        return found
    at = _offset(segments, dynamic[_DT_VERNEED])
    for _ in range(dynamic[_DT_VERNEEDNUM]):
        _, count, library, first, step = struct.unpack_from("<HHIII", content, at)
        names, entry = set(), at + first
        for _ in range(count):
            _, _, _, name, after = struct.unpack_from("<IHHII", content, entry)
            names.add(_text(strings, name))
            entry += after
        found[_text(strings, library)] = frozenset(names)
        at += step
    return found


def _imports(content: bytes, strings: bytes) -> frozenset[str]:
    """Undefined names of the dynamic symbol table, which the section headers place."""
    (start,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    names = set()
    for k in range(count):
        kind, _, _, offset, nbytes = struct.unpack_from(
            "<IQQQQ", content, start + k * size + 4
        )
        if kind != _SHT_DYNSYM:
            continue
        table = content[offset : offset + nbytes]
        for name, _, _, section, _, _ in struct.iter_unpack("<IBBHQQ", table):
            if section == 0:
                names.add(_text(strings, name))
    return frozenset(names - {""})


def _text(strings: bytes, at: int) -> str:
    return strings[at : strings.index(0, at)].decode()
