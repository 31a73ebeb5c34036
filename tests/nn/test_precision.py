"""Losses and gradients in float16 and float32, of many samples, with labels of any type and with infinite logits."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, integer_dtypes, unsigned_integer_dtypes

import tinygrad_dl as tg
from tests.marks import in_depth
from tinygrad_dl import nn

LOSSES = {
    "cross-entropy": (nn.binary_cross_entropy, lambda rng, m: rng.uniform(0.1, 0.9, (1, m))),
    "with logits": (nn.binary_cross_entropy_with_logits, lambda rng, m: rng.normal(size=(1, m))),
    "squared error": (nn.mean_squared_error, lambda rng, m: rng.normal(size=(1, m))),
    "softmax": (nn.softmax_cross_entropy, lambda rng, m: rng.normal(size=(2, m))),
}
LOSSES_OF_ROWS = nn.binary_cross_entropy_with_logits, nn.mean_squared_error
each_loss = pytest.mark.parametrize("name", LOSSES)


def labels(name, m):
    first = np.arange(m) % 3 == 0
    return np.stack([first, ~first]) if name == "softmax" else first.reshape(1, m)


@each_loss
def test_a_loss_of_70_000_samples_in_float16_is_that_of_float64_rounded(name):
    """One more than the largest float16, 65,504, as the number of samples, is infinite there."""
    loss, draw = LOSSES[name]
    exact = draw(np.random.default_rng(0), 70_000)
    A, Y = exact.astype(np.float16), labels(name, 70_000)
    value, gradient = tg.value_and_grad(loss)(A, Y.astype(np.float16))
    right, slope = tg.value_and_grad(loss)(A.astype(float), Y.astype(float))
    assert value.dtype == gradient.dtype == np.float16
    assert np.isclose(value, right, rtol=2e-3)
    assert np.allclose(gradient, slope, rtol=0, atol=2.0**-24)  # the spacing of the least float16


@each_loss
@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_labels_of_any_type_leave_the_type_of_the_loss_and_its_gradient(name, kind, dtype):
    loss, draw = LOSSES[name]
    A = draw(np.random.default_rng(0), 9).astype(dtype)
    Y = labels(name, 9).astype(kind)
    value, gradient = tg.value_and_grad(loss)(A, Y)
    right, slope = tg.value_and_grad(loss)(A.astype(float), Y.astype(float))
    eps = np.finfo(dtype).eps
    assert loss(A, Y).dtype == value.dtype == gradient.dtype == dtype
    assert np.isclose(value, right, rtol=8 * eps)
    assert np.allclose(gradient, slope, rtol=8 * eps, atol=eps * np.abs(slope).max())


@given(st.data())
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        nn.sigmoid,
        nn.activations.sigmoid,
        nn.softmax,
        nn.log_softmax,
        *(lambda A, loss=loss: loss(A, np.array([[1, 0]])) for loss in LOSSES_OF_ROWS),
        lambda Z: nn.softmax_cross_entropy(np.concatenate([Z, Z]), np.array([1, 0])),
    ],
)
def test_predictions_in_integers_count_as_the_numbers_that_they_are(function, compiled, data):
    """In uint8, -1 is 255, and 16² is 0."""
    kind = data.draw(st.one_of(st.just(np.dtype(bool)), integer_dtypes(), unsigned_integer_dtypes()))
    A = data.draw(arrays(kind, (1, 2)))
    with np.errstate(over="ignore"):
        found = (tg.compile(function) if compiled else function)(A)
        np.testing.assert_array_equal(found, function(A.astype(float)), strict=True)


@pytest.mark.parametrize("Y", [np.array([1, 2]), np.eye(3)[:, [1, 2]], np.eye(3, dtype=int)[:, [1, 2]]])
def test_a_class_that_a_logit_excludes_is_no_part_of_the_cross_entropy(Y):
    Z = np.array([[1.0, -np.inf], [2.0, 0.5], [-np.inf, 0.1]])
    expected = (np.log(1 + np.exp(-1.0)) + np.log(1 + np.exp(0.4))) / 2  # of the two classes that are left
    p = 1 / (1 + np.exp(np.array([1.0, -0.4])))  # of the class that is not the label's
    value, gradient = tg.value_and_grad(nn.softmax_cross_entropy)(Z, Y)
    assert np.isclose(value, expected)
    np.testing.assert_allclose(gradient, np.array([[p[0], 0], [-p[0], p[1]], [0, -p[1]]]) / 2, atol=1e-15)


def test_a_class_that_is_excluded_and_right_costs_infinitely_much():
    assert nn.softmax_cross_entropy(np.array([[0.0], [-np.inf]]), np.array([1])) == np.inf


def test_an_infinite_logit_costs_nothing_if_it_is_right_and_infinitely_much_if_not():
    right, wrong = np.array([[np.inf, -np.inf]]), np.array([[-np.inf, np.inf]])
    Y = np.array([[1.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of 0 times inf
        value, gradient = tg.value_and_grad(nn.binary_cross_entropy_with_logits)(right, Y)
        assert nn.binary_cross_entropy_with_logits(wrong, Y) == np.inf
        assert np.isnan(nn.binary_cross_entropy_with_logits(np.array([[np.nan, 0.0]]), Y))
    assert value == 0
    np.testing.assert_allclose(gradient, [[0, 0]], atol=1e-30)  # the least sigmoid is σ(-80)


def test_a_saturated_sigmoid_in_float16_gives_a_net_finite_gradients():
    Z = np.array([[-30.0, 30.0, -12.0, 12.0, 1.0]], np.float16)
    Y = np.array([[1, 0, 1, 0, 1]], np.float16)
    gradient = tg.grad(lambda Z: nn.binary_cross_entropy(nn.sigmoid(Z), Y))(Z)
    assert np.all(np.isfinite(gradient))
    assert np.all(np.abs(gradient) <= 0.2)


@pytest.mark.parametrize(
    ("dtype", "layout"),
    [
        (np.float16, "rows"),
        (np.float16, "transposed"),
        (np.float32, "rows"),
        in_depth(np.float32, "transposed"),
    ],
)
def test_the_gradient_of_a_bias_of_many_samples_is_no_sum_that_stalls(dtype, layout):
    """20 million ones, added one by one in float32, stop at 2^24; 5,000 in float16 at 2^11."""
    m = 5_000 if dtype == np.float16 else 2**24 + 2**20
    g = np.ones((m, 1), dtype)
    if layout == "rows":
        b = tg.parameter(np.zeros(1, dtype))
        (tg.Tensor(np.broadcast_to(dtype(0), (m, 1))) + b).backward(g)
    else:
        g = np.ones((m, 2), dtype)
        b = tg.parameter(np.zeros((2, 1), dtype))
        (tg.Tensor(np.zeros((m, 2), dtype)).T + b).backward(g.T)
    assert b.grad.dtype == dtype
    np.testing.assert_allclose(b.grad, m, rtol=np.finfo(dtype).eps)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 300.0])
def test_the_l2_term_of_70_000_weights_in_float16_is_that_of_float64_rounded(scale):
    found = []
    W = (scale * np.random.default_rng(0).normal(size=(70, 1000))).astype(np.float16)
    for dtype in (np.float16, np.float64):
        net = nn.mlp([1000, 70], rng=np.random.default_rng(0), dtype=dtype)
        net.layers[0].W.data = W
        cost = nn.l2(net, 0.1, m=10_000_000)
        cost.backward()
        found.append((cost.data, net.layers[0].W.grad))
    (half, gradient), (exact, slope) = found
    assert half.dtype == gradient.dtype == np.float16
    np.testing.assert_allclose(half, exact, rtol=2e-3, atol=2.0**-24)
    np.testing.assert_allclose(gradient, slope, rtol=2e-3, atol=2.0**-24)


def test_second_derivatives_add_up_many_samples_as_exactly():
    m = 2_000_000
    X = np.full((m, 2), 0.1, np.float32)  # 0.1 and 0.1² are no floats: each addition rounds
    hessian = tg.hessian(lambda b: np.sum((X + b) ** 3) / m)(np.zeros(2, np.float32))
    np.testing.assert_allclose(hessian, 0.6 * np.eye(2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", [nn.softmax_cross_entropy, nn.losses.softmax_cross_entropy])
def test_the_slope_of_the_cross_entropy_by_a_label_of_0_is_the_logarithm_of_its_share(loss):
    slope = tg.grad(lambda Y: loss(np.log([[0.25], [0.75]]), Y))(np.array([[0.0], [1.0]]))
    np.testing.assert_allclose(slope, -np.log([[0.25], [0.75]]))


def test_a_gradient_that_float16_holds_is_that_of_float64_rounded():
    A, Y = np.array([[1e-5, 0.5, 0.5, 0.5]], np.float16), np.array([[1.0, 0.0, 1.0, 0.0]])
    slope, exact = (tg.grad(nn.binary_cross_entropy)(a, Y) for a in (A, A.astype(float)))
    np.testing.assert_allclose(slope, exact, rtol=2e-3)


def test_a_layer_adds_up_the_gradient_of_its_bias_exactly_in_any_layout():
    m, b = 300_000, tg.parameter(np.zeros((2, 1), np.float32))
    g = np.asfortranarray(np.full((2, m), 0.1, np.float32))
    nn.fused.affine(np.zeros((2, 1), np.float32), np.zeros((1, m), np.float32), b).backward(g)
    np.testing.assert_allclose(b.grad, m * float(np.float32(0.1)), rtol=1e-6)


def test_the_gradient_of_a_variance_of_many_samples_in_float32_is_exact():
    x = (1 + np.random.default_rng(0).normal(size=(300_000, 2)) * 1e-3).astype(np.float32)
    exact = x.astype(float) - x.mean(axis=0, dtype=float)
    slope = tg.grad(lambda x: np.sum(np.var(x, axis=0)))(x) * (len(x) / 2)
    np.testing.assert_allclose(slope, exact, rtol=1e-5, atol=1e-7)  # x less its mean is exact to eps / 2 of 1


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.max(x, axis=0),
        lambda x: np.fmax.reduce(x, axis=0),
        lambda x: np.linalg.vector_norm(x, axis=0, ord=np.inf),
    ],
)
def test_5_000_ties_in_float16_share_the_gradient(f):
    gradient = tg.grad(lambda x: np.sum(f(x)))(np.ones((5000, 2), np.float16))
    np.testing.assert_allclose(gradient, 1 / 5000, rtol=2e-3)
