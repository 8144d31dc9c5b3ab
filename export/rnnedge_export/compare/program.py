"""Another program that runs a model, as the judge of what was read out of its file."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Program(Protocol):
    """A file as the program that it was written for runs it.

    Attributes:
        name: of the program, for messages.
    """

    name: str

    def __call__(
        self, x: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Rows `[T, I]` from its initial state: `[K]` steps it tells, `[K, O]` of these."""
        ...
