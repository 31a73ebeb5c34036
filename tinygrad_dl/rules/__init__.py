"""The calculus: a chapter per family of NumPy functions, a line per function.

A rule `lambda g, ans, *primals: ...` is the vector-Jacobian product for one argument: it maps the cotangent `g` of the
result `ans` to the cotangent of that argument. See `registry.defvjp` for reading and writing rules.

Where a derivative does not exist, or might surprise, these conventions hold; first derivatives are subgradients where
the function has one. `tests/rules/test_conventions.py` tests every row, for both orders; "w.r.t." is "with respect to".

===================================  =======================================================  ==========================
at                                   first derivative                                         second derivative
===================================  =======================================================  ==========================
|x| at 0                             0                                                        0, as on both sides
relu, leaky relu at 0                0, and the slope of the negative side                    0, as on the negative side
maximum, minimum at a tie            half to each argument; maximum(x, x) is x                the mean of both sides
max, min at a tie                    the cotangent is shared evenly among the tied elements   the mean of all sides
sort, partition at a tie             equal elements keep their order                          of the selected element
median, quantile at a tie            goes to the elements at the rank in a stable sort        of the selected elements
unique and other sets                goes to the first of equal elements                      of the selected element
clip at a bound                      1 with respect to x, 0 with respect to the bound         with respect to x
where                                0 in the branch not taken; for nan see below             of the branch taken
hypot, arctan2 at (0, 0)             0                                                        nan
sqrt, log, x**p with p < 1, at 0     infinite, as NumPy computes it, with its warning         infinite
0**0, 0**y                           0 w.r.t. the base of 0**0; 0 w.r.t. the exponent         nan w.r.t. both if y <= 1
x**y with x < 0                      exact w.r.t. x; nan w.r.t. y, which has none             the same
prod, cumprod with zeros             the product of the other elements                        exact, to any order
var, std of a constant               0, for any ddof < n                                      exact for var; nan for std
norm at 0                            0, for every ord; ties are shared as in max              nan; 0 for ord 1 and inf
eigenvalues that coincide            values: cotangents are averaged; eigvals requires equal  exact for functions of the
                                     ones. Vectors: exact for a function of the space that    values alone, symmetric in
                                     they span. Other functions, and those of both values     them; else LinAlgError
                                     and vectors: LinAlgError
singular values that coincide, or 0  the same; the sum of singular values has derivative      the same, if even in those
                                     U Vᵀ over the nonzero ones                               that are 0
nan                                  0 at a nan that a reduction skips; max, min and maximum  the same
                                     pass the cotangent to a nan
empty arrays                         gradients of the same shape                              of both shapes
0-d arrays, Python scalars           0-d gradients of the same kind                           the same
float16, float32, complex64          values, gradients and intermediate results keep it       the same
integers, bools                      constants beside a Tensor; their own gradient is an      the same
                                     error
===================================  =======================================================  ==========================

The second derivative of a smooth function of a kink is exact, at 0 too, as for |x|**2, norm(x)**2, hypot(x, y)**2,
std(x)**2; see `kinks`. It is nan where it has no limit; higher derivatives are exact or nan. At ties it is the mean of
all sides, equal for a smooth function such as (max(x) - min(x))**2 or np.maximum(x, y) * np.minimum(x, y); see
`ties`. With more than 16 ties in one array, that holds if its elements are not mixed. It is wrong where a side is never
taken, as of np.maximum(np.abs(x), 0) at 0 or of maxima in each other. Code that chooses one side, by `sort`, `median`,
`where` or `clip`, must not combine it with the maximum or minimum of the same array. If the branch of
`where` that is not taken is nan, write a second `where`: np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0).
At ties in norms of order inf and -inf, np.fmax.reduce and np.fmin.reduce, it is that of the even shares instead.

The slopes of tanh, sigmoid and expm1 are computed from their values, and so have their absolute rounding error: where
a value rounds to 1 or -1, the slope is 0.

Decompositions, for both orders: the eigenvalues of a defective matrix have no derivative, nor have dependent columns
their QR factors (LinAlgError); np.poly has the right one, np.roots an infinite one at a double root; eigh, cholesky and
functions with hermitian=True depend on the triangle that NumPy reads; pinv and lstsq of low rank are differentiated at
constant rank. Eigenvalues of a general matrix that coincide are a conjugate pair for close matrices: abs(w)**2 has no
second derivative (LinAlgError), w**2 has one; where NumPy gives real ones, np.abs(w) itself counts as straight. A
function of eigenvectors that changes only to second order with a rotation of these within their space, such as v[0, 0]
where it is 1, is taken for a function of the space: its derivative is 0.
"""

from . import (  # noqa: F401  # each chapter fills the tables
    apply_along,
    coinciding,
    constants,
    decompositions,
    eigen,
    einsum,
    elementwise,
    fft,
    indexing,
    joining,
    kinks,
    linalg,
    matrices,
    norms,
    ordering,
    polynomials,
    quantiles,
    ranges,
    reductions,
    repeat_take_pad,
    selection,
    series,
    shape,
    singular,
    solve,
    special,
    statistics,
    symmetric,
    ties,
    unsupported,
    windows,
)

# isort: split
from . import ufunc_methods  # noqa: F401  # last, as it reads the tables that the other chapters fill
