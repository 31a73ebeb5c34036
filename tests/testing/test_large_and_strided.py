"""Large arguments, and arrays in any layout in memory: wrong rules are found by default, right ones pass."""

import numpy as np
import pytest
from hypothesis import Phase, settings

import tinygrad_dl as tg
from tests.marks import in_depth
from tests.testing.test_properties import X, failure_of
from tinygrad_dl.testing import check_laws, given_gradients, strategies
from tinygrad_dl.testing.strategies import arrays

by_default = settings(max_examples=100, deadline=None, database=None, phases=[Phase.generate])  # which need not shrink
WRONG_WHERE = {
    "between 4 and 9": lambda x: (x > 4) & (x < 9),
    "above a million": lambda x: x > 1e6,
    "below minus a million": lambda x: x < -1e6,
}


@pytest.mark.parametrize("where", WRONG_WHERE)
@pytest.mark.parametrize("kinks", [None, in_depth([0.0])])
def test_rules_that_are_wrong_for_large_arguments_only_are_found_by_default(where, kinks):
    def backward(g, x):
        return 2 * g * x * (1 + WRONG_WHERE[where](x).astype(x.dtype))

    test = given_gradients((np.square, backward), x=arrays(2, kinks=kinks))
    assert 'the law "vjp vs numeric"' in failure_of(by_default(test))


@pytest.mark.parametrize(
    ("f", "strategies"),
    [
        ((lambda z: np.log1p(np.exp(z)), lambda g, ans, z: g * (1 - np.exp(-ans))), {"z": arrays(1)}),
        (np.exp, {"x": arrays(1)}),
        (tg.nn.sigmoid, {"z": arrays(1)}),
        (np.floor, {"x": arrays(1)}),
    ],
    ids=["softplus", "exp", "sigmoid", "floor"],
)
def test_functions_that_overflow_are_clipped_or_jump_far_out_are_right(f, strategies):
    settings(max_examples=8, deadline=None, database=None)(given_gradients(f, **strategies))()


def test_overflow_in_a_domain_that_was_asked_for_is_an_error():
    test = given_gradients(np.exp, x=arrays(1, (700, 1000)))
    with pytest.raises(ValueError, match="finite where it is checked"):
        by_default(test)()


def test_what_looks_like_broadcasting_where_a_function_is_saturated_is_none():
    check_laws(lambda x: np.tanh(np.sum(x)), np.array([12.0, 10.0]))  # 1 by all kernels, which tanh(19) is not


def test_gradients_that_are_rounding_alone_may_differ_by_that():
    x = np.array([-125233019.27653396, 956304952.44332, 503735750.41225135])
    check_laws(lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, x, without=["vjp vs numeric", "second order"])


def reads_inputs(g, x):
    return 2 * g * x.ravel(order="K").reshape(x.shape)


def reads_cotangents(g, x):
    return 2 * g.ravel(order="A").reshape(x.shape) * x


def forgets_strides(g, x):
    return 2 * g * (x if min(x.strides) > 0 else np.flip(x))


@pytest.mark.parametrize("backward", [reads_inputs, reads_cotangents, forgets_strides])
def test_rules_that_read_memory_in_its_own_order_are_found_by_default(backward):
    assert "breaks the law" in failure_of(by_default(given_gradients((np.square, backward), x=arrays((2, 2)))))


@pytest.mark.parametrize("backward", [reads_inputs, reads_cotangents])
def test_rules_that_read_memory_in_its_own_order_are_found_at_contiguous_arrays(backward):
    text = failure_of(lambda: check_laws((np.square, backward), X, without=["vjp vs numeric"]))
    assert "in another order in memory" in text


@pytest.mark.parametrize("layout", strategies.LAYOUTS)
def test_functions_that_read_memory_in_its_own_order_have_the_derivative_of_that(layout):
    def weighted(x):
        return x.ravel(order="K") @ np.arange(6, dtype=x.dtype)

    def backward(g, x):
        order = np.argsort(np.abs(x.strides))[::-1]
        weights = np.arange(6, dtype=x.dtype).reshape(np.array(x.shape)[order])
        return g * np.transpose(weights, np.argsort(order))

    check_laws((weighted, backward), strategies.LAYOUTS[layout](X))
