"""Eigenvalues and singular values that coincide: what of their derivatives exists there, and an error for the rest.

A function of the values alone may be symmetric in those that coincide, as `np.sum(w**2)` is. Then it is smooth; see
`symmetric`.

A function of the vectors alone has a derivative if it depends on nothing but the space that they span. What depends on
values and vectors, such as V f(w) Vᴴ, has one that their cotangents do not tell (it needs f').
"""

import weakref
from contextvars import ContextVar

import numpy as np

from ..core import primitives
from ..core.backprop import topological_order
from ..core.calls import outputs_of
from ..core.modes import is_recording
from ..core.registry import defnondiff
from ..core.tensor import Tensor


def lost(dtype):
    """The relative distance of values whose vectors have lost three quarters of their digits to rounding."""
    return np.finfo(dtype).eps ** 0.75


def close(w, bar):
    scale = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return np.abs(w[..., None, :] - w[..., :, None]) <= bar * scale


@primitives.primitive
def coincide(w):
    """The mask of the pairs of the values `w` that can't be told apart well enough to have vectors of their own."""
    return close(w, max(lost(w.dtype), w.shape[-1] * np.finfo(w.dtype).eps))


def partnered(w):
    """The mask of the values that coincide with another."""
    return np.sum(coincide(w), axis=-1) > 1


def slopes_of_turns(w):
    """The speed at which vectors turn into each other, 1 / (w_j - w_i); 0 where the values coincide."""
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
        raise _entangled(name)


def _entangled(name):
    return np.linalg.LinAlgError(
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


_met: ContextVar[list | None] = ContextVar("met in this backward pass, which has a context of its own", default=None)


@primitives.primitive
def check_separate(name, kind, a, unclear, g):
    """Raise a LinAlgError if values and vectors, the two kinds, of matrices `a` like x and 2x matter in one pass back.

    They come from separate calls, for two Tensors, but are `unclear` as those from one call are. Matrices computed
    from different parameters move independently, so that nothing is unclear.
    """
    sizes = np.abs(g) if kind == "values" else np.max(np.abs(g), axis=-2, initial=0)
    if not np.any(unclear & (sizes > lost(sizes.dtype) * np.max(sizes, axis=-1, keepdims=True, initial=0))):
        return
    met = _met.get()
    if met is None:
        _met.set(met := [])
    for other, of_other in met:
        if kind != other and _have_common_vectors(a, of_other) and _related(a, of_other):
            raise _entangled(name)
    met.append((kind, a))


def _have_common_vectors(a, b):
    """Return whether matrices commute, as those with the same eigenvectors do; others, whether one is a multiple."""
    if a.shape != b.shape:
        return False
    sizes = np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(b, axis=(-2, -1))
    if a.shape[-1] == a.shape[-2]:
        apart = np.linalg.norm(a @ b - b @ a, axis=(-2, -1))
    else:
        apart = sizes - np.abs(np.sum(np.conj(a) * b, axis=(-2, -1)))
    return np.any(apart <= np.sqrt(np.finfo(a.dtype).eps) * sizes)


def _related(*matrices):
    """Return whether decomposed matrices, given by their arrays, have a common leaf; if unknown, they have."""
    alive = [node for node in list(_nodes.values()) if node._parents]
    found = [next((node for node in alive if node._args[0] is a), None) for a in matrices]
    leaves = [{x for x in topological_order(node) if not x._parents} for node in found if node is not None]
    return len(leaves) < len(matrices) or bool(set.intersection(*leaves))


defnondiff(coincide, check_apart, check_space, check_separate)

# ---- values and vectors of one matrix from separate calls

_nodes: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
decompositions: dict = {}


def shared(function, a, *settings):
    """`function(a, *settings)`, from the node that has computed it of the same `a` before, if there is one.

    So values and vectors from separate calls are known to belong together, and are computed once.
    """
    if type(a) is not Tensor or not a.requires_grad or not is_recording():
        return function(a, *settings)
    node = earlier(function, a, *settings)
    if node is not None:
        return decompositions[function](*outputs_of(node))
    outputs = function(a, *settings)
    decompositions[function] = type(outputs)
    _nodes[function, id(a), settings] = outputs[0]._parents[0]
    return outputs


def earlier(function, a, *settings):
    """The node of an earlier call for the same values of the same Tensor `a`, if it is there still."""
    node = _nodes.get((function, id(a), settings))
    return node if node is not None and node._parents and node._args[0] is a._value else None
