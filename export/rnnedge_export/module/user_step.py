"""A user's module stepped through the verification stream: its errors become sentences."""

from __future__ import annotations

from torch import Tensor, nn

from rnnedge_runtime.errors import RnnEdgeError, SpecError

from .reasons import error_text
from .user_module import UserModule

_SHOWN = 6


class UserStep:
    """One step after the other, `x` `[1, 1, I]` to `y` `[1, 1, O]`.

    Args:
        user: the module with its example.
        module: the module itself, or a copy of it in another precision.
    """

    def __init__(self, user: UserModule, module: nn.Module) -> None:
        self.user = user
        self.module = module
        self.num_steps = 0
        self.shapes = [tensor.shape for tensor in user.state]
        self.output_size: int | None = None

    def __call__(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Raises SpecError where the module raises anything, or its state changes shape."""
        user = self.user
        wide = x.expand(len(user.x), 1, -1)
        try:
            y, new_state = user.step(wide, state, self.module)
        except RnnEdgeError:
            raise
        except Exception as error:  # the module is the user's: any error may come
            raise SpecError(
                f"export: {user.name} fails at step {self.num_steps} of the verification "
                f"stream, x {_row(x)}: {error_text(error)}. Pass stream= with model inputs "
                "like those that the module was made for."
            ) from error
        for name, shape, new in zip(
            user.state_names, self.shapes, new_state, strict=True
        ):
            if new.shape != shape:
                raise SpecError(
                    f"export: the state '{name}' of {user.name} is {list(new.shape)} after "
                    f"step {self.num_steps}, and was {list(shape)} before. Give the state "
                    "one shape for all steps."
                )
        size = self.output_size or y.shape[-1]
        if y.shape[-1] != size:
            raise SpecError(
                f"export: y of {user.name} has {y.shape[-1]} values at step "
                f"{self.num_steps}, and had {size} before. Return as many in every step."
            )
        self.output_size = size
        self.num_steps += 1
        return y, new_state


def _row(x: Tensor) -> str:
    values = [f"{value:.4g}" for value in x[0, 0].tolist()[:_SHOWN]]
    return f"[{', '.join(values)}{', ...' if x.shape[-1] > _SHOWN else ''}]"
