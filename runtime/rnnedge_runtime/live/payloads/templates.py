"""Names made of what a reading brings: `{topic}`, `{1}` of its parts, a tag or a field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from string import Formatter

from ...errors import DataError
from .faults import PayloadError, quoted

MAX_NAME = 512
"""Characters of the longest name of a series."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with names in braces.

    Attributes:
        text: as it was given.
        parts: literal text and the name after it; None after the last.
    """

    text: str
    parts: tuple[tuple[str, str | None], ...]

    def fill(self, find: Callable[[str], object]) -> str:
        """The name of a series.

        Args:
            find: gives what stands for a name, None where there is nothing.

        Raises:
            PayloadError: a name stands for nothing, or makes no name of a series.
        """
        found = []
        for literal, name in self.parts:
            found.append(literal)
            if name is None:
                continue
            value = find(name)
            if value is None or isinstance(value, dict | list):
                raise PayloadError(
                    "name",
                    f"it has no {quoted(name)}, which names its series. "
                    "Change 'series', or what is sent.",
                )
            found.append(str(value))
        return checked_name("".join(found))


def template_of(text: str, *, where: str, option: str) -> Template:
    """The template of an option.

    Raises:
        DataError: it has a brace without its other, or more than a name in braces.
    """
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise _unfit(text, where, option, str(error)) from None
    for _, name, spec, conversion in parsed:
        if name is not None and (not name or spec or conversion):
            raise _unfit(text, where, option, "a name alone must stand in braces")
    return Template(text, tuple((part[0], part[1]) for part in parsed))


def checked_name(name: str) -> str:
    """The name of a series that can be written everywhere.

    Raises:
        PayloadError: it is too long, or has control characters or halves of pairs.
    """
    if len(name) > MAX_NAME:
        raise PayloadError(
            "too long",
            f"the name of its series has {len(name):,} characters, expected "
            f"{MAX_NAME} or fewer. Change 'series'.",
        )
    if not name.isprintable() and any(
        letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff"
        for letter in name
    ):
        raise PayloadError(
            "not text",
            f"the name of its series {quoted(name)} holds characters that are no text. "
            "Change what is sent.",
        )
    return name


def _unfit(text: str, where: str, option: str, found: str) -> DataError:
    return DataError(
        f"{where}: the option '{option}' is {quoted(text)}: {found}. "
        "Write for example '{topic}', '{1}' or '{site}-{room}'."
    )
