"""Along an axis: running sums and products, differences, integrals, interpolation, convolution."""

from ..cases import Case, table

CASES: list[Case] = table()
