"""Primitives that NumPy lacks, such as `set_at` for `x[index] = value`, and `primitive`, which makes your own."""

from ._functions import add_at, put_along_axis, set_at
from ._functions import concatenate as concatenate
from ._functions import einsum as einsum
from ._functions import log_above_0 as log_above_0
from ._functions import masked as masked
from ._functions import scatter_add as scatter_add
from ._functions import sigmoid as sigmoid
from ._functions import softplus as softplus
from ._functions import widened as widened
from .core.primitives import astype as astype  # this and the others are read in formulas
from .core.primitives import getitem
from .core.primitives import identity as identity
from .core.primitives import output as output
from .core.primitives import values as values
from .functional.user_ops import primitive

__all__ = ["add_at", "getitem", "primitive", "put_along_axis", "set_at"]
