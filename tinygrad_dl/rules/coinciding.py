"""Repeated eigenvalues and singular values: checks that a derivative exists there, and errors where it does not.

A function of the values alone is smooth if it is symmetric in the repeated ones, like `np.sum(w**2)`; see `symmetric`.
A function of the vectors alone has a derivative if it depends only on the space that they span. The derivative of a
function of values and vectors, such as V f(w) Vᴴ, needs f', which their cotangents do not contain.
"""

import sys
import weakref
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..core import primitives
from ..core.backprop import backward_pass, topological_order
from ..core.calls import outputs_of
from ..core.modes import is_recording
from ..core.registry import defnondiff
from ..core.tensor import Tensor


def vector_tolerance(dtype: Any) -> Any:
    """Return the relative distance at which vectors lose three quarters of their digits to rounding."""
    return np.finfo(dtype).eps ** 0.75


def close(w: Any, bar: Any) -> Any:
    """Compute the mask of pairs of values `w` that differ by at most `bar` times the largest."""
    scale = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return np.abs(w[..., None, :] - w[..., :, None]) <= bar * scale


@primitives.array_function
def coincide(w: Any) -> Any:
    """Compute the mask of pairs of values `w` that are too close to have distinguishable vectors."""
    return close(w, max(vector_tolerance(w.dtype), w.shape[-1] * np.finfo(w.dtype).eps))


def is_repeated(w: Any) -> Any:
    """Compute the mask of values that coincide with another."""
    return np.sum(coincide(w), axis=-1) > 1


def rotation_rates(w: Any) -> Any:
    """Compute 1 / (w_j - w_i), the rates at which vectors rotate into each other; 0 where the values coincide."""
    same = coincide(w)
    return np.where(same, 0, 1 / np.where(same, 1, np.expand_dims(w, -2) - np.expand_dims(w, -1)))


# ---- errors


@primitives.array_function
def check_apart(name: Any, unclear: Any, w: Any, g_w: Any, *vectors: Any) -> None:
    """Raise LinAlgError if the cotangents of `unclear` values `w`, or of their vectors, exceed rounding errors."""
    scale = np.max(np.abs(w), axis=-1, keepdims=True, initial=0)
    sizes = np.stack(
        [np.abs(g_w) * np.where(scale == 0, 1, scale), *(np.max(np.abs(g), axis=-2, initial=0) for g in vectors)]
    )
    bar = vector_tolerance(sizes.dtype) * np.max(sizes, axis=(0, -1), keepdims=True, initial=0)
    if np.any(unclear & (sizes > bar)):
        raise _entanglement_error(name)


def _entanglement_error(name):
    return np.linalg.LinAlgError(
        f"{name}: the derivative of a function of both the values and their vectors is unknown where values coincide, "
        f"or vanish. Set them apart, for example by adding 1e-6 * np.diag(np.arange(n)) to the matrix; or compute the "
        f"function without a decomposition, or from the values alone (eigvalsh, svdvals)."
    )


@primitives.array_function
def check_space(name: Any, same: Any, turn: Any, *cotangents: Any) -> None:
    """Raise LinAlgError if a rotation `turn` among vectors whose values are the `same` has an effect."""
    scale = np.max(np.stack([np.max(np.abs(g), axis=(-2, -1), initial=0) for g in cotangents]), axis=0)[..., None, None]
    off_diagonal = same & ~np.eye(turn.shape[-1], dtype=bool)
    if np.any(off_diagonal & (np.abs(turn) > np.sqrt(np.finfo(turn.dtype).eps) * scale)):
        raise np.linalg.LinAlgError(
            f"{name}: the vectors of values that coincide are an arbitrary basis of the space they span, so only a "
            f"function of the space, such as V @ V.T, has a derivative. This one depends on the basis: set the values "
            f"apart, for example by adding 1e-6 * np.diag(np.arange(n)) to the matrix."
        )


_met: ContextVar[tuple[Any, list[Any]]] = ContextVar("decompositions met in a backward pass", default=(None, []))


def _met_in_this_pass() -> list[Any]:
    """Return the decompositions whose cotangents the running backward pass has met.

    A pass of arrays inside of another, as of a checkpoint, is part of the other. The list of waiting nodes tells one
    pass from another: this is needed too rarely for a flag that each pass would have to set.
    """
    running = None
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code is backward_pass.__code__:
            running = frame.f_locals["waiting"]
            if frame.f_locals["create_graph"]:
                break
        frame = frame.f_back
    if _met.get()[0] is not running or running is None:
        _met.set((running, []))
    return _met.get()[1]


@primitives.array_function
def check_separate(name: Any, kind: Any, a: Any, unclear: Any, g: Any) -> None:
    """Raise LinAlgError if values and vectors of related matrices `a`, such as x and 2x, have cotangents in one pass.

    They come from separate calls, on two Tensors, and are as `unclear` as those from one call. Matrices computed
    from different parameters vary independently, and raise no error.
    """
    sizes = np.abs(g) if kind == "values" else np.max(np.abs(g), axis=-2, initial=0)
    if not np.any(unclear & (sizes > vector_tolerance(sizes.dtype) * np.max(sizes, axis=-1, keepdims=True, initial=0))):
        return
    met = _met_in_this_pass()
    for other, of_other in met:
        if kind != other and _have_common_vectors(a, of_other) and _share_leaf(a, of_other):
            raise _entanglement_error(name)
    met.append((kind, a))


def _have_common_vectors(a, b):
    """Return True if square matrices commute, as with common eigenvectors; for others, if one is a multiple."""
    if a.shape != b.shape:
        return False
    sizes = np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(b, axis=(-2, -1))
    if a.shape[-1] == a.shape[-2]:
        apart = np.linalg.norm(a @ b - b @ a, axis=(-2, -1))
    else:
        apart = sizes - np.abs(np.sum(np.conj(a) * b, axis=(-2, -1)))
    return np.any(apart <= np.sqrt(np.finfo(a.dtype).eps) * sizes)


def _share_leaf(*matrices):
    """Return True if decomposed matrices, given by their arrays, have a common leaf, or if that is unknown."""
    alive = [node for node in list(_nodes.values()) if node._parents]
    found = [next((node for node in alive if node._args[0] is a), None) for a in matrices]
    leaves = [{x for x in topological_order(node) if not x._parents} for node in found if node is not None]
    return len(leaves) < len(matrices) or bool(set.intersection(*leaves))


defnondiff(coincide, check_apart, check_space, check_separate)

# ---- values and vectors of one matrix from separate calls

_nodes: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
decompositions: dict[Any, Any] = {}


def decompose_once(function: Any, a: Any, *settings: Any) -> Any:
    """Call `function(a, *settings)`, or reuse the node of an earlier call on the same `a`.

    So values and vectors from separate calls belong to one decomposition, which is computed once.
    """
    if type(a) is not Tensor or not a.requires_grad or not is_recording():
        return function(a, *settings)
    node = find_node(function, a, *settings)
    if node is not None:
        return decompositions[function](*outputs_of(node))
    outputs = function(a, *settings)
    decompositions[function] = type(outputs)
    _nodes[function, id(a), settings] = outputs[0]._parents[0]
    return outputs


def find_node(function: Any, a: Any, *settings: Any) -> Any:
    """Return the node of an earlier call on the same values of the same Tensor `a`; None if there is none left."""
    node = _nodes.get((function, id(a), settings))
    return node if node is not None and node._parents and node._args[0] is a._value else None
