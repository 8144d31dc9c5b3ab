"""A hook of MkDocs: pages made from the source, and links that leave docs/.

The command line's page comes from click, the C page from the public headers. Links to files
that are no page of the site are shown as plain text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
HEADERS = ROOT / "runtime/core/include"
COPIES = {"architecture.md": "ARCHITECTURE.md", "changes.md": "CHANGELOG.md"}
MADE = {  # page: the file that it shows, by which other pages name it
    "reference/command-line.md": "rnnedge/cli/__init__.py",
    "reference/c-api.md": "runtime/core/include/rnnedge.h",
}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
COMMENT = re.compile(r"^/\*(.*?)\*/\n", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"-+ ([^-]+?) -+")
NAME = re.compile(
    r"(?:\brnne_\w+(?:\(\w*\))?|\bmem\w+\(\)|\bRNNE_\w+|(?:\[\w+\])+|\*[a-z]\w*|<\w+\.h>)"
)
PLACED = re.compile(r"::: \{(\w+)\}")
ARGUMENT = re.compile(r"^([a-z_, ]+): ", re.MULTILINE)
DECLARED = re.compile(r"^(?:RNNE_API .*?|\} )(rnne_\w+)[(;]", re.MULTILINE)
# What every header has and no reader needs: guards, `extern "C"`, includes, RNNE_API.
PLUMBING = re.compile(
    r"^#if(?: defined\(RNNE_SHARED\)|def __cplusplus)[\s\S]*?#endif\n"
    r"|^#(?:ifndef \w+_H|define \w+_H|include .*|endif.*)\n",
    re.MULTILINE,
)


def command_line() -> str:
    """Every command with its options, as `--help` prints them."""
    from rnnedge.cli import main

    context = click.Context(main, info_name="rnnedge", **main.context_settings)
    lines = ["# Command line", "", _help_of(main, context)]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name)
        lines += ["", f"## rnnedge {name}", "", _help_of(command, inner)]
    return "\n".join(lines) + "\n"


def _help_of(command: click.Command, context: click.Context) -> str:
    context.terminal_width = context.max_content_width = 88
    return f"```text\n{command.get_help(context)}\n```"


def c_interface() -> str:
    """The public headers: comments as text, declarations as code, a heading for each."""
    lines = ["# C interface", "", "What the headers of `runtime/core/include` say.", ""]
    for path in sorted(HEADERS.glob("*.h"), key=lambda path: len(path.name)):
        _, _, text = path.read_text(encoding="utf-8").partition("*/\n")  # the licence
        lines += [f"## {path.name}", "", *_header(PLUMBING.sub("", text))]
    for path in sorted(HEADERS.glob("*.hpp")):
        _, _, text = path.read_text(encoding="utf-8").partition("//\n")
        lines += [f"## {path.name}", "", f"```cpp\n{text.strip()}\n```", ""]
    return "\n".join(lines)


def _header(text: str) -> Iterator[str]:
    """Comments and declarations in their order; each function has a heading of its own."""
    parts = COMMENT.split(text)
    for comment, code in zip(["", *parts[1::2]], parts[::2], strict=True):
        section = SECTION.fullmatch(comment.strip())
        names = DECLARED.findall(code)
        if section:
            yield f"### {section[1].strip().capitalize()}\n"
        elif comment:
            if names:
                rest = " ..." if len(names) > 3 else ""
                yield f"#### {', '.join(names[:3])}{rest}\n"
            yield _prose(comment, has_arguments=bool(names))
        if code.strip():
            shown = code.strip().replace("RNNE_API ", "").replace("\n" + 9 * " ", "\n")
            yield f"```c\n{shown}\n```\n"


def _prose(comment: str, has_arguments: bool) -> str:
    """A comment as Markdown: arguments as a list, names as code, examples as they are."""
    text = re.sub(r"^ \* ?", "", comment.strip("\n"), flags=re.MULTILINE).strip()
    paragraphs = []
    for paragraph in text.split("\n\n"):
        if not all(line.startswith("    ") for line in paragraph.split("\n")):
            paragraph = re.sub(r"\n +", " ", paragraph)
            paragraph = NAME.sub(r"`\g<0>`", paragraph)
            paragraph = re.sub(r"docs/(\w+)\.md", r"[\1](../\1.md)", paragraph)
            if has_arguments and ARGUMENT.match(paragraph):
                paragraph = ARGUMENT.sub(r"- `\1`: ", paragraph)
        paragraphs.append(paragraph)
    return "\n\n".join(paragraphs) + "\n"


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    pages = dict(zip(MADE, (command_line(), c_interface()), strict=True))
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
        shown = {source: name for name, source in (COPIES | MADE).items()}
        name = shown.get(place.removeprefix("../"))
        if name is None:
            return text
        return f"[{text}]({posixpath.relpath(name, folder or '.')}{mark}{anchor})"

    return LINK.sub(follow, PLACED.sub(_place, markdown))


def _place(found: re.Match[str]) -> str:
    """The module of a class that no `__init__` offers, by its name, wherever it lies."""
    for folder in ("rnnedge", "export", "runtime"):
        for path in (ROOT / folder).rglob("*.py"):
            if f"\nclass {found[1]}:" in path.read_text(encoding="utf-8"):
                parts = path.relative_to(ROOT).with_suffix("").parts
                return f"::: {'.'.join(parts[folder != 'rnnedge' :])}.{found[1]}"
    raise ValueError(f"{found[0]}: no module has this class")
