"""Batch normalization: its formula and gradients, running averages, and modes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.testing import check_gradients

sizes = {"n": st.integers(1, 4), "m": st.integers(2, 6), "seed": st.integers(0, 2**32 - 1)}


@given(**sizes)
def test_each_unit_has_mean_beta_and_deviation_gamma_over_the_samples(n, m, seed):
    rng = np.random.default_rng(seed)
    norm = nn.BatchNorm(n, epsilon=1e-12)
    norm.gamma.data, norm.beta.data = rng.uniform(1, 2, (n, 1)), rng.normal(size=(n, 1))
    found = norm(rng.normal(3, 2, (n, m))).numpy()
    np.testing.assert_allclose(found.mean(axis=1, keepdims=True), norm.beta.data, atol=1e-9)
    np.testing.assert_allclose(found.std(axis=1, keepdims=True), norm.gamma.data, rtol=1e-4)  # epsilon, small variances


@given(**sizes)
def test_its_gradients_are_those_of_differences(n, m, seed):
    rng = np.random.default_rng(seed)
    norm, weights = nn.BatchNorm(n), rng.normal(size=(n, m))

    def f(Z, gamma, beta):
        mean, variance = Z.mean(axis=1, keepdims=True), Z.var(axis=1, keepdims=True)
        return np.sum(weights * (gamma * (Z - mean) / np.sqrt(variance + norm.epsilon) + beta))

    Z, gamma, beta = rng.normal(size=(n, m)), rng.uniform(1, 2, (n, 1)), rng.normal(size=(n, 1))
    check_gradients(f, Z, gamma, beta, progress=False)
    norm.gamma.data, norm.beta.data = gamma, beta
    leaf = tg.parameter(Z)
    loss = np.sum(weights * norm(leaf))
    assert loss.item() == pytest.approx(f(Z, gamma, beta), rel=1e-12, abs=1e-12)
    found = tg.gradients(loss, [leaf, norm.gamma, norm.beta])
    for g, expected in zip(found, tg.grad(f, argnum=(0, 1, 2))(Z, gamma, beta), strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-12)


@given(**sizes, height=st.integers(1, 3))
def test_each_channel_of_images_is_a_unit_whose_samples_are_all_pixels(n, m, seed, height):
    rng = np.random.default_rng(seed)
    norm, weights = nn.BatchNorm(n), rng.normal(size=(n, height, 2, m))

    def f(Z, gamma, beta):
        mean, variance = (of(Z, axis=(1, 2, 3), keepdims=True) for of in (np.mean, np.var))
        return np.sum(weights * (gamma * (Z - mean) / np.sqrt(variance + norm.epsilon) + beta))

    Z, gamma, beta = rng.normal(size=weights.shape), rng.uniform(1, 2, n), rng.normal(size=n)
    norm.gamma.data, norm.beta.data = gamma[:, np.newaxis], beta[:, np.newaxis]
    leaf = tg.parameter(Z)
    loss = np.sum(weights * norm(leaf))
    by_axes = [np.reshape(a, (n, 1, 1, 1)) for a in (gamma, beta)]
    assert loss.item() == pytest.approx(f(Z, *by_axes), rel=1e-12, abs=1e-12)
    found = tg.gradients(loss, [leaf, norm.gamma, norm.beta])
    for g, expected in zip(found, tg.grad(f, argnum=(0, 1, 2))(Z, *by_axes), strict=True):
        np.testing.assert_allclose(g.ravel(), expected.ravel(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(norm.mean.data.ravel(), Z.mean(axis=(1, 2, 3)), rtol=1e-12, atol=1e-15)
    norm.eval()
    assert norm(Z[..., :1]).shape == (n, height, 2, 1)


def test_running_averages_begin_with_the_first_batch_and_go_on_with_the_momentum():
    norm, rng = nn.BatchNorm(2, momentum=0.75), np.random.default_rng(0)
    batches = [rng.normal(k, 1 + k, (2, 8)) for k in range(3)]
    mean, variance = batches[0].mean(1, keepdims=True), batches[0].var(1, keepdims=True)
    norm(batches[0])
    for Z in batches[1:]:
        norm(Z)
        mean = 0.75 * mean + 0.25 * Z.mean(1, keepdims=True)
        variance = 0.75 * variance + 0.25 * Z.var(1, keepdims=True)
    np.testing.assert_allclose(norm.mean.data, mean, rtol=1e-12)
    np.testing.assert_allclose(norm.variance.data, variance, rtol=1e-12)
    norm.eval()
    Z = rng.normal(size=(2, 1))
    np.testing.assert_allclose(norm(Z).data, (Z - mean) / np.sqrt(variance + norm.epsilon), rtol=1e-12)


def net_with_norm(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        nn.Dense(3, 4, rng=rng, dtype=dtype),
        nn.BatchNorm(4, dtype=dtype),
        nn.relu,
        nn.Dense(4, 1, rng=rng, dtype=dtype),
    )


def test_running_averages_are_saved_and_loaded(tmp_path):
    net, other = net_with_norm(), net_with_norm(1)
    X = np.random.default_rng(2).normal(size=(3, 8))
    net(X)
    net.save(tmp_path / "net.npz")
    other.load(tmp_path / "net.npz")
    net.eval()
    other.eval()
    assert net(X).numpy().tobytes() == other(X).numpy().tobytes()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_compiled_step_gives_the_same_averages_and_parameters(dtype):
    X = np.random.default_rng(2).normal(size=(3, 20)).astype(dtype)
    Y = X[:1] * X[1:2]
    nets = [net_with_norm(dtype=dtype), net_with_norm(dtype=dtype)]
    histories = [
        tg.fit(net, X, Y, loss="mse", optimizer=tg.optim.SGD(net.parameters(), 0.1), epochs=5, compile=compile,
               progress=False)
        for net, compile in zip(nets, [False, True], strict=True)
    ]  # fmt: skip
    tolerance = {np.float64: 1e-10, np.float32: 1e-4, np.float16: 1e-2}[dtype]  # roundings, after five steps
    np.testing.assert_allclose(*(history.loss for history in histories), rtol=tolerance)
    for (name, a), b in zip(nets[0].state_dict().items(), nets[1].state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)
        assert a.dtype == b.dtype
    assert nets[1].layers[1].batches.item() == 5


@given(**sizes, scale=st.sampled_from([1e-2, 1.0, 1e3]), training=st.booleans())
def test_in_float16_it_is_that_of_float64_rounded(n, m, seed, scale, training):
    rng, found = np.random.default_rng(seed), []
    Z, weights = (scale * rng.normal(3, 1, (n, m))).astype(np.float16), rng.normal(size=(n, m)).astype(np.float16)
    for dtype in (np.float16, np.float64):
        norm, leaf = nn.BatchNorm(n, epsilon=0.1, dtype=dtype), tg.parameter(Z.astype(dtype))
        norm(leaf)
        norm.train() if training else norm.eval()
        A = norm(leaf)
        assert A.dtype == dtype
        gradients = tg.gradients(np.sum(weights.astype(dtype) * A), [leaf, norm.gamma, norm.beta])
        found.append([A.data, *gradients, norm.mean.data, norm.variance.data])
    for half, exact in zip(*found, strict=True):
        size = np.abs(exact).max() + 1e-4  # below 6e-5, float16 rounds to multiples of 6e-8
        np.testing.assert_allclose(half, exact, rtol=0, atol=2e-3 * size * m)


def test_optimizers_leave_the_averages_alone():
    net = net_with_norm()
    X = np.random.default_rng(2).normal(size=(3, 8))
    loss = np.sum(net(X))
    before = net.layers[1].mean.numpy()
    loss.backward()
    tg.optim.Adam(net.parameters()).step()
    assert np.array_equal(net.layers[1].mean.data, before)


def test_misuse_is_answered_with_what_to_do():
    norm = nn.BatchNorm(3)
    expected = r"BatchNorm\(3\): expected \(3, m\) or \(3, ..., m\), got"
    with pytest.raises(ValueError, match=expected + r" \(5, 3\); samples are columns: pass Z.T"):
        norm(np.ones((5, 3)))
    for shape in [(3,), (2, 3, 3, 4), ()]:
        with pytest.raises(ValueError, match=expected):
            norm(np.ones(shape))
    with pytest.raises(ValueError, match=r"at least 2 samples in training mode, .* batch_size that leaves no single"):
        norm(np.ones((3, 1)))
    norm.eval()
    with pytest.raises(RuntimeError, match="no statistics in evaluation mode: train first, or load a trained net"):
        norm(np.ones((3, 2)))
    norm.train()
    with pytest.raises(TypeError, match=r"inside of vmap has no statistics: call net\.eval\(\) first"):
        tg.vmap(norm)(np.random.default_rng(0).normal(size=(5, 3, 2)))
