"""Averages, quantiles, covariances, histograms, and reductions that skip nan."""
