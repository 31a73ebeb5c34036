"""Helpers of tests of derivatives at single points."""

import numpy as np

import tinygrad_dl as tg


def by_each(f, *values):
    """The derivative of the sum of `f(*values)` by each value."""
    leaves = [tg.parameter(value) for value in values]
    return [g.tolist() for g in tg.gradients(np.sum(f(*leaves)), leaves)]
