"""What a model is: features, targets, layers, weights; the same in every format.

`Feature`, `ModelSpec`, `StateEntry` and `Target` can be imported from here.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("Feature", "ModelSpec", "StateEntry", "Target"):
        from . import model_spec

        return getattr(model_spec, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
