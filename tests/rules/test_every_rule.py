"""Every function with a derivative, by one law each: the tables of the chapters against the registry, and numbers.

The formulas fused in `tinygrad_dl.nn` are held against their unfused selves, in `tests/nn`.
"""

import inspect

import numpy as np

import tinygrad_dl as tg
from tests import numeric
from tests.coverage.examples import CASES
from tests.rows import every_function
from tinygrad_dl import _functions, pytree
from tinygrad_dl.core import primitives, registry
from tinygrad_dl.core.backprop import topological_order
from tinygrad_dl.coverage.numpy_functions import is_of_numpy

OURS = (primitives.__name__, _functions.__name__)


def is_covered(function):
    """Return True if a function is NumPy's, or one that NumPy lacks: tests and doctests define others."""
    return is_of_numpy(function) or getattr(function, "__module__", None) in OURS


RULES = {f: rules for f, rules in registry.vjps.items() if is_covered(f) and f is not primitives.output}
COMPOSITES = set(filter(is_covered, registry.composites))


def total(case):
    """Return `case` as a scalar function, curved even where the call is linear."""
    weights = np.random.default_rng(0).uniform(0.5, 1.5, 1000)

    def f(*args):
        ans = case.call(*args)
        parts = ans if isinstance(ans, (tuple, list)) else [ans]
        return sum(np.sum(part * np.reshape(weights[: part.size], part.shape) * (1 + part / 2)) for part in parts)

    return f


def nodes(case, dtype=float):
    """The Tensors in the graph of `case` that a function made."""
    ans = case.call(*[tg.parameter(x.astype(dtype)) for x in case.arrays()])
    order = topological_order(*[y for y in pytree.leaves(ans) if type(y) is tg.Tensor])
    return [node for node in order if node._function not in (None, primitives.output)]


def outputs_mapped(f, value):
    """`f` of the value of a node; of each of its outputs, if there are several."""
    return primitives.Outputs(map(f, value)) if isinstance(value, primitives.Outputs) else f(value)


def test_every_function_in_the_registry_has_a_row():
    assert set(RULES) | COMPOSITES <= {case.function for case in CASES}


def test_the_names_of_the_rows_are_unique():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@every_function(quick=None)
def test_a_row_uses_the_rules_of_its_function(case):
    assert case.function in COMPOSITES or case.function in {node._function for node in nodes(case)}


def test_the_rows_use_every_rule():
    used = {
        (node._function, argnum)
        for case in CASES
        for node in nodes(case)
        for argnum, parent in enumerate(node._parents)
        if parent is not None and parent.requires_grad
    }
    tables = {f: rules for f, rules in RULES.items() if isinstance(rules, tuple)}
    assert {(f, i) for f, rules in tables.items() for i, rule in enumerate(rules) if rule is not None} <= used


@every_function(quick=None)
def test_tensors_give_what_arrays_give(case):
    f, arrays = total(case), case.arrays()
    for make in (tg.Tensor, tg.parameter):
        np.testing.assert_allclose(f(*map(make, arrays)).numpy(), f(*arrays), rtol=1e-12)


@every_function(quick=None)
def test_the_gradient_is_what_differences_give(case, deep):
    f, arrays = total(case), case.arrays()
    argnums = tuple(range(len(arrays)))
    for argnum, gradient in zip(argnums, tg.grad(f, argnums)(*arrays), strict=True):
        numeric.assert_gradient(gradient, f, arrays, argnum, elements=deep)


@every_function()
def test_the_second_derivative_is_what_differences_of_the_gradient_give(case, deep):
    arrays = case.arrays()
    argnums = tuple(range(len(arrays)))
    gradient = tg.grad(total(case), argnums)
    rng = np.random.default_rng(1)
    directions = [rng.uniform(0.5, 1.5, x.shape) for x in arrays]

    def slope(*args):
        return sum(np.sum(direction * part) for direction, part in zip(directions, gradient(*args), strict=True))

    for argnum, second in zip(argnums, tg.grad(slope, argnums)(*arrays), strict=True):
        numeric.assert_gradient(second, slope, arrays, argnum, elements=deep)


@every_function()
def test_forward_mode_gives_what_reverse_mode_gives(case):
    f, arrays, rng = case.call, tuple(case.arrays()), np.random.default_rng(1)
    tangents = tuple(rng.uniform(0.5, 1.5, x.shape) for x in arrays)
    value, tangent = tg.jvp(f, arrays, tangents)
    _, pullback = tg.vjp(f, *arrays)
    cotangent = pytree.map_leaves(lambda y: rng.uniform(0.5, 1.5, y.shape), value)
    pairs = zip(pytree.leaves(cotangent), pytree.leaves(tangent), strict=True)
    forward = sum(np.sum(u * t) for u, t in pairs)
    reverse = sum(np.sum(g * t) for g, t in zip(pullback(cotangent), tangents, strict=True))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-12)


@every_function()
def test_the_gradient_by_complex_numbers_is_what_differences_give(case, deep):
    """Re(u df) = Re(ct dz) for every change dz: along the real axis Re(ct), along the imaginary one -Im(ct)."""
    rng = np.random.default_rng(2)
    z = [x + 0.1j * rng.uniform(1, 2, x.shape) for x in case.arrays()]
    try:
        value = case.call(*z)
    except (TypeError, ValueError, np.exceptions.ComplexWarning):  # what NumPy does, or the call, is for real numbers
        return
    cotangents = pytree.map_leaves(lambda y: rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape), value)
    u = [c if np.iscomplexobj(y) else c.real for c, y in zip(*map(pytree.leaves, (cotangents, value)), strict=True)]
    found = tg.vjp(case.call, *z)[1](pytree.unflatten(value, u))

    def along(axis):
        def f(*steps):
            moved = pytree.leaves(case.call(*[x + axis * step for x, step in zip(z, steps, strict=True)]))
            return sum(np.sum(c * y).real for c, y in zip(u, moved, strict=True))

        return f

    zeros = [np.zeros(x.shape) for x in z]
    for argnum, ct in enumerate(found):
        numeric.assert_gradient(ct.real, along(1), zeros, argnum, elements=deep)
        numeric.assert_gradient(-ct.imag, along(1j), zeros, argnum, elements=deep)


@every_function(quick=None)
def test_float32_stays_float32_forward_and_in_every_rule(case):
    wide = {np.bincount, np.float_power, np.geomspace, np.vander, primitives.astype}  # give float64 by definition
    for node in nodes(case, np.float32):
        if node._function in wide or any(getattr(arg, "dtype", None) in (float, complex) for arg in node._args):
            continue  # or meets an array of float64
        for y in node._value if isinstance(node._value, primitives.Outputs) else [node._value]:
            assert y.dtype.kind not in "fc" or np.finfo(y.dtype).dtype == np.float32
        for rule, parent in zip(registry.vjps[node._function], node._parents):  # noqa: B905 - endless if one for each
            if parent is not None:
                g = outputs_mapped(np.ones_like, node._value)
                part = rule(g, node._value, *node._args, **(node._kwargs or {}))
                assert np.finfo(part.dtype).dtype == np.float32


@every_function()
def test_the_gradient_has_the_dtype_of_its_argument(case):
    arrays = [x.astype(np.float32) for x in case.arrays()]
    argnums = tuple(range(len(arrays)))
    for gradient in tg.grad(total(case), argnums)(*arrays):
        assert gradient.dtype == np.float32


def test_every_rule_takes_a_cotangent_and_the_answer_first():
    for function, rules in RULES.items():
        for rule in rules if isinstance(rules, tuple) else ():
            if rule is not None:
                assert list(inspect.signature(rule).parameters)[:2] == ["g", "ans"], registry.name_of(function)
