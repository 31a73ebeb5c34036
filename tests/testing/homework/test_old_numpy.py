"""Code for an older NumPy means what it meant there."""

import ast
import math

import numpy as np
import pytest

from tinygrad_dl.testing.homework import old_numpy

each = pytest.mark.parametrize


def evaluate(text, **names):
    statement = old_numpy.mend(ast.parse(f"result = {text}").body[0])
    names = {"np": np, **old_numpy.FUNCTIONS, **names}
    exec(compile(ast.Module([statement], []), "file", "exec"), names)
    return names["result"]


@each("shape", [(), (1,), (1, 1)])
def test_an_array_of_one_element_is_a_number(shape):
    x = np.full(shape, 2.5)
    assert evaluate("float(x)", x=x) == 2.5
    assert evaluate("int(x)", x=x) == 2
    assert evaluate("'%.1f and %d' % (x, x)", x=x) == "2.5 and 2"
    assert evaluate("'%f' % x", x=x) == "2.500000"
    assert evaluate("'%s' % (x,)", x=x) == str(x)


@each("statement", ["x[1] = v", "x[1] += v", "x[1] = v + 0"])
def test_an_entry_takes_an_array_of_one_element(statement):
    names = {**old_numpy.FUNCTIONS, "x": np.zeros(3), "v": np.array([[2.5]])}
    exec(compile(ast.Module([old_numpy.mend(ast.parse(statement).body[0])], []), "file", "exec"), names)
    assert list(names["x"]) == [0, 2.5, 0]


def test_an_entry_of_a_list_or_a_row_is_no_number():
    names = {**old_numpy.FUNCTIONS, "x": [0], "rows": np.zeros((2, 1)), "v": np.array([2.5])}
    for statement in ("x[0] = v", "rows[1] = v"):
        exec(compile(ast.Module([old_numpy.mend(ast.parse(statement).body[0])], []), "file", "exec"), names)
    assert names["x"][0] is names["v"]
    assert names["rows"].tolist() == [[0.0], [2.5]]


def test_an_array_of_more_elements_is_refused_as_before():
    with pytest.raises(TypeError):
        evaluate("float(x)", x=np.ones(2))
    assert evaluate("float('1.5')") == 1.5
    assert evaluate("float()") == 0.0
    assert evaluate("7 % x", x=np.array([4])) == [3]


@each(
    ("text", "value"),
    [
        ("np.zeros(2, np.float).dtype", np.dtype(float)),
        ("np.zeros(2, dtype=np.int).dtype", np.dtype(int)),
        ("np.Inf", math.inf),
        ("np.product([2, 3])", 6),
        ("np.asscalar(np.array([[5]]))", 5),
        ("np.float_(1)", 1.0),
    ],
)
def test_removed_names_mean_what_they_meant(text, value):
    assert evaluate(text) == value


def test_names_that_never_were_are_refused_and_a_tree_is_not_changed():
    with pytest.raises(AttributeError, match="no_such"):
        evaluate("np.no_such(1)")
    statement = ast.parse("x = float(np.Inf)").body[0]
    before = ast.dump(statement)
    old_numpy.mend(statement)
    assert ast.dump(statement) == before
