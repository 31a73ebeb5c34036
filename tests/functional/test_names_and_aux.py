"""Arguments by name, and values beside the differentiated one: the same derivatives as by position and without them."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import pytree

NAMES = ["W", "x", "scale"]
TRANSFORMS = [tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian]
W, X = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([2.0, 1.0])


def energy(W, x, scale=2.0):
    return scale**2 * np.sum(np.sin(W @ x))


def with_aux(W, x, scale=2.0):
    Z = W @ x
    return scale**2 * np.sum(np.sin(Z)), {"Z": Z, "label": "layer", "count": 3, "x": x}


def same(found, expected):
    """Whether two nested results hold the same arrays."""
    ours, theirs = pytree.leaves(found), pytree.leaves(expected)
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("transform", TRANSFORMS)
@given(
    argnums=st.lists(st.integers(0, 2), min_size=1, unique=True),
    by_keyword=st.integers(0, 3),
    mixed=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_a_gradient_by_name_is_that_by_position(transform, argnums, by_keyword, mixed):
    values = {"W": W, "x": X, "scale": 1.5}
    kept = len(values) - by_keyword
    args, kwargs = list(values.values())[:kept], dict(list(values.items())[kept:])
    names = [i if mixed[i] and i < kept else NAMES[i] for i in argnums]
    expected = transform(energy, argnums)(*values.values())
    assert same(transform(energy, names)(*args, **kwargs), expected)
    if len(names) == 1:
        assert same(transform(energy, names[0])(*args, **kwargs), transform(energy, argnums[0])(*values.values()))


@given(shift=st.floats(-1, 1))
def test_elementwise_grad_takes_a_name(shift):
    def f(x, shift):
        return np.sin(x) + shift

    assert np.array_equal(tg.elementwise_grad(f, "x")(X, shift=shift), np.cos(X))


def test_keyword_only_and_collected_arguments_have_names():
    def f(*args, scale, **others):
        return args[0] * scale * others["rate"]

    assert tg.grad(f, ["scale", "rate"])(2.0, scale=3.0, rate=5.0) == (10.0, 6.0)


@pytest.mark.parametrize(
    ("argnum", "message"),
    [
        ("V", r"energy has no argument 'V': its arguments are W, x, scale"),
        ("scale", r"expected a value for the argument 'scale', got none: pass it"),
    ],
)
def test_a_name_must_be_that_of_an_argument_that_is_given(argnum, message):
    for transform in TRANSFORMS:
        with pytest.raises(TypeError, match=message):
            transform(energy, argnum)(W, X)


def test_positional_arguments_are_no_keywords():
    with pytest.raises(TypeError, match="expected a value for the argument 'args'"):
        tg.grad(lambda *args: args[0], "args")(1.0)


@given(scale=st.floats(-2, 2), argnum=st.sampled_from([0, 1, "x", ("W", "scale")]))
def test_aux_leaves_the_value_and_the_derivatives_unchanged(scale, argnum):
    Z = W @ X
    for transform in (tg.grad, tg.jacobian, tg.hessian):
        found, aux = transform(with_aux, argnum, has_aux=True)(W, X, scale)
        assert same(found, transform(energy, argnum)(W, X, scale))
        assert np.array_equal(aux["Z"], Z)
    (value, aux), gradient = tg.value_and_grad(with_aux, argnum, has_aux=True)(W, X, scale)
    assert same((value, gradient), tg.value_and_grad(energy, argnum)(W, X, scale))
    value, pullback, aux = tg.vjp(with_aux, W, X, scale, has_aux=True)
    assert same((value, pullback(1.0)), tg.value_and_grad(energy, (0, 1, 2))(W, X, scale))
    assert np.array_equal(aux["Z"], Z)
    assert (aux["label"], aux["count"]) == ("layer", 3)


@pytest.mark.parametrize("kind", [np.array, tg.Tensor])
def test_aux_has_no_graph_and_the_type_of_the_arguments(kind):
    _, aux = tg.grad(with_aux, has_aux=True)(kind(W), kind(X))
    for part in (aux["Z"], aux["x"]):
        assert type(part) is (np.ndarray if kind is np.array else tg.Tensor)
        assert not getattr(part, "requires_grad", False)


def test_aux_is_differentiated_by_an_outer_function():
    def outer(x):
        slope, squared = tg.grad(lambda y: (y**3 * x, y**2), has_aux=True)(x)  # 3 x^3 and x^2
        return slope + squared

    assert tg.grad(outer)(2.0) == 9 * 2.0**2 + 2 * 2.0


@given(x=st.floats(-2, 2))
def test_aux_that_alone_depends_on_an_outer_function_is_differentiated_by_it(x):
    def pair(y, x):
        return y**2, x**3

    for transform in (tg.grad, tg.jacobian, tg.hessian):
        assert tg.grad(lambda x: transform(pair, has_aux=True)(3.0, x)[1])(x) == 3 * x**2  # noqa: B023
    assert tg.grad(lambda x: tg.value_and_grad(pair, has_aux=True)(3.0, x)[0][1])(x) == 3 * x**2
    assert tg.grad(lambda x: tg.vjp(lambda y: pair(y, x), 3.0, has_aux=True)[2])(x) == 3 * x**2


@given(steps=st.integers(1, 5), outer=st.integers(0, 5))
def test_each_part_of_aux_keeps_a_graph_only_where_it_depends_on_an_outer_function(steps, outer):
    W = tg.parameter(2.0)

    def states(x):
        h, all_states = x, []
        for step in range(steps):
            h = h * (W if step == outer else 3.0)
            all_states.append(h)
        return x**2, all_states

    _, found = tg.grad(states, has_aux=True)(1.0)
    assert [type(h) is tg.Tensor for h in found] == [step >= outer for step in range(steps)]


def test_aux_may_have_a_graph_that_was_freed():
    def trained(x):
        cost = np.sum(x**2)
        cost.backward(keep_graph=False)
        return np.sum(x**3), {"cost": cost, "half": cost / 2}

    slope, aux = tg.grad(trained, has_aux=True)(W)
    assert np.array_equal(slope, 3 * W**2)
    assert (aux["cost"], aux["half"]) == (np.sum(W**2), np.sum(W**2) / 2)


def test_aux_is_mapped_over_samples():
    slopes, aux = tg.vmap(tg.grad(lambda x: (x**2, 3 * x), has_aux=True))(X)
    assert np.array_equal(slopes, 2 * X)
    assert np.array_equal(aux, 3 * X)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_derivative_with_aux_can_be_pickled(transform):
    derivative = transform(with_aux, "x", has_aux=True)
    again = pickle.loads(pickle.dumps(derivative))
    assert same(again(W, X), derivative(W, X))


def test_a_pair_without_has_aux_is_answered_with_it():
    for transform in (tg.grad, tg.value_and_grad):
        with pytest.raises(TypeError, match=r"returns a scalar, got a tuple of 2: write has_aux=True for a pair"):
            transform(lambda x: (np.sum(x), x))(np.ones(3))


@pytest.mark.parametrize(
    ("f", "got"), [(lambda x: x**2, "Tensor"), (lambda x: (x, x, x), "tuple of 3"), (lambda x: None, "NoneType")]
)
def test_aux_comes_in_a_pair(f, got):
    for call in (lambda: tg.grad(f, has_aux=True)(2.0), lambda: tg.vjp(f, 2.0, has_aux=True)):
        with pytest.raises(TypeError, match=rf"has_aux=True expects a function that returns a pair.*got {got}"):
            call()
