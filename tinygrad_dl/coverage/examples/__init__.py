"""Examples of every function that has a derivative: a chapter per chapter of `rules`, a row per call."""

from ..cases import Case
from . import elementwise, indexing, linalg, reductions, shape, ufunc_methods

CHAPTERS = (elementwise, reductions, shape, linalg, indexing, ufunc_methods)
CASES: list[Case] = [case for chapter in CHAPTERS for case in chapter.CASES]
