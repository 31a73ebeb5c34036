"""Losses: closed forms, means over samples, what is refused, and what stays finite. And accuracy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.nn import losses

CROSS_ENTROPIES = [nn.binary_cross_entropy, losses.binary_cross_entropy]
WITH_LOGITS = [nn.binary_cross_entropy_with_logits, losses.binary_cross_entropy_with_logits]
SOFTMAX = [nn.softmax_cross_entropy, losses.softmax_cross_entropy]
ELEMENTWISE = [*CROSS_ENTROPIES, *WITH_LOGITS, nn.mean_squared_error]


def _entropy(a, y):
    return -y * math.log(a) - (1 - y) * math.log(1 - a)


CLOSED_FORMS = [  # what each element of predictions and labels adds to a sample
    *[(loss, _entropy) for loss in CROSS_ENTROPIES],
    *[(loss, lambda z, y: _entropy(1 / (1 + math.exp(-z)), y)) for loss in WITH_LOGITS],
    (nn.mean_squared_error, lambda a, y: (a - y) ** 2),
]
batches = {"rows": st.integers(1, 4), "m": st.integers(1, 5), "seed": st.integers(0, 2**32 - 1)}


@pytest.mark.parametrize(("loss", "closed_form"), CLOSED_FORMS)
@given(**batches)
def test_a_loss_is_the_mean_over_samples_of_the_sum_over_outputs(loss, closed_form, rows, m, seed):
    rng = np.random.default_rng(seed)
    A, Y = rng.uniform(0.01, 0.99, (rows, m)), rng.choice([0, 1, 0.3], (rows, m))
    expected = math.fsum(closed_form(a, y) for a, y in zip(A.flat, Y.flat, strict=True)) / m
    assert loss(A, Y) == pytest.approx(expected, rel=1e-13)  # twenty terms, each to some roundings
    assert loss(np.hstack([A, A]), np.hstack([Y, Y])) == pytest.approx(expected, rel=1e-13)
    assert loss(np.vstack([A, A]), np.vstack([Y, Y])) == pytest.approx(2 * expected, rel=1e-13)


@pytest.mark.parametrize("loss", SOFTMAX)
@given(**batches, shift=st.floats(-100, 100))
def test_softmax_cross_entropy_is_minus_the_log_of_the_share_of_the_right_class(loss, rows, m, seed, shift):
    rng = np.random.default_rng(seed)
    Z, labels = rng.normal(size=(rows, m)), rng.integers(0, rows, m)
    shares = [math.exp(Z[label, i]) / math.fsum(map(math.exp, Z[:, i])) for i, label in enumerate(labels)]
    expected = -math.fsum(map(math.log, shares)) / m
    one_hot = np.array([[float(label == row) for label in labels] for row in range(rows)])
    same = [labels, labels.astype(np.uint8), labels[np.newaxis], one_hot, one_hot == 1]
    same += [one_hot.astype(int)] if rows > 1 else []  # of one class, whole numbers are labels
    for Y in same:
        assert loss(Z, Y) == pytest.approx(expected, rel=1e-13, abs=1e-15)
        # z + shift is rounded to eps |shift|
        assert loss(Z + shift, Y) == pytest.approx(expected, rel=1e-13, abs=1e-13)
    assert loss(np.hstack([Z, Z]), np.hstack([labels, labels])) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("loss", SOFTMAX)
def test_softmax_cross_entropy_of_probabilities_is_their_mean(loss):
    Z = np.log([[0.5, 0.1], [0.3, 0.2], [0.2, 0.7]])
    Y = np.array([[0.2, 0.0], [0.3, 0.6], [0.5, 0.4]])
    expected = -(0.2 * math.log(0.5) + 0.3 * math.log(0.3) + 0.5 * math.log(0.2))
    expected -= 0.6 * math.log(0.2) + 0.4 * math.log(0.7)
    assert loss(Z, Y) == pytest.approx(expected / 2, rel=1e-14)


# ---- extremes


@pytest.mark.parametrize("loss", CROSS_ENTROPIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("a", "y", "wrong"), [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0.5, 0.5)])
def test_probabilities_of_0_and_1_are_finite_in_value_and_gradient(loss, dtype, a, y, wrong):
    A = tg.parameter(np.array([[a]], dtype))
    cost = loss(A, np.array([[y]], dtype))
    assert cost.item() == pytest.approx(wrong * 30 * math.log(10), rel=1e-6)  # log 0 is taken as log 1e-30
    gradient = tg.gradients(cost, A)
    assert cost.dtype == gradient.dtype == dtype
    assert np.isfinite(gradient)
    assert np.sign(gradient) == np.sign(a - y) or not wrong
    assert abs(gradient) > 1e20 or not wrong


@pytest.mark.parametrize("loss", [*WITH_LOGITS, *SOFTMAX])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_1e4_are_exact_in_value_and_gradient(loss, dtype):
    Z = tg.parameter(np.array([[1e4, -1e4, 1e4, -1e4]], dtype))
    right = np.array([[1, 0, 0, 1]], dtype)
    # of two classes, of logits z and 0, the first has the share σ(z)
    two_classes = np.concatenate([Z, np.zeros_like(Z)]) if loss in SOFTMAX else Z
    cost = loss(two_classes, np.vstack([right, 1 - right]) if loss in SOFTMAX else right)
    assert cost.dtype == dtype
    assert cost.item() == 5000
    # σ(-1e4) is given as σ(-80)
    assert np.allclose(tg.gradients(cost, Z), [[0, 0, 0.25, -0.25]], rtol=0, atol=1e-30)


@pytest.mark.parametrize("loss", [*ELEMENTWISE, *SOFTMAX])
def test_nan_gives_nan(loss):
    A, Y = np.array([[0.5, np.nan], [0.5, 0.5]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    with np.errstate(invalid="ignore"):  # np.logaddexp warns of nan
        assert math.isnan(loss(A, Y))


@pytest.mark.parametrize("loss", [*ELEMENTWISE, *SOFTMAX])
def test_float32_stays_float32(loss):
    A, Y = np.array([[0.3, 0.6], [0.7, 0.4]], np.float32), np.eye(2, dtype=np.float32)
    assert loss(A, Y).dtype == np.float32
    assert tg.gradients(loss(tg.parameter(A), Y), tg.parameter(A)).dtype == np.float32


# ---- what is refused


@pytest.mark.parametrize("loss", ELEMENTWISE)
@pytest.mark.parametrize(
    "shapes", [((1, 3), (3,)), ((1, 3), (3, 1)), ((2, 3), (1, 3)), ((2, 3), (2, 1)), ((3, 2), (2, 3))]
)
def test_shapes_that_would_broadcast_are_refused(loss, shapes):
    A, Y = np.full(shapes[0], 0.5), np.full(shapes[1], 0.5)
    for predictions in (A, tg.parameter(A)):
        with pytest.raises(ValueError, match=r"one shape, got \(") as error:
            loss(predictions, Y)
        assert all(str(shape) in str(error.value) for shape in shapes)


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_no_samples_are_refused(loss):
    with pytest.raises(ValueError, match="at least one sample"):
        loss(np.ones((1, 0)), np.ones((1, 0)))


@pytest.mark.parametrize("loss", [*CROSS_ENTROPIES, *WITH_LOGITS])
@pytest.mark.parametrize("y", [-0.01, 1.01, 2, np.uint8(2), -1, np.inf])
def test_labels_outside_of_0_and_1_are_refused(loss, y):
    with pytest.raises(ValueError, match=r"expected labels in \[0, 1\], got"):
        loss(np.full((1, 2), 0.5), np.array([[0, y]], np.asarray(y).dtype))


@pytest.mark.parametrize("loss", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_labels_of_any_dtype_are_the_same_labels(loss, dtype):
    A, Y = np.array([[0.3, 0.6, 0.9]]), np.array([[0, 1, 1]])
    assert loss(A, Y.astype(dtype)) == loss(A, Y.astype(float))
    gradient, expected = (tg.grad(lambda A, Y=Y: loss(A, Y))(A) for Y in (Y.astype(dtype), Y.astype(float)))
    assert np.array_equal(gradient, expected)


@pytest.mark.parametrize("loss", [*ELEMENTWISE, *SOFTMAX])
def test_a_list_is_refused_with_advice(loss):
    for A, Y in (([[0.5]], np.ones((1, 1))), (np.full((1, 1), 0.5), [[1.0]])):
        with pytest.raises(TypeError, match="expected arrays or Tensors, got a list"):
            loss(A, Y)


@pytest.mark.parametrize("loss", CROSS_ENTROPIES)
@pytest.mark.parametrize("a", [-1.0, -1e-6, 1 + 1e-6, 7.0])
@pytest.mark.parametrize("y", [0, 1])
def test_logits_in_place_of_probabilities_are_refused(loss, a, y):
    for A in (np.array([[0.5, a]]), tg.parameter([[0.5, a]])):
        with pytest.raises(ValueError, match=r"probabilities in \[0, 1\].*take binary_cross_entropy_with_logits"):
            loss(A, np.array([[1, y]]))


REFUSED_CLASSES = [  # of two classes and three samples
    (np.array([0, 1, 2]), r"labels in 0 \.\.\. 1, got 0 to 2"),
    (np.array([-1, 0, 1]), r"labels in 0 \.\.\. 1, got -1 to 1"),
    (np.array([0.0, 1.0, 0.0]), r"expected integer labels.*got float64 .*: pass Y\.astype\(int\)"),
    (np.array([True, False, True]), r"expected integer labels.*got bool .*: pass Y\.astype\(int\)"),
    (
        np.array([0, 1]),
        r"integer labels of shape \(3,\) or one-hot labels of shape \(2, 3\).*got int64 of shape \(2,\)",
    ),
    (np.array([[0], [1], [0]]), r"shape \(3, 1\)"),
    (np.ones((3, 2)), r"shape \(3, 2\)"),
    (np.full((2, 3), 0.6), "sum to 1"),
    (np.zeros((2, 3)), "sum to 1"),
    (np.array([[2.0, 0, 0], [-1, 1, 1]]), r"probabilities in \[0, 1\]"),
]


@pytest.mark.parametrize("loss", SOFTMAX)
@pytest.mark.parametrize(("Y", "message"), REFUSED_CLASSES)
def test_labels_that_are_no_classes_are_refused(loss, Y, message):
    with pytest.raises(ValueError, match=message):
        loss(np.zeros((2, 3)), Y)


@pytest.mark.parametrize("loss", [nn.binary_cross_entropy, nn.binary_cross_entropy_with_logits])
def test_labels_of_a_tensor_are_checked_for_each_loss_and_shape(loss):
    A, classes = tg.parameter(np.full((2, 3), 0.5)), tg.Tensor(np.ones((2, 3)))
    loss(A, classes)
    with pytest.raises(ValueError, match="sum to 1"):  # probabilities, each in [0, 1], that are none of classes
        nn.softmax_cross_entropy(A, classes)
    integers = tg.Tensor(np.array([1, 2, 0]))
    nn.softmax_cross_entropy(tg.parameter(np.zeros((3, 3))), integers)
    with pytest.raises(ValueError, match="got 0 to 2"):
        nn.softmax_cross_entropy(A, integers)


@pytest.mark.parametrize("loss", [nn.binary_cross_entropy, nn.binary_cross_entropy_with_logits])
def test_labels_are_checked_again_after_a_change(loss):
    A, Y = tg.parameter(np.full((1, 3), 0.5)), np.ones((1, 3))
    loss(A, Y)
    Y[0, 1] = 2
    with pytest.raises(ValueError, match="got 1 to 2"):
        loss(A, Y)
    leaf = tg.Tensor(np.ones((1, 3)))
    loss(A, leaf)
    leaf.data = Y
    with pytest.raises(ValueError, match="got 1 to 2"):
        loss(A, leaf)


@pytest.mark.parametrize("loss", [*CROSS_ENTROPIES, *WITH_LOGITS, *SOFTMAX])
@given(drawn=st.lists(st.lists(st.integers(0, 1), min_size=4, max_size=4), min_size=2, max_size=4))
def test_labels_that_are_changed_between_calls_and_made_read_only_again_count_as_they_are(loss, drawn):
    A, Y = np.array([[0.2, 0.4], [0.7, 0.9]]), np.zeros((2, 2))
    for values in drawn:
        for shape in ((2, 2), (1, 4), (4, 1)) if loss not in SOFTMAX else ((2, 2),):
            Y.flags.writeable = True
            Y.resize(shape, refcheck=False)
            Y.flat = values if loss not in SOFTMAX else [*values[:2], *np.subtract(1, values[:2])]
            Y.flags.writeable = False
            assert loss(A.reshape(shape), Y) == loss(A.reshape(shape), Y.copy())


@pytest.mark.parametrize("loss", SOFTMAX)
@pytest.mark.parametrize("shape", [(3,), (2, 0), (2, 3, 1)])
def test_logits_that_are_no_classes_times_samples_are_refused(loss, shape):
    with pytest.raises(ValueError, match=r"logits of shape \(classes, m\), got"):
        loss(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize(
    ("loss", "predictions"),
    [
        *((f, "A") for f in CROSS_ENTROPIES),
        *((f, "Z") for f in WITH_LOGITS),
        *((f, "Z") for f in SOFTMAX),
        (nn.mean_squared_error, "A"),
    ],
)
def test_predictions_and_labels_may_be_given_by_name_in_any_order(loss, predictions, dtype):
    A, Y = np.array([[0.5, 0.75], [0.5, 0.25]], dtype), np.eye(2)
    for given_A in (A, tg.parameter(A)):
        found = loss(Y=Y, **{predictions: given_A})
        assert found.dtype == dtype
        assert found.item() == loss(A, Y)


@pytest.mark.parametrize("mode", ["warn", "ignore", "raise"])
@pytest.mark.parametrize("make", [np.asarray, tg.parameter])
def test_checks_of_losses_do_not_depend_on_how_numpy_treats_errors(make, mode):
    outside, infinite = make(np.array([[0.5, -0.5]])), make(np.array([[0.0, -np.inf], [-np.inf, 0.0]]))
    with np.errstate(all=mode):
        for loss in CROSS_ENTROPIES:
            with pytest.raises(ValueError, match=r"expected probabilities in \[0, 1\], got -0.5 to 0.5"):
                loss(outside, np.ones((1, 2)))
        for loss in SOFTMAX:
            assert loss(infinite, np.eye(2)).item() == 0
