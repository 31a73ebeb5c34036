"""`python -m tinygrad_dl.testing file.py[:name]`: what it checks, what it cannot and says so, and how it runs files."""

import os
import sys

import pytest

from tests.marks import in_depth

each = pytest.mark.parametrize

TWO_AND_MORE = """
def square(x): return x**2
def square_backward(g, x): return 2 * g * x
def cube_forward(x): return x**3
def cube_backward(g, x): return 2 * g * x**2
def alone(x): return np.sum(x**4)
"""


def test_everything_is_checked_in_the_order_of_the_file_and_counted(check):
    found = check(TWO_AND_MORE)
    assert (found.status, found.summary) == (1, "1 right, 1 wrong")
    assert found.out.index("square, square_backward\n") < found.out.index("cube_forward, cube_backward\n")
    assert "alone" not in found.out


@each("name", ["cube", "cube_backward", in_depth("cube_forward")])
def test_one_pair_is_checked_by_either_name_or_what_they_have_in_common(check, name):
    found = check(TWO_AND_MORE, name)
    assert (found.status, found.summary) == (1, "0 right, 1 wrong")
    assert "square" not in found.out


def test_a_backward_pass_without_a_result_is_wrong_and_the_reason_is_named(check):
    status, out, _ = check(PAIR.format("(g, x): g * x"))
    assert status == 1
    assert "f_backward gives None: is a return missing?" in out


def test_a_single_function_is_checked_by_autodiff_to_an_order(check):
    assert check(TWO_AND_MORE, "alone")[0] == 0
    assert "3      vjp" in check(TWO_AND_MORE, "alone", order=3).out
    assert "\n  y  " in check("def f(x, y): return x * y", "f").out  # y is a label in company of weights only


def test_a_wrong_rule_is_found_through_a_single_function(check):
    status, out, _ = check("""
        import tinygrad_dl as tg
        @tg.primitive
        def double(x): return 2 * x
        tg.defvjp(double, lambda g, ans, x: 3 * g)
        def f(x): return np.sum(double(x))
        """, "f")  # fmt: skip
    assert status == 1
    assert "the rule of double" in out


HIDDEN = "def rounded(x): return 1e16 + np.abs(np.sin(x))\ndef rounded_backward(g, x): return g * np.cos(x)\n"


@each("name", ["", "rounded_backward"])
def test_what_rounding_hides_is_undecided_and_no_success(check, name):
    found = check(TWO_AND_MORE.replace("2 * g * x**2", "3 * g * x**2") + HIDDEN, name)
    assert (found.status, found.summary) == (2, f"{0 if name else 2} right, 0 wrong, 1 undecided")
    assert "are undecided: rounding hides some of them" in found.out
    assert check(HIDDEN, "rounded").status in (0, 2)  # a pair, by its first half


# ---- what can't be checked: one clear line, and no traceback

PAIR = "def f(x): return x**2\ndef f_backward{}\n"
BROKEN = {
    "syntax error": ("def f(:\n    pass", "homework.py:2: SyntaxError: invalid syntax"),
    "long": (
        "def f(x): raise ValueError('long ' * 1000)\ndef f_backward(g, x): return g",
        "homework.py:2: f(x): ValueError: long",
    ),
    "nothing that parses": (
        "def f(x): return x\ndef f_backward(g, x):\n    y = 1\n      return g",
        "homework.py: line 5: def f_backward(g, x): IndentationError: unexpected indent; nothing else to check.",
    ),
    "nothing": ("x = 1", "nothing to check: expected a pair such as relu_forward and relu_backward"),
    "single functions": ("def f(x): return x", "name a function to check it by autodiff: f"),
    "no arguments": (PAIR.format("(): return 1"), "homework.py:3: expected f_backward(g, ...)"),
    "too many arguments": (PAIR.format("(g, x, one, two): return g"), "got f_backward(g, x, one, two)"),
    "backward raises": (
        PAIR.format("(g, x):\n    raise ValueError('no')"),
        "homework.py:4: f_backward: ValueError: no",
    ),
    "forward raises": ("def f(a): return a.no\ndef f_grad(g, a): return g", "homework.py:2: f(a): AttributeError"),
    "likeliest arrays": (
        "def f(W):\n    if len(W) == 4: raise ValueError('likely')\n    raise ValueError\ndef f_grad(g, W): return g",
        "homework.py:3: f(W): ValueError: likely",
    ),
    "likeliest net": (
        "def backprop(parameters): return parameters[str(len(parameters))]",
        "homework.py:2: backprop: KeyError: '4'",
    ),
    "no array": (
        "def f(a): return 'text'\ndef f_grad(g, a): return g",
        "f(a): expected a function that gives an array",
    ),
    "no inputs": ("def f(graph): return graph['x']\ndef f_grad(g, graph): 0", "f_inputs = {...}, in the file"),
    "wrong inputs": (
        PAIR.format("(g, x): return g") + "f_inputs = {'x': 1.0, 'z': 2.0}",
        "expected inputs for x, got z",
    ),
    "random": (
        "def f(x): return x * np.random.default_rng().random()\ndef f_grad(g, x): return g",
        "another value when called again",
    ),
    "no net": ("grads = {'dW1': np.ones((1, 2))}\nX = np.ones((2, 3))", "grads: define Y, parameters in the file"),
    "wrong shapes": (
        "grads = {'dW1': 1}\nX, Y, W1, b1 = np.ones((2, 3)), np.ones(3), np.ones((1, 2)), np.zeros((1, 1))",
        "grads: Y: expected",
    ),
    "no cache": ("def backward(dA, cache, Y): return {'dW1': 1}", "homework.py:2: backward: define dA, cache"),
    "no gradients": ("def backprop(X, Y): return 3", "backprop: expected a function that gives a dict of gradients"),
}


@pytest.mark.few_values
@each(("source", "line"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_checked_is_said_in_one_line_with_status_2(check, source, line):
    status, _, err = check(source)
    assert status == 2
    assert line in err
    assert err.count("\n") == 1, err
    assert len(err) < 500


def test_a_name_that_is_not_there_is_answered_by_those_that_are(check):
    status, _, err = check(TWO_AND_MORE, "sqare")
    assert status == 2
    there = "square, square_backward; cube_forward, cube_backward; the functions alone"
    assert err.endswith(f"there is no sqare to check; there is {there}.\n")


@pytest.mark.deep
def test_right_and_unchecked_is_2_and_wrong_among_them_is_1(check):
    unchecked = "def h(a): return a.no\ndef h_grad(g, a): return g\n"
    found = check(unchecked + TWO_AND_MORE.replace("2 * g * x**2", "3 * g * x**2"))
    assert (found.status, found.summary, found.err.count("\n")) == (2, "2 right, 0 wrong, 1 not checked", 1)
    found = check(unchecked + TWO_AND_MORE)
    assert (found.status, found.summary) == (1, "1 right, 1 wrong, 1 not checked")


def test_a_higher_order_is_refused_for_what_has_none(check):
    assert "--order: only a single function" in check(TWO_AND_MORE, "cube", order=2).err
    assert "--order: only a single function" in check(TWO_AND_MORE, order=2).err


# ---- how the file is run


def test_the_file_runs_as_a_script_would_but_for_main(check, tmp_path, capsys):
    (tmp_path / "beside.py").write_text("answer = 42\n")
    found = check("""
        from dataclasses import dataclass
        import sys
        from beside import answer
        @dataclass
        class Point:
            x: float
        print(answer, sys.argv == [__file__], __name__ == "__main__", Point.__annotations__["x"])
        def square(x):
            print("many times")
            return x**2
        def square_backward(g, x): return 2 * g * x
        if __name__ == "__main__":
            raise ValueError
        sys.exit()
        """)  # fmt: skip
    assert found.status == 0
    assert capsys.readouterr().out == "42 True False <class 'float'>\n"


def test_nothing_of_the_file_is_left_behind(check, tmp_path):
    (tmp_path / "only_here.py").write_text("answer = 42\n")
    before = list(sys.path), list(sys.argv), set(sys.modules)
    check("import sys, only_here\nsys.path.insert(0, 'somewhere')\nsys.argv.append('x')\n")
    assert (list(sys.path), list(sys.argv), set(sys.modules)) == before
    assert "checked_file" not in sys.modules


@each("module", ["colorsys", "numpy", *map(in_depth, ["random", "this_is_new", "tinygrad_dl"])])
def test_a_file_named_like_a_module_is_taken_for_itself_and_for_nothing_else(check, monkeypatch, module):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    source = "import colorsys, random\nassert random.random() < 1 and colorsys.rgb_to_hsv\n" + TWO_AND_MORE
    assert check(source, "square", file=f"{module}.py")[0] == 0
    assert check(TWO_AND_MORE.replace("x**2", "x**3"), "square", file=f"{module}.py")[0] == 1  # the new one
    assert not hasattr(sys.modules.get(module), "square_backward")


@pytest.mark.deep
def test_a_file_with_a_colon_in_its_name_is_found(check, tmp_path):
    if os.name != "nt":
        assert check(TWO_AND_MORE, file="week:3")[0] == 1
