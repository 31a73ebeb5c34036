"""The calculus: a chapter per family of NumPy functions, a line per function.

A rule `lambda g, ans, *primals: ...` is the vector-Jacobian product for one argument: the cotangent `g` of the answer
`ans` in, the cotangent of that argument out. See `registry.defvjp` for how to read and write one.

Where a derivative does not exist, these values are given (all of them subgradients where the function has one):

=====================================  ===========================================================================
|x| at 0                               0
maximum, minimum, max, min, at a tie   the cotangent is shared evenly among the tied
clip at a bound                        1 by x, 0 by the bound
std of a constant                      0
hypot, arctan2 at (0, 0)               0
sqrt at 0, log at 0, x**p, p < 1, at 0 infinite, as NumPy computes it, with its warning
0**0                                   0 by the base, 0 by the exponent
x**y by y, at x = 0                    0
prod with zeros                        the product of the others: exact, to any order
where                                  0 in the branch not taken; a branch that is nan there needs a second `where`
=====================================  ===========================================================================
"""

from . import (
    constants,
    decompositions,
    elementwise,
    fft,
    indexing,
    linalg,
    ordering,
    polynomials,
    reductions,
    refused,
    series,
    shape,
    statistics,
    ufunc_methods,
)

__all__ = [
    "constants",
    "decompositions",
    "elementwise",
    "fft",
    "indexing",
    "linalg",
    "ordering",
    "polynomials",
    "reductions",
    "refused",
    "series",
    "shape",
    "statistics",
    "ufunc_methods",
]
