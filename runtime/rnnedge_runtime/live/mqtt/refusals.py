"""What a broker refuses, and what to do then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...printable import printable
from .peer import PASSWORD_VARIABLE

if TYPE_CHECKING:
    from .peer import Peer

UNSPECIFIED, TAKEN_OVER = 0x80, 0x8E
_CREDENTIALS = {0x86, 0x87, 0x8C}
_CLIENT_ID = {0x85}
_VERSION = {0x84}
_FINAL = (
    _CREDENTIALS | _CLIENT_ID | _VERSION | {0x81, 0x82, 0x8A, 0x90, 0x95, 0x9A, 0x9B}
)
"""Codes of MQTT 5 that the same CONNECT would meet again; paho gives those of 3.1.1 so too."""


def is_final(reason: Any) -> bool:
    """Whether trying again would not help."""
    return reason.value in _FINAL


def refusal(reason: Any, peer: Peer) -> tuple[str, str]:
    """What the broker said of a connection, and what to do."""
    if reason.value in _CREDENTIALS:
        who = "nobody" if peer.user is None else f"'{printable(peer.user)}'"
        with_what = "a password" if peer.password else "no password"
        return (
            f"the broker refuses user {who} with {with_what} ({reason})",
            "Name the user in the URL, as mqtt://user@host, and the password in "
            f"{PASSWORD_VARIABLE} or with the option password-file.",
        )
    if reason.value in _CLIENT_ID:
        return (
            f"the broker refuses the client id '{printable(peer.client_id)}' ({reason})",
            "Name another with the option client-id.",
        )
    if reason.value in _VERSION:
        return (
            f"the broker does not speak this version of MQTT ({reason})",
            'Try the option version = "3.1.1".',
        )
    return f"the broker refuses this client ({reason})", "Ask who runs the broker."


def refused_topic(topic: str, reason: Any, peer: Peer) -> tuple[str, str]:
    """What the broker said of a subscription, and what to do."""
    who = "nobody" if peer.user is None else f"'{printable(peer.user)}'"
    return (
        f"the broker does not let user {who} read '{printable(topic)}' ({reason})",
        "Name another topic in the URL, or change the broker's access list.",
    )
