"""Basic and advanced indexing: reading elements, and its transpose, adding to them."""

import numpy as np

from ..core import primitives
from ..core.registry import defvjp, defvjp_adding


def _output_vjp(g, ans, outputs, i, count):
    return primitives.Outputs(g if j == i else None for j in range(count))


def _add_at_index(total, g, ans, x, index):
    if type(total) is not np.ndarray or not isinstance(g, (np.ndarray, np.generic)) or g.dtype != total.dtype:
        return False
    primitives.add_into(total, index, g)
    return True


defvjp(primitives.output,       _output_vjp)
defvjp_adding(primitives.getitem, lambda g, ans, x, index: primitives.scatter_add(g, index, x), _add_at_index)
defvjp(primitives.scatter_add,  lambda g, ans, values, index, like: g[index], None, None)
