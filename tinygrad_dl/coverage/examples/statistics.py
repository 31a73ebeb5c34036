"""Averages, quantiles, covariances, histograms, and reductions that skip nan."""

from ..cases import Case, table

CASES: list[Case] = table()
