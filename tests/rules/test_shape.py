"""Functions that rearrange: each gradient is the inverse rearrangement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.rules.linear import assert_transposed


@given(st.data())
def test_the_gradient_through_a_permutation_of_axes_is_the_cotangent_permuted_back(data):
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, max_side=3))
    axes = data.draw(st.permutations(range(len(shape))))
    axes = [axis - len(shape) if data.draw(st.booleans()) else axis for axis in axes]
    x, cotangent = np.zeros(shape), np.arange(np.prod(shape, dtype=int)).reshape([shape[axis] for axis in axes])
    positions = np.transpose(np.arange(x.size).reshape(shape), axes)
    gradient = tg.grad(lambda x: np.sum(np.transpose(x, axes) * cotangent))(x)
    np.testing.assert_array_equal(gradient.ravel()[positions], cotangent)


@pytest.mark.parametrize("order", ["A", "K"])
def test_an_order_that_depends_on_memory_is_an_error(order):
    x = tg.parameter(np.ones((2, 3)))
    with pytest.raises(TypeError, match=f"calls with order='{order}': write one of 'C', 'F'"):
        np.ravel(x, order=order)


def test_a_reshape_by_the_order_of_memory_is_an_error_in_the_forward_pass():
    x = tg.parameter(np.ones((2, 3))).T
    calls = lambda: np.reshape(x, 6, order="A"), lambda: np.reshape(x, 6, "A"), lambda: x.reshape(6, order="A")
    for reshape in calls:
        with pytest.raises(TypeError, match=r"np\.reshape has no .* calls with order='A': write one of 'C', 'F'"):
            reshape()
    assert np.reshape(tg.Tensor(np.ones((2, 3))), -1, order="A").shape == (6,)


# ---- whatever only rearranges is a linear map, and its gradient is the transposed of what NumPy makes of unit arrays

SHAPES = [(), (1,), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)]
AXES = [axis for axis in range(-3, 3)]
LINEAR = {
    "flip": [np.flip, np.fliplr, np.flipud, *[lambda x, a=a: np.flip(x, a) for a in [*AXES, (0, 1), ()]]],
    "roll": [
        *[lambda x, k=k, a=a: np.roll(x, k, a) for k in (-4, 0, 1) for a in [None, *AXES]],
        lambda x: np.roll(x, (1, 2), (0, 1)),
        lambda x: np.roll(x, (1, 2), (0, 0)),
        lambda x: np.roll(x, np.array([1, -1]), (-1, 0)),
    ],
    "rollaxis": [lambda x, a=a, s=s: np.rollaxis(x, a, s) for a in AXES for s in range(-3, 4)],
    "rot90": [np.rot90, *[lambda x, k=k: np.rot90(x, k, (1, -2)) for k in range(-1, 5)]],
    "triangles": [lambda x, f=f, k=k: f(x, k) for f in (np.tril, np.triu) for k in (-1, 0, 2)],
    "atleast": [np.atleast_1d, np.atleast_2d, np.atleast_3d, lambda x: np.atleast_2d(1.0, x)[1]],
    "broadcast": [lambda x: np.broadcast_arrays(x, np.ones((2, 1, 1)))[0]],
    "meshgrid": [
        lambda x, i=i, s=s, ij=ij: np.meshgrid(np.ones(2), x, np.ones(3), indexing=ij, sparse=s)[i]
        for i, s, ij in [(1, False, "xy"), (1, True, "ij"), (1, False, "ij"), (1, True, "xy")]
    ],
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", LINEAR)
def test_a_rearrangement_gives_what_numpy_gives_and_its_gradient_is_the_transposed(name, shape):
    for f in LINEAR[name]:
        assert_transposed(f, shape)


def test_meshgrid_says_what_it_expects():
    with pytest.raises(ValueError, match="expected indexing 'xy' or 'ij', got 'ji'"):
        np.meshgrid(tg.parameter([1.0]), indexing="ji")


def test_rollaxis_says_what_it_expects():
    with pytest.raises(np.exceptions.AxisError, match="expected a start from -2 to 2, got 3"):
        np.rollaxis(tg.parameter(np.ones((2, 3))), 0, 3)


@pytest.mark.parametrize("axes", [0, -1, np.int64(0), (0,), [-1], np.array(0)])
@pytest.mark.parametrize("f", [np.transpose, np.permute_dims, lambda x, axes: x.transpose(axes)])
def test_the_axis_of_a_vector_may_be_a_number(f, axes):
    assert tg.grad(lambda x: np.sum(f(x, axes) * [1.0, 2.0]))(np.zeros(2)).tolist() == [1.0, 2.0]
