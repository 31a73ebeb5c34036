"""The tape: Tensors that record NumPy's functions, and the backward pass through the recorded graph.

Read the modules in this order; each uses earlier ones only:

1. `registry`: the table of derivative rules;
2. `tensor`: the array that records, and `apply`, which records a call;
3. `calls`: general calls, with keywords, settings, several outputs, or functions without rules;
4. `backprop`: the backward pass.

Beside them: `primitives` that NumPy lacks, `array_methods`, conversion of `arguments`, `modes` such as `no_grad`.
"""
