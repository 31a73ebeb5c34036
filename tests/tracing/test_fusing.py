"""A fused function is one node, with the derivatives of its formula."""

import gc
import inspect
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.marks import once
from tinygrad_dl.graph.formulas import derivative
from tinygrad_dl.testing import strategies
from tinygrad_dl.tracing import fusing

FORMULAS = {
    "affine": lambda W, A, b: W @ A + b,
    "sigmoid": lambda z: 1 / (1 + np.exp(np.minimum(-z, 80))),
    "relu": lambda z: np.where(z <= 0, 0, z),
    "leaky relu": lambda z: np.where(z < 0, 0.1 * z, z),
    "switched": lambda z, y: np.where(z > 0, z * np.ones_like(y), 0) + np.where(z > 0, 0, y),
    "absolute": lambda x: np.abs(x) * x,
    "softmax": lambda z: (e := np.exp(z - np.rint(np.max(z, axis=0)))) / np.sum(e, axis=0),
    "norm": lambda x: np.linalg.norm(x, axis=0),
    "product": lambda x, y: np.tanh(x @ y.T) * np.mean(x),
    "sorted": lambda x: np.sort(x, axis=0)[::-1] * x,
    "slices": lambda x: x[1:] * x[:-1],
    "stacked": lambda x, y: np.tanh(np.stack([x, y], axis=-1)) * np.concatenate([x, y])[:3, :, None],
    "repeated": lambda x: np.sin(x[[0, 0, -1]]),
    "einsum": lambda x, y: np.sin(np.einsum("ij,kj->ik", x, y)),
    "power": lambda x: (x**2 + 1) ** 1.5,
    "branch": lambda x: 2 * x if np.sum(x) > 0 else np.exp(x),
    "several": lambda x, y: (np.sin(x * y), np.cos(x)),
    "constant": lambda x: 0 * x + 3,
    "unchanged": lambda x: x,
    "complex": lambda x: np.real(np.exp(1j * x)),
    "by Python": lambda x: sum(row * i for i, row in enumerate(x)),
}


def _arrays(name, rng, dtype):
    count = len(inspect.signature(FORMULAS[name]).parameters)
    shapes = [(3, 4), (4, 2), (3, 1)] if name == "affine" else [(3, 4)] * count
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def _derivatives(f, arrays):
    """Values, gradients, and the second derivatives in a direction."""
    parameters = [tg.parameter(array) for array in arrays]
    answer = f(*parameters)
    total = sum(np.sum(np.sin(part)) for part in (answer if isinstance(answer, tuple) else (answer,)))
    plain = tg.gradients(total, parameters)
    first = tg.gradients(total, parameters, create_graph=True)
    along = sum(np.sum(np.cos(np.arange(g.size)).reshape(g.shape) * g) for g in first)
    second = tg.gradients(along, parameters) if along.requires_grad else []
    return [total.numpy(), *plain, *(g.numpy() for g in first), *second]


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=max(10, settings.default.max_examples // 5))  # numbers of two dtypes, never another formula
@given(seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from([np.float64, np.float32]))
def test_a_fused_function_has_the_values_and_derivatives_of_its_formula(name, seed, dtype):
    arrays = _arrays(name, np.random.default_rng(seed), dtype)
    fused = tg.fused(FORMULAS[name])
    for values in (arrays, [-x for x in arrays]):  # the rules of the first call serve the second
        found, expected = _derivatives(fused, values), _derivatives(FORMULAS[name], values)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            # factors are multiplied in another order: some roundings, of numbers up to 1e3 here
            tolerance = 1e3 * np.finfo(dtype).eps
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.max(np.abs(b))))


def _function(program):
    names = ", ".join(f"x{i}" for i in range(len(program.inputs)))
    *_, last = program.lines.splitlines()
    body = [*program.lines.splitlines(), f"return {last.partition(' = ')[0]}"]
    scope = {"np": np}
    exec("\n    ".join([f"def f({names}):", *body]), scope)
    return scope["f"]


@given(program=strategies.programs())
@once
def test_random_programs_have_the_derivatives_of_their_calls(program):
    f, arrays = _function(program), [np.asarray(x, float) for x in program.inputs]
    fused = tg.fused(f)
    for scale in (1.0, 0.5):
        with np.errstate(all="ignore"):
            found, expected = (_derivatives(g, [scale * x for x in arrays]) for g in (fused, f))
        for a, b in zip(found, expected, strict=True):
            if np.all(np.isfinite(b)) and np.max(np.abs(b), initial=0) < 1e6:
                np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7)  # sin of numbers up to 1e6 loses digits


@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "several"])
def test_a_fused_function_is_one_node(name):
    arrays = _arrays(name, np.random.default_rng(0), float)
    parameters = [tg.parameter(array) for array in arrays]
    node = tg.fused(FORMULAS[name])(*parameters)
    assert set(tg.core.backprop.topological_order(node)) == {*parameters, node}


PRINTED = {
    "g @ A.T": ("affine", 0),
    "W.T @ g": ("affine", 1),
    "np.sum(g, axis=1, keepdims=True)": ("affine", 2),
    "g * (ans * (1 - ans))": ("sigmoid", 0),
    "g * (z > 0)": ("relu", 0),
    "np.where(z < 0, 0.1 * g, g)": ("leaky relu", 0),
    "g * (z <= 0)": ("switched", 1),
    "g": ("unchanged", 0),
}


@pytest.mark.parametrize("formula", PRINTED)
def test_derived_rules_are_those_of_the_course(formula):
    name, argnum = PRINTED[formula]
    parameters = [tg.parameter(array) for array in _arrays(name, np.random.default_rng(0), float)]
    assert str(derivative(tg.fused(FORMULAS[name])(*parameters), argnum)) == formula


# ---- where functions are called


def test_samples_settings_and_higher_derivatives():
    def formula(x, y, *, scale=2.0, axis=None):
        return np.sum(np.tanh(x @ y) * scale, axis=axis)

    rng, fused = np.random.default_rng(0), tg.fused(formula)
    X, y = rng.normal(size=(5, 4, 3)), rng.normal(size=(3, 2))
    for transform in (
        lambda f: tg.vmap(tg.grad(lambda x: f(x, y, scale=3.0)))(X),
        lambda f: tg.grad(lambda X: np.sum(tg.vmap(lambda x: f(x, y, axis=0))(X) ** 2))(X),
        lambda f: tg.jacobian(lambda x: f(x, y, axis=1))(X[0]),
        lambda f: tg.hessian(lambda x: f(x, y))(X[0]),
        lambda f: tg.jvp(f, (X[0], y), (X[1], y))[1],
        lambda f: tg.grad(tg.grad(tg.grad(lambda t: f(t * X[0], y))))(0.5),
        lambda f: tg.compile(tg.grad(lambda x: f(x, y)))(X[0]),
        lambda f: tg.grad(tg.checkpoint(f))(X[0], y),
        lambda f: tg.grad(lambda a: f(X[0], a, scale=np.float64(0.5)))(y),
    ):
        np.testing.assert_allclose(transform(fused), transform(formula), rtol=1e-10, atol=1e-10)
    with tg.debug():
        np.testing.assert_allclose(tg.grad(fused)(X[0], y), tg.grad(formula)(X[0], y), rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_axes_that_broadcast_are_summed_for_each_shape(seed):
    rng, fused = np.random.default_rng(seed), tg.fused(lambda x, y: x * np.exp(y))
    for shape in ((3, 4), (1, 4), (3, 1), (4,), ()):
        x, y = rng.normal(size=(3, 4)), rng.normal(size=shape)
        found = tg.grad(lambda x, y: np.sum(fused(x, y)), (0, 1))(x, y)
        for part, expected in zip(found, (np.exp(y) + 0 * x, x * np.exp(y)), strict=True):
            total = expected
            while total.ndim > part.ndim:
                total = total.sum(axis=0)
            total = total.sum(axis=tuple(i for i, n in enumerate(part.shape) if n == 1), keepdims=True)
            np.testing.assert_allclose(part, total)


@given(
    shapes=st.tuples(*[st.tuples(*[st.sampled_from([0, 1])] * 2)] * 2),
    formula=st.sampled_from([lambda x, y: x / (np.abs(y) + 1), lambda x, y: (x + y) ** 2, lambda x, y: x @ y.T * y]),
)
def test_cotangents_have_the_shapes_of_the_arguments_without_samples_too(shapes, formula):
    parameters = [tg.parameter(np.ones(shape)) for shape in shapes]
    try:
        total = np.sum(tg.fused(formula)(*parameters))
    except ValueError:
        return  # the shapes do not fit
    assert [g.shape for g in tg.gradients(total, parameters)] == [*shapes]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("formula", [lambda x, y: np.sqrt(x) * y, lambda x, y: np.sqrt(x) * np.maximum(y, 1)])
def test_slopes_that_are_not_asked_for_are_not_computed(formula, create_graph):
    fused, x = tg.fused(formula), tg.parameter(np.zeros(3))

    def slope_by_y(y):
        y = tg.parameter(y)
        return tg.gradients(np.sum(fused(x, y)), y, create_graph=create_graph)

    with np.errstate(divide="raise"):
        for shape in ((3,), (2, 3), (3,)):  # the rule is derived, and looked up
            assert not np.any(slope_by_y(np.ones(shape)))
        with pytest.raises(FloatingPointError):
            tg.gradients(np.sum(fused(x, np.ones(3))), x)
        assert not np.any(slope_by_y(np.full(3, np.nan)))  # which np.maximum passes on


def test_a_rule_is_that_of_the_dtypes_of_a_call():
    fused = tg.fused(lambda x, y: np.tanh(x * y))
    for dtypes in (("f8", "f8"), ("f4", "f8"), ("f8", "f4"), ("f4", "f4")):
        parameters = [tg.parameter(np.ones(3, dtype)) for dtype in dtypes]
        for _ in range(2):
            assert [g.dtype for g in tg.gradients(np.sum(fused(*parameters)), parameters)] == [*dtypes]


def test_numbers_are_settings_of_the_rules():
    fused = tg.fused(lambda x, p: x**p)
    assert [float(tg.grad(fused)(3.0, p)) for p in (2, 3, 2.0)] == [6.0, 27.0, 6.0]


SCALE, HALVES = 2.0, np.full(3, 0.5)


def test_values_from_outside_are_those_of_each_call():
    global SCALE
    scaled, halved = tg.fused(lambda x: SCALE * x), tg.fused(lambda x: np.sum(HALVES * x))
    for factor in (2.0, 5.0):
        SCALE = factor
        HALVES[:] = factor / 4
        assert tg.grad(scaled)(1.0) == factor
        assert tg.grad(halved)(np.ones(3)).tolist() == [factor / 4] * 3


def test_one_call_of_a_rule_pulls_back_cotangents_of_many_samples(monkeypatch):
    rng, fused, calls = np.random.default_rng(0), tg.fused(FORMULAS["affine"]), []
    W, A, b, G = (rng.normal(size=shape) for shape in [(3, 4), (4, 2), (3, 1), (5, 3, 2)])
    rules = tg.core.registry.vjps[fused]
    choose = rules.choose
    monkeypatch.setattr(rules, "choose", lambda *args: calls.append(args) or choose(*args))
    pull_back = tg.vjp(fused, W, A, b)[1]
    pull_back(G[0])  # the rule of a single cotangent is none of several
    for found, expected in zip(tg.vmap(pull_back)(G), (G @ A.T, W.T @ G, G.sum(2, keepdims=True)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert len(calls) == 2
    rows = tg.jacobian(lambda A: fused(W, A, b)[:2, 0])(A)
    np.testing.assert_allclose(rows[:, :, 0], W[:2], rtol=1e-12)
    assert len(calls) == 3


def test_a_guard_that_fails_gives_the_graph_of_the_formula():
    fused = tg.fused(lambda x: np.maximum(x, 1.0))  # whose rule looks for nan
    for x in ([0.5, 2.0], [np.nan, 2.0]):
        expected = tg.grad(lambda x: np.sum(np.maximum(x, 1.0)))(np.array(x))
        np.testing.assert_array_equal(tg.grad(lambda x: np.sum(fused(x)))(np.array(x)), expected)


@tg.fused
def cube(x):
    return x**3


LARGER = fusing.fused(lambda z: np.where(z > 0, z, 0), lambda z: np.maximum(z, 0))
CALLED = tg.nn.relu, tg.nn.leaky_relu, tg.nn.sigmoid, tg.nn.elu, tg.nn.softplus, LARGER


@given(
    called=st.lists(st.sampled_from(CALLED), min_size=1, max_size=3).map(tuple),
    z=st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.5, 800.0, -800.0]), min_size=1, max_size=4),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_formula_of_fused_functions_has_their_derivatives_at_kinks_too(called, z, dtype):
    def formula(z):
        for function in called:
            z = function(z)
        return np.tanh(z - 1)

    slopes = [tg.elementwise_grad(f)(np.array(z, dtype)) for f in (tg.fused(formula), formula)]
    np.testing.assert_allclose(*slopes, rtol=1e-5, atol=1e-6)


def test_a_fused_function_is_pickled_by_name_and_has_its_signature():
    assert pickle.loads(pickle.dumps(cube)) is cube
    assert str(inspect.signature(cube)) == "(x)"
    assert tg.grad(lambda x: cube(x=x))(2.0) == 12.0


def test_a_fused_function_is_freed_with_its_rules():
    fused = tg.fused(lambda x: np.sin(x) ** 2)
    assert tg.grad(fused)(0.5) == pytest.approx(np.sin(1.0))
    alive = weakref.ref(fused)
    del fused
    gc.collect()
    assert alive() is None


@pytest.mark.usefixtures("no_gc")
@pytest.mark.parametrize("name", ["affine", "sigmoid", "relu", "softmax", "norm", "product"])
def test_deriving_rules_leaves_no_array_to_the_garbage_collector(name):
    parameters = [tg.parameter(array) for array in _arrays(name, np.random.default_rng(0), float)]
    alive = [weakref.ref(x._value) for x in parameters]
    tg.gradients(np.sum(tg.fused(FORMULAS[name])(*parameters)), parameters)
    del parameters
    assert all(ref() is None for ref in alive)


def test_rules_of_the_latest_signatures_are_kept_only():
    fused = fusing.fused(lambda x: x * np.cos(x))
    for n in range(1, 80):
        np.testing.assert_allclose(tg.grad(lambda x: np.sum(fused(x)))(np.zeros(n)), np.ones(n))
    choose = tg.core.registry.vjps[fused].choose
    assert 0 < len(choose.__globals__["rules"]) <= fusing._MOST


def test_a_function_without_arrays_is_constant():
    fused = tg.fused(lambda *, n=3: np.arange(n))
    assert fused().tolist() == [0, 1, 2]
    assert fused(n=1).tolist() == [0]


# ---- what is refused


def test_a_tensor_from_outside_is_refused():
    w = tg.parameter(np.ones(3))
    with pytest.raises(TypeError, match="uses a Tensor from outside"):
        tg.fused(lambda x: x * w)(tg.parameter(np.ones(3)))


def test_changes_in_place_are_refused():
    def doubled(x):
        x *= 2
        return x

    with pytest.raises(ValueError, match="doubled changes an array in place"):
        tg.fused(doubled)(tg.parameter(np.ones(3)))


def test_only_functions_of_a_fixed_number_of_arrays_can_be_fused():
    with pytest.raises(TypeError, match="expected a function"):
        tg.fused(3)
    with pytest.raises(TypeError, match="fixed number"):
        tg.fused(lambda *xs: sum(xs))


def test_a_warning_of_the_formula_is_issued_at_its_line():
    with pytest.warns(RuntimeWarning, match="divide by zero") as caught:
        tg.fused(lambda x: np.log(x))(tg.parameter(np.zeros(2)))
    assert caught[0].filename == __file__
