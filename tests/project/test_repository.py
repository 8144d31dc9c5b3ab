"""Rules of the tree itself: sizes of files, links, pins, names of targets."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = {".py": 400, ".c": 350, ".h": 350}
MAX_PAGE_LINES = {"README.md": 120, "ARCHITECTURE.md": 150}
MAX_FILE_NBYTES = 500_000
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".c", ".h", "", ".cfg", ".json"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|tmp|opt|work|mnt)/\w")
MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
MAKE_CALL = re.compile(r"(?:^\s*|`|&& )make ([a-z][\w-]*)", re.MULTILINE)


def tree(folder: Path = ROOT) -> Iterator[Path]:
    """The files of the project: all that .gitignore does not name."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    patterns = [".git", *(pattern.strip("/") for pattern in ignored)]
    for path in sorted(folder.iterdir()):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns):
            continue
        if path.is_dir():
            yield from tree(path)
        else:
            yield path


FILES = [path.relative_to(ROOT) for path in tree()]
TEXT_FILES = [path for path in FILES if path.suffix in TEXT]
PAGES = [path for path in FILES if path.suffix == ".md"]


def read(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def pyproject() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))["project"]


def direct_dependencies() -> list[Requirement]:
    project = pyproject()
    lines = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        lines += extra
    requirements = map(Requirement, lines)
    return [item for item in requirements if item.name != project["name"]]


def test_the_walk_finds_the_packages_and_leaves_out_what_is_built() -> None:
    assert Path("runtime/rnnedge_runtime/spec/model_spec.py") in FILES
    assert not [path for path in FILES if {".venv", "__pycache__"} & set(path.parts)]


def test_a_file_holds_one_concept() -> None:
    long = {
        str(path): lines
        for path in FILES
        if path.suffix in MAX_LINES
        and not path.is_relative_to("tests/golden")
        and (lines := read(path).count("\n")) > MAX_LINES[path.suffix]
    }
    assert not long


@pytest.mark.parametrize("page", MAX_PAGE_LINES)
def test_a_page_stays_short(page: str) -> None:
    assert read(page).count("\n") <= MAX_PAGE_LINES[page]


def test_no_large_file() -> None:
    sizes = {str(path): (ROOT / path).stat().st_size for path in FILES}
    assert not {path: n for path, n in sizes.items() if n > MAX_FILE_NBYTES}


def test_no_text_names_a_path_of_one_machine() -> None:
    found = {str(path): MACHINE_PATH.findall(read(path)) for path in TEXT_FILES}
    assert not {path: paths for path, paths in found.items() if paths}


def test_a_text_ends_with_one_newline() -> None:
    texts = {str(path): read(path) for path in TEXT_FILES}
    assert not [
        path
        for path, text in texts.items()
        if text and (text[-1] != "\n" or text.endswith("\n\n"))
    ]


def test_links_lead_to_files() -> None:
    links = [
        (page.parent, link)
        for page in PAGES
        for link in MARKDOWN_LINK.findall(read(page))
        if "://" not in link
    ]
    assert links
    assert not [link for folder, link in links if not (ROOT / folder / link).exists()]


def test_every_decision_is_in_the_index() -> None:
    index = read("docs/adr/README.md")
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    assert records
    assert not [path.name for path in records if f"]({path.name})" not in index]
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    assert re.search(r"^## \[?Unreleased", read("CHANGELOG.md"), re.MULTILINE)


def test_constraints_pin_every_direct_dependency_within_its_range() -> None:
    lines = read("constraints.txt").split()
    pins = dict(line.split("==") for line in lines)
    assert list(pins) == sorted(pins)
    loose = {
        str(requirement): pins.get(canonicalize_name(requirement.name))
        for requirement in direct_dependencies()
        if pins.get(canonicalize_name(requirement.name), "0")
        not in requirement.specifier
    }
    assert not loose


def test_the_makefile_has_the_targets_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", read("Makefile"), re.MULTILINE))
    assert {"demo", "test", "lint", "wheel", "clean"} <= targets
    named = {str(page): set(MAKE_CALL.findall(read(page))) for page in PAGES}
    assert not {
        page: calls - targets for page, calls in named.items() if calls - targets
    }
