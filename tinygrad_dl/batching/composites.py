"""Batching rules of composite functions: the registry's decomposition for one sample serves for all samples."""

from ..core import registry
from .axes import functions_named
from .batched import Level, rules

NAMES = "append block column_stack hsplit vsplit dsplit unstack rollaxis atleast_3d broadcast_arrays meshgrid average"
NAMES += " dot inner outer vdot tensordot kron linalg.multi_dot linalg.outer linalg.tensordot"
NAMES += " sort_complex ediff1d polyadd polysub polyder polyint apply_along_axis apply_over_axes"


def _composite(function):
    def rule(level: Level, *args, **kwargs):
        return registry.composites[function](*args, **kwargs)

    return rule


for _function in functions_named(NAMES):
    rules[_function] = _composite(_function)
