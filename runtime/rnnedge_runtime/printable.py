"""Text of others in messages: no character that a terminal obeys, or that cannot be seen."""

from __future__ import annotations

import unicodedata

_LONGEST = 60
_MOST = 3


def printable(text: str) -> str:
    r"""`text` with what is not printed written as `\u001b`.

    Control characters, line breaks among them, marks of the direction of writing, characters
    without width and halves of surrogate pairs; blanks of any width stay. In a string of
    JSON it is an escape of JSON.
    """
    if text.isprintable():
        return text
    return "".join(_seen(character) for character in text)


def named(names: tuple[str, ...] | list[str]) -> str:
    """The first few of names, each cut when it is long, for a message."""
    shown = [
        name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
        for name in names[:_MOST]
    ]
    more = len(names) - _MOST
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _seen(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    if code > 0xFFFF:
        code -= 0x1_0000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"
