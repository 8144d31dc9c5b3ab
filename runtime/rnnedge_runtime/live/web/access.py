"""Who may ask: names of this machine, a token beyond it, no page of another site."""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from ...errors import DataError
from .address import Address
from .answers import Answer, refusal

COOKIE = "rnnedge_token"
VARIABLE = "RNNEDGE_TOKEN"
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_SHORTEST_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must show.

    Attributes:
        token: that it must hold; "" where the server is on loopback and needs none.
        names: of this machine, in lower case, as a request may call it.
        is_local: whether only programs of this machine reach the server.
    """

    token: str
    names: frozenset[str]
    is_local: bool

    def refuse(self, headers: Mapping[str, str], given: str = "") -> Answer | None:
        """The answer to a request that may not go on; None for one that may.

        Args:
            headers: of the request.
            given: a token in its address.
        """
        host = _host_of(headers.get("Host", ""))
        if not self._is_ours(host):
            return refusal(
                421,
                f"Host '{host[:100]}' is no name of this server. Use its IP address, "
                "or add the name to the option `names`.",
            )
        origin = headers.get("Origin")
        if origin and origin.partition("://")[2] != headers.get("Host"):
            return refusal(403, "A page of another site may not ask here.")
        if not self.token or self.is_known(given) or self._shows_token(headers):
            return None
        return refusal(
            401,
            "A token is needed: open the address with ?token=..., or send the header "
            "'Authorization: Bearer ...'. The program printed it at its start.",
            WWW_Authenticate="Bearer",
        )

    def is_known(self, token: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return bool(self.token) and hmac.compare_digest(
            token.encode("utf-8", "replace"), self.token.encode()
        )

    def _is_ours(self, host: str) -> bool:
        if host in self.names:
            return True
        return not self.is_local and _is_ip_address(host)

    def _shows_token(self, headers: Mapping[str, str]) -> bool:
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind.lower() in ("bearer", "token") and self.is_known(token.strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and self.is_known(cookie.value)


def access_to(address: Address, token: str = "", names: tuple[str, ...] = ()) -> Access:
    """What requests to this address must show.

    Args:
        address: that is listened on.
        token: the user's; else that of the environment variable RNNEDGE_TOKEN; beyond
            loopback one is made where there is none.
        names: by which this machine is called, beside its own and its IP addresses.

    Raises:
        DataError: the token is too short, or cannot stand in a header.
    """
    token = token or os.environ.get(VARIABLE, "")
    if token and (len(token) < _SHORTEST_TOKEN or not _is_plain(token)):
        raise DataError(
            f"token: {len(token)} characters, expected {_SHORTEST_TOKEN} or more of "
            "letters, digits and -._~ . Leave the option out, and one is made."
        )
    known = {*_LOCAL_NAMES, address.host, *names}
    if not address.is_loopback:
        own = socket.gethostname()
        known |= {own, f"{own}.local"}
        token = token or secrets.token_urlsafe(24)
    ours = frozenset(name.lower() for name in known)
    return Access(token, ours, address.is_loopback)


def _host_of(header: str) -> str:
    """The host of `Host: host:port` in lower case, without brackets."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_plain(token: str) -> bool:
    return token.isascii() and all(c.isalnum() or c in "-._~" for c in token)
