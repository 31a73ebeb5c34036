"""Functions that move elements: the cotangent goes back to where each came from, and adds up where it was repeated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.rules.linear import assert_transposed
from tinygrad_dl import _functions

SHAPES = [(), (1,), (3,), (2, 3), (2, 2, 3), (0,), (2, 0)]
AXES = [None, *range(-3, 3)]
NUMBERS = np.array([[2, 0], [1, 1]])
windows = np.lib.stride_tricks.sliding_window_view
LINEAR = {
    "repeat": [lambda x, r=r, a=a: np.repeat(x, r, a) for r in (0, 2, [2, 0, 1]) for a in AXES],
    "tile": [lambda x, r=r: np.tile(x, r) for r in (0, 2, (2, 1), (2, 1, 2, 1))],
    "resize": [lambda x, s=s: np.resize(x, s) for s in (0, 2, (3, 3), ())],
    "delete": [
        lambda x, i=i, a=a: np.delete(x, i, a)
        for i in (0, -1, 5, [0, 2], slice(None, None, 2), np.array([True, False, True]))
        for a in AXES
    ],
    "insert": [lambda x, i=i, a=a: np.insert(x, i, 7.0, a) for i in (0, -1, 5, [0, 2], [1, 1]) for a in AXES],
    "insert into": [lambda x, i=i: np.insert(np.ones((2, 3)), i, x, 1) for i in (0, [0, 1, 1], slice(0, 3))],
    "take": [lambda x, i=i, a=a: np.take(x, i, a) for i in (1, -1, 4, NUMBERS) for a in AXES],
    "take kinds": [lambda x, i=i, a=a: np.take(x, i, a) for i in (True, [False, True], np.uint8(1)) for a in AXES],
    "take modes": [lambda x, m=m, a=a: np.take(x, [-7, 1, 7], a, mode=m) for m in ("wrap", "clip") for a in AXES],
    "take_along_axis": [lambda x, a=a: np.take_along_axis(x, NUMBERS, a) for a in (0, 1, -1)],
    "compress": [lambda x, c=c, a=a: np.compress(c, x, a) for c in ([True], [False, True, True]) for a in AXES],
    "extract": [lambda x: np.extract(np.arange(x.size) % 2, x)],
    "diag": [lambda x, f=f, k=k: f(x, k) for f in (np.diag, np.diagflat, np.diagonal) for k in (-2, 0, 1)],
    "diagonal": [lambda x, a=a, b=b: np.diagonal(x, 1, a, b) for a in AXES[1:] for b in AXES[1:]],
    "windows": [lambda x, a=a: windows(x, 2, a) for a in AXES] + [lambda x: windows(x, (1, 2))],
    "set_at": [lambda x: _functions.set_at(np.ones(5), [1, 1, 0], x), lambda x: _functions.set_at(x, ..., 3.0)],
    "add_at": [lambda x: _functions.add_at(np.ones(5), [1, 1, 0], x), lambda x: _functions.add_at(x, 0, x)],
    "put_along_axis": [lambda x: _functions.put_along_axis(np.ones((2, 3)), NUMBERS[:, :1], x, 1)],
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", LINEAR)
def test_a_move_gives_what_numpy_gives_and_its_gradient_is_the_transposed(name, shape):
    for f in LINEAR[name]:
        assert_transposed(f, shape)


# ---- padding

MODES = ["constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "mean"]
WIDTHS = [0, 1, (2, 1), 4, (5, 7), ((1, 2),), np.array([[2], [1]])]


@pytest.mark.few_values
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 4), (0,), ()], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_a_linear_padding_gives_what_numpy_gives_and_its_gradient_is_the_transposed(mode, shape):
    if mode == "mean":
        shape = tuple(4 if length == 3 else length for length in shape)  # whose halves are exact
    for width in WIDTHS:
        if mode == "linear_ramp" and not np.isin(width, (0, 1, 2, 4)).all():
            continue  # rounds
        assert_transposed(lambda x, width=width: np.pad(x, width, mode), shape)


@pytest.mark.few_values
@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (2, 4), ()], ids=str)
@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_an_odd_mirror_image_gives_what_numpy_gives_and_its_gradient_is_the_transposed(mode, shape):
    for width in WIDTHS:
        assert_transposed(lambda x, width=width: np.pad(x, width, mode, reflect_type="odd"), shape)


def test_padding_takes_the_settings_of_its_modes():
    assert_transposed(lambda x: np.pad(x, 1, constant_values=((1, 2), (3, 4))), (2, 3))
    assert_transposed(lambda x: np.pad(x, 1, "linear_ramp", end_values=(8, 16)), (3,))
    assert_transposed(lambda x: np.pad(x, 1, "mean", stat_length=((1, 2), (2, 4))), (2, 5))
    assert_transposed(lambda x: np.pad(x, ((1, 2), (0, 1)), "symmetric", reflect_type="even"), (2, 3))


@pytest.mark.few_values
@pytest.mark.parametrize("mode", ["maximum", "minimum", "median"])
@pytest.mark.parametrize("settings", [{}, {"stat_length": 2}, {"stat_length": ((1, 3), (2, 1))}])
def test_padding_with_an_extremum_repeats_its_gradient(mode, settings):
    x = np.random.default_rng(0).permutation(12).reshape(3, 4).astype(float)
    y = np.pad(tg.parameter(x), ((1, 2), (2, 0)), mode, **settings)
    np.testing.assert_array_equal(y.data, np.pad(x, ((1, 2), (2, 0)), mode, **settings))
    steps = np.array([1e-3 * np.eye(12)[i].reshape(3, 4) for i in range(12)])
    moved = [np.sum(np.pad(x + step, ((1, 2), (2, 0)), mode, **settings)) for step in steps]
    gradient = tg.grad(lambda x: np.sum(np.pad(x, ((1, 2), (2, 0)), mode, **settings)))(x)
    np.testing.assert_allclose(gradient.ravel(), (np.array(moved) - np.sum(y.data)) / 1e-3, atol=1e-9)


def test_an_infinity_stays_where_it_is_in_an_odd_mirror_image():
    x = np.array([1.0, 2.0, np.inf])
    padded = np.pad(tg.parameter(x), (1, 0), "reflect", reflect_type="odd")
    assert padded.tolist() == [0.0, 1.0, 2.0, np.inf]


def test_padding_with_anything_is_padding():
    x = tg.parameter([1.0, 2.0])
    y = np.pad(x, (1, 2), "empty")
    assert (y.shape, y[1:3].tolist()) == ((5,), [1.0, 2.0])
    assert tg.gradients(np.sum(y), x).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("args", "settings", "error", "match"),
    [
        ((1, "nonsense"), {}, ValueError, "mode 'nonsense' is not supported"),
        ((1, "mean"), {"end_values": 1}, ValueError, "unsupported keyword arguments for mode 'mean'"),
        ((1.5, "mean"), {}, TypeError, "must be of integral type"),
        ((-1, "maximum"), {}, ValueError, "can't contain negative values"),
        ((1, "maximum"), {"stat_length": 0}, ValueError, "stat_length of 0 yields no value"),
        ((1, lambda *args: None), {}, TypeError, r"a mode that is a function writes into its argument; use np\.conc"),
    ],
)
def test_padding_says_what_numpy_says(args, settings, error, match):
    with pytest.raises(error, match=match):
        np.pad(tg.parameter([1.0, 2.0]), *args, **settings)


# ---- what goes where


@given(st.data())
def test_the_last_of_several_values_for_one_place_gets_the_gradient(data):
    shape = data.draw(hnp.array_shapes(max_dims=2, max_side=4))
    index = data.draw(hnp.integer_array_indices(shape) | hnp.basic_indices(shape) | hnp.arrays(bool, shape))
    x, values = np.zeros(shape), np.arange(1.0, 1 + np.zeros(shape)[index].size).reshape(np.zeros(shape)[index].shape)
    changed = x.copy()
    changed[index] = values
    by_x, by_values = tg.grad(lambda x, v: np.sum(_functions.set_at(x, index, v)), (0, 1))(x, values)
    np.testing.assert_array_equal(_functions.set_at(tg.parameter(x), index, values).data, changed)
    np.testing.assert_array_equal(by_x, changed == 0)
    np.testing.assert_array_equal(by_values, np.isin(values, changed))


def test_inserted_values_take_the_dtype_of_the_array():
    v = tg.parameter([1.5])
    whole = np.insert(np.array([1, 2]), 1, v)  # cuts them off, as NumPy does
    assert whole.tolist() == [1, 1, 2]
    assert not getattr(whole, "requires_grad", False)
    assert np.insert(tg.parameter(np.ones(2, np.float32)), 1, np.ones(1)).dtype == np.float32


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.take(x, [0], out=np.zeros(1)),
        lambda x: np.take(x, [0], 0, np.zeros(1)),
        lambda x: np.compress([True], x, None, np.zeros(1)),
    ],
)
def test_a_move_into_an_array_is_an_error(call):
    with pytest.raises(TypeError, match="calls with out=: compute a new Tensor instead"):
        call(tg.parameter([1.0, 2.0]))


def test_an_embedding_is_a_row_a_word():
    table, words = np.arange(12.0).reshape(4, 3), np.array([[1, 3], [1, 0]])
    gradient = tg.grad(lambda table: np.sum(np.take(table, words, axis=0) * [1.0, 2.0, 3.0]))(table)
    assert gradient.tolist() == [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_the_gradient_of_a_move_has_the_dtype_of_the_cotangent(dtype):
    x = tg.parameter(np.ones((2, 2), dtype))
    for y in (np.repeat(x, 2), np.pad(x, 1, "reflect"), np.diag(x), _functions.set_at(x, 0, 2.0)):
        assert y.dtype == dtype
        assert tg.gradients(np.sum(np.real(y)), x).dtype == dtype
