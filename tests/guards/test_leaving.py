"""A plain number asked of a tracked Tensor: meant in the user's own code, an error where others ask, else a warning.

Python shows who asks by the instruction of the calling frame: the tests are calls as people write them.
"""

import array
import ast
import cmath
import concurrent.futures
import ctypes
import functools
import heapq
import itertools
import json
import logging
import math
import os
import statistics
import types
import warnings

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.guards import leaving

A = np.array([1.0, 2.0, 3.0])


@pytest.fixture
def s():
    return tg.parameter(2.5, name="s")


def filled(target, index, value):
    target[index] = value
    return target


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


def by_an_instance(x):
    meter = Meter()
    return meter.convert(x)


def by_an_argument(conversion, x):
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
    "an instance's": by_an_instance,
    "a local name": by_a_local_name,
    "an argument": lambda s: by_an_argument(float, s),
    "a subclass": lambda s: Degrees(s),
    "a list": lambda s: [float(x) for x in [s]].pop(),
    "a generator": lambda s: sum(float(x) for x in [s]),
    "map": lambda s: list(map(float, [s])).pop(),
    "sum of map": lambda s: sum(map(float, [s])),
    "unpacked map": lambda s: [*map(float, [s])].pop(),
    "a loop over map": in_a_loop,
    "an element": lambda s: [float][0](s),
    "one of two": lambda s: (float if s > 1 else int)(s),
    "partial": lambda s: functools.partial(float)(s),
    "starmap": lambda s: [*itertools.starmap(float, [(s,)])].pop(),
    "a key": lambda s: sorted([s], key=float)[0].item(),
    "a key of min": lambda s: min([s], key=float).item(),
    "a key of heapq": lambda s: heapq.nsmallest(1, [s], key=float)[0].item(),
    "statistics of map": lambda s: statistics.fmean(map(float, [s])),
    "json": lambda s: json.loads(json.dumps(s, default=float)),
    "inside of a call": lambda s: max(0.0, float(s)),
    "of several": lambda s: divmod(float(s), math.exp(0))[0] + 0.5,
    "by keyword": lambda s: dict(loss=float(s))["loss"],
    "into an array": lambda s: filled(A.copy(), 0, float(s))[0],
    "a condition in it": lambda s: float(s if s > 1 else 0.0),
    "its methods": lambda s: float.fromhex(float(s).hex()),
    "eval": lambda s: eval("float(s)", {}, {"s": s}),
    "__float__": lambda s: s.__float__(),
    "__float__ of a product": lambda s: (1 * s).__float__(),
    "lines": lambda s: float(
        s
    ),
}  # fmt: skip
HARMLESS = {
    "%f": lambda s: float("%f" % s),  # noqa: UP031
    "% of several": lambda s: float(("%d %.2f" % (1, s)).split()[1]),  # noqa: UP031
    "math.isnan": lambda s: 0.0 if math.isnan(s) else 2.5,
    "all of map": lambda s: 2.5 if all(map(math.isfinite, [s])) else 0.0,
    "filter": lambda s: 2.5 if [*filter(math.isfinite, [s])] else 0.0,
    "partial of math.isnan": lambda s: 0.0 if functools.partial(math.isnan)(s) else 2.5,
    "cmath.isfinite": lambda s: 2.5 if cmath.isfinite(s) else 0.0,
    "logging": lambda s: float(logging.makeLogRecord({"msg": "%.3f", "args": (s,)}).getMessage()),
}
BEHIND_THE_BACK = {  # and who asks
    "math": (lambda s: math.exp(s), "math.exp"),
    "a function of math as an argument": (lambda s: by_an_argument(math.exp, s), "math.exp"),
    "math.floor": (lambda s: math.floor(s), "math.floor"),
    "math.hypot": (lambda s: math.hypot(s, 0.0), "math.hypot"),
    "unpacked": (lambda s: math.hypot(*[s, s]), "math.hypot"),
    "map of math": (lambda s: list(map(math.sqrt, [s])), "math.sqrt"),
    "a key of math": (lambda s: max([s], key=math.exp), "math.exp"),
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
    "map, elsewhere": lambda s: later(map(float, [s])),
    "either": lambda s: list(map(math.sqrt, map(float, [s * s]))).pop(),
    "a method": lambda s: array.array("d").append(s) or 2.5,
    "getattr": lambda s: getattr(math, "fabs")(s),  # noqa: B009
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


@pytest.mark.parametrize("what", [*MEANT, *HARMLESS])
def test_a_number_that_the_users_own_code_asks_for_is_its_value(what, s):
    found = hot((MEANT | HARMLESS)[what], s)
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
        assert "Write x.item() for a number without a gradient" in told


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
            later(map(float, [s]))
    assert len(all) == 1


@pytest.mark.parametrize("what", [*MEANT, *BEHIND_THE_BACK, *UNCLEAR])
def test_nothing_is_said_where_nothing_is_lost(what, s):
    f = (MEANT | UNCLEAR | {name: f for name, (f, _) in BEHIND_THE_BACK.items()})[what]
    with warnings.catch_warnings(record=True) as all:
        warnings.simplefilter("always")
        found = f(tg.Tensor(2.5))
        with tg.no_grad():
            again = f(s)
        if again is s:  # max returns its argument itself
            again = tg.Tensor(2.5)
        assert repr(again) == repr(found)  # objects of ctypes compare by identity
    assert all == []


def test_a_library_that_asks_by_name_is_an_error_too(s):
    source = "def logged(x):\n    return float(x)"
    names = {"__name__": "chart"}
    exec(compile(source, "/usr/lib/python3/site-packages/chart.py", "exec"), names)
    with pytest.raises(TypeError, match=r"^chart\.logged took (?s:.)*test_leaving\.py:\d+: names"):
        names["logged"](s)
    exec(compile(source, "/home/me/chart.py", "exec"), names)
    assert names["logged"](s) == 2.5


def test_a_library_that_calls_float_for_its_caller_may_do_so(s):
    source = "def called(f, x):\n    return f(x)\ndef mapped(x):\n    return list(map(float, [x])).pop()"
    names = {"__name__": "chart"}
    exec(compile(source, f"{os.path.dirname(json.__file__)}/chart.py", "exec"), names)
    assert names["called"](float, s) == 2.5
    with pytest.raises(TypeError, match=r"^chart\.mapped took"):
        names["mapped"](s)
    exec(compile(source, "/usr/lib/python3/site-packages/chart.py", "exec"), names)
    with pytest.warns(UserWarning, match="out of the graph"):  # its own choice, or the caller's
        assert names["called"](float, s) == 2.5
    with pytest.raises(TypeError, match=r"^chart\.mapped took"):
        names["mapped"](s)


def test_a_pool_of_threads_may_call_float(s):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert list(pool.map(float, [s, 2 * s])) == [2.5, 5.0]
        assert pool.submit(float, s).result() == 2.5
        with pytest.raises(TypeError, match=r"^math\.exp took"):
            pool.submit(math.exp, s).result()


def test_an_assert_may_ask_whether_a_loss_is_finite(s):
    assert not math.isnan(s)
    assert math.isfinite(s), "the loss is not finite"
    assert math.isfinite(s) or math.isinf(s)
    assert all(map(math.isfinite, [s]))
    assert 2 < float(s) < 3
    with pytest.raises(TypeError, match=r"^math\.exp took"):
        assert math.exp(s) > 0


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
    **HARMLESS,
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
    with tg.debug(), warnings.catch_warnings(record=True) as all:
        warnings.simplefilter("always")
        assert tg.grad(lambda x: x * BY_VALUE[what](x))(2.5) == pytest.approx(2.5)  # the value is a constant factor
    assert all == []


def test_a_float_is_no_matter_where_nothing_is_lost(s):
    def f(x):
        with tg.no_grad():
            return x * 0 + float(x) + float(tg.Tensor(1.0))

    tg.value_and_grad(lambda x: x + f(x).item())(2.5)
    assert f"{float(s)}" == "2.5"
    with tg.debug():
        float(s.detach())


def test_what_scipy_asks_for_as_a_float_is_an_error(s):
    integrate = pytest.importorskip("scipy.integrate")
    with pytest.raises(TypeError, match=r"took a Tensor(?s:.)*test_leaving\.py:\d+: integrate\.quad"):
        integrate.quad(lambda t: s * t, 0, 1)
