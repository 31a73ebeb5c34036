"""Discrete Fourier transforms: linear, so each is transposed to another."""
