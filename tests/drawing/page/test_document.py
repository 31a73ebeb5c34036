"""The file: written whole or not at all, of nothing but itself, with errors that say what to do."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import page
from tinygrad_dl.drawing.page import document, explore


def loss():
    x = tg.parameter([1.0, 2.0], name="x")
    return np.sum(x * x)


def contents(path):
    return json.loads(re.search(r'id="contents">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[1])


@pytest.mark.parametrize(
    ("x", "inputs", "error", "words"),
    [
        (3.0, (), TypeError, "without .numpy()"),
        (np.ones(3), (), TypeError, "expected a Tensor"),
        (tg.Tensor(1.0), (), ValueError, "make them with tg.parameter"),
        (tg.parameter([1.0, 2.0], name="w"), (), ValueError, "explore np.sum(x) or np.mean(x)"),
        (tg.parameter(1j), (), ValueError, "one real number"),
        ([tg.parameter(1.0), tg.parameter(2.0)], (), ValueError, "one loss, got 2"),
        (tg.parameter(1.0), (1.0,), TypeError, "a function or a net"),
        (np.sum, (), TypeError, 'expected the inputs of sum, got none: write explore(net, "backprop.html", X)'),
    ],
)
def test_what_can_not_be_explored_is_an_error_that_says_why(tmp_path, x, inputs, error, words):
    with pytest.raises(error, match=re.escape(words)):
        explore(x, tmp_path / "page.html", *inputs)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_can_not_be_written_is_an_error_that_says_why(tmp_path):
    with pytest.raises(ValueError, match=re.escape("ends in .html, got") + ".*page.svg': pass 'page.html'"):
        explore(loss(), tmp_path / "page.svg")
    with pytest.raises(FileNotFoundError, match="make it first"):
        explore(loss(), tmp_path / "none" / "page.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(IsADirectoryError, match="got the folder"):
        explore(loss(), tmp_path / "folder.html")
    with pytest.raises(TypeError, match="the inputs after the path"):
        explore(np.sum, np.ones(3))
    with pytest.raises(ValueError, match="max_values of 1 or more, got 0"):
        explore(loss(), tmp_path / "page.html", max_values=0)
    for wrong in ("3", 2.5, None, True):
        with pytest.raises(TypeError, match="expected a whole number for max_values, got"):
            explore(loss(), tmp_path / "page.html", max_values=wrong)
    with pytest.raises(TypeError, match="expected a title of words, got int 3"):
        explore(loss(), tmp_path / "page.html", title=3)
    with pytest.raises(ValueError, match=re.escape("at most 2 nodes, got 3")):
        explore(loss(), tmp_path / "page.html", max_nodes=2)


def test_a_page_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = explore(loss(), tmp_path / "page.html")
    before = path.read_bytes()
    monkeypatch.setattr(page, "assemble", lambda contents: "\ud800")  # which can't be encoded, when all is computed
    with pytest.raises(UnicodeEncodeError):
        explore(loss(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_function_and_its_inputs_will_do(tmp_path):
    path = explore(lambda x, y: np.sum(x * y), tmp_path / "page.html", np.ones(2), np.arange(2.0))
    assert {node["title"] for node in contents(path)["nodes"]} >= {"x", "y"}


def test_the_package_may_be_in_a_zip_file(tmp_path):
    archive = shutil.make_archive(str(tmp_path / "libraries"), "zip", Path(tg.__file__).parents[1], "tinygrad_dl")
    code = "import tinygrad_dl as tg; print(tg.__file__, tg.explore(tg.parameter(2.0, name='x') ** 2, 'page.html'))"
    run = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": archive}, "check": True, "capture_output": True}
    found = subprocess.run([sys.executable, "-c", code], text=True, **run)
    assert found.stdout.startswith(archive)
    assert (tmp_path / "page.html").exists()


def test_nothing_is_left_behind(tmp_path):
    x = tg.parameter([1.0, 2.0], name="x")
    explore(np.sum(x * x), tmp_path / "page.html")
    assert x.grad is None


def test_the_policy_allows_the_files_own_script_and_style_and_nothing_else(tmp_path):
    text = explore(loss(), tmp_path / "page.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for rule, tag in (("script-src", 'script type="module"'), ("style-src", "style")):
        inside = re.search(rf"<{tag}>(.*?)</{tag.split()[0]}>", text, re.DOTALL)[1]
        assert rules.pop(rule) == f"'sha256-{b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
    assert set(rules.values()) == {"'none'"}
    assert "default-src" in rules
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert " style=" not in text
    assert not re.search(r"<\w+[^>]* on\w+=", text)


def test_no_script_evaluates_text_or_makes_markup_of_it():
    text = document.bundle("main.js")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "fetch("):
        assert word not in text


@pytest.mark.parametrize("name", ["</script>", "<!--", "\u2028", "${x}", "\ud800", "a\x00b", '"', "\\", "{{script}}"])
def test_a_name_comes_out_of_the_json_as_it_went_in(name):
    text = document.embed({"name": name})
    assert json.loads(text)["name"] == name
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", text)
    text.encode()


# ---- the document


def test_a_title_that_no_file_can_hold_is_written_out():
    page = document.assemble({"title": "a\x00b\ud800"})
    assert r"<title>a\x00b\ud800</title>" in page


def test_what_style_sheets_name_is_on_the_page_or_in_a_picture():
    folder = Path(document.__file__).parent
    made = document.bundle("main.js") + (folder / "page.html").read_text(encoding="utf-8")
    made += " node edge cluster graph operation parameter data"  # of Graphviz and of `dot_builder.py`
    style = "\n".join((folder / name).read_text(encoding="utf-8") for name in document._STYLES)
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    selectors = " ".join(re.findall(r"([^{};]+)\{", style))
    words = {*re.findall(r"[.#]([a-zA-Z][\w-]*)", selectors)}
    assert len(words) > 60
    assert {word for word in words if not re.search(rf"(?<![\w-]){word}(?![\w-])", made)} == set()
    variables = {*re.findall(r"(--[\w-]+):", style)}
    assert {name for name in variables if f"var({name}" not in style} == set()
