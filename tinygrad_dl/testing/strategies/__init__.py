"""Hypothesis strategies for tests of derivatives: arrays, shapes, axes, indices, networks and programs."""

try:
    import hypothesis.strategies  # noqa: F401 (`properties` takes it from here)
except ImportError:
    raise ImportError(
        'property-based tests need Hypothesis: pip install "tinygrad-dl[hypothesis]"', name="hypothesis"
    ) from None

from .arrays import LAYOUTS, arrays, axes, broadcastable, indices, matmul_pairs, shapes
from .networks import Network, networks
from .numbers import DOMAINS
from .programs import Program, programs

__all__ = [
    "DOMAINS",
    "LAYOUTS",
    "Network",
    "Program",
    "arrays",
    "axes",
    "broadcastable",
    "indices",
    "matmul_pairs",
    "networks",
    "programs",
    "shapes",
]
