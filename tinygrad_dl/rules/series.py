"""Functions along an axis: running sums and products, differences, integrals, interpolation, convolution."""

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .. import _functions
from ..core import primitives
from ..core.registry import defcomposite, defvjp
from ._shapes import as_array, broadcast_along, cast, index_at_axis


def _floats(x, dtype):
    """Convert `x` to an array or Tensor of that float type."""
    return cast(as_array(x), dtype)


# ---- running sums and products


def _cumsum_vjp(g, ans, x, axis=None, dtype=None, out=None):
    if axis is None or x.ndim == 0:
        return np.reshape(_cumsum_vjp(g, ans, np.ravel(x), 0), x.shape)
    backwards = index_at_axis(axis % x.ndim, slice(None, None, -1))
    return np.cumsum(g[backwards], axis=axis)[backwards]


def _cumprod_vjp(g, ans, x, axis=None, dtype=None, out=None):
    """Compute the cotangent without division, so that zeros are allowed.

    That of x[i] is the product of all elements before it times s[i] = g[i] + x[i+1] s[i+1]. The recurrence is solved
    for all i at once, in steps that double the number of terms in s[i].
    """
    if axis is None or x.ndim == 0:
        return np.reshape(_cumprod_vjp(g, ans, np.ravel(x), 0), x.shape)
    s, ans, x = (np.moveaxis(z, axis, 0) for z in (g, ans, x))
    if x.dtype != ans.dtype:
        x = primitives.astype(x, ans.dtype)
    ahead, factors = 1, x[1:]  # factors[i] is the product of x[i+1] to x[i+ahead]
    while ahead < len(x):
        s = np.concatenate([s[:-ahead] + factors * s[ahead:], s[-ahead:]])
        factors = factors[:-ahead] * factors[ahead:]
        ahead *= 2
    before = np.concatenate([np.ones_like(ans[:1]), ans[:-1]])
    return np.moveaxis(before * s, 0, axis)


defvjp(np.cumsum,   _cumsum_vjp)
defvjp(np.cumprod,  _cumprod_vjp)


def _skip_nan(function, neutral):
    def cumulate(a, axis=None, dtype=None, out=None):
        return function(np.where(np.isnan(a), neutral, a), axis=axis, dtype=dtype)

    return cumulate


defcomposite(np.nancumsum,   _skip_nan(np.cumsum, 0))
defcomposite(np.nancumprod,  _skip_nan(np.cumprod, 1))


def _with_initial(function, initial):
    def cumulate(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        if x.ndim > 1 and axis is None:
            raise ValueError(f"np.cumulative_...: expected an axis=, for an array of shape {x.shape}.")
        axis = normalize_axis_index(0 if axis is None else axis, max(x.ndim, 1))
        ans = function(x, axis=axis, dtype=dtype)
        if not include_initial:
            return ans
        first = np.full((*ans.shape[:axis], 1, *ans.shape[axis + 1 :]), initial, dtype=ans.dtype)
        return np.concatenate([first, ans], axis=axis)

    return cumulate


defcomposite(np.cumulative_sum,  _with_initial(np.cumsum, 0))
defcomposite(np.cumulative_prod, _with_initial(np.cumprod, 1))

# ---- differences


def _diff(a, n=1, axis=-1, prepend=None, append=None):
    if n < 0:
        raise ValueError(f"np.diff: expected an order n of at least 0, got {n}.")
    a = as_array(a)
    axis = normalize_axis_index(axis, a.ndim)
    if n:
        parts = [_end(part, a, axis) for part in (prepend, a, append) if part is not None]
        a = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    subtract = np.not_equal if a.dtype == bool else np.subtract
    for _ in range(n):
        a = subtract(a[index_at_axis(axis, slice(1, None))], a[index_at_axis(axis, slice(None, -1))])
    return a


def _end(end, a, axis):
    end = as_array(end)
    return end if end.ndim else np.broadcast_to(end, (*a.shape[:axis], 1, *a.shape[axis + 1 :]))


def _ediff1d(ary, to_end=None, to_begin=None):
    ary = np.ravel(as_array(ary))
    parts = [to_begin, ary[1:] - ary[:-1], to_end]
    for part in (to_begin, to_end):
        if part is not None and not np.can_cast(as_array(part).dtype, ary.dtype, casting="same_kind"):
            raise TypeError(f"np.ediff1d: expected ends that {ary.dtype} can hold, got {as_array(part).dtype}.")
    return np.concatenate([_floats(np.ravel(as_array(part)), ary.dtype) for part in parts if part is not None])


defcomposite(np.diff,    _diff)
defcomposite(np.ediff1d, _ediff1d)


def _gradient(f, *varargs, axis=None, edge_order=1):
    f = as_array(f)
    dtype = f.dtype if f.dtype.kind in "fc" else np.dtype(float)
    f = _floats(f, dtype)
    axes = normalize_axis_tuple(range(f.ndim) if axis is None else axis, f.ndim)
    spacings = varargs or (1.0,)
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"np.gradient: expected one spacing, or one for each of {len(axes)} axes, got {len(varargs)}.")
    if edge_order not in (1, 2):
        raise ValueError(f"np.gradient: expected an edge_order of 1 or 2, got {edge_order}.")
    along = [_slopes(f, i, h, edge_order) for i, h in zip(axes, spacings, strict=True)]
    along = [_floats(slopes, dtype) for slopes in along]
    return along[0] if len(axes) == 1 else tuple(along)


def _slopes(f, axis, spacing, edge_order):
    """Compute the derivative of `f` along an axis from Newton's divided differences of two and three neighbours."""
    if f.shape[axis] <= edge_order:
        raise ValueError(
            f"np.gradient: expected at least edge_order + 1 = {edge_order + 1} elements along axis {axis}, "
            f"got shape {f.shape}."
        )

    def part(z, start, stop):
        return z[index_at_axis(axis, slice(start, stop))]

    uniform = np.ndim(spacing) == 0
    steps = spacing if uniform else _steps(spacing, f, axis)
    left, right = (steps, steps) if uniform else (part(steps, None, -1), part(steps, 1, None))
    both = 2.0 * steps if uniform else left + right
    slopes = np.diff(f, axis=axis) / steps
    bends = np.diff(slopes, axis=axis) / both
    first, last = part(slopes, None, 1), part(slopes, -1, None)
    middle = part(slopes, None, -1) + left * bends
    if uniform:  # equal, without the middle element
        middle = (part(f, 2, None) - part(f, None, -2)) / both
    if edge_order == 2:
        first = first - part(left * bends, None, 1)
        last = last + part(right * bends, -1, None)
    return np.concatenate([first, middle, last], axis=axis)


def _steps(coordinates, f, axis):
    """Compute the differences of the `coordinates`, shaped like those of `f` along `axis`."""
    if np.ndim(coordinates) != 1 or len(coordinates) != f.shape[axis]:
        raise ValueError(
            f"np.gradient: expected as spacing a number, or the {f.shape[axis]} coordinates along axis {axis}; "
            f"got shape {np.shape(coordinates)}."
        )
    coordinates = as_array(coordinates)
    if coordinates.dtype.kind not in "fc":
        coordinates = _floats(coordinates, np.dtype(float))
    return broadcast_along(np.diff(coordinates), axis, f.ndim)


defcomposite(np.gradient, _gradient)

# ---- integrals


def _trapezoid(y, x=None, dx=1.0, axis=-1):
    y = as_array(y)
    along = normalize_axis_index(axis, y.ndim)  # of y alone: x may have fewer axes or more
    width = dx
    if x is not None:
        x = as_array(x)
        width = broadcast_along(np.diff(x), along, y.ndim) if x.ndim == 1 else np.diff(x, axis=axis)
    ends = y[index_at_axis(along, slice(1, None))] + y[index_at_axis(along, slice(None, -1))]
    return np.sum(width * ends / 2.0, axis=axis)


defcomposite(np.trapezoid, _trapezoid)
defcomposite(getattr(np, "trapz", np.trapezoid), _trapezoid)  # an old name

# ---- interpolation


def _interp(x, xp, fp, left=None, right=None, period=None):
    x, xp = (_floats(z, np.dtype(float)) for z in (x, xp))
    fp = _floats(fp, np.dtype(complex if np.iscomplexobj(fp) else float))
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(f"np.interp: expected as many xp as fp, at least one, got shapes {xp.shape} and {fp.shape}.")
    if period is not None:
        x, xp, fp = _wrap_period(x, xp, fp, period)
        left = right = None
    start = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, len(xp) - 1)  # xp[start] <= x < xp[stop]
    stop = np.minimum(start + 1, len(xp) - 1)
    width = xp[stop] - xp[start]
    slope = (fp[stop] - fp[start]) / np.where(width == 0, 1, width)
    below, above = x < xp[0], x > xp[-1]
    inside = fp[start] + slope * np.where(below | above, 0, x - xp[start])
    outside = np.where(above, fp[-1] if right is None else right, fp[0] if left is None else left)
    return np.where(below | above, outside, inside)


def _wrap_period(x, xp, fp, period):
    """Reduce the arguments of np.interp to one period, with a neighbouring point on each side."""
    if period == 0:
        raise ValueError("np.interp: expected a period other than 0.")
    period = np.absolute(period)
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = np.argsort(xp)
    xp, fp = xp[order], fp[order]
    xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return x, xp, np.concatenate([fp[-1:], fp, fp[:1]])


defcomposite(np.interp, _interp)

# ---- convolution


def _convolve_vjp(g, a, v, mode):
    """Compute the cotangent of `a`: the cotangent of the full convolution, correlated with `v`."""
    whole, shorter = np.size(a) + np.size(v) - 1, min(np.size(a), np.size(v))
    start = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[_mode_name(mode)]
    if len(g) < whole:
        g = _functions.scatter_add(g, slice(start, start + len(g)), np.zeros(whole))
    return np.reshape(np.convolve(g, np.reshape(v, -1)[::-1], "valid"), a.shape)


def _mode_name(mode):
    """Return the name of a mode, which NumPy accepts as a number too."""
    return mode if isinstance(mode, str) else ("valid", "same", "full")[mode]


def _correlate(a, v, mode="valid"):
    a, v = as_array(a), as_array(v)
    v = np.conjugate(v)[::-1] if np.iscomplexobj(v) else v[::-1]
    if _mode_name(mode) != "same" or len(a) >= len(v):
        return np.convolve(a, v, mode)
    start = len(a) // 2  # the middle of np.convolve lies half a step further left
    return np.convolve(a, v, "full")[start : start + len(v)]


defvjp(
    np.convolve,
    lambda g, ans, a, v, mode="full": _convolve_vjp(g, a, v, mode),
    lambda g, ans, a, v, mode="full": _convolve_vjp(g, v, a, mode),
)
defcomposite(np.correlate, _correlate)

# ---- phases

defvjp(np.unwrap, lambda g, ans, p, discont=None, axis=-1, *, period=None: g)  # the added periods are constant
