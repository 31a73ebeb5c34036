"""NumPy's warnings of numbers that are not finite come at the line of the user that computed them."""

import inspect
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.guards.numpy_warnings import Computing, at_the_users_line

X = np.array([[0.0, 1.0], [2.0, 1e300]])


def dense(x):
    layer = nn.Dense(2, 2, rng=np.random.default_rng(0))
    layer.W.data = X
    return layer(x)


COMPUTED = {  # and what NumPy warns of
    "x op y": (lambda x: x / (x * 0), {"divide by zero encountered in divide", "invalid value encountered in divide"}),
    "x op array": (lambda x: x / np.zeros(2), {"divide by zero encountered in divide"}),
    "x op number": (lambda x: x * 1e10, {"overflow encountered in multiply"}),
    "number op x": (lambda x: 1 / x, {"divide by zero encountered in divide"}),
    "a ufunc": (lambda x: np.log(x), {"divide by zero encountered in log"}),
    "with settings": (lambda x: np.vecdot(x, x, axis=0), {"overflow encountered in vecdot"}),
    "of several outputs": (lambda x: np.modf(x / 1e-10), {"overflow encountered in divide"}),
    "a method of a ufunc": (lambda x: np.multiply.outer(x, x), {"overflow encountered in multiply"}),
    "constant": (lambda x: x // 0, {"divide by zero encountered in floor_divide"}),
    "untracked": (lambda x: np.log(x.detach()), {"divide by zero encountered in log"}),
    "a power": (lambda x: x**1e10, {"overflow encountered in power"}),
    "number ** x": (lambda x: 2.0**x, {"overflow encountered in power"}),
    "a remainder": (lambda x: x % 0, {"invalid value encountered in remainder"}),
    "a product": (lambda x: x @ x, {"overflow encountered in matmul"}),
    "a formula of others": (lambda x: np.linalg.norm(1 / x), {"divide by zero encountered in divide"}),
    "an activation": (lambda x: nn.softplus(x * 1e10), {"overflow encountered in multiply"}),
    "a layer": (dense, {"overflow encountered in matmul"}),
    "in tg.grad": (lambda x: tg.grad(lambda x: np.sum(x * 1e10))(x), {"overflow encountered in multiply"}),
    "in tg.vmap": (lambda x: tg.vmap(np.log)(x.numpy()), {"divide by zero encountered in log"}),
    "of Tensors in tg.vmap": (lambda x: tg.vmap(lambda row: 1 / row)(x), {"divide by zero encountered in divide"}),
    "matrices in tg.vmap": (lambda x: tg.vmap(lambda r: np.vecdot(r, r))(X), {"overflow encountered in vecdot"}),
}


@pytest.fixture
def x():
    return tg.parameter(X)


def recorded(f, x, action="always"):
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter(action)
        f(x)
    return records


@pytest.mark.parametrize("what", COMPUTED)
def test_numpy_warns_at_the_line_that_computed(what, x):
    f, messages = COMPUTED[what]
    records = recorded(f, x)
    assert messages <= {str(record.message) for record in records}
    lines, first = inspect.getsourcelines(f)
    for record in records:
        if str(record.message) in messages:
            assert record.category is RuntimeWarning
            assert record.filename == __file__
            assert first <= record.lineno < first + len(lines)


def twice(x):
    np.log(x)
    np.log(x)


def test_each_line_warns_once(x):
    lines = {record.lineno for record in recorded(lambda x: [twice(x) for _ in range(3)], x, "default")}
    first = twice.__code__.co_firstlineno
    assert lines == {first + 1, first + 2}


def test_the_values_and_derivatives_are_those_without_a_warning(x):
    def both():
        y = x * 1e10
        return y.numpy(), tg.gradients(np.sum(y), x)

    with np.errstate(all="ignore"):
        expected = both()
    with pytest.warns(RuntimeWarning, match="overflow"):
        found = both()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_filters_and_errstate_hold_as_for_arrays(x):
    assert recorded(lambda x: np.log(x), x, "ignore") == []
    with np.errstate(divide="ignore"):
        assert recorded(lambda x: np.log(x), x) == []
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero encountered in log"):
        np.log(x)
    called = []
    with np.errstate(divide="call", call=lambda *given: called.append(given)):
        assert recorded(lambda x: np.log(x), x) == []
    assert len(called) == 1
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module=__name__.replace(".", r"\."))
        np.log(x)
    assert records == []


def test_a_warning_that_is_to_be_an_error_is_one_and_the_only_one(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="divide by zero encountered in log") as error:
            np.log(x)
    assert error.value.__context__ is None


def test_an_error_of_numpy_is_raised_as_it_is(x):
    with pytest.raises(TypeError) as error:
        np.add(x, x, casting="none")
    assert error.value.__cause__ is None
    assert "registry" not in str(error.value)
    other = TypeError("another")
    with pytest.raises(TypeError) as error:
        at_the_users_line(other, np.log, (X,))
    assert error.value is other


def test_the_rest_of_the_module_may_be_warned_at():
    computing = Computing(globals())

    @computing
    def log(x, /, *, plus=X):
        "Doc."
        return np.log(x + 0 * plus)

    computing.complete()
    assert (log.__name__, log.__doc__, log.__module__) == ("log", "Doc.", __name__)
    with pytest.raises(TypeError):
        recorded(log, X)
    assert len(recorded(np.log, X)) == 1


def test_a_script_shows_its_own_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import tinygrad_dl as tg, numpy as np
        x = tg.parameter([0.0, 1.0])
        for _ in range(3):
            np.log(x)
        y = 1 / x
    """)
    )
    shown = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stderr
    assert shown == (
        f"{script}:5: RuntimeWarning: divide by zero encountered in log\n  np.log(x)\n"
        f"{script}:6: RuntimeWarning: divide by zero encountered in divide\n  y = 1 / x\n"
    )
