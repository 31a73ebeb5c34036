"""Functions that the registry spells in others, which have rules: the spelling for one sample is that for all."""

from ..core import registry
from .axes import named
from .batched import Level, rules

NAMES = "append block column_stack hsplit vsplit dsplit unstack rollaxis atleast_3d broadcast_arrays meshgrid average"
NAMES += " dot inner outer vdot tensordot kron linalg.multi_dot linalg.outer linalg.tensordot"
NAMES += " sort_complex ediff1d polyadd polysub polyder polyint"


def _spelled(function):
    def rule(level: Level, *args, **kwargs):
        return registry.spellings[function](*args, **kwargs)

    return rule


for _function in named(NAMES):
    rules[_function] = _spelled(_function)
