"""Numbers in a picture: true, short, and whatever the numbers are."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tinygrad_dl.core.primitives import Outputs
from tinygrad_dl.graph import values

ANY_FLOATS = npst.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=20),
)


@given(st.floats() | st.integers(-(10**12), 10**12) | st.booleans())
def test_a_number_has_at_most_three_digits_and_is_near_the_true_one(x):
    text = values.number(x)
    assert len(text) <= 10
    if math.isfinite(x):
        assert float(eval(text)) == pytest.approx(float(x), rel=0.005, abs=0)
    assert text == values.number(np.asarray(x)) == values.number(np.asarray(x)[()])


@given(ANY_FLOATS)
def test_any_array_is_told_in_few_short_lines_without_a_warning(array):
    lines = values.lines(array)
    assert 1 <= len(lines) <= values.FULL
    assert all(len(line) <= 150 for line in lines)
    assert (len(lines) == 1) or array.ndim == 2


@given(npst.arrays(float, npst.array_shapes(min_dims=0, max_dims=2, max_side=4).filter(lambda s: math.prod(s) <= 12)))
def test_a_small_array_is_shown_in_full_row_by_row(array):
    rows = [line.split() for line in values.lines(array)]
    assert rows == [[f"{x:.3g}" for x in row] for row in np.atleast_2d(array)]
    assert len({len(line) for line in values.lines(array)}) == 1


@given(npst.arrays(float, st.integers(13, 40), elements=st.floats(-1e6, 1e6)), st.integers(0, 5))
def test_a_large_array_tells_its_range_its_mean_and_what_is_not_finite(array, bad):
    array[:bad] = np.resize([np.nan, np.inf, -np.inf], bad)
    good = array[bad:]
    text = f"{good.min():.3g} to {good.max():.3g}, mean "
    (line,) = values.lines(array)
    if good.min() == good.max():
        assert line == f"all {good[0]:.3g}" + (f", {bad} nan or inf" if bad else "")
        return
    assert line.startswith(text)
    mean, *rest = line.removeprefix(text).split(", ")
    assert float(mean) == pytest.approx(math.fsum(good) / good.size, rel=0.006, abs=1e-9 * np.abs(good).max())
    assert rest == ([f"{bad} nan or inf"] if bad else [])


def test_what_is_special_has_words_of_its_own():
    assert values.lines(np.zeros((0, 3))) == ["no numbers"]
    assert values.lines(np.full(1500, np.nan)) == ["all 1,500 nan or inf"]
    assert values.lines(np.arange(20) > 9) == ["False to True, mean 0.5"]
    assert values.lines(np.array([True, False])) == [" True  False"]
    assert values.lines(np.exp(1j * np.arange(20.0)) * 3)[0].startswith("|z| 3 to 3")
    assert values.lines(np.array([1 + 2j])) == ["1+2j"]
    assert values.lines(Outputs((np.ones(2), np.ones(3)))) == []
    assert values.lines(np.full(100, 1e308)) == ["all 1e+308"]
    assert values.lines(np.resize([1e308, 1.1e308], 100)) == ["1e+308 to 1.1e+308, mean 1.05e+308"]
    assert values.lines(np.resize(np.float16([60000, 50000]), 100)) == ["5e+04 to 6e+04, mean 5.5e+04"]
    assert values.lines(np.arange(100)) == ["0 to 99, mean 49.5"]
    assert values.lines(np.arange(7.0)[:, None]) == ["0 to 6, mean 3"]  # seven rows are a tower
    assert len(values.lines(np.arange(6.0)[:, None])) == 6


# ---- norms and memory


@given(npst.arrays(float, npst.array_shapes(min_dims=0, max_side=5), elements=st.floats(-1e9, 1e9)))
def test_a_norm_is_the_root_of_the_sum_of_squares(array):
    assert values.norm(array) == pytest.approx(math.hypot(*array.ravel()), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e200, 1e308])
def test_a_norm_neither_overflows_nor_vanishes(scale):
    assert values.norm(np.array([3.0, 4.0]) * (scale / 5)) == pytest.approx(scale, rel=1e-3)


def test_a_norm_of_what_is_not_finite_is_not_either():
    assert math.isnan(values.norm(np.array([1.0, np.nan])))
    assert values.norm(np.array([1.0, -np.inf])) == np.inf
    assert not math.isfinite(values.norm(Outputs((np.ones(2), np.array([np.nan])))))
    assert not math.isfinite(values.norm(Outputs((np.array([np.nan]), np.ones(2)))))


def test_a_norm_of_several_outputs_is_of_all_and_of_complex_numbers_of_their_sizes():
    assert values.norm(Outputs((np.array([3.0]), None, np.array([[4.0]])))) == pytest.approx(5.0)
    assert values.norm(np.array([3.0 + 0j, 4.0j])) == pytest.approx(5.0)
    assert values.norm(np.array(-2.0)) == 2.0
    assert values.norm(np.zeros((0, 2))) == 0.0
    assert values.norm(np.full(10_000, 200, np.float16)) == pytest.approx(20_000)


@given(st.integers(0, 10**16))
def test_memory_is_near_the_true_number_of_bytes(count):
    number, unit = values.memory(count).split()
    factor = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert float(number) * factor == pytest.approx(count, rel=0.06)
    assert 1 <= float(number) < 1000 or unit in ("B", "TB")


def test_a_size_is_that_of_the_numbers():
    assert values.size(np.ones((3, 4), np.float32)) == 48
    assert values.size(Outputs((np.ones(3), np.ones(2, np.int8)))) == 26
    assert values.size(2.0) == 8


# ---- tiny images


@given(ANY_FLOATS)
def test_an_image_is_of_any_array_of_two_numbers_small_and_between_minus_one_and_one(array):
    image = values.image(array)
    if array.size < 2:
        assert image is None
        return
    assert 1 <= image.shape[0] <= 8
    assert 1 <= image.shape[1] <= 16
    assert np.all(np.abs(image) <= 1)
    if np.all(np.isfinite(array)) and np.any(image):
        assert np.max(np.abs(image)) == 1


@given(npst.arrays(float, st.tuples(st.integers(1, 8), st.integers(2, 16)), elements=st.floats(-100, 100)))
def test_an_image_of_a_small_matrix_has_a_pixel_for_each_number(array):
    largest = np.max(np.abs(array))
    np.testing.assert_allclose(values.image(array), array / largest if largest else array, atol=1e-12)


@given(st.integers(9, 40), st.integers(17, 60))
def test_an_image_of_a_large_matrix_has_the_means_of_its_parts(rows, columns):
    array = np.random.default_rng(rows * columns).normal(size=(rows, columns))
    image = values.image(array)
    assert image.shape == (8, 16)
    down = [int(i * rows / 8) for i in range(8)] + [rows]
    across = [int(i * columns / 16) for i in range(16)] + [columns]
    means = [[array[a:b, c:d].mean() for c, d in itertools.pairwise(across)] for a, b in itertools.pairwise(down)]
    np.testing.assert_allclose(image, np.array(means) / np.max(np.abs(means)), atol=1e-12)


def test_a_vector_is_a_row_and_of_more_axes_the_last_one_is_kept():
    assert values.image(np.arange(5.0)).shape == (1, 5)
    assert values.image(np.arange(24.0).reshape(2, 3, 4)).shape == (6, 4)


def test_there_is_no_image_of_one_number_none_complex_ones_or_several_outputs():
    for array in (np.array(1.0), np.ones((1, 1)), np.zeros((0, 3)), np.ones(3) * 1j, Outputs((np.ones(3),))):
        assert values.image(array) is None


def test_numbers_that_are_not_finite_do_not_spoil_the_rest_of_an_image():
    image = values.image(np.array([[1.0, np.nan], [np.inf, -2.0]]))
    np.testing.assert_array_equal(image, [[0.5, 0.0], [0.0, -1.0]])
    assert not values.image(np.full((3, 3), np.nan)).any()
    assert values.image(np.full((30, 3), 1e308)).min() == 1.0
