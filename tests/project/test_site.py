"""The site: it builds without a warning, and every block of tutorial and how-tos runs.

All pages share the run of the tutorial, on the first weeks of the weather.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import site_pages
from support import programs
from support.page_blocks import run_page

import rnnedge
import rnnedge_export
import rnnedge_runtime
from rnnedge import datasets
from rnnedge_export.compare import verification_stream

pytestmark = pytest.mark.gcc_alone
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ON_BOARDS = ("arduino", "esp-idf")  # tests/examples/test_firmware.py
HOW_TOS = sorted((DOCS / "howto").glob("*.md"))
PAGES = [path for path in HOW_TOS if path.stem not in ON_BOARDS]
NUM_ROWS = 400
NUM_STEPS = 100
NEEDS = {"c-program": ("gcc",), "browser": ("clang-14", "wasm-ld-14", "node")}


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`datasets.weather` has a few weeks, and the proof of an export a few hundred steps."""
    folder = tmp_path_factory.mktemp("weather")
    for station in datasets.STATIONS:
        lines = gzip.decompress(datasets.weather(station).read_bytes()).splitlines()
        text = b"\n".join(lines[: NUM_ROWS + 1]) + b"\n"
        (folder / f"{station}.csv.gz").write_bytes(gzip.compress(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "weather", lambda name: folder / f"{name}.csv.gz")
        patch.setattr(verification_stream, "VERIFY_STEPS", NUM_STEPS)
        yield


def irregular_rows() -> str:
    """A temperature, and the time since the row before."""
    rng = random.Random(0)
    rows = (
        f"{20 + rng.gauss(0, 1):.2f},{rng.randrange(5, 90)}" for _ in range(NUM_ROWS)
    )
    return "temp_c,elapsed_s\n" + "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def tutorial(
    weeks: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """The folder of a reader of the tutorial, and what the blocks printed."""
    programs.require("gcc", "sh")
    folder = tmp_path_factory.mktemp("site")
    (folder / "irregular.csv").write_text(irregular_rows())
    return folder, run_page(DOCS / "tutorial.md", folder)


def test_tutorial(tutorial: tuple[Path, list[str]]) -> None:
    from_c, from_python = tutorial[1][-2:]
    assert from_c == from_python
    assert len(from_c.split()) == 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_how_to(page: Path, tutorial: tuple[Path, list[str]]) -> None:
    programs.require(*NEEDS.get(page.stem, ("sh",)))
    assert run_page(page, tutorial[0])


def test_own_module(weeks: None, tmp_path: Path) -> None:
    run_page(DOCS / "modules.md", tmp_path)
    found = {path.suffix for path in (tmp_path / "dist").iterdir()}
    assert found == {".onnx", ".rnne"}


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    missing = {name for name in pages if f"{name}\n" not in text}
    assert {name for name in missing if not name.startswith("adr/0")} == set()


@pytest.mark.parametrize("package", [rnnedge_export, rnnedge_runtime, rnnedge])
def test_the_reference_has_every_public_name(package: ModuleType) -> None:
    text = (DOCS / "reference/python.md").read_text(encoding="utf-8")
    names = set(package.__all__) - {"__version__"}
    assert not {name for name in names if f"{package.__name__}.{name}" not in text}


def test_the_c_page_has_every_function_of_the_headers() -> None:
    page = site_pages.c_interface()
    declared = [
        name
        for path in site_pages.HEADERS.glob("*.h")
        for name in re.findall(r"^RNNE_API [^(]*?(rnne_\w+)\(", path.read_text(), re.M)
    ]
    assert len(declared) > 25
    assert not [name for name in declared if f" {name}(" not in page.replace("*", " ")]
    headings = " ".join(re.findall(r"^#### (.*)", page, re.M))
    assert {"rnne_model_init", "rnne_step", "rnne_fleet_step"} <= set(
        re.findall(r"\w+", headings)
    )
    assert not {"__cplusplus", "RNNE_API"} & set(re.findall(r"\w+", page))


def test_site_builds_and_asks_no_other_host(tmp_path: Path) -> None:
    mkdocs = pytest.importorskip("mkdocs.commands.build")
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path))
    config.plugins.on_startup(command="build", dirty=False)
    mkdocs.build(config)
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 30
    fetched = re.compile(
        r'<(?:script|img|iframe)[^>]*src="https?:|<link[^>]*rel="stylesheet"[^>]*href="https?:'
    )
    assert not [page.name for page in pages if fetched.search(page.read_text())]
    styles = [path.read_text() for path in tmp_path.rglob("*.css")]
    assert not [text for text in styles if re.search(r"url\(.?https?:", text)]
