"""Memory and statements of a step in float32, as the functions of layers write them."""

from __future__ import annotations

from dataclasses import dataclass, field

from rnnedge_runtime.spec.layers import AddLast, Affine, Embedding, Layer
from rnnedge_runtime.spec.model_spec import ModelSpec

from ..ranges import has_ranges
from .arrays import padded

ACTIVATIONS = ("tanh", "relu", "sigmoid")
FUNCTIONS = {name: f"RNNE_F32_{name.upper()}" for name in ACTIVATIONS}


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


class ChainWriter:
    """What layers write to: `z` goes through them, `x` and `r` are the inputs they read."""

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
        self.begin()

    def begin(self) -> None:
        """What the layers read of the model input, `x` as it was accepted."""
        if isinstance(self.spec.layers[0], Affine | Embedding):
            return
        if self.keeps_x:
            self.z = self.take(self.spec.input_size)
        self.map("RNNE_F32_IDENTITY", self.spec.input_size, self.x, self.z)

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
        num = self.spec.num_features
        return any(source >= num for source in self.spec.reading_sources)

    def accept_derived(self, out: str) -> None:
        num, size = self.spec.num_features, 2 * len(self.spec.derived)
        if size:
            self.lines.append(
                f"rnne_f32_accept_derived({size}, x + {num}, {out} + {num});"
            )

    def product(
        self, rows: str, size: int, input_size: int, out: str, second: str = "NULL, 0"
    ) -> None:
        given = f"{self.z}, {input_size}, {second}, {out}"
        self.lines.append(f"rnne_f32_product({rows}, {size}, {given});")

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

    def carry(self, kind: str, size: int, *, is_padded: bool = False) -> str:
        """A tensor of the state; whole blocks of units where the cell writes them."""
        name = f"{kind}_{self.num_recurrent}"
        self.state.append((name, padded(size) if is_padded else size))
        return f"s->{name}"

    def is_own(self, z: str) -> bool:
        """Whether `z` is scratch memory that nothing else needs."""
        is_kept = z == self.r or (z == self.x and not self.frees_x)
        return z.startswith("@") and not is_kept

    def out(self, size: int, *, is_tail: bool = False) -> str:
        """Where a layer writes that is not in place."""
        return "y" if is_tail else self.take(size)

    def local(self, name: str) -> str:
        """A name of a constant of the step."""
        return name

    def first(self) -> str:
        """The first value of `z`."""
        return f"{self.z}[0]"

    def take(self, size: int) -> str:
        return f"@{self.buffers.take(size)}@"

    def move(self, z: str) -> None:
        """`z` is what the next layer sees; the memory of the one before is free."""
        if self.is_own(self.z) and self.z != z:
            self.buffers.give_back(self.z.strip("@"))
        self.z = z
