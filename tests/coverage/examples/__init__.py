"""Examples of every function that has a derivative: a chapter per chapter of `rules`, a row per call."""

from tinygrad_dl.coverage.cases import Case

from . import (
    along_axes,
    choices,
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
    series,
    shape,
    special,
    statistics,
    ufunc_methods,
)

CHAPTERS = (
    along_axes,
    choices,
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
    series,
    shape,
    special,
    statistics,
    ufunc_methods,
)
CASES: list[Case] = [case for chapter in CHAPTERS for case in chapter.CASES]
