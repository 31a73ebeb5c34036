"""Norms: what follows from their being norms, and what is said at kinks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg

inf = np.inf
with_zeros = st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0])
matrices = hnp.arrays(float, hnp.array_shapes(min_dims=2, max_dims=2, max_side=3), elements=with_zeros)


@given(
    hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=3), elements=with_zeros),
    st.sampled_from([1, 1.5, 2, 3, 4.0, 0.5, inf, -inf]),
    st.booleans(),
    st.data(),
)
def test_a_norm_of_vectors_grows_with_them_and_is_finite_at_every_zero(x, p, is_complex, data):
    """Euler: x · ∇‖x‖ = ‖x‖."""
    x = x * (1 + 2j) if is_complex else x
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1) | hnp.valid_tuple_axes(x.ndim, min_size=1))
    value, pullback = tg.vjp(lambda x: np.linalg.vector_norm(x, ord=p, axis=axis, keepdims=True), x)
    ct = pullback(np.ones_like(value))[0]
    axes = tuple(range(x.ndim)) if axis is None else axis
    np.testing.assert_allclose(np.sum((ct * x).real, axis=axes, keepdims=True), value, rtol=1e-12, atol=1e-12)
    assert not ct[x == 0].any()


@given(matrices, st.sampled_from([None, "fro", "nuc", 2, -2, 1, -1, inf, -inf]))
def test_a_norm_of_a_matrix_grows_with_it(x, p):
    value, pullback = tg.vjp(lambda x: np.linalg.norm(x, p, axis=(0, 1)), x)
    np.testing.assert_allclose(np.sum(pullback(np.array(1.0))[0] * x), value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3)])
@pytest.mark.parametrize("p", ["fro", "nuc", 2, -2, 1, -1, inf, -inf])
def test_a_norm_of_matrices_without_elements_is_that_of_numpy(shape, p):
    x = tg.parameter(np.zeros(shape))
    try:
        expected = np.linalg.matrix_norm(x.numpy(), ord=p, keepdims=True)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)):
            np.linalg.matrix_norm(x, ord=p)
    else:
        norm = np.linalg.matrix_norm(x, ord=p, keepdims=True)
        np.testing.assert_array_equal(norm.numpy(), expected, strict=True)
        assert tg.gradients(np.sum(norm), x).shape == shape


@pytest.mark.parametrize("p", [None, "fro", 2, -2, 1, inf])
def test_a_matrix_without_elements_has_no_condition_number(p):
    for x in (np.zeros((0, 0)), tg.parameter(np.zeros((0, 0)))):
        with pytest.raises(np.linalg.LinAlgError):
            np.linalg.cond(x, p)


@pytest.mark.parametrize("f", [lambda x: np.linalg.norm(x, inf), lambda x: np.linalg.norm(x, -inf), np.fmax.reduce])
def test_at_ties_of_these_the_second_derivative_is_that_of_even_shares(f):
    np.testing.assert_allclose(tg.hessian(lambda x: f(x) ** 2)(np.array([2.0, 2.0])), np.full((2, 2), 0.5))


@given(matrices, st.sampled_from(["fro", "nuc", 2, 1, inf]), st.integers(0, 2**32 - 1))
def test_the_gradient_of_a_convex_norm_is_a_subgradient_everywhere(x, p, seed):
    """‖y‖ >= ‖x‖ + (y - x) · ∇‖x‖."""
    gradient = tg.grad(lambda x: np.linalg.norm(x, p))(x)
    y = np.random.default_rng(seed).normal(size=x.shape)
    assert np.linalg.norm(y, p) >= np.linalg.norm(x, p) + np.sum((y - x) * gradient) - 1e-9


@pytest.mark.parametrize("p", [None, "fro", "nuc", 2, -2, 1, -1, inf, -inf])
def test_the_gradient_of_every_norm_of_a_zero_matrix_is_0(p):
    assert not tg.grad(lambda x: np.linalg.norm(x, p))(np.zeros((2, 2))).any()


def test_the_second_derivative_of_the_nuclear_norm_is_right_where_singular_values_coincide():
    """At the identity: dX moves the polar factor by its skew part."""
    hessian = tg.hessian(lambda x: np.linalg.norm(x, "nuc"))(np.eye(2))
    dx = np.array([[1.0, 2.0], [5.0, 3.0]])
    np.testing.assert_allclose(np.einsum("ijkl,kl->ij", hessian, dx), (dx - dx.T) / 2, rtol=1e-12, atol=1e-12)


def test_tied_columns_and_tied_elements_share_the_cotangent():
    assert tg.grad(lambda x: np.linalg.norm(x, inf))(np.array([3.0, -3.0, 1.0])).tolist() == [0.5, -0.5, 0.0]
    assert tg.grad(lambda x: np.linalg.norm(x, 1))(np.array([[1.0, -2.0], [1.0, 0.0]])).tolist() == [
        [0.5, -0.5],
        [0.5, 0],
    ]


def test_the_number_of_elements_that_are_not_zero_has_no_slope():
    x = tg.parameter([1.0, 0.0])
    assert tg.gradients(np.linalg.norm(x, 0), x).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("p", [None, 1, inf, 3, np.float64(3)])
def test_norms_keep_single_and_half_precision(p, dtype):
    x = tg.parameter(np.array([1.0, -2.0], dtype))
    y = np.linalg.norm(x, p)
    assert y.dtype == dtype
    assert tg.gradients(y, x, create_graph=True).dtype == dtype


def test_orders_and_axes_that_make_no_sense_are_errors():
    x = tg.parameter(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match="expected a number or None as ord for vectors, got 'nuc'"):
        np.linalg.norm(x, "nuc", axis=0)
    with pytest.raises(ValueError, match=r"expected one of 'fro', 'nuc', 2, .* as ord for matrices, got 3"):
        np.linalg.norm(x, 3, axis=(0, 1))
    with pytest.raises(ValueError, match=r"expected one axis or two, got 3; np\.linalg\.vector_norm takes any"):
        np.linalg.norm(x, 2)
