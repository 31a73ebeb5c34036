"""Symbols lie below Tensors, record every call, and refuse what would be lost in a program."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.guards.flags import switched
from tinygrad_dl.tracing.symbols import Recorder, Symbol, recorder
from tinygrad_dl.tracing.trace import trace

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, t: x * t,
        lambda x, t: t * x,
        lambda x, t: np.multiply(x, t),
        lambda x, t: np.sum(np.stack([x, t])),
        lambda x, t: np.maximum(t, x) @ x.T,
        lambda x, t: np.rint(t) - x + t,
    ],
)
def test_a_symbol_beside_a_tensor_leaves_the_call_to_the_tensor(f):
    seen = []

    def g(x, t):
        seen.append(f(x, t))
        return seen[-1]

    trace(g, X, tg.parameter(X + 3))
    assert type(seen[0]) is tg.Tensor
    assert seen[0].requires_grad


REFUSED = {
    "if": lambda x: x if np.sum(x) > 0 else -x,
    "while": lambda x: [x for _ in range(1) if x[0, 0]],
    "float": lambda x: float(x[0, 0]) * x,
    "int": lambda x: x * int(x[0, 0]),
    "array": lambda x: np.asarray(x) + 1,
    "range": lambda x: [x for _ in range(x[0, 0])],
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: x[np.nonzero(x)],
    "repeat": lambda x: np.repeat(x, np.array([1, 2]) * (x[:, 0] > 0), axis=0),
    "unique": lambda x: np.unique(x),
    "tolist": lambda x: x.tolist(),
    "item assignment": lambda x: x.__setitem__(0, 1.0),
    "out": lambda x: np.add(x, 1, out=x),
    "text": lambda x: np.array2string(x),
}


# Tensors refuse these themselves; or the package finds the shape, and guards it
OTHERWISE_FOR_TENSORS = {"array", "item assignment", "out", "range", "repeat", "text", "tolist", "unique"}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("tensor", [False, True])
def test_what_a_program_cannot_hold_is_an_error_with_the_users_line(what, tensor):
    if tensor and what in OTHERWISE_FOR_TENSORS:
        return
    with pytest.raises(TypeError, match=r"test_symbols.py:\d+"):
        trace(REFUSED[what], tg.parameter(X) if tensor else X)


def test_functions_of_shapes_and_dtypes_give_plain_answers():
    def f(x):
        assert np.shape(x) == x.shape == (2, 3)
        assert np.ndim(x) == x.ndim == len(x)
        assert np.size(x) == x.size == 6
        assert np.result_type(x, np.float32) == np.float64
        return x

    assert not trace(f, X).program.nodes


def test_pythons_numbers_stay_pythons_numbers():
    """The dtype of a float32 beside a traced float is float32, as beside a float."""
    rate = Symbol(0.5, name="rate")
    step = 1 - rate**2
    assert type(step._value) is float
    assert (np.ones(2, np.float32) * step).dtype == np.float32


def test_lengths_know_their_array_and_axis():
    class Naming(Recorder):
        names_lengths = True

    x = Symbol(X, name="X")
    assert type(x.shape[-1]) is int
    length = switched(recorder, Naming(), lambda: x.shape[-1])
    assert length == 3
    assert (length.of, length.axis) == (x._node, 1)
    assert x.shape[:1] == (2,)
