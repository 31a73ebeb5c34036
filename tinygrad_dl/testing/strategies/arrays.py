"""Strategies for arrays and for arguments beside them: shapes that broadcast or multiply, axes, indices.

All shrink towards few short axes, whole numbers and contiguous memory, and print as code.
"""

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.strategies import SearchStrategy as Strategy

from ..source_repr import source_repr
from .numbers import Domain, Drawing, Interval, drawing

Shape = tuple[int, ...]

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of arrays with at least one axis
    "contiguous": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "transposed": lambda x: np.moveaxis(np.moveaxis(x, -1, 0).copy(), 0, -1),
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.flip(np.flip(x).copy()),
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape),  # stride 0, read-only; the only one that changes values
}


def shapes(max_ndim: int = 3, max_side: int = 3, *, empty: bool = False) -> Strategy[Shape]:
    """Return a strategy for shapes of arrays.

    Parameters
    ----------
    max_ndim
        The largest number of axes; the least is 0.
    max_side
        The largest length of an axis.
    empty
        Draw axes of length 0 too; else the least length is 1.

    Returns
    -------
    SearchStrategy
        Of tuples of integers.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(shapes(empty=True), lambda shape: 0 in shape)
    (0,)
    """
    return npst.array_shapes(min_dims=0, max_dims=max_ndim, min_side=0 if empty else 1, max_side=max_side)


def arrays(
    shape: int | Shape | Strategy[Shape] | None = None,
    domain: Domain | Interval = "real",
    dtype: Any = np.float64,
    *,
    kinks: Sequence[float] | None = None,
    on_kinks: bool = False,
    layouts: bool | None = None,
) -> Strategy[np.ndarray]:
    """Return a strategy for arrays of floats or complex numbers.

    Parameters
    ----------
    shape
        A shape, or a strategy for shapes such as `shapes(empty=True)`; by default 0 to 3 axes of length 1 to 3.
    domain
        A name in `DOMAINS`, or an interval (low, high). In an unbounded domain most numbers lie within 3 of 0, some
        arrays go up to 10, and one in seven lies beyond 1e6, unless `on_kinks`.
    dtype
        A float or complex dtype; both parts of complex numbers are in the domain.
    kinks
        Values at which a function has no derivative, such as [0.0] for a relu. Elements keep away from them, and from
        each other, as a maximum needs, for which `kinks=[]` is enough.
    on_kinks
        Deliberately draw kinks, -0.0 among them, and equal elements.
    layouts
        By default many arrays are in Fortran order, or views with gaps or negative strides. True draws all of
        `LAYOUTS`, some of which are read-only; False draws contiguous arrays.

    Returns
    -------
    SearchStrategy
        Of arrays, which print as code.

    Raises
    ------
    ValueError
        If the domain is unknown, the dtype is not float or complex, the kinks leave no room, or `on_kinks` comes
        without `kinks`.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(arrays((2, 2), "positive", kinks=[1.0]), lambda x: True)
    array([[2. , 3. ],
           [0.5, 1.5]])
    """
    if not isinstance(shape, Strategy):
        shape = shapes() if shape is None else st.just((shape,) if isinstance(shape, int) else tuple(shape))
    return _array(st.tuples(shape), [drawing(domain, dtype, kinks, on_kinks)], _layouts(layouts, kinks, on_kinks))


def broadcastable(
    n: int = 2,
    domains: Domain | Interval | Sequence[Domain | Interval] = "real",
    dtype: Any = np.float64,
    *,
    max_ndim: int = 3,
    max_side: int = 3,
    kinks: Sequence[float] | None = None,
    on_kinks: bool = False,
    layouts: bool | None = None,
) -> Strategy[tuple[np.ndarray, ...]]:
    """Return a strategy for tuples of `n` arrays whose shapes broadcast together.

    Parameters
    ----------
    n
        The number of arrays.
    domains
        One domain for all arrays, or one for each.
    max_ndim, max_side
        The largest number of axes, and the largest length of an axis.
    dtype, kinks, on_kinks, layouts
        As for `arrays`. With `kinks` the elements of different arrays keep away from each other too.

    Returns
    -------
    SearchStrategy
        Of tuples of `n` arrays.

    Raises
    ------
    ValueError
        As for `arrays`, and if the number of domains is neither 1 nor `n`.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(broadcastable(2, ["real", "positive"]), lambda pair: pair[0].shape != pair[1].shape)
    (array([0.]), array(1.))
    """
    together = npst.mutually_broadcastable_shapes(num_shapes=n, min_side=1, max_side=max_side, max_dims=max_ndim)
    drawings = [drawing(domain, dtype, kinks, on_kinks) for domain in _one_each(domains, n)]
    return _tuple(together.map(_input_shapes), drawings, _layouts(layouts, kinks, on_kinks))


def matmul_pairs(
    domains: Domain | Interval | Sequence[Domain | Interval] = "real",
    dtype: Any = np.float64,
    *,
    max_side: int = 3,
    layouts: bool | None = None,
) -> Strategy[tuple[np.ndarray, ...]]:
    """Return a strategy for pairs (x, y) for `x @ y`: vectors, matrices, and stacks of matrices that broadcast.

    Parameters
    ----------
    domains, dtype, max_side, layouts
        As for `broadcastable`.

    Returns
    -------
    SearchStrategy
        Of pairs of arrays.

    Examples
    --------
    >>> from hypothesis import find
    >>> [x.shape for x in find(matmul_pairs(), lambda pair: pair[0].ndim == 2)]
    [(1, 1), (1,)]
    """
    together = npst.mutually_broadcastable_shapes(
        signature=np.matmul.signature, min_side=1, max_side=max_side, max_dims=2
    )
    drawings = [drawing(domain, dtype) for domain in _one_each(domains, 2)]
    return _tuple(together.map(_input_shapes), drawings, _layouts(layouts))


def axes(ndim: int) -> Strategy[Any]:
    """Return a strategy for the `axis` of a reduction.

    Parameters
    ----------
    ndim
        The number of axes of the reduced array.

    Returns
    -------
    SearchStrategy
        Of None, integers, also negative ones, and tuples of integers.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(axes(3), lambda axis: isinstance(axis, tuple) and len(axis) == 2)
    (0, 1)
    """
    if ndim == 0:
        return st.sampled_from([None, ()])
    return st.none() | st.integers(0, ndim - 1) | st.integers(-ndim, -1) | npst.valid_tuple_axes(ndim)


def indices(shape: Shape) -> Strategy[Any]:
    """Return a strategy for indices of an array.

    Parameters
    ----------
    shape
        The shape of the array.

    Returns
    -------
    SearchStrategy
        Of integers, slices, ellipses, None, masks, integer arrays with repeated and negative indices, and tuples of
        these.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(indices((3,)), lambda index: isinstance(index, np.ndarray) and index.dtype == bool and index.any())
    array([False, False,  True])
    """
    every: Strategy[Any] = npst.basic_indices(shape, allow_newaxis=True) | _masks(shape)
    if shape and 0 not in shape:
        few = npst.array_shapes(max_dims=2, max_side=3)
        every |= _masks(shape[:1]) | npst.integer_array_indices(shape, result_shape=few)
        every |= _integers(shape[0], few)
        for axis, n in enumerate(shape):  # an array of integers for this axis, a slice or an integer for the others
            others = [st.slices(length) | st.integers(-length, length - 1) for length in shape]
            every |= st.tuples(*others[:axis], _integers(n, few), *others[axis + 1 :])
    return _index(every)


# ---- from shapes and numbers to arrays


def _one_each(domains: Any, n: int) -> Sequence[Domain | Interval]:
    one = isinstance(domains, str) or isinstance(domains[0], (int, float))
    if not one and len(domains) != n:
        raise ValueError(f"expected one domain for all arrays, or {n}, got {len(domains)}: {domains!r}.")
    return [domains] * n if one else domains


def _layouts(layouts: bool | None, kinks: Sequence[float] | None = None, on_kinks: bool = False) -> list[str]:
    if layouts is None:
        return [*2 * ["contiguous", "Fortran"], "transposed", "strided", "reversed"]
    names = list(LAYOUTS) if layouts else ["contiguous"]
    return [name for name in names if name != "repeated" or kinks is None or on_kinks]  # which makes ties


@st.composite
def _tuple(draw, together: Strategy, drawings: Sequence[Drawing], layouts: Sequence[str]) -> tuple[np.ndarray, ...]:
    made = []
    for i, (shape, draw_numbers) in enumerate(zip(draw(together), drawings, strict=True)):
        x = draw_numbers(draw, math.prod(shape), (i, len(drawings))).reshape(shape)
        if x.ndim and len(layouts) > 1:
            x = LAYOUTS[draw(st.sampled_from(layouts))](x)
        made.append(_print_as_code(x))
    return tuple(made)


@st.composite
def _index(draw, every: Strategy) -> Any:
    index = draw(every)
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, np.ndarray):
            _print_as_code(part)
    return index


def _integers(n: int, shape: Strategy[Shape]) -> Strategy[np.ndarray]:
    return npst.arrays(np.intp, shape, elements=st.integers(-n, n - 1), fill=st.nothing())


def _masks(shape: Shape) -> Strategy[np.ndarray]:
    return npst.arrays(bool, shape, fill=st.nothing())


@st.composite
def _array(draw, *args) -> np.ndarray:
    (x,) = draw(_tuple(*args))
    return x


def _input_shapes(together: npst.BroadcastableShapes) -> tuple[Shape, ...]:
    return together.input_shapes


def _print_as_code(x: np.ndarray) -> np.ndarray:
    """Return `x`; Hypothesis will print it as code, since the repr of an array lacks its layout.

    Hypothesis has printers for classes only, so this uses its internals; if they have changed, it prints the repr.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from hypothesis.control import current_build_context
        from hypothesis.vendor.pretty import IDKey

        printers = current_build_context().known_object_printers
        printers[IDKey(x)] = [lambda x, printer, cycle: printer.text(source_repr(x))]
    return x
