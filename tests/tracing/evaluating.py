"""Evaluating formulas as code, to hold them against what the rules give."""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import pytree
from tinygrad_dl.core import primitives, registry
from tinygrad_dl.core.backprop import topological_order
from tinygrad_dl.graph.formulas import derivative, expression, parameter_names

RNG = np.random.default_rng(0)
X, Y = tg.parameter([[0.5, 1.5, 2.5], [0.7, 1.7, 2.7]]), tg.parameter([[1.5, 0.5, 2.0], [0.6, 1.2, 0.9]])
A, B = X[:, :2].detach().numpy(), Y[:, :2].detach().numpy()

PRIMITIVES = {function.__name__: function for function in primitives.on_arrays}


def made(ans):
    """The Tensors in the graph of `ans` that a function made."""
    order = topological_order(*[y for y in pytree.leaves(ans) if type(y) is tg.Tensor])
    return [node for node in order if node._function is not None]


def tracked(node):
    return [i for i, parent in enumerate(node._parents) if parent is not None and parent.requires_grad]


def random_cotangent(ans):
    if isinstance(ans, primitives.Outputs):
        return primitives.Outputs(random_cotangent(y) if y.dtype.kind in "fc" else None for y in ans)
    g = RNG.normal(size=ans.shape) + (1j * RNG.normal(size=ans.shape) if ans.dtype.kind == "c" else 0)
    return g.astype(ans.dtype)


def namespace(node, args):
    """The arguments by the names that the formulas have for them."""
    names = {"np": np, **PRIMITIVES, **(node._kwargs or {})}
    for name, arg in zip(parameter_names(node), args, strict=True):
        if "[" in name:
            names.setdefault(name.partition("[")[0], []).append(arg)
        else:
            names[name] = arg
    return names


def evaluated(formula, names):
    names = dict(names)
    for name, text in formula.bindings:
        names[name] = eval(text, names)
    return eval(formula.result, names)


def assert_equal(found, expected):
    if isinstance(expected, tuple):
        for part, right in zip(found, expected, strict=True):
            assert_equal(part, right) if right is not None else None
    elif expected is not None:
        assert np.shape(found) == np.shape(expected)
        scale = np.max(np.abs(expected), initial=0)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * (scale if np.isfinite(scale) else 1))


def nearby(node):
    """The arguments of `node`, the differentiable ones changed a little, and what the function makes of them."""
    moved = [i for i in tracked(node) if not isinstance(node._args[i], tuple)]
    args = list(node._args)
    for i in moved:
        args[i] = args[i] * (1 - 1e-7 * RNG.uniform(1, 2, np.shape(args[i])))
    compute = primitives.on_arrays.get(node._function, node._function)
    ans = compute(*args, **(node._kwargs or {}))
    return args, primitives.Outputs(ans) if isinstance(ans, tuple) else ans


def assert_formulas_hold(node):
    with np.errstate(all="ignore"):
        text = expression(node)
        assert text.evaluable, text
        assert_equal(evaluated(text, namespace(node, node._args)), node._value)
        for argnum in tracked(node):
            formula = derivative(node, argnum)
            assert formula.evaluable, formula
            for args, ans in ((node._args, node._value), nearby(node)):
                g = random_cotangent(ans)
                expected = registry.vjps[node._function][argnum](g, ans, *args, **(node._kwargs or {}))
                assert_equal(evaluated(formula, {**namespace(node, args), "g": g, "ans": ans}), expected)
