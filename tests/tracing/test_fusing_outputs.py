"""A fused function may return lists, and an array more than once: it has the derivatives of its formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg

X = np.array([0.7, -1.2])
PARTS = {
    "scaled": lambda x: 2 * x[0],
    "sine": lambda x: np.sin(x[0] * x[1]),
    "sum": lambda x: np.sum(x**2),
    "itself": lambda x: x[1],
    "number": lambda x: 3.0,
    "constant": lambda x: np.cos(0.5),
}
ARRAYS = {"x": lambda x: x, "sine": np.sin, "square": lambda x: x * x, "constant": np.zeros_like}


def _nested(shape):
    """Lists, and tuples in them, of parts, of a shape."""
    if not shape:
        return st.sampled_from([*PARTS])
    parts = st.lists(_nested(shape[1:]), min_size=shape[0], max_size=shape[0])
    return parts | parts.map(tuple)


def _computed(tree, x):
    return PARTS[tree](x) if isinstance(tree, str) else type(tree)(_computed(part, x) for part in tree)


def _stacked(tree, x):
    return PARTS[tree](x) if isinstance(tree, str) else np.stack([_stacked(part, x) for part in tree])


def _all_derivatives(f):
    """The values, and derivatives of the first and second order by each transform, of a function of several outputs."""

    def total(x):
        return np.sum(x**2) + sum(i * np.sum(np.sin(i * part)) for i, part in enumerate(f(x), 1))

    parameter = tg.parameter(X)
    (recorded,) = tg.gradients(total(parameter), [parameter], create_graph=True)
    total(parameter).backward()
    return [
        *f(X),
        *tg.vmap(f)(np.stack([X, 2 * X])),
        parameter.grad,
        recorded.numpy(),
        tg.grad(total)(X),
        *tg.jacobian(f)(X),
        *tg.jvp(f, (X,), (np.cos(X),))[1],
        tg.hessian(total)(X),
        tg.compile(tg.grad(total))(X),
    ]


def _assert_same(f, formula):
    for found, expected in zip(_all_derivatives(f), _all_derivatives(formula), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(tree=st.lists(st.integers(1, 3), min_size=1, max_size=3).flatmap(_nested).map(list))
def test_a_list_is_stacked(tree):
    fused = tg.fused(lambda x: _computed(tree, x))
    _assert_same(lambda x: (fused(x),), lambda x: (_stacked(tree, x),))


@given(trees=st.tuples(_nested((2,)), _nested((2, 2)), _nested(())))
def test_lists_among_several_outputs_are_stacked(trees):
    fused = tg.fused(lambda x: tuple(_computed(tree, x) for tree in trees))
    _assert_same(fused, lambda x: tuple(_stacked(tree, x) for tree in trees))


def test_the_rule_of_a_list_is_derived_once():
    fused = tg.fused(lambda x: [x[0] * 2, x[1]])
    for _ in range(3):
        np.testing.assert_array_equal(tg.grad(lambda x: np.sum(fused(x)))(X), [2, 1])
    [rule] = tg.core.registry.vjps[fused].choose.__globals__["rules"].values()
    assert rule is not None  # which stands for the graph of the formula


@given(picks=st.lists(st.sampled_from([*ARRAYS]), min_size=1, max_size=5))
def test_cotangents_of_an_output_given_more_than_once_add_up(picks):
    def formula(x):
        arrays = {name: array(x) for name, array in ARRAYS.items()}
        return tuple(arrays[name] for name in picks)

    _assert_same(tg.fused(formula), formula)


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: {"a": x},
        lambda x: (x, None),
        lambda x: (x, {"a": x}),
        lambda x: [x, x[0]],
        lambda x: [x[0], None],
        lambda x: np.array([x[0], x[1]], dtype=object),
    ],
)
def test_an_answer_that_is_no_array_of_numbers_is_refused(formula):
    for x in (X, tg.parameter(X)):
        with pytest.raises(TypeError, match="expected an array of numbers"):
            tg.fused(formula)(x)


def test_arrays_that_a_formula_makes_of_numbers_are_refused_since_they_have_no_gradient():
    with pytest.raises(TypeError, match="would lose its gradient"):
        tg.grad(lambda x: np.sum(tg.fused(lambda x: np.array([x[0], x[1]]))(x)))(X)


@pytest.mark.parametrize("wrap", [lambda w: [w], lambda w: (w, [w])])
def test_a_tensor_from_outside_in_a_list_is_refused(wrap):
    w = tg.parameter(X)
    with pytest.raises(TypeError, match="uses a Tensor from outside"):
        tg.fused(lambda x: wrap(w))(tg.parameter(X))


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize(
    "formula", [lambda x, least: x > least, lambda x, least: np.argsort(x - least), lambda x, least: np.sum(x > least)]
)
def test_integers_and_masks_are_constants_that_can_be_used_as_such(formula, by_name):
    f = tg.fused((lambda x, *, least: formula(x, least)) if by_name else formula)
    given = ((), {"least": 1.5}) if by_name else ((1.5,), {})
    x = np.array([3.0, 1.0, 2.0])
    expected = formula(x, 1.5)
    found = f(tg.parameter(x), *given[0], **given[1])
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)
    gradient = tg.grad(lambda x: np.sum(x**2 * f(x, *given[0], **given[1])))(x)
    np.testing.assert_array_equal(gradient, 2 * x * expected)
