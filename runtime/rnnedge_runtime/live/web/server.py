"""A server of plain HTTP on threads of its own; places on one address share it."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from http.server import HTTPServer

from ...errors import DataError
from .access import Access, access_to
from .address import Address
from .requests import Handler, Respond

MAX_CONNECTIONS = 64
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class WebServer(socketserver.ThreadingMixIn, HTTPServer):
    """Answers by routes; a thread a connection, of which there are at most 64.

    Attributes:
        access: what requests must show.
        address: that it listens on, with the port that the system chose for 0.
        routes: by method and path; a path that ends in `/` has all below it.
        is_closing: set once it is to end, for answers that go on.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: Address, access: Access) -> None:
        self.address_family = address.family
        self.access = access
        self.routes: dict[tuple[str, str], Respond] = {}
        self.is_closing = threading.Event()
        self._free = threading.Semaphore(MAX_CONNECTIONS)
        try:
            super().__init__((address.host, address.port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(
                f"http://{address.host}:{address.port}: this address cannot be listened "
                f"on: {reason}. Choose another port, or stop the program that has it."
            ) from None
        self.address = Address(address.host, self.server_port)
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.2,), name="rnnedge-http", daemon=True
        )
        self._thread.start()

    def server_bind(self) -> None:
        """Without asking the name service who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])

    def process_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """Begin a connection, or end it at once where there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        try:
            request.settimeout(1)
            request.sendall(_BUSY)
        except OSError:
            pass
        self.shutdown_request(request)

    def process_request_thread(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """A connection, from its first request to its last."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that vanishes is no news."""

    def stop(self) -> None:
        """Answer no more."""
        self.is_closing.set()
        self.shutdown()
        self.server_close()


@dataclass(slots=True)
class _Shared:
    """A server and how many places use it."""

    server: WebServer
    uses: int = field(default=1)


_servers: dict[Address, _Shared] = {}
_lock = threading.Lock()


@dataclass(slots=True)
class Listening:
    """One place's part of a server.

    Attributes:
        server: which others may use too.
    """

    server: WebServer
    _routes: dict[tuple[str, str], Respond]

    @property
    def url(self) -> str:
        """Of the server, as a browser on this machine takes it."""
        return self.server.address.url()

    def said(self, path: str) -> str:
        """One sentence that says where to look, with the token where one is needed."""
        token = self.server.access.token
        return f"listening on {self.url}{path}{f'?token={token}' if token else ''}"

    def close(self) -> None:
        """Take the routes away; the last one to leave stops the server."""
        with _lock:
            for route in self._routes:
                self.server.routes.pop(route, None)
            for address, shared in list(_servers.items()):
                if shared.server is self.server:
                    shared.uses -= 1
                    if not shared.uses:
                        del _servers[address]
                        self.server.stop()


def listen(
    address: Address,
    routes: dict[tuple[str, str], Respond],
    *,
    token: str = "",
    names: tuple[str, ...] = (),
) -> Listening:
    """Answer these routes on an address, beside what others answer on it.

    Raises:
        DataError: the address is taken or not ours, one of the routes is answered already,
            or another token holds there.
    """
    with _lock:
        shared = _servers.get(address)
        if shared is None:
            server = WebServer(address, access_to(address, token, names))
            shared = _Shared(server)
            _servers[server.address if not address.port else address] = shared
        else:
            _check_shared(shared.server, routes, token)
            shared.uses += 1
        shared.server.routes.update(routes)
    return Listening(shared.server, routes)


def _check_shared(
    server: WebServer, routes: dict[tuple[str, str], Respond], token: str
) -> None:
    url = server.address.url()
    if token and not server.access.is_known(token):
        raise DataError(
            f"{url}: two parts of this program have this address and different tokens. "
            "Give them the same token, or different ports."
        )
    if taken := sorted(
        path for method, path in routes if (method, path) in server.routes
    ):
        raise DataError(
            f"{url}: {taken[0]} is answered by another part of this program already. "
            "Give them different ports."
        )
