"""The page as one HTML file: the contents as JSON, the style sheets and scripts in this folder, and a strict policy.

The scripts are ES modules, one job each. A file opened from a disk can import nothing, so they are put into one script
here, each as a function that gives its exports, in the order in which they import each other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any

from ...graph import labels

_FOLDER = resources.files(__package__)  # which may be in a zip file
_STYLES = ("theme.css", "layout.css", "picture.css", "tracing.css", "panel.css", "list.css")
_IMPORT = re.compile(r"^import (?P<what>\{[^}]*\}|\* as \w+) from \"\./(?P<module>[\w.]+)\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (?P<name>\w+))", re.MULTILINE)


def assemble(contents: Mapping[str, Any]) -> str:
    """The whole file.

    >>> page = assemble({"title": "</script><b>"})
    >>> "</script><b>" in page, "default-src 'none'" in page
    (False, True)
    """
    style = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _STYLES)
    script = bundle("main.js")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    parts = {
        **{"policy": escape(policy, quote=False), "title": escape(labels.visible(contents["title"]))},
        **{"style": style, "script": script, "contents": embed(contents)},
    }
    template = (_FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)  # once: a name may have {{script}} in it


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def embed(contents: Any) -> str:
    r"""`contents` as JSON that can stand in a script element of HTML: nothing in it can end that, or start another.

    >>> print(embed({"name": "</script> & <!-- \u2028 nan"}))
    {"name":"\u003c/script\u003e \u0026 \u003c!-- \u2028 nan"}
    """
    text = json.dumps(contents, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)  # no file can hold a half of a pair


def bundle(main: str) -> str:
    """The ES module `main` and all that it imports as one script.

    >>> bundle("dom.js").startswith("const dom_js = (() => {")
    True
    """
    done: dict[str, str] = {}
    _bundle(main, done)
    return "\n".join(done.values())


def _bundle(module: str, done: dict[str, str]) -> None:
    text = (_FOLDER / module).read_text(encoding="utf-8")
    for match in _IMPORT.finditer(text):
        if match["module"] not in done:
            _bundle(match["module"], done)
    text = _IMPORT.sub(lambda match: _binding(match["what"], match["module"]), text)
    names = [match["name"] for match in _EXPORT.finditer(text)]
    body = _EXPORT.sub("", text).rstrip()
    left = re.search(r"^(import|export)\b.*", body, re.MULTILINE)
    if left:
        raise SyntaxError(f"{module}: no rule here for {left[0]!r}: see document.py for the two forms that there are.")
    done[module] = f"const {_variable(module)} = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();"


def _binding(what: str, module: str) -> str:
    name = what.removeprefix("* as ") if what.startswith("*") else what
    return f"const {name} = {_variable(module)};\n"


def _variable(module: str) -> str:
    return module.replace(".", "_")
