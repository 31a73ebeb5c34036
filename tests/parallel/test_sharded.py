"""The mean loss over shards and its gradient are those of one batch of all samples."""

import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.parallel import ShardedLoss, ShardError, value_and_grad

SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=20).filter(any)


def data(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(2, m)), rng.normal(size=(1, m))) for m in sizes]


def new_net(**settings):
    return tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(0), **settings)


@given(SIZES, st.booleans())
def test_ragged_and_empty_shards_give_the_gradient_of_one_batch(sizes, by_name):
    shards, net = data(sizes), new_net()
    X, Y = (np.concatenate(parts, axis=1) for parts in zip(*shards, strict=True))
    loss, gradient = tg.value_and_grad(lambda net: tg.nn.mean_squared_error(net(X), Y))(net)
    found = (
        value_and_grad(tg.nn.mean_squared_error, range(len(shards)), shards.__getitem__)(net)
        if by_name
        else value_and_grad(tg.nn.mean_squared_error, shards)(net)
    )
    np.testing.assert_allclose(found[0], loss.item(), rtol=1e-12)
    assert found[1].keys() == gradient.keys()
    for name, values in gradient.items():
        np.testing.assert_allclose(found[1][name], values.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)
    assert all(p.grad is None for p in net.parameters())


def test_metrics_are_means_over_samples():
    shards = data([2, 6])
    means = ShardedLoss(tg.nn.mean_squared_error, shards, metrics={"m": lambda A, Y: Y.shape[1]})(new_net())
    assert means.measures["m"] == (2 * 2 + 6 * 6) / 8
    assert means.samples == 8


@pytest.mark.usefixtures("no_gc")
def test_each_shard_is_freed_before_the_next_one_is_read():
    shards = []

    def read(m):
        assert all(shard() is None for shard in shards)
        X = np.ones((2, m))
        shards.append(weakref.ref(X))
        return X, np.ones((1, m))

    loss = value_and_grad(tg.nn.binary_cross_entropy, range(91, 95), read)
    loss(new_net(output=tg.nn.sigmoid))  # sizes whose rules are not derived yet
    assert len(shards) == 4


def test_gradients_have_the_dtype_of_the_parameters():
    _, gradient = value_and_grad(tg.nn.mean_squared_error, data([3, 4]))(new_net(dtype=np.float32))
    assert {values.dtype for values in gradient.values()} == {np.dtype(np.float32)}


def test_running_averages_are_the_means_over_shards():
    net, shards = tg.nn.Sequential(tg.nn.BatchNorm(2), tg.nn.Dense(2, 1, rng=np.random.default_rng(0))), data([4, 12])
    value_and_grad(tg.nn.mean_squared_error, shards)(net)
    norm = net.layers[0]
    means, variances = ([f(X, axis=1, keepdims=True) for X, _ in shards] for f in (np.mean, np.var))
    np.testing.assert_allclose(norm.mean.numpy(), 0.25 * means[0] + 0.75 * means[1])
    np.testing.assert_allclose(norm.variance.numpy(), 0.25 * variances[0] + 0.75 * variances[1])
    assert norm.batches.item() == 1


def test_frozen_parameters_keep_their_bits():
    net = new_net()
    net.layers[0].W.requires_grad = False
    before = net.state_dict()
    _, gradient = value_and_grad(tg.nn.mean_squared_error, data([3, 4, 5]))(net)
    assert "layers.0.W" not in gradient
    assert all(np.array_equal(before[name], values) for name, values in net.state_dict().items())


REFUSED = {
    "no shards": ({"shards": []}, ValueError, "at least one shard"),
    "an array": ({"shards": np.ones((2, 3))}, TypeError, "expected a list of shards"),
    "a path": ({"shards": "data/*.npy"}, TypeError, r"a list of shards, got 'data/\*.npy'"),
    "a number": ({"shards": 5}, TypeError, "a list of shards, got 5"),
    "no function": ({"read": "np.load"}, TypeError, "expected read to be a function"),
    "no loss": ({"loss": "mse"}, TypeError, "expected loss to be a function"),
    "retries": ({"retries": -1}, ValueError, "retries"),
    "an engine": ({"engine": 4}, TypeError, "expected engine=None, .*, got 4"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_at_the_call(name):
    arguments, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        value_and_grad(**({"loss": tg.nn.mean_squared_error, "shards": data([2])} | arguments))


def test_a_net_and_data_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="expected a Module, whose parameters have names"):
        value_and_grad(tg.nn.mean_squared_error, data([2]))(lambda X: X)
    with pytest.raises(ValueError, match="at least one sample, got empty shards"):
        value_and_grad(tg.nn.mean_squared_error, data([0, 0]))(new_net())
    with pytest.raises(ShardError, match=r"shard 1: .*expected \(2, m\)"):
        value_and_grad(tg.nn.mean_squared_error, [*data([2]), (np.ones((3, 4)), np.ones((1, 4)))])(new_net())
