"""Polynomials by their coefficients."""

from ..cases import Case, table

CASES: list[Case] = table()
