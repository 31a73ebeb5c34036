"""The tape: Tensors that record NumPy's functions, and the backward pass through the recorded graph.

Read the modules in this order; each uses earlier ones only:

1. `registry`: the table of derivative rules;
2. `tensor`: the array that records, and `apply`, which records a call;
3. `calls`: general calls, with keywords, settings, several outputs, or functions without rules;
4. `backprop`: the backward pass.

Simple calls do not need `calls`: the other three, 1,200 lines, lead from `y = np.tanh(W @ x)` to the end of
`y.backward()`. The functions that run on this way have 300 lines: `operator` (made by `_binary`), `record`, `apply`,
`backward`, `backward_pass`. The guide `examples/guides/how_it_works.md` lists them in their order.

Beside them: `primitives`, functions that dispatch as NumPy's do; `array_methods`; conversion of `arguments`; `modes`
such as `no_grad`; `display`, the text of a Tensor. The protection from lost gradients, and messages at the user's line,
are in `guards/`; stand-ins for arrays, such as those computed only when something reads them, in `proxies/`.
"""
