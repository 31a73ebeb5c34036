"""Inverses, determinants, norms, and the factors of matrices."""
