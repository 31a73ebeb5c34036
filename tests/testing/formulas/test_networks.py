"""The main law: backprop is what the course derives by hand, at every layer; and both are what the numbers say.

Two results of one dtype are compared in the measure ‖a - b‖ / ‖terms‖, where `terms` are the hand-derived formulas
with absolute values in all sums and products: rounding errors are relative to the terms of a sum, not to what is left
when they cancel. Without cancellation it is the usual relative error.
"""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests import numeric
from tinygrad_dl import nn
from tinygrad_dl.testing import formulas

ACTIVATIONS = sorted(formulas.ACTIVATIONS)
SPELLED_OUT = {"sigmoid": nn.activations.sigmoid}
# About 1e4 and 100 units of rounding: five layers of products and sums of a few terms each take some 50.
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}
# Of numeric differences: their error is 1e-13 times a fifth derivative, which may be 1e3, and as much from rounding.
NUMERIC = 1e-9


class Problem:
    """A net's parameters, its activations by name, samples and labels."""

    def __init__(self, sizes, activations, m, seed, dtype):
        rng = np.random.default_rng(seed)
        self.activations, self.m, self.dtype = activations, m, dtype
        self.X = rng.uniform(-2, 2, (sizes[0], m)).astype(dtype)
        self.Y = rng.choice([0, 1, 0.25], (sizes[-1], m)).astype(dtype)
        self.cotangent = rng.normal(size=(sizes[-1], m)).astype(dtype)
        self.parameters = {}
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
            # Rows whose absolute values sum to at most 2: no sigmoid saturates, where a (1 - a) has few digits left.
            self.parameters[f"W{layer}"] = (rng.uniform(-2, 2, (n_out, n_in)) / n_in).astype(dtype)
            self.parameters[f"b{layer}"] = rng.uniform(-1, 1, (n_out, 1)).astype(dtype)

    def forward(self):
        """What the hand-written forward pass gives: A[L] and the caches."""
        return formulas.deep_forward(self.X, self.parameters, self.activations)

    def tensors(self, functions=None):
        """The output of the same net made of Dense layers; `functions` replace those of `nn`, by name."""
        layers = []
        for layer, name in enumerate(self.activations, start=1):
            W = self.parameters[f"W{layer}"]
            dense = nn.Dense(W.shape[1], W.shape[0], rng=np.random.default_rng(0), dtype=self.dtype)
            dense.W.data, dense.b.data = W, self.parameters[f"b{layer}"]
            layers += [dense, (functions or {}).get(name, getattr(nn, name))]
        return nn.Sequential(*layers)(tg.parameter(self.X, name="A0"))


@st.composite
def problems(draw, dtypes=(np.float64, np.float32), outputs=tuple(ACTIVATIONS), most=6, depth=5):
    layers = draw(st.integers(1, depth))
    sizes = draw(st.lists(st.integers(1, most), min_size=layers + 1, max_size=layers + 1))
    hidden = draw(st.lists(st.sampled_from(ACTIVATIONS), min_size=layers - 1, max_size=layers - 1))
    seed, m = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, most + 2))
    return Problem(sizes, [*hidden, draw(st.sampled_from(outputs))], m, seed, draw(st.sampled_from(dtypes)))


def backprop(cost, m, cotangent=None):
    """By autodiff all that `deep_backward` gives, in the course's convention: dZ and dA are m times the derivative."""
    tensors = tg.named_tensors(cost)
    for layer in range(1, sum(name.startswith("Z") for name in tensors) + 1):
        tensors.setdefault(f"A{layer}", tensors[f"Z{layer}"])  # the identity gives no node of its own
    gradients = tg.gradients(cost, tensors, cotangent=cotangent)
    return {f"d{name}": g if name[0] in "Wb" else m * g for name, g in gradients.items()}


def terms_of(dA, caches):
    """The gradients if no two terms of a sum cancelled."""
    positive = [cache._replace(W=np.abs(cache.W), A_prev=np.abs(cache.A_prev)) for cache in caches]
    return formulas.deep_backward(np.abs(dA), positive)


def assert_same(found, expected, terms, tolerance):
    assert found.keys() == expected.keys()
    for name, g in expected.items():
        assert found[name].shape == g.shape, name
        assert found[name].dtype == g.dtype, name
        error = np.linalg.norm(found[name].astype(float) - g)
        assert error <= tolerance * np.linalg.norm(terms[name].astype(float)), name


# ---- autodiff against the formulas


@given(problems(outputs=["sigmoid"]))
def test_backprop_equals_the_hand_derived_formulas_at_every_layer(problem):
    A, caches = problem.forward()
    Y = problem.Y
    dA = formulas.cost_backward(A, Y)
    expected = formulas.deep_backward(dA, caches)
    terms = terms_of(Y / A + (1 - Y) / (1 - A), caches)
    found = backprop(nn.binary_cross_entropy(problem.tensors(), Y), problem.m)
    assert_same(found, expected, terms, TOLERANCE[problem.dtype])


@given(problems(outputs=["sigmoid"]))
def test_backprop_through_spelled_out_formulas_equals_the_hand_derived_ones(problem):
    A, caches = problem.forward()
    Y = problem.Y
    expected = formulas.deep_backward(formulas.cost_backward(A, Y), caches)
    terms = terms_of(Y / A + (1 - Y) / (1 - A), caches)
    found = backprop(nn.losses.binary_cross_entropy(problem.tensors(functions=SPELLED_OUT), Y), problem.m)
    # σ' spelled out is e⁻ᶻ / (1 + e⁻ᶻ)², by hand it is a (1 - a), where the rounding of a is 1/(1 - a) times as large.
    least = min(1, *(np.min(1 - cache.A) for cache in caches if cache.activation == "sigmoid"))
    assert_same(found, expected, terms, TOLERANCE[problem.dtype] / least)


@given(problems())
def test_backprop_of_any_cotangent_equals_the_hand_derived_formulas(problem):
    _, caches = problem.forward()
    dA = (problem.m * problem.cotangent).astype(problem.dtype)  # per sample
    found = backprop(problem.tensors(), problem.m, problem.cotangent)
    assert_same(found, formulas.deep_backward(dA, caches), terms_of(dA, caches), TOLERANCE[problem.dtype])


def _logits_error(Z, Y):
    return 1 / (1 + np.exp(-Z)) - Y


def _softmax_error(Z, labels):
    powers = np.exp(Z)
    return powers / powers.sum(axis=0) - np.eye(len(Z), dtype=Z.dtype)[:, labels]


def _squared_error(Z, Y):
    return 2 * (Z - Y)


LOSSES = {  # the loss of the last layer's Z, and the dZ[L] that one derives by hand
    "logits": (nn.binary_cross_entropy_with_logits, _logits_error),
    "logits, spelled out": (nn.losses.binary_cross_entropy_with_logits, _logits_error),
    "softmax": (nn.softmax_cross_entropy, _softmax_error),
    "softmax, spelled out": (nn.losses.softmax_cross_entropy, _softmax_error),
    "squares": (nn.mean_squared_error, _squared_error),
}


@pytest.mark.parametrize("name", LOSSES)
@given(problem=problems(outputs=["identity"]))
def test_backprop_of_each_loss_equals_the_hand_derived_formulas(name, problem):
    loss, error = LOSSES[name]
    Z, caches = problem.forward()
    Y = np.arange(problem.m) % len(Z) if "softmax" in name else problem.Y
    dZ = error(Z, Y).astype(problem.dtype)
    found = backprop(loss(problem.tensors(), Y), problem.m)
    terms = terms_of(np.abs(dZ) + 1, caches)  # dZ is a difference of terms about 1
    assert_same(found, formulas.deep_backward(dZ, caches), terms, TOLERANCE[problem.dtype])


@given(problems(outputs=["sigmoid"]), st.sampled_from(ACTIVATIONS))
def test_the_seven_gradients_of_week_3_equal_those_of_a_net_of_two_layers(problem, activation):
    rng = np.random.default_rng(problem.m)
    n, X = len(problem.X), problem.X
    two = Problem([n, 4, 1], [activation, "sigmoid"], problem.m, int(rng.integers(1000)), problem.dtype)
    values = formulas.shallow_forward(X, two.parameters, activation)
    expected = formulas.shallow_backward(X, two.Y, two.parameters, values, activation)
    two.X = X
    A, caches = two.forward()
    assert np.array_equal(A, values["A2"])
    found = backprop(nn.binary_cross_entropy(two.tensors(), two.Y), two.m)
    terms = terms_of(two.Y / A + (1 - two.Y) / (1 - A), caches)
    assert expected.keys() == {"dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"}
    assert_same({name: found[name] for name in expected}, expected, terms, TOLERANCE[problem.dtype])


# ---- both against the numbers


@given(problems(dtypes=[np.float64], outputs=["sigmoid"], most=3, depth=3))
def test_formulas_and_backprop_equal_numeric_differences_of_the_cost(problem):
    A, caches = problem.forward()
    bent = [np.abs(cache.Z).min() for cache in caches if cache.activation.endswith("relu")]
    # A weight changes by 2e-3, thus a Z by at most 2e-3 |A| times 2 for each layer: no step is over a bend.
    assume(min(bent, default=1) > 0.05)
    edge = min(A.min(), (1 - A).min())
    assume(edge > 0.02)
    by_hand = formulas.deep_backward(formulas.cost_backward(A, problem.Y), caches)
    by_autodiff = backprop(nn.binary_cross_entropy(problem.tensors(), problem.Y), problem.m)
    for name in by_hand:
        quantity, layer = name[1], int(name[2:])
        x = caches[0].A_prev if layer == 0 else getattr(caches[layer - 1], quantity)

        def cost(value, quantity=quantity, layer=layer):
            return formulas.cost(_rest_of_forward(caches, quantity, layer, value), problem.Y)

        differences = numeric.gradient(cost, [x]) * (1 if quantity in "Wb" else problem.m)
        tolerance = NUMERIC
        if name == f"dA{len(caches)}":  # the fifth derivative of log a is 24 / a⁵
            tolerance += numeric.STEP**4 / edge**5
        for gradient in (by_hand[name], by_autodiff[name]):
            assert np.abs(gradient - differences).max() <= tolerance, name


def _rest_of_forward(caches, quantity, layer, value):
    """The output if `quantity` (A, Z, W or b) of that layer had another value; A of layer 0 is X."""
    A = value
    if quantity != "A":
        cache = caches[layer - 1]._replace(**{quantity: value})
        Z = value if quantity == "Z" else cache.W @ cache.A_prev + cache.b
        A = formulas.ACTIVATIONS[cache.activation][0](Z)
    for cache in caches[layer:]:
        A, _ = formulas.layer_forward(A, cache.W, cache.b, cache.activation)
    return A


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_of_each_activation_by_hand_is_its_numeric_slope(name):
    g, derivative = formulas.ACTIVATIONS[name]
    Z = np.linspace(-5, 5, 52)  # no point nearer to the bend at 0 than 0.09
    assert np.allclose(derivative(Z, g(Z)), numeric.gradient(lambda Z: np.sum(g(Z)), [Z]), rtol=0, atol=NUMERIC)


@pytest.mark.parametrize(("name", "at_zero"), [("relu", 0), ("leaky_relu", 0.01)])
def test_at_the_bend_the_formulas_take_the_slope_of_the_left_side(name, at_zero):
    zero = np.zeros((1, 1))
    assert formulas.ACTIVATIONS[name][1](zero, zero) == at_zero
    assert tg.grad(lambda z: np.sum(getattr(nn, name)(z)))(zero) == at_zero


def test_the_cost_and_its_derivative_are_those_of_the_cross_entropy():
    A, Y = np.array([[0.2, 0.7, 0.9]]), np.array([[0.0, 1.0, 0.5]])
    by_hand = -(np.log(0.8) + np.log(0.7) + 0.5 * np.log(0.9) + 0.5 * np.log(0.1)) / 3
    assert formulas.cost(A, Y) == pytest.approx(by_hand, rel=1e-15)
    differences = 3 * numeric.gradient(lambda A: formulas.cost(A, Y), [A])
    assert np.allclose(formulas.cost_backward(A, Y), differences, rtol=1e-7)  # 1/a⁵ is 3e3 at a = 0.2, 1e5 at 0.9


@given(st.floats(1e-3, 1e3), st.floats(-1, 1))
def test_the_relative_difference_is_a_share_of_both_sizes(scale, error):
    a = scale * np.array([3.0, 4.0])
    b = a * (1 + error)
    # both are multiples of one vector; b - a loses the digits that 1 + error does
    assert formulas.relative_difference(a, b) == pytest.approx(abs(error) / (2 + error), rel=1e-9, abs=1e-15)
    assert formulas.relative_difference(a, -a) == 1
    assert formulas.relative_difference(0 * a, 0 * a) == 0
