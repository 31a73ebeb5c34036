"""Primitives that NumPy lacks, such as `set_at` for `x[index] = value`, and `primitive`, which makes your own."""

from .core.primitives import add_at, getitem, put_along_axis, set_at
from .core.primitives import astype as astype  # this and the others are read in formulas
from .core.primitives import concatenate as concatenate
from .core.primitives import einsum as einsum
from .core.primitives import identity as identity
from .core.primitives import log_above_0 as log_above_0
from .core.primitives import masked as masked
from .core.primitives import output as output
from .core.primitives import scatter_add as scatter_add
from .core.primitives import sigmoid as sigmoid
from .core.primitives import softplus as softplus
from .core.primitives import values as values
from .core.primitives import widened as widened
from .functional.user_ops import primitive

__all__ = ["add_at", "getitem", "primitive", "put_along_axis", "set_at"]
