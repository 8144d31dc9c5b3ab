"""What one place answers on an address: from its URL to the end of listening."""

from __future__ import annotations

from .address import parse_address
from .requests import Respond
from .server import Listening, listen


class Endpoint:
    """Routes of one place.

    Args:
        url: where to listen (`parse_address`).
        token: that a request has to bring; "" for none.
        names: of this machine that a request may use.

    Raises:
        DataError: the URL is no address.
    """

    def __init__(self, url: str, *, token: str, names: tuple[str, ...]) -> None:
        self._address = parse_address(url)
        self._token, self._names = token, names
        self._listening: Listening | None = None

    @property
    def url(self) -> str:
        """Where it listens, as a browser on this machine takes it; "" while it does not."""
        return self._listening.url if self._listening else ""

    def start(self, routes: dict[tuple[str, str], Respond], path: str) -> str:
        """Listen; what is to be said of `path`.

        Raises:
            DataError: the address is taken or not ours.
        """
        self._listening = listen(
            self._address, routes, token=self._token, names=self._names
        )
        return self._listening.said(path)

    def close(self) -> bool:
        """Listen no more; whether it did."""
        found, self._listening = self._listening, None
        if found is not None:
            found.close()
        return found is not None
