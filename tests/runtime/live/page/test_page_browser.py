"""A live run on the page in headless Chromium: what it shows, its keys, colours, pictures.

With RNNEDGE_PICTURES=docs/pictures the pictures of the docs are made anew.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import programs
from support.browser import Browser, browser
from support.live.asking import ask
from support.live.running import running
from support.live.weather import HORIZON, fitted_model, replayed

from rnnedge_runtime import load
from rnnedge_runtime.live.loop.loop import Loop
from rnnedge_runtime.live.loop.nouns import Counters, Place, Reading
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.live.page.page import Page
from rnnedge_runtime.live.places import live_source

pytestmark = programs.needs("chromium")
SERIES = [(name, 7 * k) for k in range(12) for name in ("jfk", "ewr")]
SIZES = {"desktop": (1360, 900, False), "phone": (390, 844, True)}
SCHEMES = ("light", "dark")
READY = (
    "document.querySelector('.chart canvas') && document.querySelector('#list a')"
    " && document.querySelector('#pill').className.includes('live')"
    " && document.querySelector('.readout dd').textContent.trim()"
)
COLOURS_DRAWN = """(() => {
  const canvas = document.querySelector('.chart canvas');
  const { width, height } = canvas;
  const { buffer } = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  return new Set(new Uint32Array(buffer)).size;
})()"""
CONTRAST = Path(__file__).with_name("contrast.js").read_text()


@dataclass
class Live:
    url: str
    source: str
    last: dict[str, Any]
    names: list[str]


def post(url: str, readings: list[Reading]) -> None:
    items = [
        {"series": r.series, "time": (r.time_us or 0) / 1e6, **r.values}
        for r in readings
        if r.values
    ]
    assert ask(url, "\n".join(map(json.dumps, items)).encode()).status == 202


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Stations that post their readings, a loop, and the page."""
    path = fitted_model(tmp_path_factory.mktemp("weather"))
    model = load(path)
    counters = Counters()
    streams = LiveStreams(model, future_us=60_000_000, counters=counters)

    def place(url: str, **options: Any) -> Place:
        return Place(
            url,
            spec=model.spec,
            names=streams.names,
            counters=counters,
            tell=lambda message: None,
            options=options,
            artifact=path.name,
        )

    page = Page(place("127.0.0.1:0"))
    page.start()
    source: Any = live_source(place(page.url, series="{series}"))
    loop = Loop(
        model,
        source,
        streams=streams,
        names=streams.names,
        counters=counters,
        observers=[page.observe],
    )
    with running(loop):
        readings: list[Reading] = []
        for readings in replayed(SERIES, 260):
            post(f"{source.url}/readings", readings)
        ask(f"{source.url}/readings", b'{"temp_c": "warm"}')
        yield Live(
            page.url, f"{source.url}/readings", dict(readings[0].values), streams.names
        )
    page.close()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def opened(
    tab: Browser, url: str, size: str = "desktop", scheme: str = "light"
) -> None:
    width, height, is_phone = SIZES[size]
    tab.look(width, height, is_phone=is_phone, scheme=scheme)
    tab.go("about:blank")
    tab.go(url)
    tab.until(READY)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_the_picture_of_a_live_run(
    live: Live, tab: Browser, tmp_path: Path, size: str, scheme: str
) -> None:
    opened(tab, f"{live.url}/#jfk", size, scheme)
    tab.until("document.querySelectorAll('#list a').length >= 20")
    time.sleep(0.3)
    folder = Path(os.environ.get("RNNEDGE_PICTURES", tmp_path))
    picture = tab.picture(folder / f"page-{size}-{scheme}.png")
    assert len(picture) > 20_000
    is_wide = "document.documentElement.scrollWidth > innerWidth"
    assert not tab.js(is_wide)
    assert tab.js(COLOURS_DRAWN) > 20


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_every_text_has_contrast(
    live: Live, tab: Browser, size: str, scheme: str
) -> None:
    """WCAG AA: 4.5, or 3 for large text; lines of charts 3."""
    opened(tab, f"{live.url}/#jfk", size, scheme)
    tab.js("document.querySelector('.numbers').open = true")
    if size == "phone":
        tab.js("document.querySelector('#chooser').click()")
    measured = tab.js(CONTRAST)
    assert len(measured) > 40
    assert [item for item in measured if item["ratio"] < item["needed"]] == []


def test_the_newest_readings_and_forecasts_are_shown(live: Live, tab: Browser) -> None:
    opened(tab, f"{live.url}/#jfk")
    shown = tab.js("document.querySelector('#inputs').innerText")
    for name, value in live.last.items():
        assert name in shown
        assert f"{value:.1f}".replace("-", "\N{MINUS SIGN}") in shown
    rows = tab.js("document.querySelectorAll('#numbers tbody tr').length")
    assert rows == HORIZON
    tab.until("document.querySelector('#counters').innerText.includes('not a number')")
    label = tab.js("document.querySelector('.plot').getAttribute('aria-label')")
    assert "temp_c: reading" in label
    assert "in 12 h" in label.replace("\xa0", " ")


def test_a_new_reading_appears(live: Live, tab: Browser) -> None:
    """Also of a series that was asked for before it came."""
    opened(tab, live.url)
    tab.js("location.hash = '#new%20one'")
    tab.until("document.querySelector('#name').textContent === 'new one'")
    for temp_c, hour in ((31.5, 0), (33.2, 1)):
        time_us = int(time.time()) // 3600 * 3_600_000_000 + (hour - 1) * 3_600_000_000
        values = {**live.last, "temp_c": temp_c}
        post(live.source, [Reading("new one", time_us, values)])
        shown = "document.querySelector('.readout dd').textContent"
        tab.until(f"{shown}.includes('{temp_c}')")
    listed = "[...document.querySelectorAll('#list a')].some"
    tab.until(f"{listed}((a) => a.innerText.includes('33.2'))")


def test_the_keyboard_reaches_everything(live: Live, tab: Browser) -> None:
    opened(tab, live.url)
    chosen = "document.querySelector('#name').textContent"
    focus = "document.activeElement.id || document.activeElement.className"
    tab.press("Tab")
    assert tab.js(focus) == "skip"
    tab.press("/", "/")
    assert tab.js(focus) == "search"
    tab.write("EWR")
    tab.until("document.querySelectorAll('#list a').length === 12")
    tab.press("ArrowDown")
    tab.press("ArrowDown")
    tab.press("Enter", "\r")
    tab.until(f"{chosen} === 'ewr 7 d before'")
    assert tab.js("location.hash") == "#ewr%207%20d%20before"
    tab.until(READY)
    tab.js("document.querySelector('.plot').focus()")
    tab.press("ArrowLeft")
    tab.until("document.querySelector('.hint').textContent.includes('reading')")
    tab.press("End")
    assert "forecast" in tab.js("document.querySelector('.hint').textContent")
    tab.press("Escape")
    idle = tab.js("document.querySelector('.hint').textContent")
    assert idle.replace("\xa0", " ").strip() == "10 % to 90 %"


def test_everything_has_a_name(live: Live, tab: Browser) -> None:
    """As a screen reader has it: the tree of accessibility that Chromium makes."""
    opened(tab, live.url)
    nodes = tab("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "link", "searchbox", "combobox", "image", "img", "region"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and node["role"]["value"] in roles
    ]
    assert len(named) > 30
    assert [role for role, name in named if not name.strip()] == []


def test_the_colours_can_be_chosen(live: Live, tab: Browser) -> None:
    opened(tab, live.url)
    scheme = "document.documentElement.dataset.scheme"
    seen = []
    for _ in range(4):
        seen.append(tab.js(scheme))
        tab.js("document.querySelector('#theme').click()")
    assert seen == ["light", "dark", "light", "light"]
    tab.js("localStorage.clear()")


def test_nothing_is_asked_of_another_host(live: Live, tab: Browser) -> None:
    opened(tab, live.url)
    hosts = {url.split("/")[2] for url in tab.asked() if url.startswith("http")}
    assert hosts == {live.url.removeprefix("http://")}
    assert tab.faults() == []


def test_names_are_text(live: Live, tab: Browser) -> None:
    """A series can be called anything; nothing of it is run."""
    name = '<img src=x onerror="document.title=1">&amp;'
    post(live.source, [Reading(name, None, {"temp_c": 1.0})])
    opened(tab, live.url)
    tab.until(
        "[...document.querySelectorAll('.name')].some((x) => x.textContent.includes('<img'))"
    )
    assert tab.js("document.querySelectorAll('#list img').length") == 0
