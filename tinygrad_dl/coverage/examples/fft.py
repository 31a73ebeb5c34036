"""Discrete Fourier transforms: linear, so each is transposed to another."""

from ..cases import Case, table

CASES: list[Case] = table()
