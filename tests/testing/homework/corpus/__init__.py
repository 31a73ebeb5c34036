"""Learners' files, each with single mistakes to be put into it, and the verdicts that are right.

`read_cases()` reads the texts in `dev/` (the recognisers were written with these in sight) and in `held/` (they were
not). A text begins with lines `key: value`: `family`; `verdict` of the file as it is ("right" if there is none);
`checked`, the names that a check has to cover; `bytes`, the encoding and perhaps "crlf"; `syntax`, if it isn't that of
Python 3. Sections follow. `==== file NAME` holds a file, and the first file is the one to check; a notebook is written
as cells that begin with `# %%` or `# %% [markdown]`. `==== mistake CAUSE NAME...` holds the lines to replace, `=>`, and
the lines to put there, which make the named gradients wrong (and maybe others, by inheritance).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("dev", "held")

# The words by which a report names a cause.
CAUSES = {
    "sign": r"sign|-1\b|minus|negat|the other way round",
    "mean": r"1/m|divi|mean|\bm times|times m\b|÷|/ ?m\b|1/n\b",
    "factor": r"factor|times|twice|half|½|1/2|\b2\b|0\.5",
    "transposed": r"transpos|\.T\b|ᵀ|swap",
    "axis": r"axis|axes|\bsum|samples|rows|columns",
    "keepdims": r"keepdims|axis|axes|shape",
    "Z for A": r"\b[zaiZAIX]\w*['\]]* (for|in place of|instead of)|previous|activation|layer|input",
    "activation": r"derivative|activation|prime|g'|tanh|sigmoid|relu|softmax|tail|\(1 - |factors too much",
    "product": r"product|\*|@|matmul|matrix|elementwise|broadcast",
    "regularisation": r"regulari|lambd|\breg\b|weight|decay|penalty|L2",
    "mask": r"mask|factor missing|dropout|keep_prob|keep|\bp\b|\bD\d",
    "updated": r"updat|after the step|new value",
    "term": r"\d for \d|term|missing|through|part|add|accumulat|\+=|mean|overwrit",
    "index": r"\w['\])]* for \w|layer|index|another|previous|wrong|for d|order|\bdA|\bdZ|\bW\d|input",
}


@dataclass(frozen=True)
class Mistake:
    """One replacement of text, and what it makes wrong."""

    cause: str
    blamed: tuple[str, ...]
    old: str
    new: str

    @property
    def name(self) -> str:
        """The cause and the gradients, for the name of a test."""
        return " ".join((self.cause, *self.blamed))


@dataclass(frozen=True, eq=False)
class Case:
    """A learner's files."""

    name: str
    part: str
    family: str = ""
    verdict: str = "right"
    checked: tuple[str, ...] = ()
    bytes: tuple[str, ...] = ("utf-8",)
    syntax: str = ""
    files: dict[str, str] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    def write(self, folder: Path, mistake: Mistake | None = None) -> Path:
        """Write the files below `folder`, with one mistake or none, and return the path of the one to check."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if mistake is not None and mistake.old in text:
                text = text.replace(mistake.old, mistake.new)
            text = notebook(text) if path.suffix == ".ipynb" else text
            path.write_text(text, encoding=self.bytes[0], newline="\r\n" if "crlf" in self.bytes else "\n")
        return folder / next(iter(self.files))


def read_cases(*parts: str) -> Iterator[Case]:
    """The cases of `dev`, `held` or both, by name."""
    for part in parts or PARTS:
        for path in sorted((HERE / part).glob("*.txt")):
            yield parse(path.stem, part, path.read_text(encoding="utf-8"))


def parse(name: str, part: str, text: str) -> Case:
    """The case in a text."""
    head, *sections = re.split(r"(?m)^==== ", text)
    keys = dict(line.split(": ", 1) for line in head.splitlines() if line.strip())
    files, mistakes = {}, []
    for section in sections:
        title, body = section.split("\n", 1)
        kind, _, rest = title.partition(" ")
        if kind == "file":
            files[rest.strip()] = body
        elif kind == "mistake":
            mistakes.append(_mistake(rest, body))
        else:
            raise ValueError(f"{part}/{name}: expected a file or a mistake, got the section {title!r}.")
    for mistake in mistakes:
        if (n := sum(text.count(mistake.old) for text in files.values())) != 1:
            raise ValueError(f"{part}/{name}: expected the text of {mistake.name!r} once, found it {n} times.")
    return Case(
        name,
        part,
        keys["family"],
        keys.get("verdict", "right"),
        tuple(keys.get("checked", "").split()),
        tuple(keys.get("bytes", "utf-8").split()),
        keys.get("syntax", ""),
        files,
        tuple(mistakes),
    )


def _mistake(title: str, body: str) -> Mistake:
    cause = next((cause for cause in CAUSES if title.startswith(cause)), None)
    if cause is None:
        raise ValueError(f"expected a cause among {', '.join(CAUSES)}, got {title!r}.")
    old, new = body.rstrip("\n").split("\n=>", 1)
    return Mistake(cause, tuple(title.removeprefix(cause).split()), old, new.removeprefix("\n"))


def notebook(text: str) -> str:
    """The JSON of a notebook whose cells begin with `# %%`."""
    cells = []
    for cell in re.split(r"(?m)^# %%", text)[1:]:
        mark, _, source = cell.partition("\n")
        code = "markdown" not in mark
        lines = source.strip("\n").splitlines(keepends=True)
        extra = {"execution_count": len(cells) + 1, "outputs": []} if code else {}
        cells.append({"cell_type": "code" if code else "markdown", "metadata": {}, "source": lines, **extra})
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 2}, indent=1)
