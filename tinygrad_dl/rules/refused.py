"""Functions without a derivative here: why, and what to do instead."""
