"""The calculus: a chapter per family of NumPy functions, a line per function.

A rule `lambda g, ans, *primals: ...` is the vector-Jacobian product for one argument: the cotangent `g` of the answer
`ans` in, the cotangent of that argument out. See `registry.defvjp` for how to read and write one.

Where a derivative does not exist, or might surprise, these values are given; first ones are subgradients where the
function has one. `tests/rules/test_conventions.py` has a test for every row, of both orders.

===================================  =======================================================  ==========================
at                                   first derivative                                         second derivative
===================================  =======================================================  ==========================
|x| at 0                             0                                                        0, as on both sides
relu, leaky relu at 0                0, and the slope of the negative side                    0, as on the negative side
maximum, minimum at a tie            half to each of the two; maximum(x, x) is x              the mean of both sides
max, min at a tie                    the cotangent is shared evenly among the tied            the mean of all sides
sort, partition at a tie             of equal elements, the first becomes the first           that of the chosen
median, quantile at a tie            to the elements that a stable sort puts at the rank      that of the chosen
unique and other sets                to the first of the equal elements                       that of the chosen
clip at a bound                      1 by x, 0 by the bound                                   that of x
where                                0 in the branch not taken; for a nan there see below     that of the branch taken
hypot, arctan2 at (0, 0)             0                                                        nan
sqrt, log, x**p with p < 1, at 0     infinite, as NumPy computes it, with its warning         infinite
0**0, 0**y                           0 by the base of 0**0, 0 by the exponent                 nan by both if y <= 1
x**y with x < 0                      right by x; nan by y, which has no derivative there      the same
prod, cumprod with zeros             the product of the others                                exact, to any order
var, std of a constant               0, with any ddof < n                                     right for var; nan for std
norm at 0                            0, for every ord; ties in it share as in max             nan; of order 1 and inf, 0
eigenvalues that coincide            by values, their cotangents are averaged, of eigvals if  right for what depends on
                                     they are alike; by vectors, right for what depends on    the values alone, and is
                                     the space they span alone; else, and by values and       symmetric in them; else
                                     vectors together, LinAlgError                            LinAlgError
singular values that coincide, or 0  the same; the sum of singular values has derivative      the same, if it is even in
                                     U Vᵀ over those not 0                                    those that are 0
nan                                  0 at a nan that a reduction skips; max, min and maximum  the same
                                     hand on to a nan
nothing: axes of length 0            gradients of the same shape                              of both shapes
numbers of no axes, Python scalars   0-d gradients of the same kind                           the same
float16, float32, complex64          stay: values, gradients, and what is in between          stay
integers, bools                      constants beside a Tensor; no gradient by them, and an   the same
                                     error if one is wanted
===================================  =======================================================  ==========================

The second derivative of a smooth function of a kink is right, at 0 too: of |x|**2, norm(x)**2, hypot(x, y)**2,
std(x)**2; see `kinks`. It is nan where it has no limit; further ones are right or nan. So it is at ties, where the mean
of all sides is what all have if the function is smooth, as (max(x) - min(x))**2 and np.maximum(x, y) * np.minimum(x, y)
are; see `ties`. With more than 16 ties in one array, that holds if its elements don't mix. Who chooses one side, by
`sort`, `median`, `where` or `clip`, is not to take the maximum or minimum of the same beside it. A branch of `where`
that is not taken but nan needs a second `where`: np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0).

Of decompositions, both orders: a defective matrix has no derivative of its eigenvalues, nor dependent columns of their
QR factors (LinAlgError); np.poly has the right one, np.roots an infinite one at a double root; eigh, cholesky and what
is hermitian=True depend on the triangle that NumPy reads; pinv and lstsq of a low rank are differentiated as if that
stayed. Eigenvalues of a matrix of any kind that coincide are a conjugate pair close by: abs(w)**2 has no second
derivative (LinAlgError), w**2 has one; where NumPy gives real ones, np.abs(w) itself counts as straight. A function of
eigenvectors of a space that any turn of these changes in second order only, as of v[0, 0] where it is 1, looks like one
of the space: its derivative is 0.
"""

from . import (
    along_axes,
    choices,
    coinciding,
    constants,
    decompositions,
    eigen,
    einsum,
    elementwise,
    fft,
    indexing,
    inverses,
    joining,
    kinks,
    linalg,
    matrices,
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
    singular,
    special,
    statistics,
    symmetric,
    ties,
    ufunc_methods,
)

__all__ = [
    "along_axes",
    "choices",
    "coinciding",
    "constants",
    "decompositions",
    "eigen",
    "einsum",
    "elementwise",
    "fft",
    "indexing",
    "inverses",
    "joining",
    "kinks",
    "linalg",
    "matrices",
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
    "singular",
    "special",
    "statistics",
    "symmetric",
    "ties",
    "ufunc_methods",
]
