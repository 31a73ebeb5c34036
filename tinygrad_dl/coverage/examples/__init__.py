"""Examples of every function that has a derivative: a chapter per chapter of `rules`, a row per call."""

from ..cases import Case
from . import (
    decompositions,
    elementwise,
    fft,
    indexing,
    linalg,
    ordering,
    polynomials,
    reductions,
    series,
    shape,
    statistics,
    ufunc_methods,
)

CHAPTERS = (
    decompositions,
    elementwise,
    fft,
    indexing,
    linalg,
    ordering,
    polynomials,
    reductions,
    series,
    shape,
    statistics,
    ufunc_methods,
)
CASES: list[Case] = [case for chapter in CHAPTERS for case in chapter.CASES]
