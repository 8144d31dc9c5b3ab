"""The lines between standard input and output: all pass, in order, some with fields added."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PassingLine:
    """One line as it came.

    Attributes:
        number: of the line, which its reading has as its origin.
        data: with its line break.
        end: where fields are added; 0 for a line that is no reading.
        names: of the fields that it has.
    """

    number: int
    data: bytes
    end: int = 0
    names: Collection[str] = ()


@dataclass(slots=True)
class Passing:
    """What the source and the sink of one process share.

    Attributes:
        lines: not written yet.
        has_source: whether a source gives lines.
        output: descriptor that they are written to; -1 before there is a sink.
        number: of the last line.
    """

    lines: list[PassingLine] = field(default_factory=list)
    has_source: bool = False
    output: int = -1
    number: int = 0

    def take(self, data: bytes, end: int = 0, names: Collection[str] = ()) -> int:
        """Keep a line; its number."""
        self.number += 1
        self.lines.append(PassingLine(self.number, data, end, names))
        return self.number

    def write(self, added: Mapping[int, str] | None = None) -> None:
        """Write all lines in one go, with text added to the fields of some, by number.

        Raises:
            OSError: nobody reads them.
        """
        parts = []
        for line in self.lines:
            text = (added or {}).get(line.number)
            if text:
                parts += [line.data[: line.end], text.encode(), line.data[line.end :]]
            else:
                parts.append(line.data)
        self.lines.clear()
        view = memoryview(b"".join(parts))
        while view:
            view = view[os.write(self.output, view) :]


PASSING = Passing()
"""Of this process, which has one standard input and one standard output."""
