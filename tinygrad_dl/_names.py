"""Names of parameters: of biases, which regularisation leaves out."""

import re

_BIAS = re.compile(r"(.*\.)?(b|bias|beta|gamma)\d*")


def is_bias(name: str | None) -> bool:
    """Return whether a parameter of this name is a bias, or the shift or scale of batch normalization.

    >>> [is_bias(name) for name in ("b2", "layers.0.b", "gamma1", "W1", None)]
    [True, True, True, False, False]
    """
    return name is not None and _BIAS.fullmatch(name) is not None
