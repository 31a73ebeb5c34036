"""The miniature in the guide computes what the package computes; it and the reading path are as short as they claim."""

import inspect
import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.documents import GUIDES, programs, text

SOURCE = next(programs(GUIDES / "how_it_works.md")).source
PACKAGE = Path(tg.__file__).parent
DEFINITIONS = SOURCE[: SOURCE.index("\nx = Tensor(")]


@pytest.fixture(scope="module")
def mini():
    names = {"__name__": "miniature"}
    with redirect_stdout(io.StringIO()):
        exec(SOURCE, names)
    return names


def arguments(function, rng):
    """Positive matrices, one per argument of a function of the miniature."""
    count = 2 if function in (np.add, np.subtract, np.multiply, np.divide, np.matmul) else 1
    return [rng.uniform(0.5, 2.0, size=(3, 3)) for _ in range(count)]


def cost(W1, b1, W2, b2, X, Y):
    """The course's shallow net in functions of the miniature."""
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / X.shape[1]


def shallow_net():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(3, 20)), rng.integers(0, 2, size=(1, 20)).astype(float)
    return [rng.normal(size=shape) for shape in ((4, 3), (4, 1), (1, 4), (1, 1))], X, Y


def test_it_has_60_lines():
    assert len([line for line in DEFINITIONS.splitlines() if line.strip()]) <= 60


def test_each_rule_gives_the_gradient_of_the_package(mini):
    rng = np.random.default_rng(0)
    for function in mini["RULES"]:
        args, weights = arguments(function, rng), rng.normal(size=(3, 3))

        def weighted(*args, function=function, weights=weights):
            return np.sum(weights * function(*args))

        tensors = [mini["Tensor"](arg) for arg in args]
        found = mini["gradients"](weighted(*tensors), tensors)
        for argnum, gradient in enumerate(found):
            np.testing.assert_allclose(gradient.value, tg.grad(weighted, argnum)(*args), rtol=1e-12, atol=1e-14)


def test_gradients_of_the_shallow_net_are_those_of_the_package(mini):
    parameters, X, Y = shallow_net()
    tensors = [mini["Tensor"](value) for value in parameters]
    expected = tg.grad(lambda *parameters: cost(*parameters, X, Y), argnum=(0, 1, 2, 3))(*parameters)
    for found, gradient in zip(mini["gradients"](cost(*tensors, X, Y), tensors), expected, strict=True):
        np.testing.assert_allclose(found.value, gradient, rtol=1e-12, atol=1e-14)


def test_second_derivatives_are_those_of_the_package(mini):
    (W1, *others), X, Y = shallow_net()
    direction = np.random.default_rng(1).normal(size=W1.shape)
    W = mini["Tensor"](W1)
    (dW,) = mini["gradients"](cost(W, *others, X, Y), [W])
    (found,) = mini["gradients"](np.sum(dW * direction), [W])
    (expected,) = tg.hvp(lambda W: cost(W, *others, X, Y), (W1,), (direction,))
    np.testing.assert_allclose(found.value, expected, rtol=1e-10, atol=1e-13)


def calls(function):
    """The functions of the package that run in a call, in the order of their first calls."""
    found = {}

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            found[frame.f_code] = None

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return [code for code in found if code.co_name != "<listcomp>"]  # a function of its own until Python 3.11


def test_the_reading_path_is_what_runs_in_the_forward_and_the_backward_pass():
    W, x = tg.parameter([[0.5, -1.0]]), np.array([1.0, 2.0])
    np.tanh(W @ x).backward()  # fills caches
    codes = calls(lambda: np.tanh(W @ x).backward())
    ran = iter([(code.co_name, Path(code.co_filename).name) for code in codes])
    guide = text(GUIDES / "how_it_works.md")
    path = re.findall(r"^\| `(\w+)`.* \| `(\w+\.py)` \|", guide, flags=re.MULTILINE)
    assert [step for step in path if step not in ran] == []  # each comes after the one before
    (told,) = (int(number) for number in re.findall(r"(?<!,)\b(\d00) lines", guide))
    assert told == pytest.approx(sum(len(inspect.getsourcelines(code)[0]) for code in codes), rel=0.1)
    assert f"{told} lines" in tg.core.__doc__


@pytest.mark.parametrize(("length", "step"), [(50, lambda y: y - (-y)), (3000, lambda y: -y)])
def test_each_node_is_visited_once_without_recursion(mini, length, step):
    """2**50 paths lead from the doubled number back to x, and a chain is longer than Python's stack."""
    x = y = mini["Tensor"](1.0)
    for _ in range(length):
        y = step(y)
    (dx,) = mini["gradients"](y, [x])
    assert dx.value == y.value  # both are linear in x = 1
