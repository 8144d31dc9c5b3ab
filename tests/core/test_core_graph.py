"""The rooms of the C core: each includes only what lies below it, and no include goes round."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.replay import CORE

SRC = CORE / "src"
FLOORS = (
    ("base",),
    ("f32", "w8a16"),
    ("model",),
    ("layers",),
    ("graph",),
    ("stream",),
    ("load",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.M)
MOST_MODULES = 16


def includes(src: Path) -> dict[Path, list[Path]]:
    """The files that each file of the core names, public headers aside."""
    graph: dict[Path, list[Path]] = {}
    for path in sorted(src.glob("*/*.[ch]")):
        named = INCLUDE.findall(path.read_text())
        inside = [name for name in named if not name.startswith("rnnedge")]
        graph[path] = [(path.parent / name).resolve() for name in inside]
    return graph


def faults(src: Path) -> list[str]:
    """What is not as the module docstring says."""
    graph = includes(src)
    found = []
    for path, targets in graph.items():
        for target in targets:
            here, there = path.parent.name, target.parent.name
            if target not in graph:
                found.append(f"{path.name} includes {target.name}, which is not there")
            elif here != there and FLOOR_OF[here] <= FLOOR_OF[there]:
                found.append(f"{path.name} includes {target.name} of {there}")
    left = dict(graph)
    while free := [path for path in left if not set(left[path]) & set(left)]:
        for path in free:
            del left[path]
    return [*found, *(f"{path.name} includes itself in the end" for path in left)]


def test_rooms_lie_on_floors_and_nothing_goes_round() -> None:
    assert {path.name for path in SRC.iterdir()} == set(FLOOR_OF)
    assert not faults(SRC)


def test_names_are_unique_and_rooms_small() -> None:
    files = [path for path in SRC.glob("*/*") if path.is_file()]
    names = [path.name for path in files]
    assert len(names) == len(set(names))
    for room in FLOOR_OF:
        modules = {p.name.split(".")[0] for p in files if p.parent.name == room}
        assert len(modules) <= MOST_MODULES, (room, sorted(modules))


PLANTED = {
    "upwards": (
        "model/model.h",
        '#include "../load/file.h"',
        "includes file.h of load",
    ),
    "sideways": (
        "f32/f32_kernels.h",
        '#include "../w8a16/w8a16_kernels.h"',
        "of w8a16",
    ),
    "round": ("model/model.h", '#include "block.h"', "includes itself"),
    "nowhere": ("load/load.c", '#include "none.h"', "which is not there"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_include_is_seen(fault: str, tmp_path: Path) -> None:
    name, line, expected = PLANTED[fault]
    for path in SRC.glob("*/*"):
        copy = tmp_path / path.relative_to(SRC)
        copy.parent.mkdir(exist_ok=True)
        text = path.read_text()
        copy.write_text(
            f"{line}\n{text}" if str(path.relative_to(SRC)) == name else text
        )
    assert any(expected in fault for fault in faults(tmp_path))
