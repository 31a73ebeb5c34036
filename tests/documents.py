"""The Markdown files of the project, and what the tests read in them: programs, commands, links, names.

A block of `python` is a program, and the block of `text` after it is what it prints. A program whose first line is a
comment with a file's name, such as `# homework.py`, is a file for the commands of the `console` block after it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
GUIDES = ROOT / "examples" / "guides"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *GUIDES.glob("*.md")])
TRANSLATIONS = [path for path in DOCUMENTS if path.name.endswith(".zh-CN.md")]
CHECK = "python -m tinygrad_dl check "


class Program(NamedTuple):
    """A program of a document, and what it prints."""

    source: str
    output: str


class Command(NamedTuple):
    """A command of a document, the files of the document that it may read, and what it prints."""

    line: str
    files: dict[str, str]
    output: str


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks(document: Path) -> list[tuple[str, str]]:
    """The language and the text of each fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text(document), flags=re.DOTALL | re.MULTILINE)


def file_name(source: str) -> str | None:
    """The name of the file that a program is, if its first line is one."""
    found = re.match(r"# (\w+\.py)\n", source)
    return found and found[1]


def programs(document: Path) -> Iterator[Program]:
    found = blocks(document)
    for (language, source), (following, output) in zip(found, [*found[1:], ("", "")], strict=False):
        if language == "python" and not file_name(source):
            assert following == "text", f"{name(document)}: expected the output of a program after\n{source}"
            yield Program(source, output)


def commands(document: Path) -> Iterator[Command]:
    files: dict[str, str] = {}
    for language, block in blocks(document):
        if language == "python" and (file := file_name(block)):
            files[file] = block
        elif language == "console":
            for line, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE):
                yield Command(line, dict(files), output)


def original(translation: Path) -> Path:
    """The document that is translated."""
    return translation.with_name(translation.name.replace(".zh-CN.md", ".md"))
