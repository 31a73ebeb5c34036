"""The methods of ufuncs: `np.add.reduce` and its like."""

import numpy as np

from ..registry import defspelling


def _reduce_as(function):
    def reduce(x, axis=0, keepdims=False):
        return function(x, axis=axis, keepdims=keepdims)

    return reduce


for ufunc, function in ((np.add, np.sum), (np.multiply, np.prod), (np.maximum, np.max), (np.minimum, np.min)):
    defspelling(ufunc.reduce, _reduce_as(function))
