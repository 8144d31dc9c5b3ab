"""One request: what it asks for, its body within limits, and the way to its answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from .access import COOKIE, Access
from .answers import Answer, Refused, refusal

_DRAINED_NBYTES = 1 << 26
_DRAIN_S = 2.0
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class Request:
    """What was asked.

    Attributes:
        method: GET or POST.
        path: without the query, its escapes undone.
        rest: of the path, below the route that answers it.
        query: first value of each name.
        handler: has the headers.
    """

    method: str
    path: str
    rest: str
    query: dict[str, str]
    _: KW_ONLY
    handler: Handler

    def header(self, name: str) -> str:
        """A header, "" where there is none."""
        return str(self.handler.headers.get(name, ""))

    def body(self, max_nbytes: int) -> bytes:
        """The body.

        Raises:
            Refused: it is longer, of unknown length, compressed, or cut short.
        """
        return self.handler.read_body(max_nbytes)


Respond = Callable[[Request], Answer]


class Serving(Protocol):
    """What a connection knows of its server (`server.WebServer`)."""

    access: Access
    routes: Mapping[tuple[str, str], Respond]


class Handler(BaseHTTPRequestHandler):
    """Connections of a `WebServer`."""

    server: Serving  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"
    timeout = 30
    _unread = 0

    def version_string(self) -> str:
        """The name of this server alone."""
        return "rnnedge"

    def handle_expect_100(self) -> bool:
        """Let the body come only where it is asked for (`read_body`)."""
        return True

    def log_message(self, format: str, *arguments: object) -> None:
        """No line a request."""

    def do_GET(self) -> None:
        self._respond("GET")

    def do_HEAD(self) -> None:
        self._respond("GET")

    def do_POST(self) -> None:
        self._respond("POST")

    def read_body(self, max_nbytes: int) -> bytes:
        """The body of this request (`Request.body`)."""
        if self.headers.get("Transfer-Encoding"):
            raise Refused(refusal(411, "Send the header Content-Length."))
        if self.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(refusal(415, "Send the body without compression."))
        size = self._unread
        if size > max_nbytes:
            reason = f"The body has {size:,} bytes, at most {max_nbytes:,} are read."
            raise Refused(refusal(413, f"{reason} Send fewer readings at a time."))
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
        body = self.rfile.read(size)
        self._unread -= len(body)
        if len(body) < size:
            raise Refused(refusal(400, f"The body ends after {len(body):,} bytes."))
        return body

    def _respond(self, method: str) -> None:
        try:
            self._unread = self._content_length()
            answer = self._answer(method)
        except Refused as error:
            answer = error.answer
        has_rest = self._unread > 0 or bool(self.headers.get("Transfer-Encoding"))
        if has_rest:
            self.close_connection = True
        try:
            self._send(answer)
            if has_rest:
                self._drain()
        except OSError:
            self.close_connection = True

    def _content_length(self) -> int:
        text = self.headers.get("Content-Length", "0")
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            self.close_connection = True
            raise Refused(refusal(400, "Content-Length is no number."))
        return int(text)

    def _answer(self, method: str) -> Answer:
        parts = urlsplit(self.path)
        query = {name: found[0] for name, found in parse_qs(parts.query).items()}
        access, given = self.server.access, query.pop("token", "")
        if refused := access.refuse(dict(self.headers), given):
            return refused
        if given and access.is_known(given) and method == "GET":
            rest = f"?{urlencode(query)}" if query else ""
            cookie = f"{COOKIE}={given}; HttpOnly; SameSite=Strict; Path=/"
            headers = {"Location": f"{parts.path or '/'}{rest}", "Set-Cookie": cookie}
            return Answer(303, b"", headers=headers)
        path = unquote(parts.path)
        routes = self.server.routes
        top = path[: path.find("/", 1) + 1]
        respond = routes.get((method, path)) or routes.get((method, top or "-"))
        if respond:
            rest = path.removeprefix(top) if (method, path) not in routes else ""
            return respond(Request(method, path, rest, query, handler=self))
        allowed = {name for name, known in list(routes) if known in (path, top)}
        if allowed:
            return refusal(
                405, f"{method} is not known here.", Allow=", ".join(allowed)
            )
        known = sorted({name for _, name in list(routes)})
        return refusal(404, f"{path[:100]} is not known. Known are {', '.join(known)}.")

    def _send(self, answer: Answer) -> None:
        is_whole = isinstance(answer.body, bytes)
        self.send_response(answer.status)
        for name, value in {**HEADERS, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        if isinstance(answer.body, bytes):
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection or not is_whole:
            self.send_header("Connection", "close")
            self.close_connection = True
        parts = iter((answer.body,)) if isinstance(answer.body, bytes) else answer.body
        try:
            self.end_headers()
            if self.command != "HEAD":
                for part in parts:
                    self.wfile.write(part)
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def _drain(self) -> None:
        """Read what is left of a body for a while, so that the peer reads the answer first."""
        self.connection.settimeout(0.5)
        end, left = time.monotonic() + _DRAIN_S, _DRAINED_NBYTES
        while left > 0 and time.monotonic() < end:
            found = self.rfile.read1(1 << 16)
            if not found:
                break
            left -= len(found)
