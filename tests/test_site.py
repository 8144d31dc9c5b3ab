"""The site: it builds without a warning, and every block of tutorial and how-tos runs."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import programs
import pytest
from page_blocks import run_page

from rnnedge.datasets import weather

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
HOW_TOS = sorted((DOCS / "howto").glob("*.md"))
WITH_A_RUN = ("browser", "c-program", "python-gateway")
IN_THE_REPOSITORY = ("arduino", "esp-idf", "raspberry-pi")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site")
    for name, station in (("readings.csv", "jfk"), ("newark.csv", "ewr")):
        (path / name).write_bytes(gzip.decompress(weather(station).read_bytes()))
    return path


@pytest.fixture(scope="module")
def run_folder(folder: Path) -> Path:
    """A folder with the run and the artifact that some how-tos begin with."""
    page = folder / "begin.md"
    page.write_text(
        "```console\n"
        "rnnedge train readings.csv --target temp_c --horizon 6 --out runs/jfk\n"
        "rnnedge export runs/jfk --format rnne --out dist\n```\n"
    )
    run_page(page, folder)
    return folder


def test_tutorial(tmp_path: Path) -> None:
    programs.require("gcc")
    printed = run_page(DOCS / "tutorial.md", tmp_path)
    from_c, from_python = printed[-2:]
    assert from_c == from_python
    assert len(from_c.split()) == 4


@pytest.mark.parametrize(
    "page",
    [page for page in HOW_TOS if page.stem not in IN_THE_REPOSITORY],
    ids=lambda page: page.stem,
)
def test_how_to(page: Path, run_folder: Path) -> None:
    if page.stem == "c-program":
        programs.require("gcc")
    if page.stem == "browser":
        programs.require("clang-14", "wasm-ld-14", "node")
    run_page(page, run_folder)


def test_every_how_to_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"howto/([\w-]+)\.md", text))
    assert named == {page.stem for page in HOW_TOS}


def test_site_builds_and_asks_no_other_host(tmp_path: Path) -> None:
    mkdocs = pytest.importorskip("mkdocs.commands.build")
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path))
    config.plugins.on_startup(command="build", dirty=False)
    mkdocs.build(config)
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 25
    fetched = re.compile(
        r'<(?:script|img|iframe)[^>]*src="https?:|<link[^>]*rel="stylesheet"[^>]*href="https?:'
    )
    assert not [page.name for page in pages if fetched.search(page.read_text())]
