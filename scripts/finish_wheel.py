"""Finish a wheel that was just built: name the Linux systems it runs on, add its SBOM.

    python scripts/finish_wheel.py WHEEL FOLDER

writes the wheel to FOLDER and prints its path. A wheel with a library gets the oldest manylinux
tag (PEP 600) that the versions of its glibc symbols allow; the file must need nothing else.
One for another system (no ELF of 64 bits, or no glibc) keeps its tag. The same wheel gives
the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

from elf_file import ElfFile, read_elf
from wheel_sbom import NAME, sbom_of

LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-aarch64.so.1"}
OLDEST_GLIBC = 17
"""2.17: older systems have no pip for Python 3.11, and aarch64 began with it."""
LEGACY_TAGS = {17: "manylinux2014"}
UNGUARDED = ("has_search_path", "has_executable_stack")


def finish(wheel: Path, folder: Path) -> Path:
    """Write the finished wheel into `folder`.

    Raises:
        SystemExit: a library in it needs what no manylinux system has to have.
    """
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
        files = {entry.filename: archive.read(entry) for entry in entries}
    (info,) = {path.split("/")[0] for path in files if ".dist-info/" in path}
    stem, python, abi, platform = wheel.stem.rsplit("-", 3)
    libraries = [path for path in files if path.endswith(".so")]
    for path in libraries:
        platform = platform_of(files[path], path) or platform
    files[f"{info}/WHEEL"] = retagged(files[f"{info}/WHEEL"], python, abi, platform)
    metadata = message_from_bytes(files[f"{info}/METADATA"])
    tag = f"{python}-{abi}-{platform}"
    record = f"{info}/RECORD"
    del files[record]
    files[f"{info}/sboms/{NAME}"] = sbom_of(files, metadata, tag)
    files[record] = record_of(files, record)
    target = folder / f"{stem}-{tag}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    known = {entry.filename: entry for entry in entries}
    write(target, files, known, known[record])
    return target


def platform_of(content: bytes, path: str) -> str | None:
    """The platform tag of a library; None where the builder's tag is right."""
    try:
        library = read_elf(content)
    except ValueError:
        return None
    is_other = any(name.startswith("libc.musl") for name in library.needed)
    return None if is_other else manylinux(library, path)


def manylinux(library: ElfFile, path: str) -> str:
    """The platform tag of a library, or the reason why it has none."""
    where = f"finish_wheel: {path}"
    if strange := set(library.needed) - LIBRARIES:
        sys.exit(
            f"{where} needs {', '.join(sorted(strange))}, which wheels must bring."
        )
    if found := [name for name in UNGUARDED if getattr(library, name)]:
        sys.exit(f"{where}: {', '.join(found)} is true. Link it without.")
    minors = [OLDEST_GLIBC]
    for version in set().union(*library.versions.values()):
        glibc = re.fullmatch(r"GLIBC_2\.(\d+)(?:\.\d+)?", version)
        if not glibc:
            sys.exit(f"{where} needs {version}, which is no version of glibc.")
        minors.append(int(glibc[1]))
    names = [f"manylinux_2_{max(minors)}"]
    names = [*filter(None, [LEGACY_TAGS.get(max(minors))]), *names]
    return ".".join(f"{name}_{library.machine}" for name in names)


def retagged(content: bytes, python: str, abi: str, platform: str) -> bytes:
    """The file WHEEL with one line for each platform."""
    lines = [line for line in content.decode().split("\n") if line]
    kept = [line for line in lines if not line.startswith("Tag: ")]
    tags = [f"Tag: {python}-{abi}-{name}" for name in platform.split(".")]
    return "\n".join([*kept, *tags, ""]).encode()


def record_of(files: dict[str, bytes], record: str) -> bytes:
    """The file RECORD: path, SHA-256 and size of every file but itself."""
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
        lines.append(f"{path},sha256={digest.rstrip(b'=').decode()},{len(content)}")
    return "\n".join([*lines, f"{record},,", ""]).encode()


def write(
    target: Path,
    files: dict[str, bytes],
    known: dict[str, zipfile.ZipInfo],
    like: zipfile.ZipInfo,
) -> None:
    """A zip file whose new entries have the date and rights of `like`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            old = known.get(path, like)
            entry = zipfile.ZipInfo(path, old.date_time)
            entry.external_attr = old.external_attr
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


if __name__ == "__main__":
    print(finish(Path(sys.argv[1]), Path(sys.argv[2])))
