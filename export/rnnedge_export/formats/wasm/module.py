"""A WebAssembly module as far as a model needs it: its custom sections and its data.

The binary format: https://webassembly.github.io/spec/core/binary/modules.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = b"\0asm\x01\0\0\0"
_CUSTOM, _GLOBAL, _EXPORT, _DATA = 0, 6, 7, 11
_I32, _I32_CONST, _END = 0x7F, 0x41, 0x0B
_GLOBAL_KIND = 3
_MAX_LEB = 10


@dataclass(frozen=True, slots=True)
class Module:
    """What was read.

    Attributes:
        custom: content of the custom sections by name.
        addresses: value of each exported global that is a constant address, by name.
        segments: (address, content) of the memory at the start.
    """

    custom: dict[str, bytes]
    addresses: dict[str, int]
    segments: tuple[tuple[int, bytes], ...]

    @property
    def nbytes(self) -> int:
        """Size of the memory at the start."""
        return sum(len(content) for _, content in self.segments)

    def memory(self, address: int, nbytes: int) -> bytes:
        """The content of the memory at the start.

        Raises:
            ValueError: it is not all within one segment.
        """
        if nbytes < 0:
            raise ValueError(f"{nbytes} bytes")
        for start, content in self.segments:
            if start <= address and address + nbytes <= start + len(content):
                return content[address - start : address - start + nbytes]
        raise ValueError(f"{nbytes} bytes at {address}")


def read_module(content: bytes) -> Module:
    """The parts of a module.

    Raises:
        ValueError: it is not one, or of a kind that no exported model is.
    """
    if not content.startswith(_HEADER):
        raise ValueError("not WebAssembly")
    custom: dict[str, bytes] = {}
    values: list[int] = []
    exports: dict[str, int] = {}
    segments: list[tuple[int, bytes]] = []
    for kind, body in _sections(content):
        reader = _Reader(body)
        if kind == _CUSTOM:
            name = reader.take(reader.number()).decode()
            custom[name] = reader.rest()
        elif kind == _GLOBAL:
            values = [_global(reader) for _ in range(reader.number())]
        elif kind == _EXPORT:
            exports = dict(_exported_globals(reader))
        elif kind == _DATA:
            segments = [_segment(reader) for _ in range(reader.number())]
    if any(index >= len(values) for index in exports.values()):
        raise ValueError("an export of no global")
    addresses = {name: values[index] for name, index in exports.items()}
    return Module(custom, addresses, tuple(segments))


def custom_section(name: str, content: bytes) -> bytes:
    """The bytes of a custom section, to be appended to a module."""
    body = leb128(len(name)) + name.encode() + content
    return bytes([_CUSTOM]) + leb128(len(body)) + body


def leb128(value: int) -> bytes:
    """An unsigned number as the format writes it."""
    parts = []
    while True:
        value, low = value >> 7, value & 0x7F
        parts.append(low | (0x80 if value else 0))
        if not value:
            return bytes(parts)


class _Reader:
    """Takes numbers and bytes from the start of a section."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def take(self, nbytes: int) -> bytes:
        part = self.content[self.at : self.at + nbytes]
        if len(part) != nbytes:
            raise ValueError("cut short")
        self.at += nbytes
        return part

    def byte(self) -> int:
        return self.take(1)[0]

    def rest(self) -> bytes:
        return self.take(len(self.content) - self.at)

    def number(self, *, is_signed: bool = False) -> int:
        value = 0
        for k in range(_MAX_LEB):
            byte = self.byte()
            value |= (byte & 0x7F) << 7 * k
            if byte < 0x80:
                is_negative = is_signed and byte & 0x40
                return value - (1 << 7 * (k + 1)) if is_negative else value
        raise ValueError("a number of more than 64 bits")


def _sections(content: bytes) -> Iterator[tuple[int, bytes]]:
    reader = _Reader(content)
    reader.take(len(_HEADER))
    while reader.at < len(content):
        kind = reader.byte()
        yield kind, reader.take(reader.number())


def _global(reader: _Reader) -> int:
    """The value of a global, which in an exported model is an i32 constant."""
    if reader.byte() != _I32:
        raise ValueError("a global that is no i32")
    reader.byte()
    return _address(reader)


def _address(reader: _Reader) -> int:
    if reader.byte() != _I32_CONST:
        raise ValueError("an address that is not constant")
    value = reader.number(is_signed=True)
    if reader.byte() != _END:
        raise ValueError("an address that is not constant")
    return value & 0xFFFF_FFFF


def _exported_globals(reader: _Reader) -> Iterator[tuple[str, int]]:
    for _ in range(reader.number()):
        name = reader.take(reader.number()).decode()
        kind, index = reader.byte(), reader.number()
        if kind == _GLOBAL_KIND:
            yield name, index


def _segment(reader: _Reader) -> tuple[int, bytes]:
    if reader.number() != 0:
        raise ValueError("data that are not placed at the start")
    address = _address(reader)
    return address, reader.take(reader.number())
