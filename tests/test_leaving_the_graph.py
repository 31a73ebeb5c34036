"""Whatever a tracked Tensor passes through keeps the graph, is an error, or is a way to detach that is documented.

Each table is one of these three fates. None of it is an accident of a release: Python and NumPy ask for a float, an
array, an index, a text or an item, and `Tensor` answers each of these questions in one place.
"""

import array
import ast
import bisect
import cmath
import copy
import ctypes
import decimal
import fractions
import functools
import itertools
import json
import logging
import math
import operator
import pickle
import random
import statistics
import struct
import types
import warnings

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import leaving

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

LEAVES = r"is tracked, and a plain array would lose its gradient: say x\.numpy\(\) or x\.detach\(\).*np\.stack"
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
    "pickle": (lambda w, s: pickle.dumps(s * 1), r"can't be copied or pickled: say x\.detach\(\)"),
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


# ---- a plain number: meant where the user's own code asks for it by name, an error where others ask


def by_a_helper(x):
    return float(x)


class Meter:
    convert = float

    def __init__(self):
        self.number = float

    def __call__(self, x):
        return self.number(x)


class Degrees(float):
    pass


def by_a_local_name(x):
    conversion = float
    assert conversion is float
    return conversion(x)


def in_a_loop(s):
    for number in map(float, [s]):
        return number


MEANT = {
    "float": lambda s: float(s),
    "complex": lambda s: complex(s).real,
    "a helper": by_a_helper,
    "a method": lambda s: Meter()(s),
    "a class's": lambda s: Meter.convert(s),
    "a local name": by_a_local_name,
    "a subclass": lambda s: Degrees(s),
    "a list": lambda s: [float(x) for x in [s]].pop(),
    "a generator": lambda s: sum(float(x) for x in [s]),
    "map": lambda s: list(map(float, [s])).pop(),
    "sum of map": lambda s: sum(map(float, [s])),
    "unpacked map": lambda s: [*map(float, [s])].pop(),
    "a loop over map": in_a_loop,
    "inside of a call": lambda s: max(0.0, float(s)),
    "of several": lambda s: divmod(float(s), math.exp(0))[0] + 0.5,
    "by keyword": lambda s: dict(loss=float(s))["loss"],
    "into an array": lambda s: filled(A.copy(), 0, float(s))[0],
    "a condition in it": lambda s: float(s if s > 1 else 0.0),
    "its methods": lambda s: float.fromhex(float(s).hex()),
    "eval": lambda s: eval("float(s)", {}, {"s": s}),
    "__float__": lambda s: s.__float__(),
    "lines": lambda s: float(
        s
    ),
}  # fmt: skip
TEXT = {
    "%f": lambda s: float("%f" % s),  # noqa: UP031
    "% of several": lambda s: float(("%d %.2f" % (1, s)).split()[1]),  # noqa: UP031
    "logging": lambda s: float(logging.makeLogRecord({"msg": "%.3f", "args": (s,)}).getMessage()),
}
BEHIND_THE_BACK = {  # and who asks
    "math": (lambda s: math.exp(s), "math.exp"),
    "math.floor": (lambda s: math.floor(s), "math.floor"),
    "math.hypot": (lambda s: math.hypot(s, 0.0), "math.hypot"),
    "unpacked": (lambda s: math.hypot(*[s, s]), "math.hypot"),
    "math.fsum": (lambda s: math.fsum([s, 0.0]), "math.fsum"),
    "a name from math": (lambda s: exp(s), "math.exp"),
    "cmath": (lambda s: cmath.sqrt(s), "cmath.sqrt"),
    "statistics": (lambda s: statistics.fmean([s, s]), "statistics.fmean"),
    "array": (lambda s: array.array("d", [s]), "array.array"),
    "ctypes": (lambda s: ctypes.c_double(s), "ctypes.c_double"),
    "a field": (lambda s: setattr_of(Struct(), s), "z.number = x"),
    "into an element": (lambda s: filled(A.copy(), 0, s), "z[i] = x"),
    "into integers": (lambda s: filled(np.zeros(2, int), 0, s), "z[i] = x"),
    "into complex numbers": (lambda s: filled(np.zeros(2, complex), 0, s), "z[i] = x"),
    "into a buffer": (lambda s: filled(array.array("d", [0.0]), 0, s), "z[i] = x"),
    "fill": (lambda s: A.copy().fill(s), "np.ndarray.fill"),
    "np.fromiter": (lambda s: np.fromiter([s], float), "np.fromiter"),
    "np.fromiter of map": (lambda s: np.fromiter(map(math.exp, [s]), float), "np.fromiter"),
    "initial": (lambda s: np.sum(np.zeros(2), initial=s), "np.sum"),
    "initial of a method": (lambda s: np.add.reduce(np.zeros(2), initial=s), "np.ufunc.reduce"),
    "np.interp": (lambda s: np.interp([0.0, 3.0], [1.0, 2.0], [1.0, 2.0], left=s), "np.interp"),
}
UNCLEAR = {
    "an element that is float": lambda s: [float][0](s),
    "partial": lambda s: functools.partial(float)(s),
    "map, elsewhere": lambda s: later(map(float, [s])),
    "a key": lambda s: sorted([s], key=float)[0].item(),
    "map of math": lambda s: list(map(math.sqrt, [s * s])).pop(),
}
exp = math.exp


def later(numbers):
    for number in numbers:
        return number


class Struct(ctypes.Structure):
    _fields_ = [("number", ctypes.c_double)]


def setattr_of(struct, x):
    struct.number = x


def hot(f, s):
    """`f(s)` after many such calls, which Python optimises."""
    for _ in range(100):
        found = f(s)
    return found


@pytest.mark.parametrize("what", [*MEANT, *TEXT])
def test_a_number_that_the_users_own_code_asks_for_is_its_value(what, s):
    found = hot((MEANT | TEXT)[what], s)
    assert isinstance(found, float)
    assert found == 2.5


@pytest.mark.parametrize("what", BEHIND_THE_BACK)
def test_a_number_that_others_ask_for_is_an_error_that_names_them_the_line_and_the_way_out(what, s):
    f, asker = BEHIND_THE_BACK[what]
    for call in (lambda: f(s), lambda: tg.grad(f)(2.5), lambda: hot(f, s)):
        with pytest.raises((TypeError, ValueError)) as error:
            call()
        # while NumPy fills an array it has its own words for any error, and gives ours as the cause
        told = str(error.value if isinstance(error.value, TypeError) else error.value.__cause__)
        assert told.startswith(f"{asker} took ")
        assert "out of the graph" in told
        assert f"\n  {__file__}:" in told
        assert "x.item() where a number is meant" in told


def test_the_error_names_the_line_of_the_user_and_the_function_of_numpy_to_write(s):
    with pytest.raises(
        TypeError, match=rf"{__file__}:\d+: np\.log\(math\.tanh\(s\)\)\nWrite .*np\.tanh for math\.tanh"
    ):
        np.log(math.tanh(s))
    with pytest.raises(TypeError, match=r"np\.stack makes one Tensor of several, tg\.primitives\.set_at\(z, i, x\)"):
        filled(np.zeros(1, complex), 0, s)


@pytest.mark.parametrize("what", UNCLEAR)
def test_where_it_can_not_be_told_who_asks_there_is_a_warning(what, s):
    with pytest.warns(UserWarning, match=r"^float\(x\) took .* out of the graph.*np\.exp for math\.exp") as all:
        assert UNCLEAR[what](s) == 2.5
    assert {record.filename for record in all} == {__file__}


def test_a_warning_comes_once_a_line(s):
    with warnings.catch_warnings(record=True) as all:
        warnings.simplefilter("default")
        for _ in range(3):
            [float][0](s)
    assert len(all) == 1


@pytest.mark.parametrize("what", [*MEANT, *BEHIND_THE_BACK, *UNCLEAR])
def test_nothing_is_said_where_nothing_is_lost(what, s):
    f = (MEANT | UNCLEAR | {name: f for name, (f, _) in BEHIND_THE_BACK.items()})[what]
    f(tg.Tensor(2.5))
    with tg.no_grad():
        f(s)


def test_a_library_that_asks_by_name_is_an_error_too(s):
    source = "def logged(x):\n    return float(x)"
    names = {"__name__": "chart"}
    exec(compile(source, "/usr/lib/python3/site-packages/chart.py", "exec"), names)
    with pytest.raises(TypeError, match=r"^chart\.logged took (?s:.)*test_leaving_the_graph\.py:\d+: names"):
        names["logged"](s)
    exec(compile(source, "/home/me/chart.py", "exec"), names)
    assert names["logged"](s) == 2.5


def test_many_names_do_not_hide_the_one_that_is_called(s):
    names = {f"name{i}": i for i in range(300)} | {"s": s, "math": math}
    source = "def f():\n    [" + ", ".join(f"name{i}" for i in range(300)) + "]\n    return {}"
    for call, error in (("float(s)", None), ("math.exp(s)", TypeError)):
        exec(source.format(call), names)
        if error is None:
            assert names["f"]() == 2.5
        else:
            with pytest.raises(error, match=r"^math\.exp took"):
                names["f"]()


def test_no_more_sites_are_kept_than_a_thousand(s):
    for _ in range(1100):
        exec("float(s)", {"s": s})
    assert len(leaving._sites) <= 1000


@pytest.mark.parametrize("lost", ["columns", "CPython"])
def test_where_the_instruction_tells_nothing_there_is_a_warning(lost, s, monkeypatch):
    if lost == "CPython":
        monkeypatch.setattr(leaving.sys, "implementation", types.SimpleNamespace(name="other"))
        names = {"s": s}
        code = compile("float(s)", __file__, "eval")
    else:
        call = ast.parse("float(s)", mode="eval")
        for node in ast.walk(call):  # as code made by a program may have it: all in one place
            if hasattr(node, "col_offset"):
                node.col_offset = node.end_col_offset = 0
        names, code = {"s": s}, compile(call, __file__, "eval")
    with pytest.warns(UserWarning, match="out of the graph"):
        assert eval(code, names) == 2.5


BY_VALUE = {
    "item": lambda s: s.item(),
    "tolist": lambda s: s.tolist(),
    "numpy": lambda s: s.numpy(),
    "data": lambda s: s.data,
    "detach": lambda s: s.detach().item(),
    "int": lambda s: int(s) + 0.5,
    "ints": lambda s: list(map(int, [s])).pop() + 0.5,
    "format": lambda s: float(f"{s:.3f}"),
    "round": lambda s: round(s + 0.1, 0) - 0.5,
    "comparison": lambda s: np.where(s > 2, 2.5, 0.0),
    "bool": lambda s: 2.5 if s else 0.0,
    "text": lambda s: float(str(s).split("(")[1].split(",")[0]),
    "repr": lambda s: float(repr(s).split("(")[1].split(",")[0]),
    "np.array2string": lambda s: float(np.array2string(s)),
    "constant": lambda s: np.floor(s) + 0.5,
    **TEXT,
}


@pytest.mark.parametrize("what", BY_VALUE)
def test_a_plain_value_is_given_by(what, s):
    found = BY_VALUE[what](s)
    assert type(found) is not tg.Tensor
    np.testing.assert_allclose(found, 2.5, rtol=1e-12)


@pytest.mark.parametrize("what", [name for name in MEANT if name != "eval"])
def test_a_float_taken_out_of_a_function_that_is_differentiated_is_warned_of(what):
    f = MEANT[what]
    warned = pytest.warns(UserWarning, match=r"^(float|complex)\(x\) took .* out of the graph.*np\.exp for math\.exp")
    with warned as records:
        found = tg.grad(lambda x: x * f(x))(2.5)
    assert found == pytest.approx(2.5)
    assert {record.filename for record in records} == {__file__}
    with warned, tg.debug():
        f(tg.parameter(2.5))


@pytest.mark.parametrize("what", BY_VALUE)
def test_a_value_asked_for_is_not_warned_of(what):
    with tg.debug():
        tg.grad(lambda x: x * BY_VALUE[what](x))(2.5)


def test_a_float_is_no_matter_where_nothing_is_lost(s):
    def f(x):
        with tg.no_grad():
            return x * 0 + float(x) + float(tg.Tensor(1.0))

    tg.value_and_grad(lambda x: x + f(x).item())(2.5)
    assert f"{float(s)}" == "2.5"
    with tg.debug():
        float(s.detach())


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


@pytest.mark.parametrize("what", SCIPY)
def test_scipy_is_refused(what, w, s):
    scipy = pytest.importorskip("scipy")
    for module in ("special", "linalg", "sparse", "stats", "optimize", "integrate"):
        pytest.importorskip(f"scipy.{module}")
    with pytest.raises(TypeError, match=rf"{LEAVES}|no derivative rule for expit\. Give it one with tg\.defvjp"):
        SCIPY[what](scipy, w, s)


def test_what_scipy_asks_for_as_a_float_is_an_error(s):
    integrate = pytest.importorskip("scipy.integrate")
    with pytest.raises(TypeError, match=r"took a Tensor(?s:.)*test_leaving_the_graph\.py:\d+: integrate\.quad"):
        integrate.quad(lambda t: s * t, 0, 1)
