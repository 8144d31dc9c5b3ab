"""One array for all values of a step: each in a part of it while it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Buffer:
    """A part of the array.

    Attributes:
        size: in elements.
        begin: the first layer that uses it.
        end: the last one.
    """

    size: int
    begin: int
    end: int

    def meets(self, other: Buffer) -> bool:
        """Whether both are in use at some layer."""
        return self.begin <= other.end and other.begin <= self.end


@dataclass(slots=True)
class Arena:
    """Named buffers with lifetimes.

    Attributes:
        prefix: of the names.
        buffers: by name, in the order in which they were taken.
        now: the layer being written.
    """

    prefix: str = "v"
    buffers: dict[str, Buffer] = field(default_factory=dict)
    now: int = -1

    def take(self, size: int) -> str:
        """Memory for the layer being written alone."""
        name = f"{self.prefix}_{len(self.buffers)}"
        self.buffers[name] = Buffer(size, self.now, self.now)
        return name

    def give_back(self, name: str) -> None:
        """Nothing: the lifetime says when its memory is free."""

    def plan(self) -> tuple[dict[str, int], int]:
        """Where each buffer begins, and the size of all."""
        placed: list[tuple[int, Buffer]] = []
        starts: dict[str, int] = {}
        for name in sorted(self.buffers, key=lambda item: -self.buffers[item].size):
            buffer = self.buffers[name]
            start = 0
            for at, other in sorted(placed, key=lambda item: item[0]):
                if buffer.meets(other) and at < start + buffer.size:
                    start = max(start, at + other.size)
            starts[name] = start
            placed.append((start, buffer))
        ordered = {name: starts[name] for name in self.buffers}
        return ordered, max((at + item.size for at, item in placed), default=0)
