"""The tape: Tensors that record NumPy's functions, and the backward pass through what they recorded.

To be read in this order, each module using those before it only:

1. `registry`: which function has which derivative rules;
2. `tensor`: the array that records, and `apply`, which records a call;
3. `calls`: calls that are not so simple, with keywords, settings, several outputs, or functions without rules;
4. `backprop`: the backward pass.

Beside them: `primitives` that NumPy lacks, `array_methods`, conversion of `arguments`, `modes` such as `no_grad`.
"""
