"""What a server says: status, kind and content of one answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        status: of HTTP.
        body: all of it, or parts that are sent as they come, until the reader leaves.
        kind: media type.
        headers: further ones.
    """

    status: int
    body: bytes | Iterator[bytes]
    kind: str = TEXT
    _: KW_ONLY
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that gets `answer` and nothing else."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(content: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON; `_` in a header's name is written `-`.

    Bytes are JSON already.
    """
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body + b"\n", JSON, headers=named)


def refusal(status: int, reason: str, **headers: str) -> Answer:
    """An answer that says in one sentence what was wrong."""
    return json_answer({"error": reason}, status, **headers)
