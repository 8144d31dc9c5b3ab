"""Every call of a PyTorch function that a module makes, seen before it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode


class Watch(TorchFunctionMode):
    """Within it `see` gets function, arguments and keywords of every call."""

    def __init__(
        self, see: Callable[[Any, tuple[Any, ...], dict[str, Any]], None]
    ) -> None:
        super().__init__()
        self.see = see

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.see(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))
