"""What a module returns, sorted into outputs and state.

The state is found by the options of the caller, by name, by position (`(y, *state)`) or by
shape. Where two of these disagree, or none decides, the caller is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from rnnedge_runtime.errors import SpecError

from .matching import (
    Binding,
    are_names,
    by_name,
    by_parts,
    by_position,
    in_order,
    is_below,
)
from .structure import (
    Path,
    at,
    children,
    describe,
    is_ordered,
    leaves,
    nodes,
    path_text,
    tensors,
)

Choice = int | str | Sequence[int | str] | None
"""Outputs or state as a caller names them: positions, keys, or paths such as `1.h`."""


@dataclass(frozen=True, slots=True)
class Returned:
    """One returned value beside the state that went in.

    Attributes:
        value: what the module returned.
        arguments: the arguments of the state, by name; those without a tensor are left out.
        where: the start of a message.
        unset: arguments that hold no tensor, or were left at their default.
    """

    value: Any
    arguments: tuple[tuple[str, Any], ...]
    where: str
    unset: tuple[str, ...] = ()

    @property
    def took(self) -> list[tuple[Path, Tensor]]:
        """The state that went in, flat."""
        return tensors(dict(self.arguments))

    def bind(self, outputs: Choice = None, state: Choice = None) -> Binding:
        """Sort what came back.

        Raises:
            SpecError: the state cannot be told, or something that came back is no tensor.
        """
        chosen = None if outputs is None else self.chosen(outputs, "outputs")
        if state is not None:
            found = self.match_chosen(self.chosen(state, "state"))
        else:
            if chosen is None:
                self.tensors_in([()])
            found = self.find_state(chosen or [])
        if chosen is None:
            chosen = [path for path, _ in leaves(self.value) if path not in found.state]
        parts = self.tensors_in(chosen)
        if not parts:
            raise SpecError(
                f"{self.where} returns {self.listing()}, and nothing of it is an output. "
                "Return (y, state), or name the outputs with outputs=."
            )
        return replace(found, outputs=tuple(parts))

    def find_state(self, chosen: list[Path]) -> Binding:
        """The state where the caller did not name it."""
        named = by_name(self.value, self.arguments, self.unset)
        placed = by_position(self.value, self.arguments)
        if named and placed and named.state != placed.state:
            raise SpecError(
                f"{self.where} returns {self.listing()}: by name the state is "
                f"{_texts(named.state)}, by position {_texts(placed.state)}. Name "
                f"the one that goes in as {self.names()} with state=, for example "
                f"state={_option(named.state)}."
            )
        found = named or placed or self.by_shape(chosen)
        if found is None or any(is_below(path, chosen) for path in found.state):
            raise self.not_clear()
        return found

    def by_shape(self, chosen: list[Path]) -> Binding | None:
        """The state where every tensor of its shapes must be one."""
        source = [template for _, template in self.arguments]
        names = [name for name, _ in self.arguments]
        free = [pair for pair in tensors(self.value) if not is_below(pair[0], chosen)]
        went_in = tensors(source)
        state: dict[Path, Path] = {}
        for shape in {leaf.shape for _, leaf in went_in}:
            wanted = [path for path, leaf in went_in if leaf.shape == shape]
            found = [path for path, leaf in free if leaf.shape == shape]
            if len(found) != len(wanted):
                return None
            ends = [path[-1] if path else None for path in found]
            keys = [names[path[0]] if len(path) == 1 else path[-1] for path in wanted]
            if are_names(keys) and set(keys) == set(ends):
                found = [found[ends.index(key)] for key in keys]
            elif not (in_order(source, wanted) and in_order(self.value, found)):
                return None
            state.update(zip(wanted, found, strict=True))
        rest = [path for path, _ in free if path not in state.values()]
        if not state or not (rest or chosen):
            return None
        if not chosen and self.is_doubtful(rest, state):
            return None
        ordered = tuple(state[path] for path, _ in went_in)
        return Binding((), ordered, is_found_by_shape=True)

    def is_doubtful(self, rest: list[Path], state: dict[Path, Path]) -> bool:
        """Whether this may be an accident: y is not first, or more state comes behind it."""
        order = [path for path, _ in tensors(self.value)]
        if is_ordered(self.value) and order[0] in state.values():
            return True
        last = max(map(order.index, state.values()))
        return bool(self.unset) and any(order.index(path) > last for path in rest)

    def chosen(self, choice: Choice, option: str) -> list[Path]:
        """Paths of what an option names."""
        if isinstance(choice, int | str):
            choice = (choice,)
        if not isinstance(choice, tuple | list):
            raise SpecError(
                f"{self.where}: {option}= is {type(choice).__name__}, expected a position, "
                f"a key or a tuple of them. What came back is {self.listing()}."
            )
        entries: list[Any] = [*choice]
        known = {path_text(path): path for path, _ in nodes(self.value) if path}
        missing = [entry for entry in entries if str(entry) not in known]
        if missing or (option == "outputs" and not entries):
            raise SpecError(
                f"{self.where}: {option}= names {missing[0] if missing else 'nothing'!r}, "
                f"but what came back is {self.listing()}. Name some of these."
            )
        return [known[str(entry)] for entry in entries]

    def match_chosen(self, roots: list[Path]) -> Binding:
        """The state where the caller named it."""
        parts = [(root, at(self.value, root)) for root in roots]
        binding = by_parts(parts, self.arguments)
        if binding is not None:
            return binding
        if not self.arguments:
            raise self.not_clear()
        found = [pair for root, part in parts for pair in leaves(part, root)]
        raise SpecError(
            f"{self.where}: state= names {_described(found) or 'nothing'}, but the state "
            f"that goes in is {_described(self.took)}. Name one tensor for each, in this "
            "order and these shapes."
        )

    def tensors_in(self, roots: Iterable[Path]) -> list[Path]:
        """Paths of the tensors below the roots; refuses what is neither one nor None."""
        found = [pair for root in roots for pair in leaves(at(self.value, root), root)]
        for path, leaf in found:
            if leaf is not None and not isinstance(leaf, Tensor):
                raise self.no_tensor(path, leaf)
        return [path for path, leaf in found if leaf is not None]

    def no_tensor(self, path: Path, leaf: Any) -> SpecError:
        kind = type(leaf).__name__
        advice = "Return tensors only, or name them with outputs= and state=."
        if kind == "PackedSequence":
            advice = "Unpack it with torch.nn.utils.rnn.pad_packed_sequence."
        if hasattr(leaf, "log_prob"):
            advice = "Return the tensors that describe the distribution."
        place = f"{path_text(path)} of what it returns" if path else "what it returns"
        return SpecError(
            f"{self.where}: {place} is {kind}, expected a tensor. {advice}"
        )

    def not_clear(self) -> SpecError:
        """The question to the caller."""
        found = tensors(self.value)
        if not self.arguments:
            hint = f" ({', '.join(self.unset)} is not given)" if self.unset else ""
            return SpecError(
                f"{self.where} returns {self.listing()}, but the example holds no state"
                f"{hint}. Pass the state of a new stream too, example=(x, state...), and "
                "return (y, state)."
            )
        shapes = {leaf.shape for _, leaf in self.took}
        could = [path for path, leaf in found if leaf.shape in shapes]
        took = _described(self.took)
        start = f"{self.where} takes state {took} and returns {self.listing()}"
        if isinstance(self.value, Tensor):
            return SpecError(
                f"{start} and no state beside it. Return (y, state), the new state in the "
                "structure and shapes of the state that came in."
            )
        if len(could) < len(self.took):
            return SpecError(
                f"{start}: by shape {_texts(could) or 'nothing'} could be the new state, "
                f"expected one tensor for each of {took}. Return the new state in the "
                "structure and shapes of the state that came in."
            )
        if len(found) == len(self.took):
            return SpecError(
                f"{start}: the state, and no output beside it. Return (y, state) with y "
                "[B, T, O]."
            )
        hint = ""
        if self.unset:
            start += f", while {', '.join(self.unset)} is not in the example"
            hint = f" Where {self.unset[0]} is state, put its tensor into the example."
        question = (
            "Which of it is the new state is not clear; by shape "
            f"{_texts(could)} could be."
        )
        if len(could) == len(self.took) > 1:
            question = (
                f"Which of {_texts(could)} is which part of the state is not clear: the "
                "names and the structure differ."
            )
        state = _suggestion(self.value, could, self.took)
        rest = [path for path, _ in found if path not in state] or could[:1]
        return SpecError(
            f"{start}. {question} Return (y, state) in the structure that came in, or name "
            f"both, the state in the order {self.names()}: for example "
            f"outputs={_option(rest)}, state={_option(state)}.{hint}"
        )

    def names(self) -> str:
        return _texts([path for path, _ in self.took])

    def listing(self) -> str:
        """Everything that came back, with its path and shape."""
        if children(self.value) is None:
            is_tensor = isinstance(self.value, Tensor)
            return f"{'one tensor ' if is_tensor else ''}{describe(self.value)}"
        return _described(leaves(self.value)) or f"an empty {type(self.value).__name__}"


def _suggestion(
    value: Any, could: Sequence[Path], took: Sequence[tuple[Path, Tensor]]
) -> list[Path]:
    """A path for every state tensor: of the same name, or the first of the same shape."""
    by_end = {str(path[-1]): path for path in could if path}
    ends = [str(path[-1]) for path, _ in took]
    if set(ends) <= set(by_end):
        return [by_end[end] for end in ends]
    # y comes first, so the first of all is named last.
    left = sorted(could, key=lambda path: path in ((), (0,)))
    found = []
    for _, tensor in took:
        same = [path for path in left if at(value, path).shape == tensor.shape]
        found += same[:1]
        left = [path for path in left if path not in same[:1]]
    return found


def _described(pairs: Iterable[tuple[Path, Any]]) -> str:
    return ", ".join(f"{path_text(path)}: {describe(leaf)}" for path, leaf in pairs)


def _texts(paths: Sequence[Path]) -> str:
    return ", ".join(path_text(path) for path in paths)


def _option(paths: Sequence[Path]) -> str:
    """Paths as a caller writes them: `(0, 1)`, `("h", "1.c")`."""
    entries = [
        str(path[0])
        if len(path) == 1 and isinstance(path[0], int)
        else f"'{path_text(path)}'"
        for path in paths
    ]
    return entries[0] if len(entries) == 1 else f"({', '.join(entries)})"
