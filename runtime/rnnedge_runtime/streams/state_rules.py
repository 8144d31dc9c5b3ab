"""What an engine keeps of a state tensor that is set: denormals become 0, integers round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..numerics.f32 import Float32, flush
from ..numerics.w8a16 import GRU_BITS, LARGEST_STATE, LARGEST_VALUE
from ..numerics.w8a16_lru import LRU_BITS
from ..spec.graph_layers import Memory, Window
from ..spec.layers import Difference, Lru, RecurrentLayer
from ..spec.parameters import Parameters
from ..spec.w8a16_graph import WIDE_BITS
from ..spec.w8a16_model import QuantisedModel
from .w8a16_inputs import IntegerInputs


@dataclass(frozen=True, slots=True)
class IntegerState:
    """A tensor of integers, each standing for `value * 2^-bits`."""

    bits: int
    largest: int

    @property
    def limit(self) -> float:
        """The largest value that an integer stands for."""
        return self.largest * 2.0**-self.bits

    def kept(self, values: Float32) -> Float32:
        """The nearest of them, halves up."""
        nearest = np.floor(values.astype(np.float64) * 2.0**self.bits + 0.5)
        return np.asarray(nearest * 2.0**-self.bits, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class IntegerReadings:
    """The state `d` of a difference in integers: readings, then whether there was a step."""

    inputs: IntegerInputs
    sources: tuple[int, ...]

    limit: None = None

    def kept(self, values: Float32) -> Float32:
        """What its integers stand for; zeros before the first step."""
        if not values[-1]:
            return np.zeros_like(values)
        columns = list(self.sources)
        integers = self.inputs.held_integers(values[:-1], columns)
        known = self.inputs.to_float(integers, columns)
        return np.append(known, values[-1:])


class StateRules:
    """The rules of one model (`engine.OwnStates`)."""

    def __init__(self, parameters: Parameters) -> None:
        self._integers: dict[str, IntegerState | IntegerReadings] = {}
        if isinstance(parameters, QuantisedModel):
            self._integers = _integer_states(parameters)

    def limit(self, name: str) -> float | None:
        """The largest size of a value, None for any."""
        rule = self._integers.get(name)
        return None if rule is None else rule.limit

    def kept(self, name: str, values: Float32) -> Float32:
        """What the engine carries where `values`, finite and within the limit, are set."""
        rule = self._integers.get(name)
        return flush(values) if rule is None else rule.kept(values)


def _integer_states(
    model: QuantisedModel,
) -> dict[str, IntegerState | IntegerReadings]:
    spec = model.spec
    found: dict[str, IntegerState | IntegerReadings] = {}
    number = -1
    for k, (layer, part) in enumerate(zip(spec.layers, model.roles, strict=True)):
        if not layer.state_shapes():
            continue
        number += 1
        if part.role != "integer":
            continue
        if isinstance(layer, Difference):
            found[f"d_{number}"] = IntegerReadings(IntegerInputs(model), layer.sources)
        elif isinstance(layer, Memory | Window):
            bits = int(model.tensors[f"layers.{k}.state_bits"][0])
            name = f"{next(iter(layer.state_shapes()))}_{number}"
            found[name] = IntegerState(bits, LARGEST_VALUE)
            if part.is_wide:
                found[name] = IntegerState(bits + WIDE_BITS, LARGEST_STATE)
        elif isinstance(layer, Lru):
            found[f"h_{number}"] = IntegerState(LRU_BITS, LARGEST_STATE)
        elif isinstance(layer, RecurrentLayer) and layer.blends:
            found[f"h_{number}"] = IntegerState(GRU_BITS, LARGEST_STATE)
        else:
            places = [int(value) for value in model.tensors[f"layers.{k}.bits"]]
            found[f"h_{number}"] = IntegerState(places[0], LARGEST_VALUE)
            if len(places) > 1:
                found[f"c_{number}"] = IntegerState(places[1], LARGEST_STATE)
    return found
