"""The C statements of one step in float32, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass, field

from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import ModelSpec

from ..ranges import has_ranges
from .packing import UNITS

ON_STACK = 8
"""Buffers of up to so many floats are on the stack, larger ones in the state."""
_FUNCTIONS = {
    "tanh": "RNNE_F32_TANH",
    "relu": "RNNE_F32_RELU",
    "sigmoid": "RNNE_F32_SIGMOID",
}


@dataclass(frozen=True, slots=True)
class StepCode:
    """One step of a model.

    Attributes:
        state: (name, floats) of the tensors in the state, `held` last.
        work: (name, floats) of the buffers in the state that no step leaves to the next.
        lines: statements from accepted readings `x` to `y`, not indented.
    """

    state: tuple[tuple[str, int], ...]
    work: tuple[tuple[str, int], ...]
    lines: tuple[str, ...]


@dataclass(slots=True)
class Buffers:
    """Named scratch memory; one that is given back is used again."""

    prefix: str = "work"
    sizes: dict[str, int] = field(default_factory=dict)
    free: list[str] = field(default_factory=list)

    def take(self, size: int) -> str:
        fitting = [name for name in self.free if self.sizes[name] >= size]
        name = min(fitting or self.free, key=self.sizes.__getitem__, default="")
        if name:
            self.free.remove(name)
        else:
            name = f"{self.prefix}_{len(self.sizes)}"
        self.sizes[name] = max(size, self.sizes.get(name, 0))
        return name

    def widen(self, name: str, size: int) -> None:
        """Room for more behind what it holds."""
        self.sizes[name] = max(size, self.sizes[name])

    def give_back(self, name: str) -> None:
        if name in self.sizes and name not in self.free:
            self.free.append(name)


def step_code(spec: ModelSpec, prefix: str) -> StepCode:
    """One step of `spec`.

    Args:
        spec: a chain of layers.
        prefix: of the constant arrays, `<prefix>_<layer>_<suffix>`.
    """
    writer = ChainWriter(spec, prefix)
    writer.write()
    buffers = writer.buffers.sizes
    small = {name for name, size in buffers.items() if size <= ON_STACK}
    lines = [f"float {name}[{buffers[name]}];" for name in buffers if name in small]
    for line in writer.lines:
        for name in buffers:
            line = line.replace(f"@{name}@", name if name in small else f"s->{name}")
        lines.append(line)
    return StepCode(
        state=(*writer.state, ("held", spec.num_features)),
        work=tuple(item for item in buffers.items() if item[0] not in small),
        lines=tuple(lines),
    )


def padded(size: int) -> int:
    """Room for whole blocks of units."""
    return -(-size // UNITS) * UNITS


class ChainWriter:
    """Goes through the chain, layer by layer."""

    def __init__(self, spec: ModelSpec, prefix: str) -> None:
        self.spec = spec
        self.prefix = prefix
        self.buffers = Buffers()
        self.lines: list[str] = []
        self.state: list[tuple[str, int]] = []
        self.x = ""
        self.r = ""
        self.z = ""
        self.num_recurrent = 0
        self.keeps_x = any(
            isinstance(layer, AddLast) and layer.is_clipped for layer in spec.layers
        )
        self.frees_x = False

    def write(self) -> None:
        layers = self.spec.layers
        self.accept()
        for k, layer in enumerate(layers):
            is_tail = all(
                isinstance(item, Affine | Activation | Softmax | AddLast)
                for item in layers[k + 1 :]
            )
            self.layer(k, layer, is_tail)
        if self.z != "y":
            self.lines.append(f"rnne_f32_copy({layers[-1].output_size}, {self.z}, y);")

    def accept(self) -> None:
        """`x` of the caller as model inputs, and `z`, what goes through the layers."""
        spec = self.spec
        self.x = self.take(spec.input_size)
        limits = "NULL, NULL"
        if any(feature.clip for feature in spec.features):
            limits = f"{self.prefix}_low, {self.prefix}_high"
        num = spec.num_features
        if spec.takes_readings or has_ranges(spec):
            self.hold(limits, has_limits=not limits.startswith("NULL"))
        else:
            self.lines.append(
                f"rnne_f32_accept({num}, x, {limits}, s->held, {self.x});"
            )
            self.accept_derived(self.x)
        self.z = self.x
        if isinstance(spec.layers[0], Affine | Embedding):
            return
        if self.keeps_x:
            self.z = self.take(spec.input_size)
        self.map("RNNE_F32_IDENTITY", spec.input_size, self.x, self.z)

    def hold(self, limits: str, *, has_limits: bool) -> None:
        """`x` as model inputs, and in `r` as they are before the clip, if a layer asks."""
        spec, num = self.spec, self.spec.num_features
        keys = "NULL, NULL"
        if has_ranges(spec):
            keys = f"{self.prefix}_range_least, {self.prefix}_range_most"
        if spec.takes_readings:
            size = spec.input_size if self.reads_derived() else num
            self.r = self.take(size) if has_limits else self.x
            self.keeps_x = self.keeps_x or not has_limits
        self.frees_x = not self.keeps_x
        readings = self.r or self.x
        self.lines.append(
            f"rnne_f32_hold({num}, x, {keys}, {limits}, s->held, {readings}, {self.x});"
        )
        self.accept_derived(self.x)
        if self.x != readings and self.reads_derived():
            self.accept_derived(readings)

    def reads_derived(self) -> bool:
        """Whether a layer that takes readings takes derived inputs, too."""
        return any(
            source >= self.spec.num_features
            for layer in self.spec.layers
            if isinstance(layer, Difference)
            or (isinstance(layer, AddLast) and not layer.is_clipped)
            for source in layer.sources
        )

    def accept_derived(self, out: str) -> None:
        num, size = self.spec.num_features, 2 * len(self.spec.derived)
        if size:
            self.lines.append(
                f"rnne_f32_accept_derived({size}, x + {num}, {out} + {num});"
            )

    def layer(self, k: int, layer: Layer, is_tail: bool) -> None:
        array = f"{self.prefix}_{k}"
        match layer:
            case Affine():
                call = "inverse_affine" if layer.inverse else "affine"
                self.elementwise(
                    f"{call}({layer.size}, {array}_shift, {array}_scale", layer, is_tail
                )
            case AddLast():
                x = self.x if layer.is_clipped else self.r
                sources = f"{array}_sources, {x}"
                self.elementwise(
                    f"add_last({layer.output_size}, {sources}", layer, is_tail
                )
            case Difference():
                self.difference(array, layer)
            case Activation():
                function = _FUNCTIONS[layer.function]
                self.elementwise(f"map({function}, {layer.size}", layer, is_tail)
            case Softmax():
                self.elementwise(f"softmax({layer.size}", layer, is_tail)
            case Embedding():
                sizes = f"{layer.num_embeddings}, {layer.embedding_dim}"
                self.lines.append(
                    f"const float *const row = "
                    f"rnne_f32_embedding({array}_table, {sizes}, {self.z}[0]);"
                )
                self.move("row")
            case Linear():
                out = "y" if is_tail else self.take(layer.output_size)
                self.product(f"{array}_rows", layer.output_size, self.z, layer, "", out)
                self.map("RNNE_F32_IDENTITY", layer.output_size, out, out)
                self.move(out)
            case Rnn() | Gru() | Lstm():
                self.recurrent(array, layer)

    def recurrent(self, array: str, layer: Rnn | Gru | Lstm) -> None:
        h = self.carry("h", layer.output_size, layer)
        out = self.take(padded(layer.hidden_size))
        hidden = layer.hidden_size
        sizes = f"{self.z}, {layer.input_size}, {h}"
        if isinstance(layer, Rnn):
            self.product(f"{array}_rows", hidden, self.z, layer, h, out)
            self.map(_FUNCTIONS[layer.nonlinearity], hidden, out, h)
        elif isinstance(layer, Gru):
            self.lines += [
                f"rnne_f32_gru({array}_units, {sizes}, {hidden}, {out});",
                f"rnne_move({out}, {padded(hidden)}, {h});",
            ]
        else:
            c = self.carry("c", hidden, layer)
            self.lines.append(
                f"rnne_f32_lstm({array}_units, {sizes}, {layer.output_size}, {hidden}, "
                f"{c}, {out});"
            )
            if layer.proj_size:
                rows, size = f"{array}_projection", layer.proj_size
                self.lines.append(
                    f"rnne_f32_product({rows}, {size}, {out}, {hidden}, NULL, 0, {h});"
                )
                self.map("RNNE_F32_IDENTITY", size, h, h)
            else:
                self.lines.append(f"rnne_move({out}, {padded(hidden)}, {h});")
        self.buffers.give_back(out.strip("@"))
        self.num_recurrent += 1
        self.move(h)

    def difference(self, array: str, layer: Difference) -> None:
        d = self.carry("d", len(layer.sources) + 1, layer)
        self.num_recurrent += 1
        size, out = layer.input_size, self.z
        if self.is_own(self.z):
            self.buffers.widen(self.z.strip("@"), layer.output_size)
        else:
            out = self.take(layer.output_size)
            self.lines.append(f"rnne_f32_copy({size}, {self.z}, {out});")
        arrays = f"{array}_low, {array}_high, {array}_sources"
        self.lines.append(
            f"rnne_f32_changes({len(layer.sources)}, {arrays}, {self.r}, {d}, "
            f"{out} + {size});"
        )
        self.move(out)

    def product(
        self, rows: str, size: int, x: str, layer: Linear | Rnn, h: str, out: str
    ) -> None:
        second = f"{h}, {size}" if h else "NULL, 0"
        self.lines.append(
            f"rnne_f32_product({rows}, {size}, {x}, {layer.input_size}, {second}, {out});"
        )

    def map(self, function: str, size: int, z: str, out: str) -> None:
        self.lines.append(f"rnne_f32_map({function}, {size}, {z}, {out});")

    def elementwise(self, call: str, layer: Layer, is_tail: bool) -> None:
        """A layer that may be in place, where `z` is neither a state nor still needed."""
        is_own = self.is_own(self.z) or self.z == "y"
        out = self.z if is_own and (not is_tail or self.z == "y") else ""
        if not out:
            out = "y" if is_tail else self.take(layer.output_size)
        self.lines.append(f"rnne_f32_{call}, {self.z}, {out});")
        self.move(out)

    def carry(self, kind: str, size: int, layer: Layer) -> str:
        """A tensor of the state; whole blocks of units where the cell writes them."""
        name = f"{kind}_{self.num_recurrent}"
        is_padded = isinstance(layer, Gru | Lstm)
        self.state.append((name, padded(size) if is_padded else size))
        return f"s->{name}"

    def is_own(self, z: str) -> bool:
        """Whether `z` is scratch memory that nothing else needs."""
        is_kept = z == self.r or (z == self.x and not self.frees_x)
        return z.startswith("@") and not is_kept

    def take(self, size: int) -> str:
        return f"@{self.buffers.take(size)}@"

    def move(self, z: str) -> None:
        """`z` is what the next layer sees; the memory of the one before is free."""
        if self.is_own(self.z) and self.z != z:
            self.buffers.give_back(self.z.strip("@"))
        self.z = z
