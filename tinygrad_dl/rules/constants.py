"""Functions whose derivative is zero wherever it exists, and those that take no numbers to differentiate by."""
