"""Sorting, selecting by rank, and functions of sets: the cotangent goes back to where each value came from."""
