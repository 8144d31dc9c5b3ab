"""A hook of MkDocs: pages made from the source, and links that leave docs/.

The command line's page comes from click, the C page from the public header. Links to files
that are no page of the site are shown as plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "runtime/core/include/rnnedge.h"
COPIES = {"architecture.md": "ARCHITECTURE.md", "changes.md": "CHANGELOG.md"}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
COMMENT = re.compile(r"^/\*(.*?)\*/\n", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"-+ ([^-]+?) -+")
INNER = re.compile(r"#ifndef RNNEDGE_H.*?(?=#define RNNE_VERSION)", re.DOTALL)


def command_line() -> str:
    """Every command with its options, as `--help` prints them."""
    from rnnedge.cli import main

    context = click.Context(main, info_name="rnnedge")
    lines = ["# Command line", "", _help_of(main, context)]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name)
        lines += ["", f"## rnnedge {name}", "", _help_of(command, inner)]
    return "\n".join(lines) + "\n"


def _help_of(command: click.Command, context: click.Context) -> str:
    context.terminal_width = context.max_content_width = 96
    return f"```text\n{command.get_help(context)}\n```"


def c_header(text: str) -> str:
    """The public header: comments as text, declarations as code, a heading per section."""
    text = INNER.sub("", text.partition("*/\n")[2]).partition("#ifdef __cplusplus")[0]
    lines = ["# C interface", "", "What `runtime/core/include/rnnedge.h` says.", ""]
    at = 0
    for found in COMMENT.finditer(text):
        lines += [*_declarations(text[at : found.start()]), *_prose(found[1])]
        at = found.end()
    return "\n".join(lines + _declarations(text[at:]))


def _declarations(code: str) -> list[str]:
    return ["```c", code.strip("\n"), "```", ""] if code.strip() else []


def _prose(comment: str) -> list[str]:
    """A comment as Markdown; what it indents by four stays code."""
    section = SECTION.fullmatch(comment.strip())
    if section:
        return [f"## {section[1].strip().capitalize()}", ""]
    lines = [re.sub(r"^ ?\* ?", "", line) for line in comment.strip().splitlines()]
    text = [
        line
        if line.startswith("    ")
        else re.sub(r"^([a-z_]+: )", r"\n\1", line).replace("[", "\\[")
        for line in lines
    ]
    return ["\n".join(text).replace("<string.h>", "`<string.h>`"), ""]


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    pages = {
        "reference/command-line.md": command_line(),
        "reference/c-api.md": c_header(HEADER.read_text(encoding="utf-8")),
    }
    for name, source in COPIES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        pages[name] = re.sub(r"\]\(docs/", "](", text)
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links to files outside docs/ become the page of that file, or their text."""
    folder = posixpath.dirname(page.file.src_uri)

    def follow(found: re.Match[str]) -> str:
        text, target = found[1], found[2]
        path, mark, anchor = target.partition("#")
        if not path or "://" in path:
            return found[0]
        place = posixpath.normpath(posixpath.join(folder, path))
        if files.get_file_from_path(place):
            return found[0]
        copies = {source: name for name, source in COPIES.items()}
        name = copies.get(place.removeprefix("../"))
        if name is None:
            return text
        return f"[{text}]({posixpath.relpath(name, folder or '.')}{mark}{anchor})"

    return LINK.sub(follow, markdown)
