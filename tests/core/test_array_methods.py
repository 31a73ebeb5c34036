"""The methods of arrays on a Tensor, each held against the method of an array."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.core.test_tensor import X
from tinygrad_dl.core.array_methods import ArrayMethods

METHODS = {
    "argpartition": ((1,), {}),
    "argsort": ((), {"axis": 0}),
    "clip": ((-1.0, 1.0), {}),
    "compress": (([True, False, True],), {"axis": 1}),
    "cumprod": ((), {"axis": 1}),
    "cumsum": ((0,), {}),
    "diagonal": ((1,), {}),
    "dot": ((np.ones((3, 2)),), {}),
    "mean": ((), {"axis": 1, "keepdims": True}),
    "repeat": ((2,), {"axis": 1}),
    "reshape": (((3, 2),), {"order": "F", "copy": True}),
    "round": ((1,), {}),
    "squeeze": ((), {}),
    "sum": ((0,), {}),
    "swapaxes": ((0, 1), {}),
    "take": (([2, 0],), {"axis": 1}),
    "transpose": ((1, 0), {}),
    "astype": ((np.float32,), {}),
    "var": ((), {"ddof": 1}),
}


OTHERS = {
    "T",
    "real",
    "imag",
    "conj",
    "conjugate",
    "mT",
    "nonzero",
    "argmax",
    "argmin",
    "any",
    "all",
    "prod",
    "std",
    "max",
    "min",
    "ravel",
    "flatten",
    "copy",
}


def test_every_method_is_tested():
    names = {name for name in vars(ArrayMethods) if not name.startswith("_")}
    assert names == set(METHODS) | OTHERS | {"choose", "searchsorted"}


@pytest.mark.parametrize("name", sorted(set(METHODS) | OTHERS))
def test_a_method_of_a_tensor_is_that_of_an_array(name):
    args, kwargs = METHODS.get(name, ((), {}))
    actual, expected = getattr(tg.parameter(X), name), getattr(X, name)
    if callable(expected):
        actual, expected = actual(*args, **kwargs), expected(*args, **kwargs)
    if type(actual) is tg.Tensor:
        assert actual.requires_grad
        assert actual.dtype == expected.dtype
        actual = actual.numpy()
    np.testing.assert_array_equal(actual, expected, strict=not isinstance(expected, tuple))


def test_a_tensor_chooses_among_others_and_finds_their_place():
    indices, sorted_values = np.array([1, 0, 1]), np.sort(X[0])
    assert tg.Tensor(indices).choose(X).tolist() == indices.choose(X).tolist()
    assert tg.parameter(sorted_values).searchsorted(0.5) == sorted_values.searchsorted(0.5)


def test_reshape_and_transpose_take_lengths_or_one_tuple():
    x = tg.parameter(np.arange(6.0).reshape(1, 2, 3))
    assert x.reshape(3, -1).shape == x.reshape((3, -1)).shape == (3, 2)
    assert x.reshape(-1).shape == (6,)
    assert x.transpose().shape == x.T.shape == (3, 2, 1)
    assert x.transpose(1, 0, 2).shape == x.transpose((1, 0, 2)).shape == x.transpose([1, 0, 2]).shape == (2, 1, 3)
    assert x.mT.shape == (1, 3, 2)
