"""Pictures of numbers, by matplotlib: activations, decision boundaries, costs, gradients, distributions, fits.

Each function draws into `ax`, matplotlib's Axes of a figure of yours, or into a new one, and returns the Axes; nothing
is shown or written, and no setting of matplotlib is changed. The colours suit the colour-blind (Okabe and Ito 2008);
markers and dashes repeat their meaning, for print. Where matplotlib is missing, ImportError names the extra to install.
"""

from .boundary import decision_boundary
from .curves import activation, fits
from .distributions import histograms
from .progress import costs, gradient_norms

__all__ = ["activation", "costs", "decision_boundary", "fits", "gradient_norms", "histograms"]
