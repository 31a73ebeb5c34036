"""Stand-ins for arrays: each operator, and each function of NumPy, is a call of `_apply`."""

import operator

import numpy as np
import pytest

from tinygrad_dl.core import primitives
from tinygrad_dl.proxies.dispatching import Dispatching


class Noting(Dispatching):
    """A stand-in for a matrix that answers with the call."""

    shape = (2, 3)

    @staticmethod
    def _apply(function, args, kwargs=None):
        return function, args, kwargs or {}


OPERATORS = {
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.divide,
    operator.pow: np.power,
    operator.matmul: np.matmul,
    operator.mod: np.remainder,
    operator.and_: np.bitwise_and,
    operator.or_: np.bitwise_or,
    operator.xor: np.bitwise_xor,
}


def is_call(answer, function, *args, **kwargs):
    """Compare by identity, since `==` of stand-ins is a call too."""
    called, given, keywords = answer
    return called == function and list(map(id, given)) == list(map(id, args)) and keywords == kwargs


@pytest.mark.parametrize("sign", OPERATORS, ids=lambda sign: sign.__name__)
def test_an_operator_is_a_call_of_numpys_function_with_the_operands_in_their_order(sign):
    x, y = Noting(), 2.0
    assert is_call(sign(x, y), OPERATORS[sign], x, y)
    assert is_call(sign(y, x), OPERATORS[sign], y, x)


def test_functions_of_numpy_and_indices_are_calls_too():
    x = Noting()
    assert is_call(np.exp(x), np.exp, x)
    assert is_call(np.add.reduce(x, axis=0), np.add.reduce, x, axis=0)
    assert is_call(np.sum(x, axis=0), np.sum, x, axis=0)
    assert is_call(x.sum(0), np.sum, x, 0)
    assert is_call(x[1], primitives.getitem, x, 1)
    assert is_call(-x, np.negative, x)
    assert is_call(~x, np.invert, x)


def test_the_number_of_axes_and_elements_follow_from_the_shape():
    assert (Noting().ndim, Noting().size) == (2, 6)
