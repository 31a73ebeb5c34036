"""`Tensor` as an array: its values, its methods, its text, and what it refuses."""

import copy
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg

X = np.array([[0.3, -1.2, 2.5], [1.0, 0.7, -0.4]])


# ---- making one


@pytest.mark.parametrize(
    ("data", "dtype"),
    [(1.5, float), ([1, 2], int), ([[True]], bool), (np.float32(1), np.float32), (1j, complex), ((), float)],
)
def test_a_tensor_has_the_values_shape_and_dtype_that_numpy_gives(data, dtype):
    x, array = tg.Tensor(data), np.array(data)
    assert (x.shape, x.ndim, x.size, x.dtype) == (array.shape, array.ndim, array.size, dtype)
    assert x.tolist() == array.tolist()
    assert not x.requires_grad
    assert x.grad is x.name is None


def test_a_tensor_copies_its_data():
    array = np.ones(2)
    x = tg.Tensor(array)
    array[:] = 2
    assert x.tolist() == [1.0, 1.0]


def test_a_tensor_of_a_constant_tensor_is_a_copy():
    assert tg.Tensor(tg.Tensor([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_the_dtype_may_be_chosen():
    assert tg.Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert tg.Tensor([1, 2], dtype=float, requires_grad=True).requires_grad


@pytest.mark.parametrize("data", ["text", None, [None], object(), {"a": 1}, np.array("2020-01-01", "M8")])
def test_data_must_be_numbers(data):
    with pytest.raises(TypeError, match="expected numbers, got data of dtype"):
        tg.Tensor(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1, 2], "got int64; write 1.0 or astype"),
        (True, "got bool; write"),
    ],
)
def test_only_floats_have_a_gradient(data, message):
    with pytest.raises(TypeError, match=f"expected floats, .*{message}"):
        tg.parameter(data)
    x = tg.Tensor(data)
    with pytest.raises(TypeError, match="expected floats"):
        x.requires_grad = True


def test_requires_grad_can_be_switched_on_a_leaf_only():
    x = tg.Tensor(2.0)
    assert not (x * 2).requires_grad
    x.requires_grad = True
    y = x * 2
    assert y.requires_grad
    with pytest.raises(TypeError, match=r"is no leaf: x\.detach\(\)"):
        y.requires_grad = False
    y.requires_grad = True
    x.requires_grad = False
    assert not (x * 2).requires_grad


# ---- data


def test_data_of_a_leaf_can_be_replaced_by_a_copy():
    p, new = tg.parameter([1.0, 2.0]), np.array([3.0, 4.0])
    p.data = new
    new[:] = 0
    assert p.tolist() == [3.0, 4.0]
    p.data = [5, 6]
    assert p.tolist() == [5.0, 6.0]
    assert p.dtype == float
    p.data = tg.Tensor([7.0, 8.0])
    assert p.tolist() == [7.0, 8.0]


def test_data_keep_their_dtype():
    p = tg.Tensor([1.0], dtype=np.float32, requires_grad=True)
    p.data = np.array([2.0])
    assert p.dtype == np.float32


def test_data_must_fit():
    p = tg.parameter([1.0, 2.0], name="W")
    with pytest.raises(ValueError, match=r"Tensor 'W': expected data of shape \(2,\), got \(3,\)"):
        p.data = np.ones(3)
    with pytest.raises(ValueError, match=r"Tensor 'W': expected data that float64 can hold, got complex128"):
        p.data = np.ones(2) * 1j
    with pytest.raises(TypeError, match=r"was made by np\.multiply, so its data can't be replaced.*tg\.Tensor"):
        (p * 2).data = np.ones(2)


def test_detach_gives_the_same_values_as_a_constant():
    w = tg.parameter([1.0, 2.0], name="w")
    c = w.detach()
    assert (c.tolist(), c.requires_grad, c.name) == ([1.0, 2.0], False, "w")
    assert tg.gradients(np.sum(w * w.detach()), w).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_leaf_can_be_copied_and_pickled(duplicate):
    for x in (tg.parameter([1.0, 2.0], name="w"), tg.Tensor([3])):
        y = duplicate(x)
        assert type(y) is tg.Tensor
        assert y is not x
        assert (y.tolist(), y.dtype, y.requires_grad, y.name) == (x.tolist(), x.dtype, x.requires_grad, x.name)
        with pytest.raises(ValueError, match="read-only"):
            y.data[0] = 5


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickle.dumps])
def test_a_graph_can_not_be_copied_or_pickled(duplicate):
    with pytest.raises(TypeError, match=r"copied or pickled: write x\.detach\(\).*x\.numpy\(\) for its values"):
        duplicate(tg.parameter(1.0) * 2)


# ---- methods and operators


OPERATORS = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "**": lambda x, y: x**y,
    "%": lambda x, y: x % y,
    "//": lambda x, y: x // y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
}


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("other", [2, 0.5, np.float64(0.7), np.array([0.3, 2.0, 2.5]), [1.0, 2.0, 2.5]], ids=str)
def test_an_operator_on_either_side_is_that_of_numpy(symbol, other):
    f, row = OPERATORS[symbol], abs(X[0])
    array = np.array(other) if isinstance(other, list) else other
    for y in (other, tg.Tensor(other), tg.parameter(np.asarray(other, dtype=float))):
        for make in (tg.Tensor, tg.parameter):
            np.testing.assert_array_equal(np.asarray(_plain(f(make(row), y))), f(row, array))
            np.testing.assert_array_equal(np.asarray(_plain(f(y, make(row)))), f(array, row))


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "**"])
@pytest.mark.parametrize("make", [tg.Tensor, tg.parameter])
@given(st.complex_numbers(allow_nan=False, max_magnitude=9), st.sampled_from([np.float64, np.float32, np.complex64]))
def test_a_complex_number_on_either_side_of_a_number_is_that_of_numpy(symbol, make, number, dtype):
    f, x = OPERATORS[symbol], dtype(1.5)
    with np.errstate(all="ignore"):
        for found, expected in (
            (f(number, make(x)), f(number, np.array([x]))),
            (f(make(x), number), f(np.array([x]), number)),
        ):
            assert (type(found), found.shape, found.dtype) == (tg.Tensor, (), expected.dtype)
            np.testing.assert_allclose(found.numpy(), expected[0], rtol=1e-5 if dtype != np.float64 else 1e-12)


def test_a_complex_number_beside_zero_gives_what_numpy_gives_arrays():
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal((1j / tg.parameter(0.0)).numpy(), (1j / np.zeros(1))[0])
    assert tg.grad(lambda x: np.abs(1j * np.sum(x)))(np.array([1.0, 2.0])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "**", "%"])
@pytest.mark.parametrize("other", [2, 0.5, -1, 3.0, np.array([0.5, 2.0, -1.0])], ids=str)
def test_the_values_of_an_operator_are_those_of_the_function_that_it_records(symbol, other):
    x = tg.parameter(np.array([-np.inf, -0.0, 1.7]))
    with np.errstate(all="ignore"):
        for y in (OPERATORS[symbol](x, other), OPERATORS[symbol](other, x)):
            np.testing.assert_array_equal(y.numpy(), y._function(*y._args))


NUMBERS = st.floats(width=32) | st.integers(-9, 9).map(float)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("symbol", "+-*/%")
@given(NUMBERS, NUMBERS)
def test_an_operator_on_numbers_is_that_of_numpy_on_arrays(symbol, dtype, a, b):
    f, of_a, of_b = OPERATORS[symbol], tg.parameter(dtype(a)), tg.parameter(dtype(b))
    with np.errstate(all="ignore"):
        expected = f(np.array([a], dtype), np.array([b], dtype))[0]
        for x, y in ((of_a, of_b), (of_a, b), (a, of_b)):
            for found in (f(x, y), f(x * 1, y), f(x, y * 1)):
                np.testing.assert_array_equal(found.numpy(), expected)
                assert found.dtype == dtype
                assert found.shape == ()


class Own:
    """Answers to every operator itself, and tells NumPy so."""

    __array_ufunc__ = None

    def answer(self, other):
        return "own"

    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmod__ = __rfloordiv__ = answer
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = answer
    __hash__ = None


@pytest.mark.parametrize("symbol", OPERATORS)
def test_an_operator_is_left_to_an_operand_that_tells_numpy_to_leave_it(symbol):
    for x in (X, tg.Tensor(X), tg.parameter(X)):
        assert OPERATORS[symbol](x, Own()) == "own"


def test_a_constant_is_compared_by_pytest_approx():
    assert tg.Tensor(0.1) + tg.Tensor(0.2) == pytest.approx(0.3)
    assert tg.Tensor(0.1) != pytest.approx(0.2)


@pytest.mark.parametrize("f", [operator.neg, operator.pos, abs])
def test_an_operator_on_one_is_that_of_numpy(f):
    assert f(tg.parameter(X)).tolist() == f(tg.Tensor(X)).tolist() == f(X).tolist()


def _plain(x):
    return x.numpy() if type(x) is tg.Tensor else x


def test_matmul_on_either_side_is_that_of_numpy():
    for array in (np.ones((3, 3)), np.ones(3), np.eye(3).tolist()):
        for make in (tg.Tensor, tg.parameter):
            x = make(X[0])
            assert (x @ array).tolist() == (x @ tg.Tensor(array)).tolist() == (X[0] @ np.array(array)).tolist()
            assert (array @ x).tolist() == (tg.parameter(array) @ x).tolist() == (np.array(array) @ X[0]).tolist()


def test_an_operand_that_is_no_number_is_refused():
    for other in ("text", None, object()):
        with pytest.raises(TypeError, match="unsupported operand"):
            tg.parameter(1.0) + other
        with pytest.raises(TypeError, match=r"unsupported operand|can only concatenate"):
            other + tg.parameter(1.0)


def test_an_unknown_operand_may_answer_itself():
    class Other:
        def __radd__(self, x):
            return "mine"

    assert tg.parameter(1.0) + Other() == "mine"


def test_a_power_modulo_a_number_is_an_error_that_names_the_power():
    with pytest.raises(TypeError, match=r"Tensor\.power\(\) takes 2 positional arguments but 3 were given"):
        pow(tg.parameter(2.0), 2, 3)


def test_a_tensor_is_hashed_by_identity():
    x, y = tg.Tensor(1.0), tg.Tensor(1.0)
    assert len({x: 1, y: 2}) == 2


def test_a_tensor_iterates_over_its_first_axis():
    x = tg.parameter(X)
    assert len(x) == 2
    first, second = x
    assert tg.gradients(np.sum(first * 2 + second), x).tolist() == [[2.0] * 3, [1.0] * 3]
    with pytest.raises(TypeError, match="0-d Tensor"):
        iter(tg.Tensor(1.0))
    with pytest.raises(TypeError, match="0-d Tensor"):
        len(tg.Tensor(1.0))
