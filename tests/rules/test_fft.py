"""Discrete Fourier transforms, against the matrix of the transform written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg

lengths = st.integers(1, 7)
norms = st.sampled_from([None, "backward", "ortho", "forward"])
seeds = st.integers(0, 2**32 - 1)
SCALES = {None: 0, "backward": 0, "ortho": 0.5, "forward": 1}  # by what power of 1 / n the forward transform


def waves(n, m, sign):
    """exp(±2πi jk / n), for m frequencies of a signal of length n."""
    return np.exp(sign * 2j * np.pi * np.outer(np.arange(m), np.arange(n)) / n)


@pytest.mark.parametrize("f", [np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.ihfft])
@given(lengths, lengths, norms, st.booleans(), seeds)
def test_the_cotangent_of_a_signal_is_the_matrix_of_the_transform_transposed(f, length, n, norm, is_complex, seed):
    rng = np.random.default_rng(seed)
    real = f in (np.fft.rfft, np.fft.ihfft)
    x = rng.normal(size=length) + (1j * rng.normal(size=length) if is_complex and not real else 0)
    inverse = f in (np.fft.ifft, np.fft.ihfft)
    m = n // 2 + 1 if real else n
    matrix = np.zeros((m, length), complex)
    kept = min(n, length)
    matrix[:, :kept] = waves(n, m, 1 if inverse else -1)[:, :kept] / n ** abs(SCALES[norm] - inverse)
    value, pullback = tg.vjp(lambda x: f(x, n, norm=norm), x)
    np.testing.assert_allclose(value, matrix @ x, rtol=1e-9, atol=1e-9)
    g = rng.normal(size=m) + 1j * rng.normal(size=m)
    expected = g @ matrix
    np.testing.assert_allclose(pullback(g)[0], expected if np.iscomplexobj(x) else expected.real, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("f", [np.fft.irfft, np.fft.hfft])
@given(lengths, st.none() | lengths, norms, seeds)
def test_half_a_spectrum_counts_for_the_other_half_too(f, length, n, norm, seed):
    """Of the real part of a sum of waves, all but the first and that of the highest even frequency counted twice."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=length) + 1j * rng.normal(size=length)
    if n is None and length == 1:
        return  # NumPy has no signal of length 0
    count = 2 * (length - 1) if n is None else n
    forward = f is np.fft.hfft
    half = count // 2 + 1
    matrix = waves(count, half, 1).T * np.where(np.arange(half) * 2 % count == 0, 1, 2)
    matrix = matrix / count ** abs(SCALES[norm] - (not forward))
    kept = min(half, length)
    value, pullback = tg.vjp(lambda x: f(x, n, norm=norm), x)
    signal = np.conj(x) if forward else x
    np.testing.assert_allclose(value, (matrix[:, :kept] @ signal[:kept]).real, rtol=1e-9, atol=1e-9)
    g = rng.normal(size=count)
    expected = np.zeros(length, complex)
    expected[:kept] = np.conj(g @ matrix[:, :kept]) if forward else g @ matrix[:, :kept]
    np.testing.assert_allclose(pullback(g)[0], expected, rtol=1e-9, atol=1e-9)


SEVERAL = [np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2]
SEVERAL += [np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn]


@pytest.mark.few_values
@pytest.mark.parametrize("f", SEVERAL)
@given(st.data())
def test_a_transform_over_axes_of_tensors_is_what_numpy_computes_and_linear(f, data):
    rng = np.random.default_rng(data.draw(seeds))
    x = rng.normal(size=(2, 3, 4))
    axes = data.draw(st.lists(st.sampled_from([0, 1, -2, 2]), min_size=1, max_size=3))  # one may occur twice
    s = data.draw(st.none() | st.just([data.draw(st.sampled_from([-1, 2, 3, 5])) for _ in axes]))
    norm = data.draw(norms)
    value, pullback = tg.vjp(lambda x: f(x, s, axes, norm), x)
    np.testing.assert_allclose(value, f(x, s, axes, norm), rtol=1e-9, atol=1e-12)
    g = rng.normal(size=value.shape) + (1j * rng.normal(size=value.shape) if np.iscomplexobj(value) else 0)
    np.testing.assert_allclose(np.sum(pullback(g)[0] * x), np.sum(g * value).real, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("f", SEVERAL)
def test_an_axis_that_occurs_twice_has_the_length_that_it_had_at_first(f):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    np.testing.assert_allclose(f(tg.Tensor(x), axes=(1, 1)).numpy(), f(x, axes=(1, 1)), atol=1e-12)


def test_lengths_without_axes_are_those_of_the_last_axes():
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert np.array_equal(np.fft.fftn(tg.Tensor(x), (2, 5)).numpy(), np.fft.fftn(x, (2, 5), axes=(1, 2)))


@pytest.mark.parametrize("f", SEVERAL)
def test_lengths_that_are_not_those_of_the_axes_are_an_error(f):
    with pytest.raises(ValueError, match=r"expected a length in s for each of the axes \(0, 1\), got \(2,\)"):
        f(tg.parameter(np.ones((2, 2))), (2,), (0, 1))


@pytest.mark.parametrize("f", [np.fft.fft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft, np.fft.fftn])
def test_transforms_keep_single_precision(f):
    x = tg.parameter(np.ones(4, np.float32))
    y = f(x)
    assert np.finfo(y.dtype).dtype == np.float32
    assert tg.gradients(np.sum(np.real(y)), x, create_graph=True).dtype == np.float32


def test_a_buffer_is_refused():
    with pytest.raises(TypeError, match="out=: compute a new Tensor instead"):
        np.fft.fft(tg.parameter(np.ones(2)), out=np.zeros(2, complex))


@given(st.lists(lengths, min_size=1, max_size=3), st.data())
def test_the_order_of_frequencies_is_undone_in_the_cotangent(shape, data):
    axes = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    g = np.arange(float(np.prod(shape))).reshape(shape)
    for shift, back in ((np.fft.fftshift, np.fft.ifftshift), (np.fft.ifftshift, np.fft.fftshift)):
        ct = tg.vjp(lambda x, shift=shift: shift(x, axes), g)[1](g)[0]
        assert np.array_equal(ct, back(g, axes))
