"""The file: written whole or not at all, of nothing but itself, with errors that say what to do."""

import hashlib
import json
import re
from base64 import b64encode

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import course, page
from tinygrad_dl.drawing.graph import Graph
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
    ],
)
def test_what_can_not_be_explored_is_an_error_that_says_why(tmp_path, x, inputs, error, words):
    with pytest.raises(error, match=re.escape(words)):
        explore(x, tmp_path / "page.html", *inputs)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_can_not_be_written_is_an_error_that_says_why(tmp_path):
    with pytest.raises(ValueError, match=re.escape("ends in .html, got")):
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
    with pytest.raises(ValueError, match=re.escape("at most 2 nodes, got 3")):
        explore(loss(), tmp_path / "page.html", max_nodes=2)


def test_a_page_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = explore(loss(), tmp_path / "page.html")
    before = path.read_bytes()
    monkeypatch.setattr(page, "assembled", lambda contents: "\ud800")  # which can't be encoded, when all is computed
    with pytest.raises(UnicodeEncodeError):
        explore(loss(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_function_and_its_inputs_will_do(tmp_path):
    path = explore(lambda x, y: np.sum(x * y), tmp_path / "page.html", np.ones(2), np.arange(2.0))
    assert {node["title"] for node in contents(path)["nodes"]} >= {"x", "y"}


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
    text = document.bundled("main.js")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "fetch("):
        assert word not in text


@pytest.mark.parametrize("name", ["</script>", "<!--", "\u2028", "${x}", "\ud800", "a\x00b", '"', "\\", "{{script}}"])
def test_a_name_comes_out_of_the_json_as_it_went_in(name):
    text = document.embedded({"name": name})
    assert json.loads(text)["name"] == name
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", text)
    text.encode()


def test_numbers_are_cut_to_the_limit_of_an_array_and_of_the_page(tmp_path):
    W = tg.parameter(np.ones((200, 300)))
    for limit in (1, 50, 5000):
        for array in contents(explore(np.sum(W * W), tmp_path / "page.html", max_values=limit))["arrays"]:
            assert sum(len(row) for block in array["blocks"] for row in block["rows"]) <= limit
    assert explore(np.sum(W * W), tmp_path / "page.html", max_values=10**6).stat().st_size < 1e6


def test_lines_of_source_are_there_if_they_were_recorded(tmp_path):
    with tg.debug():
        debugged = loss()
    lines = [node["line"] for node in contents(explore(debugged, tmp_path / "page.html"))["nodes"]]
    assert [line is not None and "return np.sum(x * x)" in line for line in lines] == [False, True, True]


def test_several_outputs_and_what_was_cut_off_are_on_the_page(tmp_path):
    A = tg.parameter(np.array([[2.0, 1.0], [1.0, 3.0]]), name="A")
    values, vectors = np.linalg.eigh(A)
    path = explore(np.sum(values**2) + np.sum(A * vectors.detach()), tmp_path / "page.html")
    found = contents(path)
    assert any(node["shape"] is None and node["value"] is None for node in found["nodes"])
    lines = [part["line"] for step in found["steps"] if "contributions" in step for part in step["contributions"]]
    assert any(re.match(r"dv\d+\[0\] = dv\d+", line) for line in lines)


# ---- the formulas of the course


def net(hidden=tg.nn.tanh, output=tg.nn.sigmoid):
    return tg.nn.mlp([2, 4, 1], hidden=hidden, output=output, rng=np.random.default_rng(0))


X, Y = np.ones((2, 5)), np.ones((1, 5))


def formulas(cost):
    graph = Graph([cost])
    return {graph.nodes[index].name: told.formula for index, told in course.backward(graph).items()}


@pytest.mark.parametrize(
    ("hidden", "derivative"),
    [
        (tg.nn.sigmoid, "A1 ∘ (1 - A1)"),
        (tg.nn.tanh, "1 - A1²"),
        (tg.nn.relu, "1 where Z1 > 0, else 0"),
        (tg.nn.leaky_relu, "1 where Z1 > 0, else 0.01"),
    ],
)
def test_each_activation_of_the_course_has_its_derivative_spelled(hidden, derivative):
    told = formulas(tg.nn.binary_cross_entropy(net(hidden)(X), Y))
    assert told["Z1"] == f"dZ1 = dA1 ∘ g'(Z1), g'(Z1) = {derivative}"
    assert told["Z2"] == "dZ2 = A2 - Y"


def test_of_logits_the_course_says_the_same():
    told = formulas(tg.nn.binary_cross_entropy_with_logits(net(output=tg.nn.identity)(X), Y))
    assert told["Z2"] == "dZ2 = A2 - Y, A2 = sigmoid(Z2)"
    assert told["W1"] == "dW1 = 1/m dZ1 Xᵀ"


def test_where_the_course_says_something_else_it_is_not_quoted():
    regularised = tg.nn.binary_cross_entropy(net()(X), Y) + np.sum(tg.parameter(1.0))
    assert formulas(regularised) == {}
    assert formulas(tg.nn.mean_squared_error(net()(X), Y)) == {}
    assert formulas(tg.nn.binary_cross_entropy(net(hidden=tg.nn.elu)(X), Y)) == {}
    shared = net()
    A = shared(X)
    Z1 = tg.named_tensors(A)["Z1"]
    told = formulas(tg.nn.binary_cross_entropy(A, Y + 0 * np.sum(Z1)))
    assert "Z1" not in told
