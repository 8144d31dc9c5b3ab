"""The contracts of the runtime: every public function says what it does."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cached_property

import pytest

import rnnedge_runtime

PROPERTIES = (property, cached_property)
ROOMS = ("backends", "formats", "numerics", "spec", "streams")


class Known:
    """One that says what it does, and one that does not."""

    def said(self) -> None:
        """Something."""

    def silent(self) -> None: ...


class Kept(Known):
    """A base has said it."""

    def said(self) -> None: ...


def modules(room: str) -> list[str]:
    """The modules of a room of the runtime."""
    package = importlib.import_module(f"{rnnedge_runtime.__name__}.{room}")
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [package.__name__, *(item.name for item in found)]


def without_docstring(owner: object, module: str) -> Iterator[str]:
    """Public names of `module` in `owner` that neither they nor a base say a word of."""
    for name, item in vars(owner).items():
        if name.startswith("_") or getattr(item, "__module__", module) != module:
            continue
        is_function = inspect.isroutine(item) or isinstance(item, PROPERTIES)
        if not (is_function or inspect.isclass(item)):
            continue
        found = getattr(owner, name) if inspect.isclass(owner) else item
        if not inspect.getdoc(item if isinstance(item, PROPERTIES) else found):
            yield name
        if inspect.isclass(item):
            yield from (f"{name}.{inner}" for inner in without_docstring(item, module))


@pytest.mark.parametrize("room", ROOMS)
def test_public_functions_have_a_docstring(room: str) -> None:
    missing = [
        f"{name}: {item}"
        for name in modules(room)
        for item in without_docstring(importlib.import_module(name), name)
    ]
    assert not missing


def test_a_missing_docstring_is_found() -> None:
    assert list(without_docstring(Known, __name__)) == ["silent"]
    assert not list(without_docstring(Kept, __name__))
