"""What a compiled function can't hold is an error; errors and warnings of the function are shown at its line."""

import itertools
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.tracing.test_compiled import X, Y, training, values

WEIGHTS = np.array([1.0, 2.0])

LOSSES_SEEN, COUNT = [], itertools.count()

NUMBERS = st.lists(st.floats(-2, 2), min_size=1, max_size=3)


def appends(x):
    LOSSES_SEEN.append(np.sum(x))
    return x


def caught(x):
    try:
        return x * float(x[0, 0])
    except TypeError:
        return x


def changed(x):
    y = x + 1
    y += x
    return y


REFUSED = {
    "if": (lambda x: x if np.sum(x) > 0 else -x, "a branch on a traced value"),
    "float": (lambda x: x * float(x[0, 0]), r"float\(x\)"),
    "mask": (lambda x: x[x > 0], "depends on traced values"),
    "random numbers": (lambda x: x + np.random.normal(size=x.shape), "random numbers need rng"),  # noqa: NPY002
    "a caught error": (lambda x: caught(x), r"float\(x\)"),
    "a sum in place": (lambda x: changed(x), r"x \+= y"),
    "a masked array": (lambda x: np.ma.masked_array(X, X > 0) * x, "MaskedArray"),
    "a list that grows": (appends, "gets longer"),
    "a count among the results": (lambda x: (x, next(COUNT)), "something else each time"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_program_cannot_hold_is_an_error(what):
    f, message = REFUSED[what]
    count = len(LOSSES_SEEN)
    with pytest.raises(TypeError, match=message):
        tg.compile(f)(X)
    assert len(LOSSES_SEEN) == count
    assert type(WEIGHTS) is np.ndarray


def test_errors_and_warnings_are_those_of_the_function_at_its_line():
    f = tg.compile(lambda x, y: np.exp(-np.log(x)) @ y)
    f(X**2, X.T)
    with pytest.warns(RuntimeWarning, match="divide by zero") as caught:
        f(np.abs(X) * (X > 0), X.T * 0 + 1)
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match="matmul"):
        f(X**2 + 1, X)


def test_after_an_error_nothing_has_changed():
    net, descent, step = training(optimizer="Momentum")
    compiled = tg.compile(step)
    compiled(X, Y)
    before = [*values(net.parameters()), *map(np.copy, descent._v)]
    with pytest.raises(ValueError, match="labels"):
        compiled(X, Y + 1)
    for a, b in zip([*values(net.parameters()), *descent._v], before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_of_the_first_call_are_those_of_the_function():
    def f(x):
        if x.shape[0] > 2:
            raise ValueError(f"expected two rows, got {x[0, 0]}")
        return x

    with pytest.raises(ValueError, match="got 1"):
        tg.compile(f)(np.ones((3, 1)))


def test_what_only_the_trace_cannot_do_runs_as_it_is_and_is_said():
    f = tg.compile(lambda x: np.sum(x.strides) + x)
    with pytest.warns(UserWarning, match="runs without being compiled"):
        f(X)
    np.testing.assert_array_equal(f(X), np.sum(X.strides) + X)
    assert f.cache_info() == (0, 0, 2, 0)


def test_an_array_from_outside_of_a_custom_function_is_said_to_be_one():
    f = tg.compile(tg.custom(lambda x: WEIGHTS @ x, numeric=True))
    with pytest.warns(UserWarning, match="it uses an array that is no positional argument; pass that as one"):
        np.testing.assert_array_equal(f(X), WEIGHTS @ X)
    with pytest.raises(TypeError, match="other libraries, which must get all arrays as arguments"):
        tg.compile(tg.custom(lambda x: np.asarray(WEIGHTS) @ x, numeric=True))(X)


def test_many_signatures_are_warned_of():
    f = tg.compile(np.sum)
    for n in range(1, 9):
        f(np.ones(n))
    with pytest.warns(UserWarning, match="9 signatures"):
        f(np.ones(9))


def test_sums_of_numbers_in_place_are_traced():
    def f(x):
        total = 0.0
        for row in x:
            total += np.sum(row**2)
        return total

    compiled = tg.compile(f)
    for scale in (1, 2):
        np.testing.assert_allclose(compiled(scale * X), f(scale * X), rtol=1e-12)


def test_arrays_of_other_classes_run_as_they_are():
    f = tg.compile(lambda x: x + 1)
    found = f(np.ma.masked_array([1.0, 2.0], [True, False]))
    assert isinstance(found, np.ma.MaskedArray)
    assert f.cache_info().eager == 1


def test_flags_of_numpy_are_part_of_the_signature():
    f = tg.compile(lambda x, flag: x if flag else -x)
    for flag in (np.True_, np.False_, np.True_, True):
        np.testing.assert_array_equal(f(X, flag), X if flag else -X)


def test_gradients_that_are_lists_are_those_of_the_function():
    w = tg.parameter([1.0, 2.0])
    descent = tg.optim.SGD([w], learning_rate=0.1)
    step = tg.compile(descent.step)
    for gradient in ([1.0, 1.0], np.ones(2), [1.0, 1.0]):
        w.grad = gradient
        before = w.numpy()
        step()
        np.testing.assert_allclose(w.numpy(), before - 0.1)


def test_data_of_another_float_type_is_cast():
    w = tg.parameter(np.ones(2, np.float32))

    def step(x):
        w.data = w.data - x

    compiled = tg.compile(step)
    for _ in range(2):
        compiled(np.array([0.5, 0.25]))
        assert w.dtype == np.float32
    np.testing.assert_array_equal(w.numpy(), [0, 0.5])


W = np.ones((2, 2))
MAPPED = [
    tg.vmap(lambda x: np.tanh(W @ x)),
    tg.vmap(tg.grad(lambda x: np.sum(np.tanh(W @ x) ** 2))),
    tg.grad(lambda x: np.sum(tg.vmap(lambda x: np.tanh(W @ x))(x) ** 2)),
    lambda x: tg.vmap(lambda x: np.sum(W @ x))(tg.Tensor(x)).numpy(),
]


@pytest.mark.parametrize("f", MAPPED)
def test_maps_over_samples_give_the_same_numbers(f):
    compiled = tg.compile(f)
    for scale in (1, 2):
        np.testing.assert_allclose(compiled(scale * X.T), f(scale * X.T), rtol=1e-12)
    assert compiled.cache_info() == (1, 1, 0, 1)


def test_a_gradient_through_a_compiled_result_is_an_error_and_none_is_lost():
    w = tg.parameter([1.0, 2.0], name="w")
    f = tg.compile(lambda x: np.sum(w * x))
    for _ in range(2):  # as it is traced, and compiled
        loss = f(np.ones(2)) + np.sum(w**2)
        assert loss.item() == 8.0
        with pytest.raises(RuntimeError, match="not kept by compiled functions"):
            loss.backward()
        assert w.grad is None
    with tg.no_grad():
        assert not f(np.ones(2)).requires_grad
    constant = tg.compile(lambda x: np.sum(tg.Tensor([1.0, 2.0]) * x))
    assert not constant(np.ones(2)).requires_grad


@given(x=NUMBERS, factors=NUMBERS)
def test_a_compiled_derivative_is_the_same_inside_of_a_vmap_over_something_else(x, factors):
    x, factors = np.array(x), np.array(factors)
    cubes = tg.compile(tg.grad(lambda x: np.sum(x**3)))
    np.testing.assert_allclose(tg.vmap(lambda s: s * cubes(x))(factors), np.multiply.outer(factors, 3 * x**2))
    assert cubes.cache_info().misses == 1


def test_a_function_that_uses_a_value_of_each_sample_runs_without_being_compiled():
    x, factors = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    with pytest.warns(UserWarning, match="without being compiled, since its trace .* inside of tg.vmap was kept"):
        found = tg.vmap(lambda s: tg.compile(lambda x: np.tanh(x) * s)(x))(factors)
    np.testing.assert_allclose(found, np.multiply.outer(factors, np.tanh(x)))


class Holder:
    def __init__(self, value):
        self.value = value


HIDING = {
    "a generator": lambda x: (k * x for k in (1, 2)),
    "an object": lambda x: Holder(np.sum(x)),
    "a set": lambda x: {np.sum(x).item()},
    "a function": lambda x: lambda: 2 * x,
}


@pytest.mark.parametrize("what", HIDING)
def test_objects_that_would_keep_the_traced_arrays_are_refused(what):
    with pytest.raises(TypeError, match=r"makes a \w+ of traced arrays"):
        tg.compile(HIDING[what])(X)


def test_changes_of_arguments_and_of_collections_are_refused():
    collections = {"d": deque(), "s": set()}

    def adds(x):
        collections["s"].add(2.0)
        return x

    def appends(x):
        collections["d"].append(x)
        return x

    for f in (adds, appends):
        with pytest.raises(TypeError, match=r"changes|gets longer"):
            tg.compile(f)(X)
    assert collections == {"d": deque(), "s": set()}
    for arg, change in (([X], lambda parts: parts.append(X)), ({"W": X}, lambda parts: parts.update(W=2 * X))):
        with pytest.raises(TypeError, match="changes its argument"):
            tg.compile(lambda parts, change=change: change(parts))(arg)
