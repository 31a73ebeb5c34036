"""The laws of a graph as text: every node once, users before what they use, within the lines and columns there are."""

import re
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.graph.text import as_text

NUMBERED = re.compile(r"#(\d+) ")


def columns(line):
    """How wide a terminal shows a line, counted another way: by what `unicodedata` says of each character."""
    wide = sum(unicodedata.east_asian_width(c) in ("W", "F") for c in line)
    return len(line) + wide - sum(unicodedata.category(c) in ("Mn", "Me") for c in line)


def lines_of(*outputs, **options):
    return as_text(Graph(outputs), **options).split("\n")


def numbers(lines):
    return [int(match[1]) for match in map(NUMBERED.match, lines) if match]


@pytest.fixture
def cost():
    rng = np.random.default_rng(0)
    net = tg.nn.Sequential(tg.nn.Dense(2, 4, rng=rng), tg.nn.tanh, tg.nn.Dense(4, 1, rng=rng), tg.nn.sigmoid)
    cost = np.mean((net(tg.Tensor(np.ones((2, 400)), name="X")) - 1.0) ** 2)
    cost.name = "cost"
    return cost


def test_the_net_of_the_course_reads_like_this(cost):
    assert as_text(Graph([cost])) == (
        """\
7 operations on 4 parameters (17 numbers) and 1 data
#11  cost    ()        mean(#10)
#10          (1, 400)  #9 ** 2
#9           (1, 400)  A2 − 1
     ┌ Sequential
#8   │ A2    (1, 400)  sigmoid(Z2)
     │ ┌ layers.2: Dense(4, 1)
#7   │ │ Z2  (1, 400)  affine(W2, A1, b2)
#6   │ │ b2  (1, 1)    parameter
#5   │ └ W2  (1, 4)    parameter
#4   │ A1    (4, 400)  tanh(Z1)
     │ ┌ layers.0: Dense(2, 4)
#3   │ │ Z1  (4, 400)  affine(W1, X, b1)
#2   │ │ b1  (4, 1)    parameter
#0   └ └ W1  (4, 2)    parameter
#1   X       (2, 400)  data"""  # noqa: RUF001
    )


# ---- every node, once, in order


def programs():
    """Lists of operations, each a pair of the earlier values that it adds, multiplies or joins."""
    step = st.tuples(st.sampled_from(["add", "multiply", "tanh", "scalar"]), st.integers(0), st.integers(0))
    return st.lists(step, max_size=25)


def run(program):
    values = [tg.parameter([1.0, 2.0], name="x"), tg.parameter([0.5, 0.1])]
    for what, i, j in program:
        x, y = values[i % len(values)], values[j % len(values)]
        values.append({"add": x + y, "multiply": x * y, "tanh": np.tanh(x), "scalar": 2.0 - x}[what])
    return values[-1]


@given(programs())
def test_every_node_has_one_line_and_stands_above_what_it_uses(program):
    graph = Graph([run(program)])
    shown = numbers(as_text(graph, most=1000).split("\n"))
    assert sorted(shown) == list(range(len(graph.nodes)))
    assert shown[0] == graph.outputs[0]
    place = {index: i for i, index in enumerate(shown)}
    for node in graph.nodes:
        assert all(place[node.index] < place[operand.index] for operand in node.operands)


@given(programs())
def test_a_line_says_from_what_its_node_was_computed(program):
    graph = Graph([run(program)])
    lines = {int(NUMBERED.match(line)[1]): line for line in as_text(graph, most=1000).split("\n")[1:]}
    for node in graph.nodes:
        named = ["x" if graph.nodes[operand.index].name else f"#{operand.index}" for operand in node.operands]
        told = lines[node.index].split(")  ")[-1] if node.operands else ""
        assert re.findall(r"#\d+|\bx\b", told) == named


def test_leaves_of_no_module_end_the_list(cost):
    assert lines_of(cost)[-1].startswith("#1   X ")
    x, y = tg.parameter(1.0, name="x"), tg.parameter(1.0, name="y")
    assert [line.split()[1] for line in lines_of(np.tanh(x * y) + x)[-2:]] == ["y", "x"]


def test_a_module_that_is_called_between_others_keeps_its_bracket_and_its_leaves_together():
    rng = np.random.default_rng(0)
    dense = tg.nn.Dense(3, 3, rng=rng)
    X = np.ones((3, 5))
    text = as_text(Graph([dense(np.tanh(dense(X)))]))
    assert text.count("┌ Dense(3, 3)") == 2
    assert text.count("  parameter") == 2  # shared, so once each
    for before, line in zip(text.split("\n"), text.split("\n")[1:], strict=False):
        assert ("│" in line or "└" in line) == ("│" in before or "┌" in before)


def test_a_leaf_that_a_module_hands_to_another_stands_in_the_bracket_of_the_first():
    class Scaled(tg.nn.Module):
        def __call__(self, x, w):
            return np.tanh(x * w)

    class Net(tg.nn.Module):
        def __init__(self):
            self.w, self.scaled = tg.parameter([2.0], name="w"), Scaled()

        def __call__(self, x):
            return self.scaled(x, self.w)

    x = tg.parameter([1.0], name="x")
    assert as_text(Graph([Net()(x * 3) + 1])).split("\n")[1:] == [
        "#5        (1,)  #4 + 1",
        "    ┌ Net",
        "    │ ┌ scaled: Scaled",
        "#4  │ │   (1,)  tanh(#3)",
        "#3  │ └   (1,)  #1 × w",
        "#2  └ w   (1,)  parameter",
        "#1        (1,)  x × 3",
        "#0  x     (1,)  parameter",
    ]


# ---- what a line says


def test_a_dtype_is_told_where_it_is_not_the_usual_one():
    x = tg.parameter(np.ones((2, 3), np.float32), name="x")
    assert lines_of(x * 2)[1] == "#1     (2, 3) float32  x × 2"
    assert "float" not in as_text(Graph([tg.parameter([1.0]) * 2]))


def test_calls_are_shown_with_their_settings_and_constants():
    x = tg.parameter(np.ones((3, 4)), name="x")
    i = np.array([0, 2])
    for y, call in [
        (np.sum(x, axis=0, keepdims=True), "sum(x, axis=0, keepdims=True)"),
        (1 / x, "1 / x"),
        (x - 1, "x − 1"),  # noqa: RUF001
        (x @ x.T, "x @ #1"),
        (x[0, 1:], "x[0, 1:]"),
        (x[i], "x[#1]"),
        (np.clip(x, 0, 1), "clip(x, 0, 1)"),
        (np.concatenate([x, x], axis=1), "concatenate(x, x, axis=1)"),
        (np.linalg.eigh(x[:3, :3])[1], "#2[1]"),
    ]:
        assert lines_of(y)[1].endswith(f"  {call}")
    assert "  2 outputs  " in as_text(Graph([y]))


def test_a_call_of_thousands_is_cut():
    x = tg.parameter([1.0])
    line = lines_of(np.concatenate([x] * 3000), width=500)[1]
    assert line.endswith("#0, #0, ..., axis=0)")


def test_what_stops_a_gradient_is_named_with_what_it_stopped():
    x = tg.parameter([1.0, -2.0], name="x")
    with tg.no_grad():
        h = x * 3
    text = as_text(Graph([x * np.sign(x) + x * x.detach() * (x * h)]))
    assert "blocked: by np.sign of x#" in text
    assert "blocked: computed in no_grad\n" in text
    assert "blocked: by detach of x#" in text


def test_of_several_outputs_each_is_marked():
    x = tg.parameter([1.0, 2.0], name="x")
    y = x * 2
    lines = lines_of(np.sum(y), y)
    assert lines[0].endswith(", 2 outputs")
    assert [line.endswith("  (output)") for line in lines[1:]] == [True, True, False]


def test_names_that_occur_twice_are_told_apart_by_number():
    a, b = tg.parameter([1.0], name="W"), tg.parameter([2.0], name="W")
    assert lines_of(a + b)[1].endswith("W#0 + W#1")
    long = "a" * 30
    a, b = tg.parameter([1.0], name=long + "1"), tg.parameter([2.0], name=long + "2")
    assert re.search(r"a…#0 \+ a+…#1$", lines_of(a + b)[1])


# ---- names and columns


@given(st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=5))
def test_any_names_keep_lines_and_columns_in_order(names):
    x = tg.parameter([1.0, 2.0, 3.0], name=names[0])
    for name in names[1:]:
        x = np.tanh(x)
        x.name = name
    lines = lines_of(x)
    assert len(lines) == 1 + len(names)
    assert all(line.isprintable() and columns(line) <= 100 for line in lines)
    starts = {columns(line[: line.rindex("(3,)")]) for line in lines[1:] if line.count("(3,)") == 1}
    assert len(starts) <= 1


def test_control_characters_are_shown_as_python_writes_them():
    text = as_text(Graph([tg.parameter([1.0], name="a\nb\x1b[31m\u202e\ud800")]))
    assert r"a\nb\x1b[31m\u202e\ud800" in text
    assert text.count("\n") == 1


@given(st.integers(20, 80), st.integers(60, 120), st.integers(0, 100), st.integers(0, 8))
def test_no_text_is_longer_or_wider_than_asked(most, width, depth, modules):
    class Nest(tg.nn.Module):
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, x):
            return np.tanh(self.inner(x)) * 2 if self.inner else x * 3

    net = None
    for _ in range(modules):
        net = Nest(net)
    y = tg.parameter(np.zeros((2, 3), np.float32), name="a parameter of a long name")
    for i in range(depth):
        y = (net(y) if net and i % 9 == 3 else y + y) if i % 5 else np.concatenate([y, y])[:2]
    lines = lines_of(y, most=most, width=width)
    assert len(lines) <= most
    assert max(map(columns, lines)) <= width
    left_out = [int(n.replace(",", "")) for line in lines for n in re.findall(r"^\.\.\. ([\d,]+) more", line)]
    assert len(numbers(lines)) + sum(left_out) == len(Graph([y]).nodes)


def test_too_few_lines_or_columns_are_an_error():
    with pytest.raises(ValueError, match=r"expected most >= 20 lines and width >= 60 columns, got 5 and 100"):
        as_text(Graph([tg.parameter([1.0])]), most=5)


# ---- sizes


def test_doubling_forty_times_takes_a_line_each():
    y = tg.parameter([1.0], name="y")
    for _ in range(40):
        y = y + y
    lines = lines_of(y)
    assert len(lines) == 42
    assert lines[1].endswith("#39 + #39")
    assert lines[-2].endswith("y + y")


def test_a_deep_chain_is_cut_in_the_middle_and_fast():
    y = tg.parameter([1.0], name="x")
    for _ in range(20_000):
        y = np.tanh(y)
    graph = Graph([y])
    start = time.perf_counter()
    lines = as_text(graph).split("\n")
    assert time.perf_counter() - start < 2
    assert lines[0] == "20,000 operations on 1 parameter (1 number)"
    assert numbers(lines) == [*range(20_000, 19_971, -1), *range(28, -1, -1)]
    assert lines[30] == "... 19,943 more operations ..."
