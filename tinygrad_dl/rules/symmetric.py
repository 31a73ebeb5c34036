"""Functions of eigenvalues or singular values alone at repeated values: smooth if symmetric in the repeated ones.

The gradient averages the cotangents of values that coincide, which is a subgradient of, for example, `w[-1]`.
The second derivative needs (g_i - g_j) / (w_i - w_j), whose limit is the derivative of the cotangents with respect to
the values, computed from the graph of the cotangents. It also serves, as the more accurate form, for close values.
"""

import functools
from itertools import zip_longest
from typing import Any

import numpy as np

from ..core import primitives
from ..core.backprop import backward_between, dependents, topological_order
from ..core.registry import defcomposite, defnondiff, defvjp
from ..core.tensor import Tensor
from .coinciding import close, coincide, decompositions
from .kinks import is_same_computation, without

# ---- primitives, with their derivatives


@primitives.array_function
def of_values(g: Any, w: Any, a: Any, frame: Any) -> Any:
    """Compute the cotangent of the matrix `a` from the cotangent `g` of its values `w`."""
    return frame.compose(g)


@primitives.array_function
def apply_linear(x: Any, a: Any, linear: Any) -> Any:
    """Apply the linear map `linear`, which depends on the matrix `a`, to `x`."""
    return linear(x)


class Linear:
    """A linear map of arrays, its transpose, and `by_matrix(g, a)`, the cotangent of the matrix that it depends on."""

    forward: Any
    backward: Any
    by_matrix: Any

    def __init__(self, forward: Any, backward: Any, by_matrix: Any):
        self.forward, self.backward, self.by_matrix = forward, backward, by_matrix

    def __call__(self, x: Any) -> Any:
        """Apply the map."""
        return self.forward(x)

    def transpose(self) -> Any:
        """Return the transposed map."""
        return Linear(self.backward, self.forward, unknown)


@primitives.array_function
def unknown(g: Any, a: Any) -> Any:
    """Stand in for an unknown derivative with respect to the matrix: zeros for a cotangent of 0, else LinAlgError."""
    if np.any(g):
        raise np.linalg.LinAlgError(
            "third derivatives of functions of eigenvalues or singular values are unknown where these coincide, nearly "
            "coincide, or vanish: set them apart, for example by adding 1e-4 * np.diag(np.arange(n)) to the matrix; or "
            "compute the function without a decomposition (np.trace, np.linalg.det, np.poly)."
        )
    return np.zeros_like(a)


def _of_recorded_values(g, w, a, frame):
    def by_matrix(ct, a):
        slopes = frame.slopes(primitives.values(g), _curvature(g, w, frame))
        rotate = functools.partial(frame.rotate, slopes)
        return frame.finish(apply_linear(ct, a, Linear(rotate, rotate, unknown)))

    return apply_linear(g, a, Linear(frame.compose, frame.read, by_matrix))


defnondiff(unknown)
defcomposite(of_values, _of_recorded_values)
defvjp(
    apply_linear,
    lambda g, ans, x, a, linear: apply_linear(g, a, linear.transpose()),
    lambda g, ans, x, a, linear: linear.by_matrix(g, a),
)


def _curvature(g, w, frame):
    """Compute the derivative of the cotangents `g` with respect to their values `w`, a matrix per degenerate sample."""
    shape, dtype, n = g.shape, g.dtype, g.shape[-1]
    found = np.zeros((*shape, n), dtype)
    if type(g) is not Tensor or not g.requires_grad:
        return found
    graph = _Dependence(g, w)
    patterns = np.reshape(np.concatenate([frame.near, frame.mean], axis=-1), (*shape[:-1], -1))
    for pattern in np.unique(np.reshape(patterns, (-1, patterns.shape[-1])), axis=0):  # samples do not interact
        samples = np.all(patterns == pattern, axis=-1)
        near, mean = np.reshape(pattern, (n, 2, n)).swapaxes(0, 1)
        if np.array_equal(near, np.eye(n)) and not frame.singular:
            continue
        units = np.zeros((n, *shape), dtype)
        for i in range(n):
            units[i][samples, i] = 1
        rows = np.stack([graph.on_values(unit, frame.name)[samples] for unit in units])
        found[samples] = np.moveaxis(rows, 0, -2)
        if dtype.kind == "c":
            turned = np.stack([graph.on_values(1j * unit, frame.name)[samples] for unit in units])
            if not np.allclose(turned, 1j * rows, rtol=1e-6, atol=1e-6 * np.max(np.abs(rows), initial=0)):
                raise kink_error(frame.name)
        elif frame.name == "np.linalg.eig" and not graph.stays_right(samples, rows, near):
            raise kink_error(frame.name)
        parts = [np.reshape(part, (n, -1)) for part in map(np.stack, zip(*map(graph.on_others, units), strict=True))]
        on_others = np.concatenate([np.zeros((n, 1)), *parts], axis=1)
        size = np.max(np.abs(on_others)) + np.max(np.abs(g._value)) / (np.max(np.abs(frame.w)) or 1)
        uneven = np.abs(on_others - mean @ on_others)
        if not np.all(uneven <= np.sqrt(np.finfo(dtype).eps) * size):
            raise kink_error(frame.name)
    return found


class _Dependence:
    """The dependence of the cotangents `g` on the values `w`, computed once or twice, and on others.

    The others are factors of other matrices, and leaves on which `g` depends without a decomposition.
    """

    def __init__(self, g, w):
        self.g, self.w, self.order = g, w, topological_order(g)
        outputs = [
            y
            for y in self.order
            if y._function is primitives.output and getattr(y._parents[0], "_function", None) in decompositions
        ]
        alike = {node for node in {y._parents[0] for y in outputs} if is_same_computation(node, w._parents[0])}
        self.own = [y for y in outputs if y._parents[0] in alike]
        behind = dependents(self.own, self.order)
        self.factors = [y for y in outputs if y not in behind]
        self.leaves = [node for node in self.order if not node._parents]
        self.beside = without(self.order, set(self.own))
        self.undecomposed = without(self.order, {*self.own, *self.factors})

    def on_values(self, seed, name):
        """Compute the cotangent of the values from a `seed` for `g`."""
        total = np.zeros_like(seed)
        for y, ct in zip(self.own, backward_between({self.g: seed}, self.own, self.order, False), strict=True):
            if y.shape == self.w.shape and y._args[1] == self.w._args[1]:
                total = total + ct
            elif np.any(ct):
                raise kink_error(name)
        return total

    def on_others(self, seed):
        """Compute the cotangents of the others from a `seed` for `g`."""
        seeds = {self.g: seed}
        return [
            *backward_between(seeds, self.factors, self.beside, False),
            *backward_between(seeds, self.leaves, self.undecomposed, False),
        ]


    def stays_right(self, samples, rows, near):
        """Return True if the derivatives of `g`, given as `rows`, are right for conjugate pairs too.

        Values that coincide become such pairs for close matrices, even if all are real here.
        """
        w = self.w._value
        rank, count = np.sum(np.tril(near, -1), axis=-1), np.sum(near, axis=-1)
        pairs = np.where(rank // 2 < count // 2, 1 - rank % 2 * 2, 0) * (1 + np.argmax(near, axis=-1) + rank // 2)
        step = np.where(samples[..., None], np.sqrt(np.finfo(w.dtype).eps) * pairs, 0)
        try:
            up, down = self._at(w + 1j * step), self._at(w - 1j * step)
        except TypeError:  # a function of real numbers only
            return False
        moved = (up - down)[samples] / 2
        expected = 1j * np.sum(np.moveaxis(rows, 0, -2) * step[samples][..., None, :], axis=-1)
        return np.allclose(moved, expected, rtol=0, atol=1e-3 * np.max(np.abs([moved, expected]), initial=0))

    def _at(self, w):
        """Recompute the cotangents `g` for other values `w`."""
        found: dict = {y: w for y in self.own if y.shape == w.shape and y._args[1] == self.w._args[1]}
        with np.errstate(all="ignore"):  # no loop here: an interrupt at its jump would leave the warnings off
            self._recompute(found)
        return found.get(self.g, self.g._value)

    def _recompute(self, found: Any) -> None:
        """Add to `found`, values by nodes, those of the nodes that depend on them."""
        for node in self.order:
            if node not in found and not found.keys().isdisjoint(node._parents):
                args = [found.get(y, x) for x, y in zip_longest(node._args, node._parents)]
                compute: Any = primitives.on_arrays.get(node._function, node._function)  # type: ignore[arg-type]
                found[node] = compute(*args, **(node._kwargs or {}))


def kink_error(name: Any) -> Any:
    """Make the error for a function without a known second derivative."""
    return np.linalg.LinAlgError(
        f"{name}: a function of values that coincide, or vanish, has a second derivative only if it is symmetric in "
        f"them, whatever else it depends on, and even in those that vanish, like np.sum(s**2); this one has a kink "
        f"there. Set the values apart, for example by adding 1e-4 * np.diag(np.arange(n)) to the matrix."
    )


class Frame:
    """Vectors and values of a decomposed matrix, as numbers: the cotangent of the matrix is left · g · rightᵀ.

    `zero` is the mask of singular values of 0: their sign is arbitrary, so their cotangents cancel.
    """

    singular = False

    name: Any
    w: Any
    left: Any
    right: Any
    finish: Any
    zero: Any
    near: Any

    def __init__(self, name: Any, w: Any, left: Any, right: Any, finish: Any=lambda ct: ct, zero: Any = False):
        self.name, self.w, self.left, self.right, self.finish = name, w, left, right, finish
        self.zero, self.near = np.broadcast_to(zero, w.shape), close(w, np.finfo(w.dtype).eps ** (1 / 3))

    def is_plain(self) -> Any:
        """Return True if all values are distinct and nonzero: the usual case."""
        return not np.any(self.zero) and np.count_nonzero(self.near) == self.w.size

    @functools.cached_property
    def same(self) -> Any:
        """The mask of pairs of values that coincide."""
        return coincide(self.w)

    @functools.cached_property
    def count(self) -> Any:
        """The number of values that coincide with each."""
        return np.sum(self.same, axis=-1, keepdims=True)

    @functools.cached_property
    def mean(self) -> Any:
        """The matrix that averages over values that coincide, and gives 0 for those that vanish."""
        return np.where(self.zero[..., None], 0, self.same / self.count).astype(np.finfo(self.w.dtype).dtype)

    def compose(self, g: Any) -> Any:
        """Compute the matrix with averaged cotangents `g` of the values."""
        averaged = np.sum(self.mean * g[..., None, :], axis=-1)
        return self.left * averaged[..., None, :] @ self.right.mT

    def read(self, ct: Any) -> Any:
        """Compute the cotangents of the values that `compose` averages: its transpose."""
        along = np.sum(self.left * (ct @ self.right), axis=-2)
        return np.sum(self.mean.mT * along[..., None, :], axis=-1)

    def slopes(self, g: Any, curvature: Any) -> Any:
        """Compute the divided differences of the cotangents `g`, or their limits where values coincide."""
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
            raise kink_error(self.name)
        differences = (g[..., None, :] - g[..., :, None]) / np.where(self.near, 1, w[..., None, :] - w[..., :, None])
        return np.where(ones == 1, alike[..., None], np.where(self.near, limits, differences))

    def centre(self, inner: Any) -> Any:
        """Subtract from `inner` the part of its diagonal that `read` takes."""
        along = np.diagonal(inner, 0, -2, -1)
        return inner - np.sum(self.mean * along[..., None, :], axis=-1)[..., None] * np.eye(inner.shape[-1])

    def rotate(self, slopes: Any, ct: Any) -> Any:
        """Differentiate `compose(g)` with respect to the matrix, apart from the change of g, which `read` gives."""
        inner = self.centre(self.left.mT @ ct @ self.right)
        return self.left @ (slopes * inner.mT) @ self.right.mT
