"""The packages as rooms: no circle of imports, no crowded folder, every room in the linter."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "rnnedge_runtime": ROOT / "runtime/rnnedge_runtime",
    "rnnedge_export": ROOT / "export/rnnedge_export",
    "rnnedge": ROOT / "rnnedge",
}
MAX_MODULES = 16


@cache
def modules() -> dict[str, Path]:
    """Dotted name and file of every module."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path) -> Iterator[str]:
    """The modules of ours that one imports, anywhere in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names if item.name in modules())
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            for item in node.names:
                inner = f"{source}.{item.name}"
                yield from [known for known in (inner, source) if known in modules()][
                    :1
                ]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle in a graph; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def rooms(folder: Path, name: str) -> Iterator[tuple[str, set[str]]]:
    """Packages that hold packages, with the names of all that is in them."""
    inner = [path for path in folder.iterdir() if (path / "__init__.py").exists()]
    if inner:
        files = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
        yield name, {path.name for path in inner} | files
    for path in inner:
        yield from rooms(path, f"{name}.{path.name}")


ROOMS = dict(room for name, folder in PACKAGES.items() for room in rooms(folder, name))


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_no_module_imports_itself_by_others() -> None:
    graph = {name: set(imports(name, path)) for name, path in modules().items()}
    assert sum(map(len, graph.values())) > len(graph)
    assert not circle(graph)


def test_no_folder_is_crowded() -> None:
    counts: dict[Path, int] = {}
    for path in modules().values():
        if path.name != "__init__.py":
            counts[path.parent] = counts.get(path.parent, 0) + 1
    assert not {
        str(path.relative_to(ROOT)): count
        for path, count in counts.items()
        if count > MAX_MODULES
    }


@pytest.mark.parametrize("room", ROOMS)
def test_the_linter_knows_what_a_room_may_import(room: str) -> None:
    """The contract is exhaustive: what is not in it fails `lint-imports`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {
        name: contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        for name in contract.get("containers", [])
    }
    assert contracts[room]["exhaustive"]
    layers = {
        name.strip()
        for layer in contracts[room]["layers"]
        for name in layer.replace("|", ":").split(":")
    }
    assert layers == ROOMS[room]
