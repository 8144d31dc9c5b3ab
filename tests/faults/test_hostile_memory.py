"""What the C core asks for by the size of the file (docs/security.md): `lin256_w8.rnne`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.replay import CORE, ROOT

from rnnedge_export.formats.rnne.writing import assemble, range_sections
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.rnne_file import CRITICAL, ENTRY, HEADER
from rnnedge_runtime.formats.rnne_model import encode_model
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
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import tensor_types
from rnnedge_runtime.spec.weights import weight_shapes

pytestmark = [programs.needs("gcc"), pytest.mark.gcc_alone]

SIZES = (1, 1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 63, 65, 129, 255)
MANY = 100
KIB = 1024


def spec_of(layers: Sequence[Layer], num_features: int = 0) -> ModelSpec:
    features = tuple(
        Feature(f"f{k}", range=(-1, 1) if k % 2 else None)
        for k in range(num_features or layers[0].input_size)
    )
    targets = tuple(Target(f"t{k}") for k in range(layers[-1].output_size))
    return ModelSpec(features, targets, tuple(layers))


def bare(spec: ModelSpec, *, is_integer: bool) -> bytes:
    """The file for the C core alone, its weights zero."""
    kept = None
    pieces = [bytes(4 * int(np.prod(shape))) for shape in weight_shapes(spec).values()]
    if is_integer:
        kept = frozenset(k for k, x in enumerate(spec.layers) if isinstance(x, Softmax))
        pieces = []
        for name, (kind, shape) in tensor_types(spec, kept).items():
            tensor = np.zeros(shape, kind)
            if name.endswith((".bits", ".multiple")):
                tensor += 15
            pieces += [tensor.tobytes(), bytes(-tensor.nbytes % 4)]
    model = encode_model(spec, "0" * 64, kept)
    sections = [(b"MODL", CRITICAL, model), *range_sections(spec)]
    return assemble([*sections, (b"WGTS", CRITICAL, b"".join(pieces))])


def drawn_layer(size: int, out: int, rng: random.Random) -> Layer:
    kind = rng.randrange(9)
    if kind == 0:
        return Rnn(size, out)
    if kind == 1:
        return Gru(size, out)
    if kind == 2:
        return Lstm(size, out)
    if kind == 3:
        return Lstm(size, out, rng.choice(SIZES))
    if kind == 4:
        return Activation(size, "tanh")
    if kind == 5:
        return Affine(size)
    if kind == 6:
        return Softmax(size)
    return Linear(size, out)


def drawn_spec(rng: random.Random) -> ModelSpec:
    """One to six layers of awkward sizes, or very many tiny ones."""
    num_features, size = rng.choice(SIZES), 0
    layers: list[Layer] = []
    if rng.random() < 0.25:
        layers.append(
            Embedding(rng.choice((1, 2, 300)), rng.choice((1, 17, 255, 2000)))
        )
        num_features = 1
    elif rng.random() < 0.2:
        sources = tuple(range(min(3, num_features)))
        layers.append(Difference(num_features, sources))
    size = layers[-1].output_size if layers else num_features
    is_tiny = rng.random() < 0.15
    for _ in range(rng.choice((100, 250)) if is_tiny else rng.randint(1, 6)):
        layers.append(drawn_layer(size, 1 if is_tiny else rng.choice(SIZES), rng))
        size = layers[-1].output_size
    if rng.random() < 0.2:
        layers.append(AddLast(tuple(k % num_features for k in range(size))))
    return spec_of(layers, num_features)


def worst_specs() -> list[ModelSpec]:
    """Found to take the most of their kind."""
    return [
        spec_of([Linear(1, 1)] * 256),
        spec_of([Rnn(1, 1)] * 256),
        spec_of([Gru(1, 1)] * 256),
        spec_of([Lstm(1, 1, 1)] * 256),
        spec_of([Embedding(1, 4000), Linear(4000, 1)], 1),
        spec_of([Embedding(4000, 1)], 1),
        spec_of([Linear(4000, 1)]),
        spec_of([Gru(2000, 1)]),
        spec_of([Lstm(1, 2000, 1)]),
        spec_of([Difference(500, (0,) * 500), Linear(1000, 1)], 500),
    ]


def drawn_files(count: int) -> list[bytes]:
    """Files of the worst and of drawn models, in float and where it can be in integers."""
    rng = random.Random(0)
    specs = worst_specs()
    while len(specs) < count:
        specs.append(drawn_spec(rng))
    files = []
    for spec in specs:
        files.append(bare(spec, is_integer=False))
        try:
            files.append(bare(spec, is_integer=True))
        except SpecError:  # a layer that has no integer form there
            continue
    return files


def test_lin256_w8_memory_is_bounded_by_the_file(tmp_path: Path) -> None:
    files = drawn_files(120)
    assert len(files) > 160
    for k, content in enumerate(files):
        (tmp_path / f"{k}.rnne").write_bytes(content)
    program = tmp_path / "nbytes"
    sources = [ROOT / "tests/c/nbytes.c", *sorted((CORE / "src").glob("*/*.c"))]
    build = ["gcc", "-std=c99", "-O0", f"-I{CORE / 'include'}", *sources]
    programs.run([*build, "-lm", "-o", program], check=True, capture_output=True)
    names = [str(tmp_path / f"{k}.rnne") for k in range(len(files))]
    done = programs.run([program, *names], check=True, capture_output=True, text=True)
    rows = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert len(rows) == len(files)
    for (size, model, stream, fleet, many, scratch), content in zip(
        rows, files, strict=True
    ):
        assert size == len(content)
        num_layers = int.from_bytes(content[_model_at(content) :][60:64], "little")
        assert model <= 16 * size + KIB * num_layers + 4 * KIB
        assert stream <= 8 * size + 4 * KIB
        assert fleet <= 256 * size + 64 * KIB
        assert scratch <= 256 * size + 64 * KIB
        assert many - fleet <= (MANY + 28) * (4 * size + KIB)


def _model_at(content: bytes) -> int:
    """Where section MODL begins, the first of the file."""
    return ENTRY.unpack_from(content, HEADER.size)[2]
