"""Arrays with a hidden axis: their shape, their lifetime, threads, and writes into arrays of all samples."""

import threading

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.functional.test_mapping import X, looped
from tinygrad_dl import batching


def test_a_value_that_is_kept_beyond_its_end_is_an_error():
    kept = []
    tg.vmap(lambda x: kept.append(x) or x)(X)
    with pytest.raises(RuntimeError, match="kept, and used after its end"):
        kept[0] + 1


def test_what_is_mapped_has_the_shape_of_one_sample():
    def f(x):
        assert type(x) is batching.Batched
        assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((3,), 1, 3, 3, np.float64)
        assert repr(x) == "Batched(shape=(3,), dtype=float64, 5 samples)"
        assert np.shape(x) == (3,)
        assert [part.shape for part in x] == [(), (), ()]
        with pytest.raises(AttributeError, match=r"inside of tg.vmap an array has no 'backward'.*tg.grad"):
            x.backward()
        return x.sum() + x.mean() - x.T.reshape(3, 1)[0, 0] + (-x @ x)

    np.testing.assert_allclose(tg.vmap(f)(X), looped(lambda x: x.sum() + x.mean() - x[0] - x @ x, X))


def test_threads_map_side_by_side():
    found = {}

    def work(k):
        found[k] = [tg.vmap(tg.grad(lambda x: k * np.sum(x**2)))(X) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(part, 2 * k * X) for k, parts in found.items() for part in parts)


def test_a_sample_cannot_be_written_into_a_plain_array():
    with pytest.raises(ValueError, match=r"setting an array element.*np.stack.*set_at.*loop=True"):
        tg.vmap(lambda x: np.zeros(3).__setitem__(0, x[0]))(X)


@pytest.mark.parametrize(
    "write",
    [
        lambda z, x: np.put(z, [0, 1], x[:2]),
        lambda z, x: np.copyto(z, x),
        lambda z, x: np.putmask(z, x > 0, x),
        lambda z, x: np.add.at(z, [0, 1], x[:2]),
        lambda z, x: np.cumsum(x, 0, None, z),
        lambda z, x: np.nancumprod(x, 0, None, z),
        lambda z, x: np.add.accumulate(x, 0, None, z),
        lambda z, x: np.clip(x, 0, 1, z),
    ],
)
def test_no_sample_writes_into_an_array_that_is_one_for_all(write):
    z = np.zeros(3)
    with pytest.raises((TypeError, ValueError), match=r"in place|read-only"):
        tg.vmap(lambda x: write(z, x))(np.ones((2, 3)))
    assert z.tolist() == [0.0, 0.0, 0.0]


def test_the_next_floats_of_samples_are_those_of_arrays_also_with_new_axes():
    X, y = np.array([1.0, 2.0, 3.0]), np.array([0.0, 5.0])
    found = tg.vmap(lambda x: np.nextafter(x, y))(X)
    np.testing.assert_array_equal(found, np.nextafter(X[:, None], y))
    with pytest.raises(TypeError, match="not a function of real numbers"):
        tg.grad(lambda X: np.sum(tg.vmap(lambda x: np.nextafter(x, y))(X)))(X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.inner(2.0, x),
        lambda x: np.ravel(x.T, order="A"),
        lambda x: np.var(x, mean=np.array([[[0.0]], [[9.0]]])),
        lambda x: x[np.eye(2, dtype=bool), np.argmax(x[0])[None] % 2] if x.ndim > 2 else x,
    ],
)
def test_what_has_more_axes_than_a_sample_is_not_taken_for_samples(f):
    X = np.arange(8.0).reshape(2, 2, 2) ** 2
    np.testing.assert_allclose(tg.vmap(f)(X), tg.vmap(f, loop=True)(X))


@pytest.mark.parametrize("f", [np.squeeze, np.ravel, np.transpose, np.sum, np.flip, np.stack, lambda x: x[0]])
def test_a_single_sample_keeps_its_axis(f):
    X = np.arange(3.0).reshape(1, 1, 3)
    found = tg.vmap(f)(X)
    assert found.shape == (1, *np.shape(f(X[0])))
    assert np.array_equal(found[0], f(X[0]))


def newton(a):
    """The root of x² = a, by Newton's method."""
    x = 1.0
    while abs(step := (x * x - a) / tg.grad(lambda x: x * x)(x)) > 1e-9:
        x -= step
    return x


def slope(g, ans, a):
    return g / tg.jacobian(lambda x: x * x)(ans)


@pytest.mark.parametrize("make", [tg.custom, tg.primitive])
def test_derivatives_inside_of_a_black_box_are_those_of_one_sample(make):
    root = tg.custom(newton, slope) if make is tg.custom else tg.primitive(lambda a: newton(a))
    if make is tg.primitive:
        tg.defvjp(root, slope)
    A = np.array([[2.0, 9.0, 0.5], [1.0, 4.0, 3.0]])
    for mapped in (tg.vmap(tg.vmap(root)), tg.vmap(lambda row: tg.vmap(root)(row)), tg.vmap(tg.vmap(root), 1, 1)):
        np.testing.assert_allclose(mapped(A), np.sqrt(A))
    np.testing.assert_allclose(tg.vmap(tg.vmap(tg.grad(root)))(A), 0.5 / np.sqrt(A))
    np.testing.assert_allclose(tg.vmap(tg.vmap(tg.jacobian(tg.grad(root))))(A), -0.25 / A**1.5)
    np.testing.assert_allclose(tg.grad(lambda A: np.sum(tg.vmap(tg.vmap(root))(A)))(A), 0.5 / np.sqrt(A))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, s: np.apply_along_axis(lambda column: column * s, 0, x),
        lambda x, s: np.apply_over_axes(lambda x, axis: np.sum(x, axis) * s, x, [1, 0]),
        lambda x, s: np.apply_along_axis(np.dot, 1, x, s * np.ones(3)),
    ],
)
def test_a_function_applied_along_an_axis_may_use_the_sample(f):
    x, s = np.arange(12.0).reshape(2, 2, 3), np.array([2.0, 5.0])
    for arguments in ((x, s), (tg.Tensor(x), s), (tg.parameter(x), tg.parameter(s))):
        np.testing.assert_array_equal(
            np.array(tg.vmap(f)(*arguments).tolist()), np.array(tg.vmap(f, loop=True)(*arguments).tolist())
        )
    for transform in (tg.grad(lambda x, s: np.sum(f(x, s)), (0, 1)), tg.jacobian(f)):
        for found, expected in zip(tg.vmap(transform)(x, s), tg.vmap(transform, loop=True)(x, s), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_black_box_cannot_use_a_sample_that_is_no_argument():
    def scaled(x, s):
        scale = tg.primitive(lambda x: x * s)
        tg.defvjp(scale, lambda g, ans, x: g * s)
        return np.sum(scale(x))

    for f in (scaled, tg.grad(scaled), lambda x, s: np.piecewise(x, [x > 0], [lambda x: x * s, 0])):
        for kind in (np.array, tg.parameter):
            with pytest.raises(RuntimeError, match=r"called for each sample.*pass it as an argument"):
                tg.vmap(f)(kind(X), np.arange(5.0))
