"""Discrete Fourier transforms: linear functions, whose pullbacks are transforms again, without a conjugate."""

import numpy as np

from .. import _functions
from ..core.registry import defcomposite, defvjp
from ._shapes import index_at_axis


def _vjp_by(transform):
    """Make the rule of a transform along an axis: `transform` of the cotangent, at the length of the input."""

    def rule(g, ans, a, n=None, axis=-1, norm=None, out=None):
        if not np.iscomplexobj(ans):  # irfft and hfft, where n is the length of the output
            n = ans.shape[axis]
        return _fit_length(transform(g, a.shape[axis] if n is None else n, axis, norm), a, axis)

    return rule


def _fit_length(g, a, axis):
    """Crop or zero-pad `g` along `axis` to the length of `a`: the transpose of NumPy's padding or cropping."""
    kept = index_at_axis(axis % a.ndim, slice(min(g.shape[axis], a.shape[axis])))
    return g[kept] if g.shape[axis] >= a.shape[axis] else _functions.scatter_add(g, kept, a)


def _double_frequencies(half, n, axis):
    """Double the frequencies of half a spectrum that also represent the other half: all but 0 and n / 2."""
    weights = np.full(half.shape[axis], 2, dtype=np.finfo(half.dtype).dtype)
    if n % 2 == 0:
        weights[-1] = 1
    weights[0] = 1
    return half * np.expand_dims(weights, tuple(range(1, half.ndim - axis % half.ndim)))


# ---- along one axis

defvjp(np.fft.fft,   _vjp_by(np.fft.fft))
defvjp(np.fft.ifft,  _vjp_by(np.fft.ifft))
defvjp(np.fft.rfft,  _vjp_by(np.fft.fft))
defvjp(np.fft.ihfft, _vjp_by(np.fft.ifft))
defvjp(np.fft.irfft, _vjp_by(lambda g, n, axis, norm: _double_frequencies(np.fft.ihfft(g, n, axis, norm), n, axis)))
defvjp(np.fft.hfft,  _vjp_by(lambda g, n, axis, norm: _double_frequencies(np.fft.rfft(g, n, axis, norm), n, axis)))

# ---- along several axes, in NumPy's order: one after the other, a real transform along the last axis


def _over_axes(default, transform, last):
    """Make the decomposition of a transform over axes: `last` along the last one, `transform` along the others."""

    def transform_over_axes(a, s=None, axes=default, norm=None):
        if axes is None:
            axes = range(np.ndim(a)) if s is None else range(-len(s), 0)
        if s is None:  # the lengths at the start, since an axis may occur twice
            s = [-1] * len(axes)
            if last is np.fft.irfft:
                s[-1] = None  # NumPy's own choice
        if len(s) != len(axes):
            raise ValueError(f"np.fft: expected a length in s for each of the axes {tuple(axes)}, got {tuple(s)}.")
        lengths = [np.shape(a)[axis] if n == -1 else n for n, axis in zip(s, axes, strict=True)]
        steps = list(zip([transform] * (len(axes) - 1) + [last], lengths, axes, strict=False))
        for step, n, axis in steps if last is np.fft.irfft else reversed(steps):
            a = step(a, n, axis, norm)
        return a

    return transform_over_axes


for two, several, transform, last in (
    (np.fft.fft2,   np.fft.fftn,   np.fft.fft,  np.fft.fft),
    (np.fft.ifft2,  np.fft.ifftn,  np.fft.ifft, np.fft.ifft),
    (np.fft.rfft2,  np.fft.rfftn,  np.fft.fft,  np.fft.rfft),
    (np.fft.irfft2, np.fft.irfftn, np.fft.ifft, np.fft.irfft),
):
    defcomposite(two,     _over_axes((-2, -1), transform, last))
    defcomposite(several, _over_axes(None,     transform, last))

# ---- the order of the frequencies

defvjp(np.fft.fftshift,  lambda g, ans, x, axes=None: np.fft.ifftshift(g, axes))
defvjp(np.fft.ifftshift, lambda g, ans, x, axes=None: np.fft.fftshift(g, axes))
