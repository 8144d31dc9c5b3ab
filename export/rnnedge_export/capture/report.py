"""What became of a user's module, part by part, in the module's own names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnedge_runtime.spec.layers import Layer


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """The parts of a module that became layers, or what keeps it from that.

    Attributes:
        name: the module's class.
        parts: path of each part in the module with the kinds of layers it became; "" and
            `forward` are the forward of the whole. () where it became none.
        obstacles: operations that no layer expresses, the first to change first.
    """

    name: str
    parts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    obstacles: tuple[str, ...] = ()

    @property
    def is_native(self) -> bool:
        """Whether all of it became layers."""
        return not self.obstacles

    @property
    def first_to_change(self) -> str:
        """The first obstacle; "" where there is none."""
        return self.obstacles[0] if self.obstacles else ""

    def lines(self) -> list[str]:
        """The report as text."""
        if self.is_native:
            found = [
                f"{path or 'forward'}: {' '.join(kinds)}" for path, kinds in self.parts
            ]
            return [f"{self.name} became layers:", *found]
        first, *others = self.obstacles
        lines = [f"{self.name} stays a graph of PyTorch. Change first: {first}."]
        return [*lines, *(f"then: {other}." for other in others)]


def native_report(
    name: str, layers: Sequence[Layer], paths: Sequence[str]
) -> CaptureReport:
    """Of a module that became layers, each with its path in the module."""
    parts: dict[str, list[str]] = {}
    for layer, path in zip(layers, paths, strict=True):
        parts.setdefault(path, []).append(layer.kind)
    found = tuple((path, tuple(kinds)) for path, kinds in parts.items())
    return CaptureReport(name, parts=found)


def opaque_report(name: str, obstacles: Sequence[str]) -> CaptureReport:
    """Of a module that stays a graph of PyTorch."""
    return CaptureReport(name, obstacles=tuple(obstacles))
