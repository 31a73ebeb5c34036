"""Convolution and pooling: their definitions as loops, gradients by differences, layouts."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.testing import check_gradients

geometry = {
    "k": st.integers(1, 3),
    "q": st.integers(1, 3),
    "stride": st.integers(1, 3),
    "padding": st.integers(0, 2),
    "seed": st.integers(0, 2**32 - 1),
}


def convolved(A, W, b, stride, padding):
    """The definition: a sum of products for each filter, place and sample."""
    (c, h, w, m), (filters, _, k, q) = A.shape, W.shape
    P = np.zeros((c, h + 2 * padding, w + 2 * padding, m))
    P[:, padding : padding + h, padding : padding + w] = A
    Z = np.zeros((filters, (h + 2 * padding - k) // stride + 1, (w + 2 * padding - q) // stride + 1, m))
    for f, i, j, n in itertools.product(*map(range, Z.shape)):
        Z[f, i, j, n] = np.sum(P[:, i * stride : i * stride + k, j * stride : j * stride + q, n] * W[f]) + b[f, 0]
    return Z


@given(**geometry)
def test_a_convolution_is_a_sum_of_products_at_each_place(k, q, stride, padding, seed):
    rng = np.random.default_rng(seed)
    A, W, b = rng.normal(size=(2, 4, 5, 3)), rng.normal(size=(3, 2, k, q)), rng.normal(size=(3, 1))
    found = nn.conv2d(A, W, b, stride=stride, padding=padding)
    np.testing.assert_allclose(found, convolved(A, W, b, stride, padding), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_gradients_of_a_convolution_to_second_order(stride, padding):
    rng = np.random.default_rng(0)
    A, W, b = rng.normal(size=(2, 4, 3, 2)), rng.normal(size=(2, 2, 3, 2)), rng.normal(size=(2, 1))

    def f(A, W, b):
        return np.sum(np.sin(nn.conv2d(A, W, b, stride=stride, padding=padding)))

    check_gradients(f, A, W, b, order=2, progress=False)


def test_the_gradient_with_respect_to_the_filters_is_the_convolution_of_images_and_cotangents():
    rng = np.random.default_rng(0)
    A, W, g = rng.normal(size=(2, 5, 5, 3)), tg.parameter(rng.normal(size=(4, 2, 2, 2))), rng.normal(size=(4, 4, 4, 3))
    dW = tg.gradients(nn.conv2d(A, W), W, cotangent=g)
    expected = np.zeros(W.shape)
    for i, j in itertools.product(range(2), range(2)):  # dW = Σ a_slice dZ, as the course derives it
        expected[:, :, i, j] = np.einsum("fhwm,chwm->fc", g, A[:, i : i + 4, j : j + 4])
    np.testing.assert_allclose(dW, expected, rtol=1e-12, atol=1e-12)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_pooling_takes_the_largest_and_the_mean_of_each_window(size, stride, seed):
    A = np.random.default_rng(seed).normal(size=(2, 4, 5, 3))
    largest, mean = nn.max_pool2d(A, size, stride=stride), nn.average_pool2d(A, size, stride=stride)
    assert largest.shape == (2, (4 - size) // stride + 1, (5 - size) // stride + 1, 3)
    for c, i, j, n in itertools.product(*map(range, largest.shape)):
        window = A[c, i * stride : i * stride + size, j * stride : j * stride + size, n]
        assert largest[c, i, j, n] == window.max()
        assert mean[c, i, j, n] == pytest.approx(window.mean(), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("pool", [nn.max_pool2d, nn.average_pool2d])
@pytest.mark.parametrize("stride", [None, 1])
def test_gradients_of_pooling(pool, stride):
    A = np.random.default_rng(0).normal(size=(2, 4, 4, 2))
    check_gradients(lambda A: np.sum(np.sin(pool(A, 2, stride=stride))), A, progress=False)


def convolutional_net():
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Conv2D(1, 3, 3, padding=1, rng=rng), nn.relu, nn.max_pool2d, nn.flatten, nn.Dense(12, 2, rng=rng)
    )


def test_a_net_of_convolutions_trains_the_same_compiled_and_eager():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(1, 4, 4, 10)), rng.integers(0, 2, 10)
    losses = []
    for compiled in (False, True):
        net = convolutional_net()
        adam = tg.optim.Adam(net.parameters(), 0.01)

        def step(X, Y, net=net, adam=adam):
            adam.zero_grad()
            loss = nn.softmax_cross_entropy(net(X), Y)
            loss.backward()
            adam.step()
            return loss

        step = tg.compile(step) if compiled else step
        losses.append([step(X, Y).item() for _ in range(5)])
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(*losses, rtol=1e-9)  # roundings grow with the steps


@pytest.mark.parametrize(
    ("A", "message"),
    [
        (
            (5, 2, 8, 8),
            r"2 channels on axis 0, got \(5, 2, 8, 8\).*from \(m, channels, height, width\), pass np\.move",
        ),
        ((5, 8, 8, 2), r"expected 2 channels on axis 0.*from \(m, height, width, channels\), pass np\.transpose"),
        ((2, 8, 8), r"expected \(channels, height, width, m\), got \(2, 8, 8\)"),
        ((2, 2, 8, 5), r"at least 3 pixels on axis 1, got 2 of images \(2, 2, 8, 5\) with padding 0"),
    ],
)
def test_images_of_another_layout_are_refused_with_the_axis(A, message):
    with pytest.raises(ValueError, match=message):
        nn.conv2d(np.ones(A), np.ones((4, 2, 3, 3)))


def test_misfitting_filters_and_settings_are_refused():
    A, W = np.ones((2, 5, 5, 3)), np.ones((4, 2, 3, 3))
    with pytest.raises(ValueError, match=r"expected filters \(c_out, c, k, l\), got \(4, 2\)"):
        nn.conv2d(A, np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"expected biases \(4, 1\) for 4 filters, got \(4,\)"):
        nn.conv2d(A, W, np.ones(4))
    with pytest.raises(ValueError, match="stride to be a whole number of at least 1, got 0"):
        nn.conv2d(A, W, stride=0)
    with pytest.raises(ValueError, match="padding to be a whole number of at least 0, got -1"):
        nn.conv2d(A, W, padding=-1)
    with pytest.raises(ValueError, match="max_pool2d: expected at least 6 pixels on axis 1, got 5"):
        nn.max_pool2d(A, 6)


def test_fit_takes_images_by_batches_and_gives_layers_the_names_of_the_course():
    rng = np.random.default_rng(0)
    X, Y, net = rng.normal(size=(1, 4, 4, 20)), rng.integers(0, 2, 20), convolutional_net()
    adam = tg.optim.Adam(net.parameters(), 0.05)
    history = tg.fit(net, X, Y, loss="cross_entropy", optimizer=adam, epochs=30, batch_size=8, rng=rng, progress=False)
    assert history.loss[-1] < history.loss[0] / 2
    loss = nn.softmax_cross_entropy(net(X), Y)
    assert {"W1", "b1", "Z1", "W2", "b2", "Z2"} <= set(tg.named_tensors(loss))


def test_images_with_their_samples_first_are_refused_by_fit():
    X, net = np.ones((20, 1, 4, 4)), convolutional_net()
    with pytest.raises(ValueError, match=r"the samples are the last axis: pass np\.moveaxis\(X, 0, -1\)"):
        tg.fit(net, X, np.zeros(20, int), loss="cross_entropy", optimizer="adam", epochs=1)


def test_a_word_stands_for_the_initializer_of_the_filters():
    by_word, by_hand = (nn.Conv2D(1, 2, 3, rng=np.random.default_rng(0), init=init) for init in ("xavier", nn.xavier))
    assert by_word.W.numpy().tobytes() == by_hand.W.numpy().tobytes()
    with pytest.raises(ValueError, match=r"Conv2D\(1, 2, 3\): expected init to give \(2, 9\), got \(9, 2\)"):
        nn.Conv2D(1, 2, 3, rng=np.random.default_rng(0), init=lambda shape, rng: np.ones(shape).T)
    with pytest.raises(ValueError, match=r"Conv2D: expected an initializer, such as 'he', .* got 'best'"):
        nn.Conv2D(1, 2, 3, rng=np.random.default_rng(0), init="best")
