"""The program of a derivative rule, and the function that it is compiled to."""

import numpy as np
import pytest

from tinygrad_dl.core import primitives
from tinygrad_dl.tracing.deriving import compiled, rules_of
from tinygrad_dl.tracing.printing import source
from tinygrad_dl.tracing.program import Mismatch

X, G = np.array([[0.5, -1.0], [2.0, 1.5]]), np.array([[1.0, 3.0], [-2.0, 0.5]])


def rules(formula, *primals, recorded=False, **kwargs):
    names = ["g", "ans", *"xyz"[: len(primals)]]
    return rules_of(formula, names, formula(*primals, **kwargs), primals, kwargs, recorded)


def test_a_rule_takes_the_answer_instead_of_computing_it_again():
    (rule,) = rules(np.tanh, X)
    assert "g * (1 - ans**2)" in source(rule)
    assert np.tanh not in [node.function for node in rule.nodes]


def test_a_rule_computes_what_it_needs_only_and_repeated_parts_once():
    for_x, for_y = rules(lambda x, y: np.exp(x) * np.exp(x) * np.sin(y), X, X)
    functions = [node.function for node in for_x.nodes]
    assert functions.count(np.exp) == 1
    assert np.cos not in functions
    assert np.cos in [node.function for node in for_y.nodes]


def test_a_primal_that_is_no_float_has_no_rule():
    assert rules(lambda x, k: x[k], X, np.array([1, 0]))[1] is None
    assert rules(lambda x, k: x * k, X, 2)[1] is None


def test_a_compiled_rule_keeps_the_dtypes_of_constants():
    (rule,) = rules(lambda x: x * np.float64(0.1), X.astype(np.float32))
    assert rule.outputs[0].dtype == np.float32
    found = compiled(rule, "f")(G, None, X.astype(np.float32))
    np.testing.assert_array_equal(found, (G * np.float64(0.1)).astype(np.float32))


def test_a_compiled_rule_raises_where_a_guard_does_not_hold():
    (rule,) = rules(lambda x: np.maximum(x, 0), X)
    run = compiled(rule, "f")
    np.testing.assert_array_equal(run(G, np.maximum(X, 0), X), G * (X > 0))
    with pytest.raises(Mismatch):
        run(G, np.full_like(X, np.nan), X)


def test_a_mask_is_a_product_for_readers_and_exact_where_it_runs():
    (rule,) = rules(lambda x: np.where(x <= 0, 0, x), X)
    assert rule.nodes[-1].function is primitives.masked
    infinite = np.where(X <= 0, np.inf, G)
    np.testing.assert_array_equal(compiled(rule, "f")(infinite, None, X), np.where(X <= 0, 0, G))


def test_parts_of_a_rule_that_are_recorded_are_marked_by_guards_at_kinks():
    assert rules(np.abs, X, recorded=True)[0].guards
    assert not rules(np.tanh, X, recorded=True)[0].guards


def test_a_branch_on_values_can_not_be_traced():
    with pytest.raises(TypeError, match="branch on a traced value"):
        rules(lambda x: x if x[0, 0] > 0 else -x, X)
