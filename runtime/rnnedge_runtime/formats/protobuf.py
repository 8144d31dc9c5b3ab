"""The fields of a protobuf message, without the package."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_NBYTES = {FIXED64: 8, FIXED32: 4}

Message = bytes | memoryview


def fields(message: Message) -> Iterator[tuple[int, int | Message]]:
    """Number and value of the fields: an int, or the bytes of what has a length.

    Raises:
        ValueError: not a message, or cut short.
    """
    offset = 0
    while offset < len(message):
        tag, offset = varint(message, offset)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, offset = varint(message, offset)
            yield number, value
        elif wire_type in _FIXED_NBYTES:
            offset += _FIXED_NBYTES[wire_type]
        elif wire_type == BYTES:
            size, offset = varint(message, offset)
            if offset + size > len(message):
                raise ValueError("cut short")
            yield number, message[offset : offset + size]
            offset += size
        else:
            raise ValueError("not a protobuf message")


def varint(message: Message, offset: int) -> tuple[int, int]:
    """The number at `offset`, and the offset behind it.

    Raises:
        ValueError: there is none.
    """
    value = 0
    for shift in range(0, 70, 7):
        if offset >= len(message):
            raise ValueError("cut short")
        byte = message[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
    raise ValueError("not a varint")
