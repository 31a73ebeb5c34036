"""Basic and advanced indexing: reading elements, and its transpose, adding to them."""

import numpy as np

from .. import _functions
from ..batching import Batched
from ..batching.indexing import is_basic
from ..core import primitives
from ..core.registry import defvjp, defvjp_adding


def _output_vjp(g, ans, outputs, i, count):
    return primitives.Outputs(g if j == i else None for j in range(count))


def _add_at_index(total, g, ans, x, index):
    if type(total) is Batched:
        entries = index if type(index) is tuple else (index,)
        apart = type(g) is Batched and g._level is total._level and is_basic(entries)
        return apart and _add_at_index(total._value, g._value, ans, x, (slice(None), *entries))
    if type(total) is not np.ndarray or not isinstance(g, (np.ndarray, np.generic)) or g.dtype != total.dtype:
        return False
    _functions.add_into(total, index, g)
    return True


defvjp(primitives.output,       _output_vjp)
defvjp_adding(primitives.getitem, lambda g, ans, x, index: _functions.scatter_add(g, index, x), _add_at_index)
defvjp(_functions.scatter_add,  lambda g, ans, values, index, like: g[index], None, None)
