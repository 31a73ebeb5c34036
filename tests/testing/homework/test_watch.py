"""A step under watch."""

import ast

import numpy as np
import pytest

from tinygrad_dl.testing.homework.rewriting import WATCH, watched
from tinygrad_dl.testing.homework.watch import StepDone, Watch

LOOP = """
for i in range(100):
    a = w @ x
    total += np.sum(a)
    g = 2 * a[:, None] * x
    w -= lr * g
    b = b - 0.1
"""


@pytest.fixture
def step():
    """Run the loop's step with a watch, and return the names that are there after it."""

    def step(watch):
        tree = ast.parse(LOOP)
        names = {
            WATCH: watch,
            "np": np,
            "x": np.array([1.0, 2.0]),
            "w": np.ones((3, 2)),
            "b": 0.0,
            "total": 4.0,
            "lr": 0.1,
        }
        code = compile(ast.fix_missing_locations(watched(tree, tree.body[0], [])), "x", "exec")
        with pytest.raises(StepDone):
            exec(code, names)
        return names

    return step


def test_a_step_is_run_once_and_its_updates_are_kept(step):
    watch = Watch()
    names = step(watch)
    assert names["i"] == 0
    assert [update.path for update in watch.record.updates] == [("total",), ("w",), ("b",)]
    (sign, scales, rest, text, _), *_ = watch.record.updates[1].terms
    assert (sign, scales, rest.tolist(), text) == (-1, (0.1,), [[6.0, 12.0]] * 3, "g")
    assert np.allclose(names["w"], [[0.4, -0.2]] * 3)
    assert names["b"] == -0.1


def test_suspended_updates_leave_the_given_parameters(step):
    watch = Watch({("w",): np.zeros((3, 2))}, (("total",),), suspended=True)
    names = step(watch)
    assert names["w"].tolist() == [[0.0, 0.0]] * 3
    assert (names["b"], names["total"]) == (-0.1, 0.0)  # b is not given, the total is cleared


def test_values_are_noted_by_name(step):
    watch = Watch()
    step(watch)
    assert watch.record.notes["a", 0].tolist() == [3.0, 3.0, 3.0]
    assert watch.record.notes["total", 0] == 13.0
