"""Rules at arrays of any shape and layout, along any axis: broadcast, of no axes, empty, strided, of float32."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests import numeric
from tinygrad_dl import testing
from tinygrad_dl.core import primitives, registry
from tinygrad_dl.testing import strategies

UFUNCS = [f for f in registry.vjps if isinstance(f, np.ufunc) and f.signature is None and f is not np.ldexp]
few = settings(max_examples=settings.default.max_examples // 7)


@pytest.mark.few_values
@pytest.mark.parametrize("f", UFUNCS, ids=registry.name_of)
def test_a_ufunc_obeys_the_laws_of_derivatives_at_any_arrays_that_broadcast(f):
    few(testing.given_gradients(f, without=["dtype kept"] if f is np.float_power else []))()


# ---- along an axis: what goes in, besides the array and the axis

ALONG = {
    **dict.fromkeys([np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.ptp, np.median], ()),
    **dict.fromkeys([np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanmedian], ()),
    **dict.fromkeys([np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.cumulative_sum, np.cumulative_prod], ()),
    **dict.fromkeys([np.sort, np.diff, np.flip, np.trapezoid, np.average, np.linalg.vector_norm], ()),
    **dict.fromkeys([np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.ihfft, np.fft.hfft, np.fft.irfft], ()),
    **dict.fromkeys([np.add.reduce, np.multiply.reduce, np.maximum.reduce, np.logaddexp.reduce, np.hypot.reduce], ()),
    **dict.fromkeys([np.add.accumulate, np.multiply.accumulate, np.fmin.accumulate, np.subtract.accumulate], ()),
    **dict.fromkeys([np.quantile, np.nanquantile], (0.3,)),
    **dict.fromkeys([np.percentile, np.nanpercentile], (60,)),
    **dict.fromkeys([np.roll, np.repeat], (2,)),
    np.expand_dims: (),
    np.delete: (0,),
    np.take: ([0, -1, 0],),
    np.array_split: (2,),
}
SINGULAR = {np.std, np.nanstd}  # of one or two numbers: |x - y| has no second derivative that differences show


@pytest.mark.few_values
@pytest.mark.parametrize("f", ALONG, ids=registry.name_of)
@few
@given(st.data())
def test_derivatives_along_any_axis_of_any_array_are_what_differences_give(f, data):
    x = data.draw(strategies.arrays(strategies.shapes(empty=True), (-1.5, 1.5), kinks=[], layouts=True), "x")
    x = x + 4 if f in (np.linalg.vector_norm, np.hypot.reduce) else x + 0  # whose kink is 0
    axes = st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.nothing()
    takes_none = registry.signature_of(f).parameters["axis"].default is None
    axis = data.draw((st.none() | axes) if takes_none or not x.ndim else axes, "axis")
    keywords = {} if axis is None else {"axis": axis}
    try:
        ans = f(x, *ALONG[f], **keywords)
    except (TypeError, ValueError, IndexError, ZeroDivisionError, RuntimeWarning):  # what NumPy does not take
        return
    if not all(np.all(np.isfinite(part)) for part in _list(ans)):  # of nothing, say
        return
    for part, expected in zip(_list(f(tg.parameter(x), *ALONG[f], **keywords)), _list(ans), strict=True):
        np.testing.assert_allclose(primitives.values(part), expected, rtol=1e-14, atol=1e-14)

    def total(x):
        return sum(np.sum(np.sin(np.real(part) / 16) + np.imag(part)) for part in _list(f(x, *ALONG[f], **keywords)))

    gradient = tg.grad(total)
    numeric.assert_equal(gradient(x), numeric.gradient(total, [x]))
    direction = np.cos(np.arange(x.size)).reshape(x.shape)

    def slope(x):
        return np.sum(gradient(x) * direction)

    np.testing.assert_allclose(tg.jvp(total, (x,), (direction,))[1], slope(x), rtol=1e-9, atol=1e-12)
    if f not in SINGULAR:
        numeric.assert_equal(tg.grad(slope)(x), numeric.gradient(slope, [x]), rtol=1e-5)
    narrow = x.astype(np.float32)
    parts = (_list(f(array, *ALONG[f], **keywords)) for array in (tg.Tensor(narrow), narrow))
    assert all(ours.dtype == expected.dtype for ours, expected in zip(*parts, strict=True))
    assert tg.grad(total)(narrow).dtype == np.float32


def _list(ans):
    return list(ans) if isinstance(ans, (list, tuple)) else [ans]
