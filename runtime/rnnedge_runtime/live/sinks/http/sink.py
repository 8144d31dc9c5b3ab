"""The sink that keeps the newest forecast of each series for those who ask."""

from __future__ import annotations

import numpy as np

from ...loop.nouns import Outcome, Place
from ...payloads.forecasts import ForecastLines
from ...place_options import Options
from ...web.answers import Answer, json_answer, refusal
from ...web.endpoint import Endpoint
from ...web.requests import Request, Respond
from ..listing import Listing, page_of
from ..newest import NEVER, Newest


class HttpSink:
    """What is asked for is always delivered: nothing waits for a reader.

    Attributes:
        name: `http`.
    """

    name = "http"

    def __init__(self, place: Place) -> None:
        options = Options(place)
        self._endpoint = Endpoint(
            place.url, token=options.text("token"), names=options.words("names")
        )
        options.finish()
        self._place = place
        self._newest = Newest(place.spec.num_features, place.spec.output_size)
        self._listing = Listing(place.names)
        self._lines = ForecastLines(place)
        self._sequence = 0

    @property
    def url(self) -> str:
        """Where it listens; "" before the start."""
        return self._endpoint.url

    def start(self) -> None:
        """Listen.

        Raises:
            DataError: the address is taken or not ours.
        """
        routes: dict[tuple[str, str], Respond] = {
            ("GET", "/forecasts/"): self._forecast,
            ("GET", "/series"): self._series,
        }
        self._place.tell(f"http: {self._endpoint.start(routes, '/forecasts/')}")

    def send(self, outcome: Outcome) -> bool:
        """Keep the newest of each series."""
        self._newest.take(outcome)
        self._sequence = outcome.sequence
        self._place.counters.add(self.name, "sent", len(outcome.series))
        return True

    def delivered(self) -> int:
        """All that was sent."""
        return self._sequence

    def idle(self) -> None:
        """Nothing is due."""

    def close(self) -> None:
        """Listen no more."""
        self._endpoint.close()

    def _forecast(self, request: Request) -> Answer:
        number = self._listing.number(request.rest)
        if number is None or number >= len(self._newest):
            return refusal(404, f"There is no series '{request.rest[:100]}'.")
        rows = self._newest.rows(np.array([number]))
        if rows.time_us[0] == NEVER:
            return refusal(404, f"Series '{request.rest[:100]}' has no forecast yet.")
        outcome = Outcome(
            0,
            int(rows.received_us[0]),
            rows.series.astype(np.int32),
            rows.time_us,
            rows.readings,
            rows.values,
            np.zeros(1, np.int32),
        )
        return json_answer(next(self._lines.json(outcome)).encode())

    def _series(self, request: Request) -> Answer:
        first, count = page_of(request.query)
        found, numbers = self._listing.find(
            request.query.get("search", ""), first, count
        )
        names = [self._place.names[number] for number in numbers]
        total = len(self._place.names)
        return json_answer(
            {"total": total, "found": found, "from": first, "series": names}
        )
