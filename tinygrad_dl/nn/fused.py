"""Formulas that a net uses at every step, as one node of the graph each, with one derivative rule.

The formulas themselves are those of `activations` and `losses`, whose backprop falls out just as well; the tests hold
the two against each other. One node is faster, is what the course draws, and its rule is more exact: σ'(z) taken as
a (1 - a) cancels against the cross-entropy's 1 / (a (1 - a)) to the last digit, even where the sigmoid saturates.
"""

import numpy as np

from ..primitives import primitive
from ..registry import defvjp
from . import activations, losses

sigmoid = primitive(activations.sigmoid)
defvjp(sigmoid, lambda g, ans, z: g * (ans * (1 - ans)))

binary_cross_entropy = primitive(losses.binary_cross_entropy)
defvjp(
    binary_cross_entropy,
    lambda g, ans, A, Y: (g / A.shape[-1]) * ((1 - Y) / (1 - A + losses._TINY) - Y / (A + losses._TINY)),
    lambda g, ans, A, Y: (g / A.shape[-1]) * (np.log(1 - A + losses._TINY) - np.log(A + losses._TINY)),
)
