"""Changes drawn from a generator of random numbers: of bytes, of JSON, of protobuf, of zips."""

from __future__ import annotations

import contextlib
import json
import random
import re
import zipfile
from typing import Any

from support.studies.hostile_files import (
    protobuf_fields,
    protobuf_message,
    with_about,
    with_sections,
    with_spec,
    with_texts,
    zip_comment,
    zip_members,
    zipped,
)

from rnnedge_runtime.errors import RnnEdgeError
from rnnedge_runtime.formats.rnne_model import encode_model, encode_ranges
from rnnedge_runtime.spec.spec_json import spec_from_json

WORDS = (0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 64, 2**24, 2**24 + 1, 2**31, 2**63, -(2**63)),
    *(10**30, 10**400, 0.5, -0.0, 1e38, 3.5e38, 1e308, float("nan"), float("inf")),
    *(
        "",
        "x",
        "held",
        "h_0",
        "\x1b[2J",
        "\u202e",
        "a\nb",
        "=cmd()",
        "\ud800",
        "y" * 300,
    ),
    *([], {}, [0], ["a"], [[]], [None, None], [1e308, -1e308], {"kind": "gru"}),
    *([[["s", [2**24], []]]], {"__proto__": 1}, "9" * 5000),
)


def any_bytes(content: bytes, rng: random.Random, start: int = 0) -> bytes:
    """One to four changes of bytes behind `start`."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(start, max(len(changed), start + 1))
        end = at + rng.choice((1, 2, 4, 8, 64, 1000))
        kind = rng.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at:end] = b""
        elif kind == 2:
            changed[at:at] = rng.randbytes(rng.choice((1, 4, 16)))
        elif kind == 3:
            changed[at:at] = changed[at:end]
        elif kind == 4:
            del changed[at:]
        else:
            at -= at % 4 if kind == 5 else 0
            changed[at : at + 4] = rng.choice(WORDS).to_bytes(4, "little")
    return bytes(changed)


def any_json(value: Any, rng: random.Random) -> Any:
    """JSON with one thing changed anywhere in it."""
    if isinstance(value, dict | list) and value and rng.random() < 0.85:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        kind = rng.randrange(12)
        if kind == 0:
            del value[key]
        elif kind == 1 and isinstance(value, list):
            value.extend([value[key]] * rng.choice((1, 2, 70)))
        elif kind == 1:
            value[rng.choice(("x", "kind", "size", "states"))] = rng.choice(VALUES)
        elif kind == 2 and isinstance(value, list):
            value.reverse()
        else:
            value[key] = any_json(value[key], rng)
        return value
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.5:
        return value + rng.choice((-1, 1, 2, 100))
    if rng.random() < 0.01:
        deep: Any = []
        for _ in range(rng.choice((50, 900))):
            deep = [deep]
        return deep
    return rng.choice(VALUES)


def any_text(text: str, rng: random.Random) -> str:
    """A text with bytes changed, or, of JSON, something in it."""
    if text[:1] == "{" and rng.random() < 0.7:
        return json.dumps(any_json(json.loads(text), rng))
    return any_bytes(text.encode(), rng).decode(errors="replace")


def any_rnne(content: bytes, rng: random.Random) -> bytes:
    """An `.rnne` file with a change of its bytes, a section or its description."""
    kind = rng.randrange(5)
    if kind == 0:
        return any_bytes(content, rng)
    if kind == 1:
        return any_bytes(content, rng, start=max(0, len(content) - 400))

    def change(sections: dict[bytes, bytes]) -> None:
        name = rng.choice(list(sections))
        if kind == 2 and rng.random() < 0.2:
            del sections[name]
        elif kind == 2:
            changed = any_bytes(sections[name], rng)
            sections[name] = changed + bytes(-len(changed) % 4)

    def follow(sections: dict[bytes, bytes]) -> None:
        """The binary description, as a changed one in JSON has it."""
        spec = spec_from_json(sections[b"SPEC"].rstrip(b"\0").decode(), where="fuzz")
        kept = None if sections[b"MODL"][:3] == b"f32" else frozenset[int]()
        digest = sections[b"MODL"][16:48].hex()
        sections[b"MODL"] = encode_model(spec, digest, kept)
        if ranges := encode_ranges(spec):
            sections[b"RNGE"] = ranges
        else:
            sections.pop(b"RNGE", None)
        if rng.random() < 0.5:
            size = 4 * sum(
                _product(shape)
                for layer in spec.layers
                for shape in layer.weight_shapes().values()
            )
            if size < 1_000_000:
                weights = sections[b"WGTS"]
                sections[b"WGTS"] = (weights * (size // len(weights) + 1))[:size]

    if kind == 2:
        return with_sections(content, change)
    changed = with_spec(content, ".rnne", lambda spec: any_json(spec, rng))
    if kind == 4:
        with contextlib.suppress(RnnEdgeError):
            return with_sections(changed, follow)
    return changed


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def any_protobuf(message: bytes, rng: random.Random, depth: int = 0) -> bytes:
    """A message with a field changed, dropped or doubled, anywhere in it."""
    try:
        fields = protobuf_fields(message)
    except (ValueError, AssertionError):
        fields = []
    if not fields or (depth and rng.random() < 0.2):
        return any_bytes(message, rng)
    k = rng.randrange(len(fields))
    number, wire, body = fields[k]
    kind = rng.randrange(8)
    if kind == 0:
        del fields[k]
    elif kind == 1:
        fields[k:k] = [fields[k]] * rng.choice((1, 2, 50))
    elif kind == 2:
        fields[k] = (rng.choice((number + 1, 1, 5, 7, 14, 15)), wire, body)
    elif wire == 0:
        value = rng.choice(
            (b"\0", b"\x01", b"\x10", b"\xff" * 9 + b"\x01", b"\xff\x7f")
        )
        fields[k] = (number, wire, value)
    else:
        fields[k] = (number, wire, any_protobuf(body, rng, depth + 1))
    return protobuf_message(fields)


def any_onnx(content: bytes, rng: random.Random) -> bytes:
    """An `.onnx` file with a change of its description, a field or its bytes."""
    kind = rng.randrange(6)
    if kind == 0:
        return any_bytes(content, rng)
    if kind == 1:
        return any_protobuf(content, rng)
    return with_texts(content, ".onnx", lambda texts: _any_entry(texts, rng))


def any_pt(content: bytes, rng: random.Random) -> bytes:
    """A `.pt` file with a change of its texts, its members or the bytes of its directory."""
    kind = rng.randrange(4)
    if kind == 0:
        directory = content.find(b"PK\x01\x02")
        return any_bytes(content, rng, start=directory)
    if kind == 1:
        return any_bytes(content, rng)
    if kind == 2:
        return with_texts(content, ".pt", lambda texts: _any_entry(texts, rng))
    members = zip_members(content)
    name = rng.choice(list(members))
    members[name] = rng.choice((b"", any_bytes(members[name], rng), bytes(100_000)))
    members[f"archive/extra/{rng.choice(('x', 'rnnedge.spec'))}"] = members[name]
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    return zipped(members, zip_comment(content), method)


def _any_entry(texts: dict[str, str], rng: random.Random) -> None:
    key = rng.choice([*texts, "rnnedge.spec", "rnnedge.golden"])
    if rng.random() < 0.1:
        del texts[key]
    elif "sha256" not in key:
        texts[key] = any_text(texts[key], rng)


def any_c(content: bytes, rng: random.Random) -> bytes:
    """A `.c` file with a change of its numbers, sizes, description or bytes."""
    kind = rng.randrange(4)
    text = content.decode()
    if kind == 0:
        return any_bytes(content, rng)
    if kind == 1:
        numbers = list(re.finditer(r"-?[0-9][0-9.e+-]*", text))
        found = rng.choice(numbers)
        new = rng.choice(
            ("nan", "inf", "1e999", "-1", "0", "9" * 5000, "2147483648", "x")
        )
        return (text[: found.start()] + new + text[found.end() :]).encode()
    start = text.index("/* rnnedge-artifact\n") + len("/* rnnedge-artifact\n")
    about, size = json.JSONDecoder().raw_decode(text[start:])
    changed = json.dumps(_without_seal(about, rng), indent=1)
    return (text[:start] + changed + text[start + size :]).encode()


def _without_seal(about: dict[str, Any], rng: random.Random) -> Any:
    seal = about.pop("seal", None)
    changed = any_json(about, rng)
    if seal is not None and isinstance(changed, dict):
        changed["seal"] = seal
    return changed


def any_wasm(content: bytes, rng: random.Random) -> bytes:
    """A `.wasm` file with a change of its description or its bytes."""
    if rng.random() < 0.3:
        return any_bytes(content, rng)

    def change(about: dict[str, Any]) -> None:
        changed = _without_seal(about, rng)
        if changed is not about and isinstance(changed, dict):
            about.clear()
            about.update(changed)

    return with_about(content, change)


MUTATIONS = {
    ".rnne": any_rnne,
    ".onnx": any_onnx,
    ".pt": any_pt,
    ".c": any_c,
    ".wasm": any_wasm,
}
