"""The scheme of a source or a sink, and what opens it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


def opener_of(place: str, openers: Mapping[str, str]) -> Any:
    """What opens a place, imported here.

    Args:
        place: `-`, `scheme://...`, or else a path, whatever it looks like.
        openers: `module:name` by `scheme://`; "" for paths, `-` for a standard stream.
    """
    scheme, mark, _ = place.partition("://")
    key = scheme.lower() + mark if mark or place == "-" else ""
    module, _, name = openers.get(key, openers[""]).partition(":")
    return getattr(importlib.import_module(module), name)
