"""The calculus: a chapter per family of NumPy functions, a line per function.

A rule `lambda g, ans, *primals: ...` is the vector-Jacobian product for one argument: the cotangent `g` of the answer
`ans` in, the cotangent of that argument out. See `registry.defvjp` for how to read and write one.

Where a derivative does not exist, or might surprise, these values are given; they are subgradients where the function
has one. `tests/rules/test_conventions.py` has a test for every row.

=====================================  ===========================================================================
|x| at 0                               0
relu, leaky relu at 0                  0, and the slope of the negative side
maximum, minimum at a tie              half to each of the two; maximum(x, x) is x
max, min at a tie                      the cotangent is shared evenly among the tied, along the axis
sort, partition at a tie               of equal elements, the first becomes the first
median, quantile at a tie              to the elements that a stable sort puts at the rank
unique and other sets                  to the first of the equal elements
clip at a bound                        1 by x, 0 by the bound
where                                  0 in the branch not taken; a branch that is nan there needs a second `where`
hypot, arctan2 at (0, 0)               0
sqrt, log, x**p with p < 1, at 0       infinite, as NumPy computes it, with its warning
0**0, 0**y                             0 by the base of 0**0, 0 by the exponent
x**y with x < 0                        right by x; nan by y, which has no derivative there
prod, cumprod with zeros               the product of the others: exact, to any order
var, std of a constant                 0, with any ddof < n
norm at 0                              0, for every ord; ties in it share as in max
eigenvalues that coincide              their vectors do not turn: right for whatever depends on the space they span
singular values that coincide, or 0    the same; the sum of singular values has derivative U Vᵀ over those not 0
nan                                    0 at a nan that a reduction skips; max, min and maximum hand on to a nan
nothing: axes of length 0              gradients of the same shape
numbers of no axes, Python scalars     0-d gradients of the same kind
float16, float32, complex64            stay: values, gradients, and what is computed in between
integers, bools                        constants beside a Tensor; no gradient by them, and an error if one is wanted
=====================================  ===========================================================================
"""

from . import (
    along_axes,
    choices,
    constants,
    decompositions,
    einsum,
    elementwise,
    fft,
    indexing,
    inverses,
    joining,
    linalg,
    moving,
    norms,
    ordering,
    polynomials,
    quantiles,
    ranges,
    reductions,
    refused,
    series,
    shape,
    special,
    statistics,
    ufunc_methods,
)

__all__ = [
    "along_axes",
    "choices",
    "constants",
    "decompositions",
    "einsum",
    "elementwise",
    "fft",
    "indexing",
    "inverses",
    "joining",
    "linalg",
    "moving",
    "norms",
    "ordering",
    "polynomials",
    "quantiles",
    "ranges",
    "reductions",
    "refused",
    "series",
    "shape",
    "special",
    "statistics",
    "ufunc_methods",
]
