"""What stands beside a Tensor is copied as an array of numbers, or refused in words: never kept, never half read."""

import array
import ctypes
import decimal
import fractions
from collections import OrderedDict, UserList, deque, namedtuple

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import arguments

VALUES = [2.0, 3.0, 5.0]


class Holder:
    """An object of another library: NumPy can read it, and it can be changed."""

    def __init__(self, values):
        self.memory = np.array(values)

    def __setitem__(self, i, value):
        self.memory[i] = value


class WithArray(Holder):
    def __array__(self, dtype=None, copy=None):
        return self.memory


class WithInterface(Holder):
    def __init__(self, values):
        super().__init__(values)
        self.__array_interface__ = self.memory.__array_interface__


class Column(WithArray):
    """What a column of a data frame is to NumPy: it has operators and ufuncs, and gives its own kind back."""

    def __init__(self, values, dtype="float64", name=None):
        super().__init__(values)
        self.dtype = self.dtypes = np.dtype(dtype)
        self.shape, self.name = self.memory.shape, name

    def __eq__(self, other):
        return self.memory == other

    __hash__ = object.__hash__

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(getattr(x, "__array_priority__", 0) > 1000 for x in inputs):
            return NotImplemented
        return Column(getattr(ufunc, method)(*[np.asarray(x) for x in inputs], **kwargs))


class Frame(WithArray):
    def __init__(self, values, **dtypes):
        super().__init__(values)
        self.dtypes, self.shape = dtypes, self.memory.shape


class Listed(list):
    pass


def in_ctypes(values):
    return (ctypes.c_double * len(values))(*values)


HOLDERS = {
    "array.array": lambda values: array.array("d", values),
    "memoryview": lambda values: memoryview(np.array(values)),
    "ctypes": in_ctypes,
    "__array__": WithArray,
    "__array_interface__": WithInterface,
    "a column": Column,
    "a frame": lambda values: Frame(values, a=np.dtype(float)),
    "deque": deque,
    "a list": list,
    "a list of the user's": UserList,
    "a subclass of list": Listed,
    "an array": np.array,
}
USES = {
    "x * it": lambda x, it: x * it,
    "x - it": lambda x, it: x - it,
    "it @ x": lambda x, it: np.matmul(x, it),
    "np.multiply(x, it)": np.multiply,
    "np.hypot(it, x)": lambda x, it: np.hypot(it, x),
    "np.where": lambda x, it: np.where(x > 1, x, it),
    "np.stack": lambda x, it: np.stack([x, it]),
    "np.inner": lambda x, it: np.inner(it, x),
    "np.cross": np.cross,
    "np.einsum": lambda x, it: np.einsum("i,i->i", x, it),
    "a list of it": lambda x, it: x * [it, it],
    "np.average": lambda x, it: np.average(x, weights=it),
}


def gradient(use, x, other, change=lambda other: None):
    y = use(x, other)
    assert type(y) is tg.Tensor
    change(other)
    return y.numpy(), tg.gradients(np.sum(np.cos(y)), x)


@pytest.mark.parametrize("holder", HOLDERS)
def test_numbers_in_any_holder_count_as_their_array_and_may_change_afterwards(holder):
    for use in USES.values():
        x = tg.parameter([1.0, -2.0, 3.0])
        expected = gradient(use, x, np.array(VALUES))
        found = gradient(use, x, HOLDERS[holder](VALUES), lambda other: other.__setitem__(0, 100.0))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_constant_beside_any_holder_is_a_tensor_of_an_array(holder):
    for use in USES.values():
        y = use(tg.Tensor([1.0, -2.0, 3.0]), HOLDERS[holder](VALUES))
        np.testing.assert_array_equal(y.numpy(), use(tg.parameter([1.0, -2.0, 3.0]), np.array(VALUES)).numpy())


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_tensor_made_of_any_holder_has_values_of_its_own(holder):
    values = HOLDERS[holder](VALUES)
    x, p = tg.Tensor(values), tg.parameter([0.0, 0.0, 0.0])
    p.data = values
    values[0] = 100.0
    for tensor in (x, p):
        assert (type(tensor.data), tensor.tolist()) == (np.ndarray, VALUES)
    if not isinstance(HOLDERS[holder](VALUES), list):  # which is many values
        assert tg.grad(lambda x: np.sum(x**2))(HOLDERS[holder](VALUES)).tolist() == [4.0, 6.0, 10.0]


WHOLE = {
    "array.array": lambda values: array.array("l", values),
    "memoryview": lambda values: memoryview(np.array(values)),
    "__array__": WithArray,
    "a column": lambda values: Column(values, "int64"),
    "deque": deque,
    "a list": list,
    "a list of the user's": UserList,
    "a subclass of list": Listed,
    "an array": np.array,
}
SETTINGS = {
    "np.take": np.take,
    "np.repeat": np.repeat,
    "np.compress": lambda x, it: np.compress(it, x),
    "x[it]": lambda x, it: x[it],
    "np.delete": np.delete,
    "set_at": lambda x, it: tg.primitives.set_at(x, it, 7.0),
}


@pytest.mark.parametrize("holder", WHOLE)
@pytest.mark.parametrize("use", SETTINGS)
def test_a_setting_in_any_holder_counts_as_its_array_and_may_change_afterwards(use, holder):
    x = tg.parameter([1.0, -2.0, 3.0])
    expected = gradient(SETTINGS[use], x, np.array([0, 1, 1]))
    found = gradient(SETTINGS[use], x, WHOLE[holder]([0, 1, 1]), lambda other: other.__setitem__(1, 2))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_change_is_a_setting_as_it_is():
    for value in (None, ..., True, 2, 1.5, "ij,jk", b"ab", slice(2), range(3), np.sum, float, len, np.float32(2)):
        assert arguments.setting(value) is value
    named = type("Name", (str,), {})("ij")
    assert arguments.setting(named) is named
    own = {"axes": [0, {1, 2}], "values": (bytearray(b"ab"), {3: 4}.values())}
    copied = arguments.setting(own)
    assert copied == {"axes": [0, {1, 2}], "values": (bytearray(b"ab"), [4])}
    own["axes"][1].add(5)
    own["values"][0][0] = 0
    assert copied == {"axes": [0, {1, 2}], "values": (bytearray(b"ab"), [4])}


def test_structures_of_settings_are_copied_in_their_kinds():
    Pair = namedtuple("Pair", "axes widths")
    given = Pair([0, 1], OrderedDict(a=np.array([1, 2])))
    copied = arguments.setting(given)
    given.axes[0] = given.widths["a"][0] = 9
    assert type(copied) is Pair
    assert (copied.axes, copied.widths["a"].tolist()) == ([0, 1], [1, 2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (lambda: {1.0, 2.0}, "got a set.*pass a list"),
        (lambda: frozenset([1.0]), "got a frozenset.*pass a list"),
        (lambda: (x for x in VALUES), "got a generator.*pass a list"),
        (lambda: map(float, VALUES), "got a map.*pass a list"),
        (lambda: ["a", "b"], "expected numbers, got data of dtype"),
        (lambda: WithArray([None, 1.0]), "expected numbers, got data of dtype object"),
        (lambda: Column(["a", "b"], object, "city"), "expected numbers, got 'city' of dtype object"),
        (lambda: Column(["a", "b"], object), "expected numbers, got 'Column' of dtype object"),
        (lambda: Frame([[1, "a"]], age=np.dtype(int), city=np.dtype(object)), "got 'city' of dtype object: cast it"),
        (lambda: Frame([[1.0, None]], a=np.dtype(float), b=np.dtype(bool)), "got 'a' of dtype float64, 'b' of dtype"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_in_words(values, message):
    x = tg.parameter([1.0, 2.0])
    uses = [
        tg.Tensor,
        lambda v: x * [v],
        lambda v: np.multiply(x, v),
        lambda v: setattr(x, "data", v),
    ]
    for use in uses:
        with pytest.raises(TypeError, match=message):
            use(values())


@pytest.mark.parametrize("number", [decimal.Decimal(2), fractions.Fraction(1, 2)])
def test_a_number_that_makes_arrays_of_objects_is_refused(number):
    x = tg.parameter([1.0, 2.0])
    for use in (lambda: np.multiply(x, number), lambda: np.add(number, x)):
        with pytest.raises(TypeError, match=r"expected numbers, got a .*: float\(\.\.\.\) makes one"):
            use()
    with pytest.raises(TypeError, match="unsupported operand"):
        x * number


def test_an_iterator_is_no_setting_since_a_rule_would_find_it_used_up():
    x = tg.parameter([[1.0, 2.0]])
    with pytest.raises(TypeError, match="read only once: pass a list"):
        np.moveaxis(x, (axis for axis in [0, 1]), [1, 0])
