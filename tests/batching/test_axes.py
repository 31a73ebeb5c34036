"""Under `vmap` an axis or index means what it means for one sample: that of the samples is out of reach."""

import warnings

import numpy as np
import pytest

import tinygrad_dl as tg

RNG = np.random.default_rng(0)
SAMPLES = [
    RNG.uniform(1, 2, (3, *shape)) + (5 * np.eye(2) if shape == (2, 2) else 0) for shape in [(2,), (2, 2), (2, 3)]
]
AXES = [-3, -2, -1, 0, 1, 2, None, (0, 1), (0, 2), (-3, 0), (0, 0), True]
ALONG = """sum prod mean std max min any nanmean nanmax median flip cumsum argmax nanargmin sort argsort diff squeeze
           cumulative_sum linalg.norm linalg.vector_norm average fft.fft fft.fftn trapezoid ptp unwrap gradient"""
OTHERS = {
    "take": lambda x, axis: np.take(x, [0, 1], axis),
    "take at an index of the sample": lambda x, axis: np.take(x, np.argsort(x.ravel())[:1] * 0, axis),
    "take_along_axis": lambda x, axis: np.take_along_axis(x, np.argsort(x), axis),
    "repeat": lambda x, axis: np.repeat(x, [1, 2], axis),
    "roll": lambda x, axis: np.roll(x, 1, axis),
    "concatenate": lambda x, axis: np.concatenate([x, x], axis),
    "stack": lambda x, axis: np.stack([x, x], axis),
    "split": lambda x, axis: np.split(x, 2, axis)[0],
    "swapaxes": lambda x, axis: np.swapaxes(x, 0, axis),
    "moveaxis": lambda x, axis: np.moveaxis(x, axis, 0),
    "expand_dims": lambda x, axis: np.expand_dims(x, axis),
    "transpose": lambda x, axis: np.transpose(x, axis),
    "x.transpose": lambda x, axis: x.transpose(axis),
    "diagonal": lambda x, axis: np.diagonal(x, 0, 0, axis),
    "rot90": lambda x, axis: np.rot90(x, 1, (0, axis)),
    "quantile": lambda x, axis: np.quantile(x, [0.5, 0.2], axis),
    "reduce": lambda x, axis: np.add.reduce(x, axis),
    "accumulate": lambda x, axis: np.multiply.accumulate(x, axis),
    "reduceat": lambda x, axis: np.add.reduceat(x, [0, 1], axis),
    "tensordot": lambda x, axis: np.tensordot(x, np.ones((2, 2)), axes=([axis], [0])) if axis is not True else x,
    "where": lambda x, axis: np.sum(x, axis, where=np.ones((3, 2), bool)),
}
OTHERS |= {
    name: lambda x, axis, name=name: getattr(np.linalg if "." in name else np, name.split(".")[-1])(x, axis=axis)
    for name in ALONG.split()
    if "fft" not in name
}
if np.lib.NumpyVersion(np.__version__) >= "2.4.0":  # an older one knows no dict of widths
    OTHERS["pad"] = lambda x, axis: np.pad(x, {axis: (1, 0)})
INDICES = [
    *(np.s_[:, 0], np.s_[0, 0, 0], np.s_[..., 0], np.s_[0, ...], np.s_[:, :, :], np.s_[..., 0, 0, 0], np.s_[..., ...]),
    *(np.s_[:, None, 0], np.s_[0, None, None], np.s_[[0, 1], [0, 1]], np.s_[[0, 1], [0, 1], [0, 1]], np.s_[:, [0, 1]]),
    *(np.ones((2, 3), bool), np.ones((2, 2), bool), np.ones((2, 3, 3), bool), np.s_[:, np.array([True, False])]),
    *(np.s_[True], np.s_[False], np.s_[:, True], np.s_[True, 0, 0], np.s_[:, :, 2], np.s_[2], np.s_[:, 2], np.s_[()]),
]
PRODUCTS = {
    f"{name} {shape}": lambda x, function=function, shape=shape: function(x, np.full(shape, 2.0))
    for name, function in {"matmul": np.matmul, "dot": np.dot, "solve": np.linalg.solve, "inner": np.inner}.items()
    for shape in [(), (2,), (3,), (2, 2), (3, 2), (3, 2, 2)]
}
MATRICES = {
    name: lambda x, name=name: getattr(np.linalg, name)(x)
    for name in ["inv", "det", "pinv", "qr", "svdvals", "matrix_transpose"]
}
MATRICES |= {"diag": np.diag, "tril": np.tril, "trace": np.trace, "einsum": lambda x: np.einsum("ii->i", x)}


def outcome(call):
    """Return the result of a call, or the class of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:
            return type(error)


def check(f):
    """`f` of many samples at once gives what it gives for each, or its error."""
    for X in SAMPLES:
        expected = [outcome(lambda x=x: f(x)) for x in X]
        found = outcome(lambda X=X: tg.vmap(f)(X))
        if isinstance(expected[0], type):
            assert isinstance(found, type), X.shape
            assert issubclass(found, expected[0]), X.shape
        else:
            for part, *parts in zip(*(y if isinstance(y, tuple) else (y,) for y in (found, *expected)), strict=True):
                np.testing.assert_allclose(part, np.stack(parts), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
def test_an_axis_of_a_function_is_one_of_a_sample(name):
    for axis in AXES:
        check(lambda x, axis=axis: OTHERS[name](x, axis))


@pytest.mark.parametrize("name", ["fft", "rfft", "fftn", "fftshift"])
def test_an_axis_of_a_transform_is_one_of_a_sample(name):
    keyword = "axis" if name in ("fft", "rfft") else "axes"
    for axis in AXES:
        check(lambda x, axis=axis: getattr(np.fft, name)(x, **{keyword: axis}))


def test_an_index_names_axes_of_a_sample():
    for index in INDICES:
        check(lambda x, index=index: x[index])
        check(lambda x, index=index: tg.primitives.set_at(x, index, 0.0))
        check(lambda x, index=index: tg.primitives.add_at(x, index, 1.0))


def test_an_index_of_each_samples_own_names_axes_of_a_sample():
    for index in INDICES[:12]:
        check(lambda x, index=index: x[(np.argsort(x.ravel())[0] * 0, *index)])
        check(lambda x, index=index: x[(*index, np.argsort(x.ravel())[:1] * 0)])


def test_the_gradient_of_a_sample_reads_no_other_sample():
    X = RNG.normal(size=(10, 5))
    for f in (lambda x: x[:, 0], lambda x: np.sum(x, axis=1), lambda x: np.take(x, 0, axis=1)):
        with pytest.raises((IndexError, np.exceptions.AxisError)):
            tg.vmap(tg.grad(lambda x, f=f: np.sum(f(x))))(X)
