"""Inverses, determinants, norms, and the factors of matrices."""

from ..cases import Case, table

CASES: list[Case] = table()
