"""Along an axis: running sums and products, differences, integrals, interpolation, convolution."""
