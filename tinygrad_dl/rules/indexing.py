"""Basic and advanced indexing: reading elements, and its transpose, adding into them."""

from .. import primitives
from ..registry import defvjp

defvjp(primitives.getitem,      lambda g, ans, x, index: primitives.scatter_add(g, index, x))
defvjp(primitives.scatter_add,  lambda g, ans, values, index, like: g[index], None, None)
