"""Where a server listens: host and port of a URL, and whether others can reach it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...errors import DataError

DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port to listen on.

    Attributes:
        host: an IP address or a name of this machine, without brackets.
        port: 0 for any that is free.
    """

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether programs of this machine alone can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def family(self) -> socket.AddressFamily:
        """IPv6 where the host is such an address."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def url(self, port: int | None = None) -> str:
        """As a browser on this machine takes it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port or self.port}"


def parse_address(text: str) -> Address:
    """Read `HOST:PORT`, `HOST` or `:PORT`, after any scheme and before any query.

    No host is 127.0.0.1, no port is 8080.

    Raises:
        DataError: it is none of these, or asks for TLS.
    """
    scheme, mark, rest = text.partition("://")
    try:
        parts = urlsplit(f"//{rest if mark else text}")
        port = parts.port
    except ValueError:
        raise _unfit(text) from None
    if mark and scheme.lower() == "https":
        raise DataError(
            f"{text}: this server speaks plain HTTP, not TLS. Write http://, and put a "
            "proxy such as nginx or Caddy before it where the network is not yours."
        )
    if parts.username or parts.path not in ("", "/"):
        raise _unfit(text)
    host = parts.hostname or "127.0.0.1"
    return Address(host, DEFAULT_PORT if port is None else port)


def _unfit(text: str) -> DataError:
    return DataError(
        f"{text}: this is no address to listen on, expected a host and a port. "
        "Write 127.0.0.1:8080, or 0.0.0.0:8080 for the whole network."
    )
