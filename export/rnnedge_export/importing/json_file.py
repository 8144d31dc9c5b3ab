"""Reading JSON that others wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rnnedge_runtime.errors import FormatError


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; numbers may be NaN, which is looked for later.

    Raises:
        FormatError: it is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"{path}: it is no JSON: {str(error)[:200]}. Write it again."
        ) from None
    if not isinstance(content, dict):
        raise FormatError(
            f"{path}: it holds {type(content).__name__}, expected a JSON object. Name "
            "another file."
        )
    return content
