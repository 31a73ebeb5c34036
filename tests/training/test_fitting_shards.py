"""`fit` on shards: a step is one of gradient descent on all of their samples, and runs go on to the same bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg


def shards(sizes, seed=0):
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=(2, m)) for m in sizes]
    return [(X, (X[:1] * X[1:] > 0).astype(float)) for X in inputs]


def fit(net, epochs=3, X=None, Y=None, make=tg.optim.Momentum, **settings):
    optimizer = make(net.parameters(), learning_rate=0.2)
    settings = {"loss": tg.nn.binary_cross_entropy, "progress": False} | settings
    return tg.fit(net, X, Y, optimizer=optimizer, epochs=epochs, **settings)


def new_net():
    return tg.nn.mlp([2, 3, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=10).filter(any))
def test_all_shards_in_a_step_train_as_one_batch(sizes):
    parts = shards(sizes)
    X, Y = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    settings = {"metrics": {"accuracy": tg.nn.accuracy}, "validation": (X, Y), "gradient_norms": True}
    one, many = new_net(), new_net()
    expected, found = fit(one, X=X, Y=Y, **settings), fit(many, data=parts, **settings)
    assert expected.keys() == found.keys()
    for name, values in {**expected, **expected.gradient_norms}.items():
        np.testing.assert_allclose({**found, **found.gradient_norms}[name], values, rtol=1e-9, atol=1e-12)
    for name, values in one.state_dict().items():
        np.testing.assert_allclose(many.state_dict()[name], values, rtol=1e-9, atol=1e-12)
    assert many.training is False


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6).filter(any))
def test_a_step_of_empty_shards_is_left_out(sizes):
    parts, one, many = shards(sizes), new_net(), new_net()
    history = fit(many, data=parts, batch_size=1, rng=np.random.default_rng(1))
    momentum, rng, losses = tg.optim.Momentum(one.parameters(), learning_rate=0.2), np.random.default_rng(1), []
    for _ in history.loss:
        filled = [parts[i] for i in rng.permutation(len(parts)) if sizes[i]]
        losses.append(sum(fit_step(one, momentum, *part) for part in filled) / sum(sizes))
    np.testing.assert_allclose(history.loss, losses, rtol=1e-9)
    assert history.steps == len(losses) * np.count_nonzero(sizes)


def fit_step(net, optimizer, X, Y):
    """A step; the loss, summed over its samples."""
    optimizer.zero_grad()
    loss = tg.nn.binary_cross_entropy(net(X), Y)
    loss.backward()
    optimizer.step()
    return loss.item() * Y.shape[-1]


def test_some_shards_a_step_come_in_random_order_and_each_once():
    read = []

    def noted(k):
        read.append(k)
        return shards([4])[0]

    steps = []
    net = new_net()
    fit(
        net,
        data=range(7),
        read=noted,
        batch_size=3,
        rng=np.random.default_rng(0),
        callbacks=[tg.training.every_step(lambda state: steps.append(state.step))],
    )
    epochs = [read[start : start + 7] for start in (0, 7, 14)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(7))] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    assert steps == list(range(1, 10))


def test_training_on_shards_goes_on_from_a_file_to_the_same_bits(tmp_path):
    def run(path, until):
        rng = np.random.default_rng(3)
        net = tg.nn.Sequential(
            tg.nn.Dense(2, 8, rng=rng), tg.nn.BatchNorm(8), tg.nn.Dropout(0.3, rng=rng), tg.nn.Dense(8, 1, rng=rng)
        )
        loss = tg.nn.binary_cross_entropy_with_logits
        fit(net, until, make=tg.optim.Adam, data=shards([5, 4, 6]), batch_size=2, rng=rng, loss=loss, resume=path)
        assert net.layers[1].batches.item() == 2 * until  # the running averages are the net's, not those of copies
        return {name: values.tobytes() for name, values in net.state_dict().items()}

    run(tmp_path / "a.npz", 2)
    assert run(tmp_path / "a.npz", 5) == run(tmp_path / "b.npz", 5)


X, Y = shards([6])[0]
REFUSED = {
    "no data": ({}, TypeError, r"either X and Y, or data=\[\.\.\.\]"),
    "no labels": ({"X": X}, TypeError, "either X and Y, or data="),
    "samples too": ({"X": X, "data": [(X, Y)]}, TypeError, "either X and Y, or data="),
    "both": ({"X": X, "Y": Y, "data": [(X, Y)]}, TypeError, "either X and Y, or data="),
    "an engine for arrays": ({"X": X, "Y": Y, "engine": 1}, TypeError, "engine= are for shards: pass data="),
    "compiled": ({"data": [(X, Y)], "compile": True}, TypeError, "compile=True is for X and Y: leave it out"),
    "no samples": ({"data": [(X[:, :0], Y[:, :0])]}, ValueError, "at least one sample, got empty shards"),
    "no shards": ({"data": []}, ValueError, "at least one shard"),
    "no rng": ({"data": [(X, Y)], "batch_size": 1}, TypeError, "a batch_size needs rng"),
    "no engine": ({"data": [(X, Y)], "engine": "dask"}, TypeError, "expected engine=None"),
    "other shapes": ({"data": [(X, Y), (X[:1], Y)]}, tg.parallel.ShardError, r"shard 1: .*expected \(2, m\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_and_nothing_has_changed(name):
    arguments, error, message = REFUSED[name]
    net = new_net()
    before = net.state_dict()
    with pytest.raises(error, match=message):
        fit(net, **arguments)
    assert all(np.array_equal(before[name], values) for name, values in net.state_dict().items())


def test_a_parameter_outside_of_the_net_is_refused_as_it_would_get_no_gradient():
    net, scale = new_net(), tg.parameter(2.0, name="scale")
    sgd = tg.optim.SGD([*net.parameters(), scale], learning_rate=0.1)
    with pytest.raises(ValueError, match=r"the optimizer has Tensor 'scale'.* too: make it an attribute of the net"):
        tg.fit(
            net,
            data=[(X, Y)],
            loss=lambda A, Y: scale * tg.nn.binary_cross_entropy(A, Y),
            optimizer=sgd,
            epochs=1,
            progress=False,
        )


def test_a_loss_that_is_not_finite_stops_training_before_the_step():
    net = new_net()
    before = net.state_dict()
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="the loss became inf"):
        fit(net, data=[(X, Y)], loss=lambda A, Y: np.mean(A) * 1e200 * 1e200)
    assert all(np.array_equal(before[name], values) for name, values in net.state_dict().items())
