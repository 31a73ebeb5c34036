"""Whatever a tracked Tensor passes through keeps the graph or is an error; plain numbers are in `test_leaving`.

Each table is one of these fates. None of it is an accident of a release: Python and NumPy ask for an array, an index, a
text or an item, and `Tensor` answers each of these questions in one place.
"""

import bisect
import copy
import decimal
import fractions
import functools
import itertools
import json
import math
import operator
import pickle
import random
import statistics
import struct

import numpy as np
import pytest

import tinygrad_dl as tg

A = np.array([1.0, 2.0, 3.0])


@pytest.fixture
def w():
    return tg.parameter([3.0, 1.0, 2.0], name="w")


@pytest.fixture
def s():
    return tg.parameter(2.5, name="s")


# ---- kept: the derivative of what comes out is right

KEPT = {
    "list": (lambda w, s: sum(list(w)), [1, 1, 1], 0),
    "sum": (lambda w, s: sum(w), [1, 1, 1], 0),
    "sum from": (lambda w, s: sum(w, s), [1, 1, 1], 1),
    "max": (lambda w, s: max(w), [1, 0, 0], 0),
    "min": (lambda w, s: min(*w, s), [0, 1, 0], 0),
    "sorted": (lambda w, s: sorted(w)[0], [0, 1, 0], 0),
    "sorted by key": (lambda w, s: sorted(w, key=lambda x: -x)[0], [1, 0, 0], 0),
    "reversed": (lambda w, s: next(iter(reversed(w))), [0, 0, 1], 0),
    "zip": (lambda w, s: sum(x * y for x, y in zip(w, A, strict=True)), [1, 2, 3], 0),
    "map": (lambda w, s: sum(map(lambda x: 2 * x, w)), [2, 2, 2], 0),
    "filter": (lambda w, s: sum(filter(lambda x: x > 1.5, w)), [1, 0, 1], 0),
    "enumerate": (lambda w, s: sum(i * x for i, x in enumerate(w)), [0, 1, 2], 0),
    "reduce": (lambda w, s: functools.reduce(operator.mul, w, s), [5, 15, 7.5], 6),
    "accumulate": (lambda w, s: list(itertools.accumulate(w))[-1], [1, 1, 1], 0),
    "unpacking": (lambda w, s: (lambda x, y, z: x - z)(*w), [1, 0, -1], 0),
    "a dict": (lambda w, s: {"a": w}["a"][0], [1, 0, 0], 0),
    "a key": (lambda w, s: next(iter({s: 0})), [0, 0, 0], 1),
    "math.prod": (lambda w, s: math.prod(w), [2, 6, 3], 0),
    "abs": (lambda w, s: abs(s), [0, 0, 0], 1),
    "pow": (lambda w, s: pow(s, 2), [0, 0, 0], 5),
    "divmod": (lambda w, s: divmod(s, 2)[1], [0, 0, 0], 1),
    "operator": (lambda w, s: operator.truediv(1, s), [0, 0, 0], -0.16),
    "np.float64": (lambda w, s: np.float64(2) * s, [0, 0, 0], 2),
    "np.array": (lambda w, s: np.array(2.0) * s, [0, 0, 0], 2),
    "np.int64": (lambda w, s: np.int64(2) ** s, [0, 0, 0], 2**2.5 * np.log(2)),
    "bool array": (lambda w, s: np.array(True) * s, [0, 0, 0], 1),
    "np.stack": (lambda w, s: np.sum(np.stack([s, s, w[0]])), [1, 0, 0], 2),
    "np.stack, keyword": (lambda w, s: np.sum(np.stack(arrays=[s, w[0]])), [1, 0, 0], 1),
    "np.clip, keyword": (lambda w, s: np.sum(np.clip(w, a_min=None, a_max=s)), [0, 1, 1], 1),
    "np.where": (lambda w, s: np.sum(np.where(A > 1.5, s, w)), [1, 0, 0], 2),
    "random.choice": (lambda w, s: random.choice([s]), [0, 0, 0], 1),
    "random.uniform": (lambda w, s: random.Random(0).uniform(0, s), [0, 0, 0], random.Random(0).random()),
    "an array of objects": (lambda w, s: filled(np.empty(2, object), 0, s)[0], [0, 0, 0], 1),
    "copy.copy of a list": (lambda w, s: copy.copy([s * 1])[0], [0, 0, 0], 1),
    "next": (lambda w, s: next(iter(w)), [1, 0, 0], 0),
    "item of a slice": (lambda w, s: w[1:][np.int64(0)], [0, 1, 0], 0),
    "bisect": (lambda w, s: w[bisect.bisect([1.0, 2.0, 3.0], s)], [0, 0, 1], 0),
}


def filled(target, index, value):
    target[index] = value
    return target


@pytest.mark.parametrize("what", KEPT)
def test_the_graph_is_kept_by(what, w, s):
    f, by_w, by_s = KEPT[what]
    found = tg.gradients(f(w, s), [w, s])
    np.testing.assert_allclose(found[0], by_w, rtol=1e-12)
    np.testing.assert_allclose(found[1], by_s, rtol=1e-12)


# ---- errors, in words of ours where something of ours is asked

LEAVES = r"is tracked, and a plain array would lose its gradient: write np\.stack.*x\.numpy\(\) or x\.detach\(\)"
REFUSED = {
    "asarray": (lambda w, s: np.asarray(w), LEAVES),
    "asarray, a number": (lambda w, s: np.asarray(s), LEAVES),
    "array of a list": (lambda w, s: np.array([w, w]), LEAVES),
    "array of numbers": (lambda w, s: np.array([s, s]), LEAVES),
    "array of lists": (lambda w, s: np.array([[s, 1.0], [1.0, s]]), LEAVES),
    "array, dtype": (lambda w, s: np.array([s], dtype=float), LEAVES),
    "array of objects": (lambda w, s: np.array([w, None], dtype=object), LEAVES),
    "array of its items": (lambda w, s: np.array(list(w)), LEAVES),
    "asanyarray": (lambda w, s: np.asanyarray(w), LEAVES),
    "float32": (lambda w, s: np.float32(w), LEAVES),
    "a list beside it": (lambda w, s: w * [s, s, s], LEAVES),
    "a list beside an array": (lambda w, s: A * [s, s, s], LEAVES),
    "np.sum of a list": (lambda w, s: np.sum([s, s]), LEAVES),
    "np.dot of a list": (lambda w, s: np.dot([s, s], [1.0, 2.0]), LEAVES),
    "into a slice": (lambda w, s: filled(A.copy(), slice(2), [s, s]), LEAVES),
    "into a whole array": (lambda w, s: filled(A.copy(), ..., s), LEAVES),
    "x +=": (lambda w, s: operator.iadd(A.copy(), s), "out="),
    "np.copyto": (lambda w, s: np.copyto(A.copy(), w), r"np\.copyto has no derivative rule.*np\.where"),
    "np.put": (lambda w, s: np.put(A.copy(), [0], s), r"np\.put has no derivative rule.*set_at"),
    "np.save": (lambda w, s: np.save("x", w), r"np\.save has no derivative rule.*x\.numpy\(\)"),
    "np.savez": (lambda w, s: np.savez("x", w=w), r"np\.savez has no derivative rule.*x\.numpy\(\)"),
    "np.arange": (lambda w, s: np.arange(s), LEAVES),
    "np.full": (lambda w, s: np.full(3, s), LEAVES),
    "np.r_": (lambda w, s: np.r_[w, w], LEAVES),
    "np.vectorize": (lambda w, s: np.vectorize(lambda x: 2 * x)(w), LEAVES),
    "np.frompyfunc": (lambda w, s: np.frompyfunc(lambda x: 2 * x, 1, 1)(w), r"calls Python for each number"),
    "np.matrix": (lambda w, s: np.matrix([[1.0]]) * w, "expected a plain array, got a matrix"),
    "np.ma": (lambda w, s: np.ma.array(A) * w, LEAVES),
    "np.broadcast": (lambda w, s: np.broadcast(w, A), LEAVES),
    "np.nditer": (lambda w, s: np.nditer(w), "Iterator operand"),
    "np.frombuffer": (lambda w, s: np.frombuffer(w), "bytes-like object is required"),
    "np.from_dlpack": (lambda w, s: np.from_dlpack(w), "__dlpack__"),
    "as_strided": (lambda w, s: np.lib.stride_tricks.as_strided(w, (2,)), LEAVES),
    "rng.normal": (lambda w, s: np.random.default_rng(0).normal(loc=w), LEAVES),
    "rng.normal, a number": (lambda w, s: np.random.default_rng(0).normal(s), LEAVES),
    "rng.permutation": (lambda w, s: np.random.default_rng(0).permutation(w), LEAVES),
    "rng.choice": (lambda w, s: np.random.default_rng(0).choice(3, p=w / 6), LEAVES),
    "random.shuffle": (lambda w, s: random.shuffle(w), "would change a Tensor in place"),
    "np.sum, initial": (lambda w, s: np.sum(w, initial=s), "initial"),
    "a list of settings": (lambda w, s: np.pad(A, 1, constant_values=(s, s)), LEAVES),
    "index": (lambda w, s: [1, 2, 3][s], "integer"),
    "range": (lambda w, s: range(s), "integer"),
    "bytes": (lambda w, s: bytes(w), "integer"),
    "memoryview": (lambda w, s: memoryview(w), "bytes-like object is required"),
    "json": (lambda w, s: json.dumps({"loss": s}), "not JSON serializable"),
    "pickle": (lambda w, s: pickle.dumps(s * 1), r"can't be copied or pickled: write x\.detach\(\)"),
    "copy": (lambda w, s: copy.copy(s * 1), r"can't be copied or pickled"),
    "deepcopy": (lambda w, s: copy.deepcopy([s * 1]), r"can't be copied or pickled"),
    "statistics.mean": (lambda w, s: statistics.mean([s, s]), "can't convert"),
    "fractions": (lambda w, s: fractions.Fraction(s), "Rational"),
    "decimal": (lambda w, s: decimal.Decimal(s), "conversion from Tensor"),
    "math.trunc": (lambda w, s: math.trunc(s), "__trunc__"),
    "struct": (lambda w, s: struct.pack("d", s), "not a float"),
    "np.float64": (lambda w, s: np.float64(s), LEAVES),
    "a subclass": (lambda w, s: type("Mine", (tg.Tensor,), {}), "can't be subclassed"),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass", "ignore:you are shuffling")
@pytest.mark.parametrize("what", REFUSED)
def test_an_error_is_given_by(what, w, s):
    f, message = REFUSED[what]
    with pytest.raises((TypeError, ValueError, AttributeError, struct.error), match=message):
        f(w, s)


# ---- constants


def test_a_constant_is_never_a_copy_that_was_asked_not_to_be_one():
    x = tg.Tensor([1.0])
    with pytest.raises(ValueError, match=r"copy=False.*x\.data"):
        np.asarray(x, copy=False)
    np.asarray(x, copy=True)[:] = 2
    np.asarray(x)[:] = 2
    assert x.tolist() == [1.0]


def test_complex_of_a_tensor_is_its_value():
    assert complex(tg.Tensor(1 + 2j)) == 1 + 2j
    with pytest.raises(TypeError, match="complex"):
        float(tg.Tensor(1 + 2j))


# ---- constants that go into arrays of the user

WRITES = {
    "copyto": lambda target, x: np.copyto(target, x),
    "put": lambda target, x: np.put(target, [0, 1, 2], x),
    "putmask": lambda target, x: np.putmask(target, target == 0, x),
    "place": lambda target, x: np.place(target, target == 0, x),
    "at": lambda target, x: np.add.at(target, [0, 1, 2], x),
    "out": lambda target, x: np.add(x, 0, target),
    "out=": lambda target, x: np.multiply(x, 1, out=target),
    "out of a reduction": lambda target, x: np.sum(np.stack([x, 0 * x]), 0, None, target),
    "+=": lambda target, x: operator.iadd(target, x),
    "[:]": lambda target, x: filled(target, slice(None), x),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_constant_is_written_where_it_is_to_be_written(what):
    target, x = np.zeros(3), tg.Tensor(A)
    WRITES[what](target, x)
    assert target.tolist() == A.tolist()
    target[:] = 7
    assert x.tolist() == A.tolist()


# ---- SciPy

SCIPY = {
    "special": lambda scipy, w, s: scipy.special.expit(w),
    "logsumexp": lambda scipy, w, s: scipy.special.logsumexp(w),
    "linalg": lambda scipy, w, s: scipy.linalg.inv(np.eye(3) * w),
    "sparse @": lambda scipy, w, s: scipy.sparse.eye(3) @ w,
    "@ sparse": lambda scipy, w, s: w @ scipy.sparse.eye(3),
    "stats": lambda scipy, w, s: scipy.stats.norm.pdf(s),
    "minimize_scalar": lambda scipy, w, s: scipy.optimize.minimize_scalar(lambda x: (x - s) ** 2),
    "solve_ivp": lambda scipy, w, s: scipy.integrate.solve_ivp(lambda t, y: -s * y, (0, 1), [1.0]),
}


@pytest.mark.few_values
@pytest.mark.parametrize("what", SCIPY)
def test_scipy_is_refused(what, w, s):
    scipy = pytest.importorskip("scipy")
    for module in ("special", "linalg", "sparse", "stats", "optimize", "integrate"):
        pytest.importorskip(f"scipy.{module}")
    with pytest.raises(TypeError, match=rf"{LEAVES}|no derivative rule for expit\. Give it one with tg\.defvjp"):
        SCIPY[what](scipy, w, s)
