"""Why a module did not become a chain of layers, said in the module's own names."""

from __future__ import annotations

from torch import fx

from rnnedge_runtime.errors import SpecError

_HOLDER = "user_module"
"""Where a module lies in one that gives it explicit state, or its inputs their form."""


class NotAChainError(SpecError):
    """The module is not a chain of layers.

    Attributes:
        reason: the first operation that keeps it from being one, named in the module.
        all_reasons: that and all others.
    """

    def __init__(self, reason: str, others: tuple[str, ...] = ()) -> None:
        super().__init__(
            f"capture: {reason}. Export it to ONNX, which carries any graph."
        )
        self.reason = reason
        self.all_reasons = tuple(dict.fromkeys((reason, *others)))


def module_path(node: fx.Node) -> str:
    """Dotted name of the submodule that an operation stands in."""
    stack = node.meta.get("nn_module_stack") or {}
    path = str(list(stack.values())[-1][0]) if stack else ""
    return own_name(path) or "forward"


def own_name(path: str) -> str:
    """A name in the user's module, which is `module` of what was traced."""
    path = path.removeprefix("module").removeprefix(".")
    while path == _HOLDER or path.startswith(f"{_HOLDER}."):
        path = path.removeprefix(_HOLDER).removeprefix(".")
    return path


def not_a_chain(node: fx.Node, why: str = "") -> NotAChainError:
    """The operation of `node` has no layer, or `why` it cannot be used as one."""
    target = str(node.target)
    operation = target.split(".")[1] if "." in target else target
    reason = f"{operation} in '{module_path(node)}'"
    return NotAChainError(f"{reason} {why}".rstrip())


def time_major_error(layer: str) -> SpecError:
    """A recurrent layer takes the batch axis of x for time."""
    return SpecError(
        f"export: layer '{layer}' has batch_first=False, but x is [B, T, I], batch first. "
        "Build it with batch_first=True, or transpose x before and y after it."
    )


def impure(what: str) -> SpecError:
    """The module is no function of its arguments; `what` says how that was found."""
    return SpecError(
        f"export: {what}, so the module holds hidden state or draws random numbers and no "
        "exported file can reproduce it. Take all state as arguments of forward, return "
        "it, and draw nothing at random."
    )


def error_text(error: BaseException) -> str:
    """The first line of somebody else's error, without a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind = type(error).__name__
    text = lines[0] if lines else kind
    if isinstance(error, KeyError):
        text = f"KeyError {text}"
    return text[:300].rstrip(".:")
