"""Protection from silently lost gradients and stale flags; messages at the user's own line. `core/` calls it.

- `leaving`: conversions of a Tensor to a plain number, which lose the gradient, and writes into its data;
- `cuts`: the origin of values through which no gradient flows, for pictures;
- `missing_rules`: errors for calls that no derivative rule is for;
- `lacking`: methods that Tensors lack, each an error that names another way;
- `misfits`: errors for operands whose shapes don't fit, with their names;
- `numpy_warnings`: NumPy's warnings, issued at the user's own line;
- `flags`: context managers such as `no_grad`, in generators, tasks and threads, and after an interrupt.
"""
