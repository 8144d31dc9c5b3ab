"""The C source of a model compiled to WebAssembly, with its description in a section."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rnnedge_runtime.errors import MissingDependencyError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.formats.seal import BLANK_SEAL, seal
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.state_rules import StateRules

from ...tools.calling import call, first_there
from ..c.generating import generate_source
from ..c.interface import state_places
from ..c.reading import read_content
from ..c.source import CSource
from ..variant import Variant
from .module import custom_section, read_module

SUPPORT = files("rnnedge_export.formats.wasm") / "support"
SECTION = "rnnedge"
IDENTIFIER = "model"
"""What the C source is to be generated as: the file's name is not in the module."""

_COMPILERS = ("clang-14", "clang")
_LINKERS = ("wasm-ld-14", "wasm-ld")
_FLAGS = (
    *("--target=wasm32-unknown-unknown", "-std=c99", "-O2", "-ffreestanding"),
    *("-fno-builtin", "-nostdlibinc", "-fvisibility=hidden"),
)
# The stack comes first, so that one that overflows traps and changes nothing.
_LINK_FLAGS = (
    *("--no-entry", "--strip-all", "--gc-sections", "--stack-first"),
    *("-z", "stack-size=16384"),
)
_ARRAY = re.compile(
    r"(?:static )?const ((?:RNNE_ALIGNED )?)(\w+) "
    rf"({IDENTIFIER}_\w+)\[(\d+)\] = (\{{[^}}]*\}});"
)
_KERNELS = re.compile(r'#include "rnnedge_\w+\.h"')
_TABLE = "array_addresses"


def write_wasm(variant: Variant, path: Path, *, simd: bool = True) -> None:
    """Write the module and its JavaScript, raising as `build_wasm`."""
    metadata, parameters = variant.metadata, variant.parameters
    source = generate_source(metadata, parameters, IDENTIFIER)
    states = StateRules(parameters)
    path.write_bytes(build_wasm(source, metadata, path.name, states=states, simd=simd))
    path.with_suffix(".js").write_text(
        javascript(path.name), encoding="utf-8", newline="\n"
    )


def build_wasm(
    source: CSource,
    metadata: Metadata,
    file: str,
    *,
    states: StateRules,
    simd: bool = True,
) -> bytes:
    """The module of a generated source; equal arguments and tools give equal bytes.

    Args:
        source: named IDENTIFIER.
        metadata: the model.
        file: name of the module; the hash of its JavaScript is in it.
        states: what it keeps of a state that is set.
        simd: whether it may use vectors of 128 bits (WebAssembly SIMD).

    Raises:
        MissingDependencyError: clang or the linker is not installed; names the packages.
        BoardError: one of them refuses.
    """
    clang, linker = _find_tools()
    text = source.files[f"{IDENTIFIER}.c"]
    arrays = [(name, kind, int(n)) for _, kind, name, n, _ in _ARRAY.findall(text)]
    with tempfile.TemporaryDirectory(prefix="rnnedge-") as name:
        folder = Path(name)
        for part, content in source.files.items():
            (folder / part).write_text(content, encoding="utf-8")
        (folder / "arrays.c").write_text(_arrays(text), encoding="utf-8")
        (folder / f"{IDENTIFIER}.c").write_text(
            _ARRAY.sub(r"extern const \1\2 \3[\4];", text), encoding="utf-8"
        )
        glue = (SUPPORT / "module.c").read_text(encoding="utf-8")
        (folder / "module.c").write_text(glue, encoding="utf-8")
        flags = [*_FLAGS, *(["-msimd128"] if simd else [])]
        where = "export to WebAssembly"
        call([clang, *flags, "-c", "module.c", "arrays.c"], where, folder)
        objects = [f"--export={_TABLE}", "module.o", "arrays.o", "-o", "module.wasm"]
        call([linker, *_LINK_FLAGS, *objects], where, folder)
        module = (folder / "module.wasm").read_bytes()
    about = {
        **read_content(text, f"{IDENTIFIER}.c"),
        "arrays": _addresses(module, arrays),
        "files": {javascript_name(file): _sha256(javascript(file))},
        "outputs": [{"name": o.name, "unit": o.unit} for o in metadata.spec.outputs],
        "seal": BLANK_SEAL,
        "simd": simd,
        "state": _state(metadata.spec, states),
    }
    del about["name"]
    section = json.dumps(about, separators=(",", ":"), sort_keys=True).encode()
    return seal(module + custom_section(SECTION, section))


def _state(spec: ModelSpec, states: StateRules) -> list[dict[str, Any]]:
    """Name, shape and place in a snapshot of each state tensor, the largest value if any."""
    places = state_places(spec)
    return [
        {
            "at": places[entry.name],
            "limit": states.limit(entry.name),
            "name": entry.name,
            "shape": list(entry.shape),
        }
        for entry in spec.state
    ]


def javascript(file: str) -> str:
    """The JavaScript beside the module `file`."""
    text = (SUPPORT / "model.js").read_text(encoding="utf-8")
    shown = {"file": file, "module": javascript_name(file)}
    for key, name in shown.items():
        text = text.replace(f"{{{{{key}}}}}", json.dumps(name)[1:-1])
    return text.replace("{{url}}", f"./{quote(file)}")


def javascript_name(file: str) -> str:
    """The name of the JavaScript beside the module `file`."""
    return str(Path(file).with_suffix(".js"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _find_tools() -> tuple[str, str]:
    clang, linker = first_there(_COMPILERS), first_there(_LINKERS)
    if clang and linker:
        return clang, linker
    missing = "its linker wasm-ld" if clang else "clang"
    package = "lld-14" if clang else "clang-14 lld-14"
    raise MissingDependencyError(
        f"export to WebAssembly: {missing} is not on this machine. Install it, on Debian "
        f"with: apt-get install --no-install-recommends {package}."
    )


def _arrays(text: str) -> str:
    """The constant arrays of a source by themselves, and a table of their addresses.

    Apart from it, the compiler cannot put their values into instructions: they are in the
    module once.
    """
    lines = _KERNELS.findall(text)
    for aligned, kind, name, size, values in _ARRAY.findall(text):
        lines += [f"extern const {aligned}{kind} {name}[{size}];"]
        lines += [f"const {aligned}{kind} {name}[{size}] = {values};"]
    names = [name for _, _, name, _, _ in _ARRAY.findall(text)]
    lines.append(
        f"const void *const {_TABLE}[{len(names)}] "
        f'__attribute__((visibility("default"))) = {{{", ".join(names)}}};'
    )
    return "\n".join(lines) + "\n"


def _addresses(
    module: bytes, arrays: Sequence[tuple[str, str, int]]
) -> dict[str, tuple[str, int, int]]:
    """C type, address and number of elements of each array, by name without IDENTIFIER."""
    parts = read_module(module)
    table = parts.memory(parts.addresses[_TABLE], 4 * len(arrays))
    addresses = struct.unpack(f"<{len(arrays)}I", table)
    return {
        name.removeprefix(f"{IDENTIFIER}_"): (kind, address, size)
        for (name, kind, size), address in zip(arrays, addresses, strict=True)
    }
