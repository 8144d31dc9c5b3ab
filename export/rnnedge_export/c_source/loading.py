"""Loading C artifacts, under the name it had before `formats`."""

from __future__ import annotations

from ..formats.c.loading import load_c

__all__ = ["load_c"]
