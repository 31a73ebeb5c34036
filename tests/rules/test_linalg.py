"""Products of vectors, matrices and stacks of them: each is linear in each factor, whatever the ranks and the axes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tinygrad_dl.core.backprop import topological_order

lengths = st.integers(0, 3)
stacks = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3)


def moved(rng, x, places):
    """`x` with its last axes elsewhere, and where: the axes by which a ufunc finds them."""
    count = len(places)
    axes = tuple(rng.permutation(x.ndim)[:count].tolist())
    signs = rng.integers(0, 2, count)
    return np.moveaxis(x, places, axes), tuple(int(axis - x.ndim * s) for axis, s in zip(axes, signs, strict=True))


PRODUCTS = {  # the core axes of the two factors and of the product, in lengths (n, m, k)
    np.matmul: ("nm", "mk", "nk"),
    np.vecdot: ("n", "n", ""),
    np.matvec: ("nm", "m", "n"),
    np.vecmat: ("n", "nm", "m"),
}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda f: f.__name__)
@given(stacks, st.tuples(lengths, lengths, lengths), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_product_is_its_own_derivative_in_each_factor_along_any_axes(product, shapes, sides, is_complex, seed):
    rng, cores = np.random.default_rng(seed), PRODUCTS[product]
    n, m, k = sides
    core_shapes = [tuple({"n": n, "m": m, "k": k}[c] for c in core) for core in cores]

    def draw(shape):
        return rng.normal(size=shape) + (1j * rng.normal(size=shape) if is_complex else 0)

    x, y = (draw(stack + core) for stack, core in zip(shapes.input_shapes, core_shapes, strict=False))
    (x, x_axes), (y, y_axes) = (moved(rng, z, range(-len(c), 0)) for z, c in zip((x, y), cores, strict=False))
    out = np.zeros(shapes.result_shape + core_shapes[2])
    axes = [x_axes, y_axes, moved(rng, out, range(-len(cores[2]), 0))[1]]
    value, pullback = tg.vjp(lambda x, y: product(x, y, axes=axes), x, y)
    g = draw(value.shape)
    total = np.sum(g * value).real
    for factor, ct in zip((x, y), pullback(g), strict=True):
        np.testing.assert_allclose(np.sum(ct * factor).real, total, rtol=1e-9, atol=1e-9)


def test_the_vectors_that_numpy_conjugates_have_conjugate_cotangents():
    z, w = np.array([1 + 2j, 3j]), np.array([2 - 1j, 1 + 1j])
    for product in (np.vdot, np.vecdot, np.linalg.vecdot):
        ct_z, ct_w = tg.vjp(product, z, w)[1](np.array(1 + 1j))
        np.testing.assert_allclose(ct_z, np.conj((1 + 1j) * w))
        np.testing.assert_allclose(ct_w, (1 + 1j) * np.conj(z))


# ---- the cross product


@given(st.integers(0, 2**32 - 1), st.sampled_from([(0, 0), (0, 1), (1, 0), (1, 1)]), st.integers(-3, 2))
def test_the_derivative_of_a_triple_product_is_a_cross_product(seed, axes, axisc):
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, 2, 4, 3))
    x, y = (np.moveaxis(z, -1, axis) for z, axis in zip((a, b), axes, strict=True))

    def triple(x, y):
        product = np.cross(x, y, axisa=axes[0], axisb=axes[1], axisc=axisc)
        return np.sum(np.moveaxis(product, axisc, -1) * c)

    by_x, by_y = tg.grad(triple, (0, 1))(x, y)
    np.testing.assert_allclose(np.moveaxis(by_x, axes[0], -1), np.cross(b, c), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.moveaxis(by_y, axes[1], -1), np.cross(c, a), rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
def test_a_cross_product_in_the_plane_is_refused_with_the_formula():
    the_formula = r"write x\[..., 0\] \* y\[..., 1\] - x\[..., 1\] \* y\[..., 0\], or append a 0"
    of_numpy = "must be .* 3-dimensional vectors"  # from 2.5 on, where NumPy itself refuses it
    with pytest.raises((TypeError, ValueError), match=f"{the_formula}|{of_numpy}"):
        tg.backward(np.cross(tg.parameter([1.0, 2.0]), [3.0, 4.0]))


# ---- chains and powers


@given(st.lists(st.integers(1, 4), min_size=3, max_size=6), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_chain_of_matrices_is_linear_in_each(sides, row, column, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=pair) for pair in itertools.pairwise(sides)]
    arrays[0] = arrays[0][0] if row else arrays[0]
    arrays[-1] = arrays[-1][:, 0] if column else arrays[-1]
    value, pullback = tg.vjp(lambda *x: np.linalg.multi_dot(x), *arrays)
    np.testing.assert_allclose(value, np.linalg.multi_dot(arrays), rtol=1e-9, atol=1e-12)
    g = rng.normal(size=value.shape)
    for array, ct in zip(arrays, pullback(g), strict=True):
        np.testing.assert_allclose(np.sum(ct * array), np.sum(g * value), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("shapes", "largest"),
    [
        ([(1, 50), (50, 50), (50, 50), (50, 1)], 50),
        ([(50, 50), (50, 50), (50,)], 50),
        ([(50,), (50, 50), (50, 50)], 50),
        ([(2, 30), (30, 3), (3, 30), (30, 2)], 6),
    ],
)
def test_a_chain_is_multiplied_in_the_cheapest_order(shapes, largest):
    """So that no product in between is large."""
    y = np.linalg.multi_dot([tg.parameter(np.ones(shape)) for shape in shapes])
    assert max(node.size for node in topological_order(y) if node._function is not None) == largest


@pytest.mark.parametrize("shapes", [[(2, 2)], [(2, 2), (2,), (2, 2)], [(2, 2, 2), (2, 2)], [(), (2, 2)]])
def test_a_chain_of_anything_else_is_an_error_that_says_what_came(shapes):
    with pytest.raises(ValueError, match=r"expected at least two matrices.*got arrays of \[.*\] axes"):
        np.linalg.multi_dot([tg.parameter(np.ones(shape)) for shape in shapes])


def test_the_power_0_of_a_matrix_is_the_identity_with_a_gradient_of_0():
    a = np.full((2, 2, 2), np.inf)
    value, pullback = tg.vjp(lambda a: np.linalg.matrix_power(a, 0), a)
    assert np.array_equal(value, np.broadcast_to(np.eye(2), (2, 2, 2)))
    assert np.array_equal(pullback(value)[0], np.zeros((2, 2, 2)))


@pytest.mark.parametrize("n", [-3, -1, 1, 4, 7])
def test_the_derivative_of_the_trace_of_a_power_is_n_times_the_power_below(n):
    a = np.array([[2.0, 1.0], [0.5, 3.0]])
    gradient = tg.grad(lambda a: np.trace(np.linalg.matrix_power(a, n)))(a)
    np.testing.assert_allclose(gradient, n * np.linalg.matrix_power(a, n - 1).T, rtol=1e-12)


# ---- errors, and what stands beside Tensors


def test_axes_of_tensordot_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"axes \[1\] of \(2, 3\) don't fit axes \[0\] of \(2, 3\)"):
        np.tensordot(tg.parameter(np.ones((2, 3))), np.ones((2, 3)), 1)


def test_the_functions_of_np_linalg_keep_their_demands():
    x = tg.parameter(np.ones((2, 2)))
    with pytest.raises(
        ValueError, match=r"np\.linalg\.cross: expected vectors of 3 numbers along axis -1, got \[2, 2\]"
    ):
        np.linalg.cross(x, x)
    with pytest.raises(ValueError, match=r"np\.linalg\.outer: expected two vectors, got shapes \(2, 2\) and \(2, 2\)"):
        np.linalg.outer(x, x)


@pytest.mark.parametrize(
    "f", [np.matmul, np.dot, np.inner, np.vdot, np.vecdot, lambda x, y: np.linalg.multi_dot([x, y])]
)
def test_a_list_is_as_good_as_an_array(f):
    x = tg.parameter([1.0, 2.0])
    tg.backward(f(x, [3.0, 4.0]))
    assert x.grad.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("f", [np.cross, np.vecdot, np.kron, np.inner])
def test_small_unsigned_integers_beside_a_tensor_count_as_numbers(f):
    x, y = np.array([1.0, 2.0, 3.0]), np.array([200, 3, 100], np.uint8)
    expected = tg.grad(lambda x: np.sum(f(x, y.astype(float))))(x)
    assert np.array_equal(tg.grad(lambda x: np.sum(f(x, y)))(x), expected)


def test_the_cotangents_of_complex_factors_are_products_without_a_conjugate():
    X, Y = np.array([[1 + 2j, 3j], [-1.0, 2 - 1j]]), np.array([[1j, 2.0], [1 - 1j, 3 + 1j]])
    u = np.array([[1 - 2j, 0.5j], [2.0, -1 + 1j]])
    dX, dY = tg.vjp(np.matmul, X, Y)[1](u)
    np.testing.assert_allclose(dX, u @ Y.T, rtol=1e-12)
    np.testing.assert_allclose(dY, X.T @ u, rtol=1e-12)
