"""A formula as one node of the graph is what it is spelled out: in value, and to second order in every argument."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.core.modes import recording
from tinygrad_dl.graph.formulas import derivative
from tinygrad_dl.nn import activations, fused, losses


def _probabilities(rng, shape):
    return rng.uniform(0.05, 0.95, shape)


def _normal(rng, shape):
    return rng.normal(size=shape)


def _class_probabilities(rng, shape):
    """Columns that sum to 1 but for a rounding, as a user would write them."""
    values = rng.uniform(0.05, 1, shape)
    return values / values.sum(axis=0) * rng.uniform(0.9995, 1, shape[1:])


# ---- fused, spelled out, and how to draw each argument
TABLE = {
    "sigmoid": (nn.sigmoid, activations.sigmoid, [_normal]),
    "relu": (nn.relu, activations.relu, [_normal]),
    "leaky_relu": (nn.leaky_relu, activations.leaky_relu, [_normal]),
    "binary_cross_entropy": (nn.binary_cross_entropy, losses.binary_cross_entropy, [_probabilities, _probabilities]),
    "binary_cross_entropy_with_logits": (
        nn.binary_cross_entropy_with_logits,
        losses.binary_cross_entropy_with_logits,
        [_normal, _probabilities],
    ),
    "softmax_cross_entropy": (
        nn.softmax_cross_entropy,
        losses.softmax_cross_entropy,
        [_normal, _class_probabilities],
    ),
}


def assert_same_to_second_order(one, other, arrays, rng):
    """`one` and `other` of parameters made of `arrays`: values, gradients, and gradients of those in a direction."""
    results = []
    directions = [rng.normal(size=array.shape) for array in arrays]
    for f in (one, other):
        parameters = [tg.parameter(array) for array in arrays]
        ans = f(*parameters)
        weights = np.linspace(0.5, 1.5, ans.size).reshape(ans.shape)
        first = tg.gradients(np.sum(weights * ans), parameters, create_graph=True)
        along = sum(np.sum(direction * g) for direction, g in zip(directions, first, strict=True))
        second = tg.gradients(along, parameters) if along.requires_grad else [np.zeros_like(a) for a in arrays]
        results.append([ans.numpy(), *(g.numpy() for g in first), *second])
    for a, b in zip(*results, strict=True):
        # 1 - a and log a of a in [0.05, 0.95], squared and divided: some tens of roundings, of numbers up to 1e4
        assert np.allclose(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", TABLE)
@given(rows=st.integers(1, 4), m=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_one_node_equals_the_spelled_out_formula_to_second_order(name, rows, m, seed):
    one, other, draws = TABLE[name]
    rng = np.random.default_rng(seed)
    arrays = [draw(rng, (rows, m)) for draw in draws]
    assert np.array_equal(one(*arrays), other(*arrays))
    assert_same_to_second_order(one, other, arrays, rng)
    node = one(tg.parameter(arrays[0]), *arrays[1:])
    assert tg.core.backprop.topological_order(node) == [*node._parents[:1], node]  # one node, as the course draws it


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("of_first", [tg.parameter, tg.Tensor])
@pytest.mark.parametrize("of_others", [np.asarray, tg.Tensor])
@given(rows=st.integers(1, 4), m=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_without_recording_it_is_a_constant_tensor_of_the_same_values(name, of_first, of_others, rows, m, seed):
    one, other, draws = TABLE[name]
    rng = np.random.default_rng(seed)
    first, *others = [draw(rng, (rows, m)) for draw in draws]
    with recording(of_first is tg.Tensor):
        ans = one(of_first(first), *map(of_others, others))
    assert type(ans) is tg.Tensor
    assert not ans.requires_grad
    np.testing.assert_array_equal(ans.numpy(), other(first, *others))


@pytest.mark.parametrize("by_name", [False, True])
@given(shape=st.sampled_from([(), (1,), (3, 1), (3, 4), (2, 3, 4)]), seed=st.integers(0, 2**32 - 1))
def test_a_leaky_relu_has_the_derivative_by_its_slope_to_second_order(by_name, shape, seed):
    """The slope may be learned (He et al. 2015): one for all, one for each unit, or more than there are z."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(3, 4)), rng.uniform(0.01, 0.5, shape)]
    one = (lambda z, alpha: nn.leaky_relu(z, alpha=alpha)) if by_name else nn.leaky_relu
    assert_same_to_second_order(one, activations.leaky_relu, arrays, rng)
    z, alpha = map(tg.parameter, arrays)
    assert set(tg.core.backprop.topological_order(one(z, alpha))[:-1]) == {z, alpha}
    assert one(arrays[0], alpha).requires_grad


@pytest.mark.parametrize("in_axes", [(0, 0), (0, None), (None, 0)])
def test_a_leaky_relu_of_samples_may_have_a_slope_for_each(in_axes):
    rng = np.random.default_rng(0)
    z, alpha = rng.normal(size=(5, 3, 4)[in_axes[0] is None :]), rng.uniform(size=(5, 3, 1)[in_axes[1] is None :])
    values = [tg.vmap(f, in_axes)(z, alpha) for f in (nn.leaky_relu, activations.leaky_relu)]
    assert np.array_equal(*values)
    for argnum in (0, 1):
        slopes = [
            tg.vmap(tg.grad(lambda z, alpha, f=f: np.sum(f(z, alpha) ** 2), argnum), in_axes)(z, alpha)
            for f in (nn.leaky_relu, activations.leaky_relu)
        ]
        np.testing.assert_allclose(*slopes)


def test_a_leaky_relu_of_samples_has_the_slope_that_is_given():
    z = np.array([[-1.0, 2.0], [3.0, -4.0]])
    assert tg.vmap(lambda z: nn.leaky_relu(z, 0.25))(z).tolist() == [[-0.25, 2.0], [3.0, -1.0]]


def test_slopes_that_are_as_many_as_the_samples_are_not_taken_for_one_each():
    z, alpha = np.linspace(-1, 1, 20).reshape(5, 4), np.linspace(0.1, 0.5, 5)[:, None]
    values = tg.vmap(nn.leaky_relu, (0, None))(z, alpha)
    assert np.array_equal(values, [nn.leaky_relu(row, alpha) for row in z])


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_affine_is_W_A_plus_b_to_second_order(n_out, n_in, m, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape) for shape in ((n_out, n_in), (n_in, m), (n_out, 1))]
    assert_same_to_second_order(fused.affine, lambda W, A, b: W @ A + b, arrays, rng)


@pytest.mark.parametrize("name", [name for name in TABLE if name.startswith("binary")])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_one_node_has_the_derivative_of_the_spelled_out_loss_in_any_number_of_axes(name, shape):
    one, other, draws = TABLE[name]
    rng = np.random.default_rng(0)
    assert_same_to_second_order(one, other, [draw(rng, shape) for draw in draws], rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", [-80, -40, -20, -5, 0, 5, 14])
@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("weight", [1, 100])
def test_the_gradient_through_a_saturated_sigmoid_is_a_less_y(dtype, z, y, weight):
    # Spelled out it is not: log(a + 1e-30) is flat below 1e-30. And from z = 17 on a float32 a is 1: no gradient.
    Z = tg.parameter(np.array([[z]], dtype))
    A = nn.sigmoid(Z)
    loss = weight * nn.binary_cross_entropy(A, np.array([[y]], dtype))
    exact = weight * (np.exp(-np.logaddexp(0, -float(z))) - y)
    # where y is 0 the gradient is a, to its last digits though e⁸⁰ has lost some; where y is 1 it is a - 1, to eps
    tolerance = np.finfo(dtype).eps * (8 * abs(exact) + (weight if y else 0))
    assert np.abs(tg.gradients(loss, Z) - exact) <= tolerance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_wrong_and_saturated_output_gives_no_nan(dtype):
    Z = tg.parameter(np.array([[-1e4, -1e4, 1e4, 1e4]], dtype))
    loss = 100 * nn.binary_cross_entropy(nn.sigmoid(Z), np.array([[0, 1, 0, 1]], dtype))
    assert loss.dtype == dtype
    # σ(-1e4) is held at σ(-80), so that there the error is seen; a = 1 has no gradient left
    assert np.allclose(tg.gradients(loss, Z), [[0, -25, 0, 0]], rtol=1e-6, atol=1e-30)


def test_the_cross_entropy_of_exact_labels_has_the_derivative_of_its_formula():
    """At a = y = 0 it is 1 / (1 - a) = 1, and at a = y = 1 it is -1 / a = -1: not 0 / 0."""
    A, Y = tg.parameter([[0.0, 1.0]]), np.array([[0.0, 1.0]])
    for loss in (nn.binary_cross_entropy, nn.losses.binary_cross_entropy):
        assert tg.gradients(loss(A, Y), A).tolist() == [[0.5, -0.5]]


def test_affine_is_its_formula_for_any_dtypes_and_refuses_a_bias_that_is_no_column():
    W, A, b = np.array([[1, 2]]), np.array([[3], [4]]), np.array([[0.5]])
    assert fused.affine(W, A, b).tolist() == [[11.5]]
    with pytest.raises(ValueError, match=r"expected b of shape \(1, 1\)"):
        fused.affine(W, A, np.ones(1))


def test_a_net_of_fused_functions_can_be_pickled():
    net = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=np.random.default_rng(0))
    again, X = pickle.loads(pickle.dumps(net)), np.ones((2, 4))
    assert again(X).tolist() == net(X).tolist()


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_unit_that_is_off_passes_nothing_on_not_even_what_is_infinite_or_nan():
    z = tg.parameter([0.0, -1.0, 4.0])
    np.sum(np.sqrt(nn.relu(z))).backward()  # the derivative of the root is infinite at 0
    assert np.array_equal(z.grad, [0.0, 0.0, 0.25])
    for g in ([np.nan, np.inf, 3.0], [-np.inf, 1.0, np.inf]):
        z.grad = None
        nn.relu(z).backward(np.array(g))
        assert np.array_equal(z.grad, [0.0, 0.0, g[2]])


def test_a_cost_in_float32_is_exact_however_many_samples_are_alike():
    """As those of an untrained net are; a sum from left to right is off by 1e-5 of it."""
    m = 1_000_000
    alike = np.full((1, m), 0.3, np.float32)
    cost = nn.binary_cross_entropy(alike, np.ones((1, m), np.float32))
    assert abs(cost / -np.log(np.float64(alike[0, 0])) - 1) < 1e-6
    cost = nn.softmax_cross_entropy(np.zeros((10, m // 10), np.float32), np.zeros(m // 10, int))
    assert abs(cost / np.log(10) - 1) < 1e-6


@pytest.mark.parametrize(
    "labels", [[[1.0005, 0.0], [0.0, 1.0]], [[np.nan, 0.0], [0.0, 1.0]], [[1.5, 0.0], [-0.5, 1.0]]]
)
def test_columns_that_are_no_probabilities_are_refused(labels):
    with pytest.raises(ValueError, match=r"in \[0, 1\]|sum to 1"):
        nn.softmax_cross_entropy(tg.parameter(np.zeros((2, 2))), np.array(labels))


# ---- rules are derived


def test_no_derivative_rule_is_written_in_nn():
    for path in Path(nn.__file__).parent.glob("*.py"):
        assert "defvjp" not in path.read_text(encoding="utf-8"), path.name


Z, LABELS, ONE_HOT = np.array([[0.3, -0.8], [0.1, 0.7]]), np.array([1, 0]), np.array([[0.0, 1.0], [1.0, 0.0]])
DERIVED = {
    "relu": ("g * (z > 0)", lambda z: nn.relu(z)),
    "leaky relu": ("np.where(z <= 0, 0.01 * g, g)", lambda z: nn.leaky_relu(z)),
    "leaky relu with a slope": ("np.where(z <= 0, 0.2 * g, g)", lambda z: nn.leaky_relu(z, alpha=0.2)),
    "with logits": ("g / 2 * (sigmoid(Z) - Y)", lambda z: nn.binary_cross_entropy_with_logits(z, ONE_HOT)),
    "one-hot": (
        "g / 2 * (np.sum(Y, axis=0, keepdims=True) / np.sum(t, axis=0, keepdims=True) * t - Y), "
        "t = np.exp(Z - np.rint(np.max(Z, axis=0, keepdims=True)))",
        lambda z: nn.softmax_cross_entropy(z, ONE_HOT),
    ),
}


@pytest.mark.parametrize("name", DERIVED)
def test_the_derived_rules_are_those_of_the_course(name):
    text, f = DERIVED[name]
    assert str(derivative(f(tg.parameter(Z)), 0)) == text


@pytest.mark.parametrize("Y", [LABELS, ONE_HOT])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_rule_of_the_softmax_loss_takes_what_the_forward_pass_has_kept(Y, dtype):
    loss = nn.softmax_cross_entropy(z := tg.parameter(Z.astype(dtype)), Y)
    np.testing.assert_allclose(tg.gradients(loss, z), (nn.softmax(z.numpy()) - ONE_HOT) / 2, rtol=1e-5)
    exponentials, scale, P = loss._kept
    loss._kept = exponentials, 0 * scale, P
    np.testing.assert_array_equal(tg.gradients(loss, z), -ONE_HOT / 2)
    assert tg.gradients(loss, z).dtype == dtype


def test_the_loss_of_each_sample_of_vmap_is_checked():
    with pytest.raises(ValueError, match=r"labels in \[0, 1\]"):
        tg.vmap(lambda a, y: nn.binary_cross_entropy(a, y))(np.full((3, 1, 2), 0.5), np.full((3, 1, 2), 2.0))
