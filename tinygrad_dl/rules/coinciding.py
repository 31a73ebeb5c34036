"""Eigenvalues and singular values that coincide: what of their derivatives exists there, and an error for the rest.

A function of the values alone may be symmetric in those that coincide, as `np.sum(w**2)` is. Then it is smooth: its
gradient has one cotangent for all of them, and their mean is taken, which is a subgradient of `w[-1]`, say. The second
derivative needs (g_i - g_j) / (w_i - w_j), whose limit is a derivative of the cotangents by the values. These were
recorded, so it can be had; so it is used, being more accurate, for values that only nearly coincide.

A function of the vectors alone has a derivative if it depends on nothing but the space that they span. What depends on
values and vectors, such as V f(w) Vᴴ, has one that their cotangents do not tell (it needs f').
"""

import functools
import weakref

import numpy as np

from .. import primitives
from ..autodiff import pulled_back, topological_order
from ..grad_mode import is_recording
from ..registry import defnondiff, defspelling, defvjp
from ..tensor import Tensor, outputs_of


def lost(dtype):
    """The relative distance of values whose vectors have lost three quarters of their digits to rounding."""
    return np.finfo(dtype).eps ** 0.75


def _close(w, bar):
    scale = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return np.abs(w[..., None, :] - w[..., :, None]) <= bar * scale


@primitives.primitive
def coincide(w):
    """The mask of the pairs of the values `w` that can't be told apart well enough to have vectors of their own."""
    return _close(w, max(lost(w.dtype), w.shape[-1] * np.finfo(w.dtype).eps))


def partnered(w):
    """The mask of the values that coincide with another."""
    return np.sum(coincide(w), axis=-1) > 1


def slopes_of_turns(w):
    """How fast vectors turn into each other, 1 / (w_j - w_i); 0 where the values coincide."""
    same = coincide(w)
    return np.where(same, 0, 1 / np.where(same, 1, np.expand_dims(w, -2) - np.expand_dims(w, -1)))


# ---- errors


@primitives.primitive
def check_apart(name, unclear, w, g_w, *vectors):
    """Raise a LinAlgError if cotangents of values `w` that are `unclear`, or of their vectors, are above rounding."""
    scale = np.max(np.abs(w), axis=-1, keepdims=True, initial=0)
    sizes = np.stack(
        [np.abs(g_w) * np.where(scale == 0, 1, scale), *(np.max(np.abs(g), axis=-2, initial=0) for g in vectors)]
    )
    if np.any(unclear & (sizes > lost(sizes.dtype) * np.max(sizes, axis=(0, -1), keepdims=True, initial=0))):
        raise np.linalg.LinAlgError(
            f"{name}: the derivative of what depends on both the values and their vectors is unknown where values "
            f"coincide, or vanish. Set them apart, adding 1e-6 * np.diag(np.arange(n)) to the matrix for instance; "
            f"or compute it without a decomposition, or from the values alone (eigvalsh, svdvals)."
        )


@primitives.primitive
def check_space(name, same, turn, *cotangents):
    """Raise a LinAlgError if a `turn` of vectors among those whose values are the `same` changes anything."""
    scale = np.max(np.stack([np.max(np.abs(g), axis=(-2, -1), initial=0) for g in cotangents]), axis=0)[..., None, None]
    off_diagonal = same & ~np.eye(turn.shape[-1], dtype=bool)
    if np.any(off_diagonal & (np.abs(turn) > np.sqrt(np.finfo(turn.dtype).eps) * scale)):
        raise np.linalg.LinAlgError(
            f"{name}: the vectors of values that coincide are any basis of the space they span, so that only what "
            f"depends on the space has a derivative, such as V @ V.T. This depends on the basis: set the values apart, "
            f"adding 1e-6 * np.diag(np.arange(n)) to the matrix for instance."
        )


defnondiff(coincide, check_apart, check_space)

# ---- functions of the values alone


@primitives.primitive
def of_values(g, w, a, frame):
    """The cotangent of the matrix `a`, given that of its values `w`, for what depends on these alone."""
    return frame.compose(g)


@primitives.primitive
def mapped(x, a, linear):
    """`linear(x)`, a linear map that depends on the matrix `a`."""
    return linear(x)


class Linear:
    """A linear map of arrays, the transposed one, and `by_matrix(g, a)`: the cotangent of the matrix it depends on."""

    def __init__(self, forward, backward, by_matrix):
        self.forward, self.backward, self.by_matrix = forward, backward, by_matrix

    def __call__(self, x):
        return self.forward(x)

    def transposed(self):
        return Linear(self.backward, self.forward, unknown)


@primitives.primitive
def unknown(g, a):
    """The derivative by the matrix where it is not known: zeros for a cotangent of 0, else a LinAlgError."""
    if np.any(g):
        raise np.linalg.LinAlgError(
            "third derivatives of functions of eigenvalues or singular values are unknown where these coincide, "
            "nearly, or vanish: set them apart, adding 1e-4 * np.diag(np.arange(n)) to the matrix for instance; or "
            "compute the function without a decomposition (np.trace, np.linalg.det, np.poly)."
        )
    return np.zeros_like(a)


def _of_recorded_values(g, w, a, frame):
    def by_matrix(ct, a):
        slopes = frame.slopes(primitives.values(g), _curvature(g, w, frame))
        turned = functools.partial(frame.turned, slopes)
        return frame.finish(mapped(ct, a, Linear(turned, turned, unknown)))

    return mapped(g, a, Linear(frame.compose, frame.read, by_matrix))


defnondiff(unknown)
defspelling(of_values, _of_recorded_values)
defvjp(
    mapped,
    lambda g, ans, x, a, linear: mapped(g, a, linear.transposed()),
    lambda g, ans, x, a, linear: linear.by_matrix(g, a),
)


def _curvature(g, w, frame):
    """The derivative of the cotangents `g` of the values `w` by these, a matrix for each sample that is degenerate."""
    shape, dtype = g.shape, g.dtype
    found = np.zeros((*shape, shape[-1]), dtype)
    if type(g) is not Tensor or not g.requires_grad:
        return found
    patterns = np.reshape(frame.near, (*shape[:-1], -1))
    for pattern in np.unique(np.reshape(patterns, (-1, patterns.shape[-1])), axis=0):  # samples alike don't mix
        samples = np.all(patterns == pattern, axis=-1)
        if not np.any(np.reshape(pattern, (shape[-1],) * 2) & ~np.eye(shape[-1], dtype=bool)) and not frame.singular:
            continue
        for i in range(shape[-1]):
            for unit in (1, 1j) if dtype.kind == "c" else (1,):
                seed = np.zeros(shape, dtype)
                seed[samples, i] = unit
                row = _back_to_values(g, seed, w, frame.name)[samples]
                if unit == 1:
                    found[samples, i] = row
                elif not np.allclose(row, 1j * found[samples, i], rtol=1e-6, atol=1e-6 * np.max(np.abs(row))):
                    raise kinked(frame.name)
    return found


def _back_to_values(g, seed, w, name):
    node = w._parents[0]
    order = topological_order(g)
    outputs = [y for y in order if y._function is primitives.output and y._parents[0] is node]
    cotangents = pulled_back({g: seed}, outputs, order, create_graph=False)
    total = np.zeros_like(seed)
    for y, ct in zip(outputs, cotangents, strict=True):
        if y.shape == w.shape and y._args[1] == w._args[1]:
            total = total + ct
        elif np.any(ct):
            raise kinked(name)
    return total


def kinked(name):
    """The error for what has no second derivative, or none that is known."""
    return np.linalg.LinAlgError(
        f"{name}: a function of values that coincide, or vanish, has a second derivative only if it is symmetric in "
        f"them, and even in those that vanish, as np.sum(s**2) is; this one has a kink there. Set the values apart, "
        f"adding 1e-4 * np.diag(np.arange(n)) to the matrix for instance."
    )


class Frame:
    """Vectors and values of the matrices of a node, as numbers: the cotangent of a matrix is left · g · rightᵀ.

    `zero` is the mask of values of 0 that are singular values, which have no sign: their cotangents cancel.
    """

    singular = False

    def __init__(self, name, w, left, right, finish=lambda ct: ct, zero=False):
        self.name, self.w, self.left, self.right, self.finish = name, w, left, right, finish
        self.zero, self.near = np.broadcast_to(zero, w.shape), _close(w, np.finfo(w.dtype).eps ** (1 / 3))

    def plain(self):
        """Whether all values are apart, so that nothing is to be taken care of."""
        return not np.any(self.zero) and np.count_nonzero(self.near) == self.w.size

    @functools.cached_property
    def same(self):
        return coincide(self.w)

    @functools.cached_property
    def count(self):
        return np.sum(self.same, axis=-1, keepdims=True)

    @functools.cached_property
    def mean(self):
        """The matrix that takes the mean over values that coincide, 0 over those that vanish."""
        return np.where(self.zero[..., None], 0, self.same / self.count).astype(np.finfo(self.w.dtype).dtype)

    def compose(self, g):
        averaged = np.sum(self.mean * g[..., None, :], axis=-1)
        return self.left * averaged[..., None, :] @ self.right.mT

    def read(self, ct):
        along = np.sum(self.left * (ct @ self.right), axis=-2)
        return np.sum(self.mean.mT * along[..., None, :], axis=-1)

    def slopes(self, g, curvature):
        """The divided differences of the cotangents `g`; their limits where values coincide, or an error."""
        w, same, steep = self.w, self.same, np.diagonal(curvature, 0, -2, -1)
        limits = (steep[..., None, :] + steep[..., :, None] - curvature - curvature.mT) / 2
        ones = np.eye(w.shape[-1], dtype=self.mean.dtype)
        off_diagonal = np.where(ones == 1, 0, limits)
        alike = np.sum(np.where(same, off_diagonal, 0), axis=-1) / np.maximum(self.count[..., 0] - 1, 1)
        alike = np.where(self.zero, np.sum(np.where(same, steep[..., None, :], 0), axis=-1) / self.count[..., 0], alike)
        scale = np.max(np.abs(curvature), axis=(-2, -1), keepdims=True, initial=0)
        bar = np.sqrt(np.finfo(w.dtype).eps)
        kink = np.abs(curvature @ (ones - self.mean) - alike[..., None] * (ones - self.mean)) > bar * scale
        sizes = np.max(np.abs(g), axis=-1, initial=0) + scale[..., 0, 0] * np.max(np.abs(w), axis=-1, initial=0)
        uneven = np.abs(g - np.sum(self.mean * g[..., None, :], axis=-1)) > bar * sizes[..., None]
        if np.any(kink) or np.any(uneven) or not np.all(np.isfinite(curvature)):
            raise kinked(self.name)
        differences = (g[..., None, :] - g[..., :, None]) / np.where(self.near, 1, w[..., None, :] - w[..., :, None])
        return np.where(ones == 1, alike[..., None], np.where(self.near, limits, differences))

    def centred(self, inner):
        """`inner` without the part of its diagonal that `read` takes."""
        along = np.diagonal(inner, 0, -2, -1)
        return inner - np.sum(self.mean * along[..., None, :], axis=-1)[..., None] * np.eye(inner.shape[-1])

    def turned(self, slopes, ct):
        """How the matrix changes a cotangent `compose(g)`, but for the change of g that `read` gives."""
        inner = self.centred(self.left.mT @ ct @ self.right)
        return self.left @ (slopes * inner.mT) @ self.right.mT


# ---- values and vectors of one matrix from separate calls

_nodes: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_kinds: dict = {}


def shared(function, a, *settings):
    """`function(a, *settings)`, from the node that has computed it of the same `a` before, if there is one.

    So values and vectors from separate calls are known to belong together, and are computed once.
    """
    if type(a) is not Tensor or not a.requires_grad or not is_recording():
        return function(a, *settings)
    node = earlier(function, a, *settings)
    if node is not None:
        return _kinds[function](*outputs_of(node))
    outputs = function(a, *settings)
    _kinds[function] = type(outputs)
    _nodes[function, id(a), settings] = outputs[0]._parents[0]
    return outputs


def earlier(function, a, *settings):
    """The node of an earlier call for the same values of the same Tensor `a`, if it is there still."""
    node = _nodes.get((function, id(a), settings))
    return node if node is not None and node._parents and node._args[0] is a._value else None
