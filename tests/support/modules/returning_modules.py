"""Modules that take and return state in every structure, drawn; the truth goes by meaning."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

zeros = torch.zeros
SHAPES = {"h": (1, 1, 4), "c": (1, 1, 4), "m": (1, 2)}
Named = dict[str, Any]


@dataclasses.dataclass
class Memory:
    h: Any = None
    c: Any = None
    m: Any = None


@dataclasses.dataclass(frozen=True)
class Structure:
    """How named parts are put together, and got out again.

    Attributes:
        kind: what it is called.
        pack: parts by name to a value.
        unpack: the value to parts by name.
        is_by_name: whether the parts have names in it.
    """

    kind: str
    pack: Callable[[Named], Any]
    unpack: Callable[[Any], Named]
    is_by_name: bool


def structure(kind: str, names: list[str]) -> Structure:
    """One container of the parts `names`, in this order."""
    if kind in ("tuple", "list"):
        make = tuple if kind == "tuple" else list
        return Structure(
            kind,
            lambda parts: make(parts[name] for name in names),
            lambda value: dict(zip(names, value, strict=True)),
            False,
        )
    if kind in ("dict", "OrderedDict"):
        new = dict if kind == "dict" else OrderedDict
        return Structure(
            kind, lambda parts: new((n, parts[n]) for n in names), dict, True
        )
    if kind == "namedtuple":
        cls = namedtuple("State", names)
        return Structure(
            kind,
            lambda parts: cls(**{name: parts[name] for name in names}),
            lambda value: value._asdict(),
            True,
        )
    return Structure(
        kind,
        lambda parts: Memory(**{name: parts[name] for name in names}),
        lambda value: {n: getattr(value, n) for n in names},
        True,
    )


KINDS = ("tuple", "list", "dict", "OrderedDict", "namedtuple", "dataclass")
KEYED = ("dict", "OrderedDict")


class Returning(nn.Module):
    """An LSTM and a running mean; `take` and `give` are its structures."""

    def __init__(self, names: list[str], take: Structure, give: Callable[..., Any]):
        super().__init__()
        torch.manual_seed(0)
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)
        self.names, self.take, self.give = names, take, give

    def compute(self, x: Tensor, state: Named) -> tuple[Tensor, Named]:
        z, (h, c) = self.lstm(x, (state["h"], state["c"]))
        new = {"h": h, "c": c}
        y = self.head(z)
        if "m" in state:
            new["m"] = 0.9 * state["m"] + 0.1 * x[:, -1, :2]
            y = y + new["m"][:, None]
        return y, new

    def forward(self, x: Tensor, state: Any) -> Any:
        y, new = self.compute(x, self.take.unpack(state))
        return self.give(y, new)


class ReturningSpread(Returning):
    """The same with the state as arguments of their own."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor, m: Any = None) -> Any:
        state = {"h": h, "c": c} if m is None else {"h": h, "c": c, "m": m}
        y, new = self.compute(x, state)
        return self.give(y, new)


@st.composite
def returning(draw: Any) -> tuple[Returning, tuple[Any, ...], Callable[[Any], Named]]:
    """A module, its example, and how its user finds y and the parts of the state."""
    names = draw(st.sampled_from((["h", "c"], ["h", "c", "m"])))
    initial = {name: zeros(*SHAPES[name]) for name in names}
    is_spread = draw(st.booleans())
    taken = draw(st.sampled_from(KINDS))
    take = structure(taken, names)
    given = draw(st.sampled_from((*KINDS, "flat")))
    order = names
    if given in KEYED or (given == "namedtuple" and (take.is_by_name or is_spread)):
        order = draw(st.permutations(names))
    container = structure("tuple" if given == "flat" else given, list(order))
    y_form = draw(st.sampled_from(("plain", "tuple", "dict")))
    outer = draw(st.sampled_from(("tuple", "list", "dict", "namedtuple")))
    extras = draw(st.lists(st.sampled_from(("none", "more")), max_size=2, unique=True))

    def give(y: Tensor, new: Named) -> Any:
        forms = {
            "plain": y,
            "tuple": (y[..., :1], y[..., 1:]),
            "dict": {"mean": y[..., :1], "scale": y[..., 1:]},
        }
        parts: Named = {"y": forms[y_form]}
        if given == "flat":
            parts |= new
        else:
            parts["state"] = container.pack(new)
        if "none" in extras:
            parts["nothing"] = None
        if "more" in extras:
            parts["more"] = y[..., :1] * 2
        return structure(outer, list(parts)).pack(parts)

    def find(out: Any) -> Named:
        keys = ["y", *(names if given == "flat" else ["state"])]
        keys += ["nothing"] * ("none" in extras) + ["more"] * ("more" in extras)
        parts = structure(outer, keys).unpack(out)
        y = parts["y"]
        pieces = (
            [y] if y_form == "plain" else list(y.values() if y_form == "dict" else y)
        )
        if "more" in extras:
            pieces.append(parts["more"])
        state = parts if given == "flat" else container.unpack(parts["state"])
        return {"y": torch.cat(pieces, -1), **{name: state[name] for name in names}}

    make = ReturningSpread if is_spread else Returning
    module = make(names, take, give).eval()
    example = (
        zeros(1, 1, 3),
        *(initial.values() if is_spread else [take.pack(initial)]),
    )
    return module, example, find


def own_loop(
    module: Returning, find: Callable[[Any], Named], x: Tensor
) -> tuple[Tensor, list[Named]]:
    """What the user's own loop gives, with every part carried by its meaning."""
    state = {name: zeros(*SHAPES[name]) for name in module.names}
    outputs = []
    with torch.no_grad():
        for row in x:
            spread = isinstance(module, ReturningSpread)
            values = state.values() if spread else [module.take.pack(state)]
            parts = find(module(row[None, None], *values))
            outputs.append(parts["y"].reshape(-1))
            state = {name: parts[name] for name in module.names}
    return torch.stack(outputs), [state]
