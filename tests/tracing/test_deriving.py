"""The program of a derivative rule, and the function that it is compiled to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import _functions
from tinygrad_dl.tracing.deriving import compiled, rule_of
from tinygrad_dl.tracing.printing import source
from tinygrad_dl.tracing.program import Mismatch

X, G = np.array([[0.5, -1.0], [2.0, 1.5]]), np.array([[1.0, 3.0], [-2.0, 0.5]])


def rule(formula, *primals, recorded=False, wanted=None, **kwargs):
    names = ["g", "ans", *"xyz"[: len(primals)]]
    return rule_of(formula, names, formula(*primals, **kwargs), primals, kwargs, recorded, wanted or [True])


def run(rule, *given):
    return compiled(rule, "f", [True])(*given)[0]


def test_a_rule_takes_the_answer_instead_of_computing_it_again():
    found = rule(np.tanh, X)
    assert "g * (1 - ans**2)" in source(found)
    assert np.tanh not in [node.function for node in found.nodes]


@pytest.mark.parametrize(
    ("wanted", "without"), [([True, False], np.cos), ([False, True], np.sin), ([True, True], np.tan)]
)
def test_a_rule_computes_what_is_wanted_only_and_repeated_parts_once(wanted, without):
    found = rule(lambda x, y: np.exp(x) * np.exp(x) * np.sin(y), X, X, wanted=wanted)
    functions = [node.function for node in found.nodes]
    assert functions.count(np.exp) == 1
    assert without not in functions
    assert len(found.outputs) == sum(wanted)


def test_cotangents_stand_at_the_places_of_their_arguments():
    found = rule(lambda x, k, y: x * y + k, X, np.array([1, 0]), G, wanted=[True, False, True])
    parts = compiled(found, "f", [True, False, True])(G, None, X, None, G)
    np.testing.assert_array_equal(parts[0], G * G)
    assert parts[1] is None
    np.testing.assert_array_equal(parts[2], G * X)


def test_a_compiled_rule_keeps_the_dtypes_of_constants():
    found = rule(lambda x: x * np.float64(0.1), X.astype(np.float32))
    assert found.outputs[0].dtype == np.float32
    g = run(found, G, None, X.astype(np.float32))
    np.testing.assert_array_equal(g, (G * np.float64(0.1)).astype(np.float32))


def test_a_compiled_rule_raises_where_a_guard_does_not_hold():
    found = rule(lambda x: np.maximum(x, 0), X)
    np.testing.assert_array_equal(run(found, G, np.maximum(X, 0), X), G * (X > 0))
    with pytest.raises(Mismatch):
        run(found, G, np.full_like(X, np.nan), X)


def test_a_mask_is_a_product_for_readers_and_exact_where_it_runs():
    found = rule(lambda x: np.where(x <= 0, 0, x), X)
    assert found.nodes[-1].function is _functions.masked
    infinite = np.where(X <= 0, np.inf, G)
    np.testing.assert_array_equal(run(found, infinite, None, X), np.where(X <= 0, 0, G))


def test_parts_of_a_rule_that_are_recorded_are_marked_by_guards_at_kinks():
    assert rule(np.abs, X, recorded=True).guards
    assert not rule(np.tanh, X, recorded=True).guards


def test_a_branch_on_values_can_not_be_traced():
    with pytest.raises(TypeError, match="branch on a traced value"):
        rule(lambda x: x if x[0, 0] > 0 else -x, X)


# ---- comparisons with the answer, in programs that round otherwise than the forward pass

OPERANDS = {
    "normalised": lambda x: (x - x.mean(1, keepdims=True)) / np.sqrt(np.var(x, axis=1, keepdims=True) + 1e-5),
    "scaled": lambda x: x * np.sum(x) * np.linalg.norm(x),
    "products": lambda x: (x * np.sum(x)) @ (x.T * np.sum(x * np.sum(x))) @ x,
    "given": lambda x: x,
}
SELECTIONS = {
    "np.maximum": lambda h: np.maximum(h, 0.1),
    "np.minimum": lambda h: np.minimum(h[::-1], h),
    "np.fmax": lambda h: np.fmax(0.2, h),
    "np.max": lambda h: np.max(h, axis=1),
    "np.min": lambda h: np.min(h, axis=0, keepdims=True),
    "np.max of all": lambda h: np.max(h),
    "np.max where": lambda h: np.max(h, axis=1, initial=0, where=np.arange(6) > 1),
    "np.nanmin": lambda h: np.nanmin(h, axis=1),
    "np.fmin.reduce": lambda h: np.fmin.reduce(h, axis=1),
    "np.maximum.accumulate": lambda h: np.maximum.accumulate(h, axis=1),
    "norm of order inf": lambda h: np.linalg.norm(h, np.inf, axis=1),
    "np.clip": lambda h: np.clip(h, -0.5, 0.5),
    "np.sort": lambda h: np.sort(h, axis=1),
    "np.partition": lambda h: np.partition(h, 2, axis=1),
    "np.median": lambda h: np.median(h, axis=1),
    "np.ptp": lambda h: np.ptp(h, axis=1),
}
AROUND = {"alone": lambda y, h: y, "reshaped": lambda y, h: np.ravel(y), "inside": lambda y, h: np.sin(y) * h[:1, :1]}


def gradient(f, x):
    x = tg.parameter(x)
    y = f(x)
    return tg.gradients(np.sum(y * np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)), x)


@pytest.mark.parametrize("operand", OPERANDS)
@given(
    select=st.sampled_from([*SELECTIONS]),
    around=st.sampled_from([*AROUND]),
    dtype=st.sampled_from(["f8", "f4"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_selected_operand_gets_the_cotangent_however_it_is_rounded(operand, select, around, dtype, seed):
    of, selected, within = OPERANDS[operand], SELECTIONS[select], AROUND[around]  # a table is looked up in no program

    def formula(x):
        return within(selected(of(x)), of(x))

    rng, fused = np.random.default_rng(seed), tg.fused(formula)
    for x in rng.normal(size=(2, 3, 6)).astype(dtype):
        expected = gradient(formula, x)
        tolerance = 1e-9 if dtype == "f8" else 1e-3
        np.testing.assert_allclose(gradient(fused, x), expected, tolerance, tolerance * np.max(np.abs(expected)))


def test_only_an_answer_that_is_compared_with_computed_numbers_is_computed_again():
    def takes_the_answer(formula):
        found = rule(formula, X)
        return any(found.inputs[1] in node.parts for node in found.nodes)

    assert takes_the_answer(lambda x: np.maximum(x, 0))
    assert takes_the_answer(lambda x: np.max(x, axis=0))
    assert takes_the_answer(lambda x: np.tanh(np.maximum(2 * x, 0)))
    assert takes_the_answer(lambda x: np.linalg.norm(x / 3, axis=0))  # compared with 0 only
    assert not takes_the_answer(lambda x: np.maximum(x / 3, 0))
    assert not takes_the_answer(lambda x: np.max(x / 3, axis=0))


# ---- parts without a gradient


def of_a_constant(x):
    with tg.no_grad():
        c = np.sort(x) * np.sum(x, axis=0)
        q, _ = np.linalg.qr(np.outer(c, c) + np.eye(2))
    return x * c + q[0] * np.sin(x)


@tg.no_grad()
def total(x):
    return np.sum(np.exp(x), axis=0, keepdims=True)


CUTS = {
    "a block": of_a_constant,
    "a decorated function": lambda x: x * total(x),
    "a sigmoid in a block": lambda x: tg.no_grad()(tg.nn.sigmoid)(x) * tg.nn.sigmoid(x),
    "a fused function in a block": lambda x: tg.no_grad()(tg.fused(lambda x: x**2))(x) * x,
    "values of an argument": lambda x: x * np.tanh(tg.primitives.values(x)),
    "values of a result": lambda x: x * tg.primitives.values(np.sum(x**2)),
    "a shift": lambda x: np.exp(x - tg.primitives.values(np.max(x, keepdims=True))),
}


@pytest.mark.parametrize("name", CUTS)
@settings(max_examples=settings.default.max_examples // 5)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_gradient_flows_through_what_the_formula_does_not_record(name, seed):
    x, formula = np.random.default_rng(seed).normal(size=2), CUTS[name]
    fused = tg.fused(formula)
    for derivative in (
        lambda f: tg.grad(f)(x),
        lambda f: tg.hessian(f)(x),
        lambda f: tg.jvp(f, (x,), (np.cos(x),))[1],
        lambda f: tg.compile(tg.grad(f))(x),
    ):
        found, expected = (derivative(lambda x, f=f: np.sum(np.sin(f(x)))) for f in (fused, formula))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
