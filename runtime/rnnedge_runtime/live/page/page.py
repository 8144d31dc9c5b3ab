"""The page of a running loop: what it serves, and how it is told of outcomes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ..loop.nouns import Outcome, Place
from ..place_options import Options
from ..sinks.listing import Listing, page_of
from ..sinks.newest import Newest
from ..web.answers import Answer, json_answer, refusal
from ..web.endpoint import Endpoint
from ..web.requests import Request, Respond
from .answers import about, listed, state
from .events import Viewers
from .feed import Feed
from .history import History

FILES = Path(__file__).parent / "files"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}


class Page:
    """Serves the page from a thread of its own; `observe` goes into the loop's observers.

    Args:
        place: `url` is where it listens, such as `127.0.0.1:8080`; options `token` and
            `names`.

    Raises:
        DataError: an option is not what it must be.
    """

    name = "page"

    def __init__(self, place: Place) -> None:
        options = Options(place)
        self._endpoint = Endpoint(
            place.url, token=options.text("token"), names=options.words("names")
        )
        options.finish()
        spec = place.spec
        self._place = place
        self._history = History(spec.num_features, spec.output_size)
        self._newest = Newest(spec.num_features, spec.output_size)
        self._listing = Listing(place.names)
        self._feed = Feed(self._history, self._newest, place.counters)
        self._viewers = Viewers(self._history, self._state)

    @property
    def url(self) -> str:
        """Where it is, as a browser on this machine takes it; "" before the start."""
        return self._endpoint.url

    def start(self) -> None:
        """Listen, and say where.

        Raises:
            DataError: the address is taken or not ours.
        """
        routes: dict[tuple[str, str], Respond] = {
            ("GET", "/api/about"): self._about,
            ("GET", "/api/series"): self._series,
            ("GET", "/api/events"): self._events,
            **{("GET", path): respond for path, respond in _files()},
        }
        said = self._endpoint.start(routes, "/")
        self._feed.start()
        self._place.tell(f"page: {said}")

    def observe(self, outcome: Outcome) -> None:
        """Take note of an outcome; called by the loop, and at once done."""
        self._feed.observe(outcome)

    def close(self) -> None:
        """Serve no more."""
        self._viewers.close()
        if self._endpoint.close():
            self._feed.close()

    def _about(self, request: Request) -> Answer:
        return json_answer(about(self._place))

    def _series(self, request: Request) -> Answer:
        first, count = page_of(request.query)
        found, numbers = self._listing.find(
            request.query.get("search", ""), first, count
        )
        rows = listed(self._place, numbers, self._newest, self._history)
        total = len(self._place.names)
        head = json.dumps({"total": total, "found": found, "from": first})
        return json_answer(f'{head[:-1]}, "series": [{",".join(rows)}]}}'.encode())

    def _events(self, request: Request) -> Answer:
        name = request.query.get("series", "")
        parts = self._viewers.follow(lambda: self._listing.number(name))
        if parts is None:
            return refusal(503, "Too many pages are open. Close one.", Retry_After="5")
        return Answer(200, parts, "text/event-stream")

    def _state(self) -> bytes:
        return state(self._place, self._feed).encode()


def _files() -> Iterator[tuple[str, Respond]]:
    """The files of the page by their paths, read once."""
    for path in sorted(FILES.rglob("*")):
        if path.is_file():
            respond = _always(Answer(200, path.read_bytes(), KINDS[path.suffix]))
            name = path.relative_to(FILES).as_posix()
            yield f"/{name}", respond
            if name == "index.html":
                yield "/", respond


def _always(answer: Answer) -> Respond:
    return lambda request: answer
