"""SHA-256 from Python's own module, without OpenSSL.

`hashlib` loads OpenSSL's library, which takes 4 MB of a device's memory for one hash.
"""

from __future__ import annotations

import importlib
from typing import Any


def new_sha256() -> Any:
    """A hash object with `update`, `digest` and `hexdigest`."""
    for module in ("_sha2", "_sha256"):  # from Python 3.12 on, before
        try:
            return importlib.import_module(module).sha256()
        except ImportError:
            continue
    return importlib.import_module("hashlib").sha256()
