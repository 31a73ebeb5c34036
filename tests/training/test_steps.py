"""`fit` with `compile=True` gives the same history and parameters, or the reason why it trains as it is."""

import numpy as np
import pytest

import tinygrad_dl as tg


@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Momentum, tg.optim.RMSProp, tg.optim.Adam])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_compiled_fit_gives_the_same_history_and_parameters(optimizer, batch_size):
    X = np.random.default_rng(0).normal(size=(2, 50))
    Y = (X[:1] > X[1:]).astype(float)
    found = []
    for compile in (False, True):
        net = tg.nn.mlp([2, 4, 1], hidden=tg.nn.relu, output=tg.nn.sigmoid, rng=np.random.default_rng(1))
        history = tg.fit(
            net,
            X,
            Y,
            loss=tg.nn.binary_cross_entropy,
            optimizer=optimizer(net.parameters(), learning_rate=0.05),
            epochs=6,
            batch_size=batch_size,
            rng=np.random.default_rng(2),
            validation=(X, Y),
            metrics={"accuracy": tg.nn.accuracy},
            gradient_norms=True,
            progress=False,
            compile=compile,
        )
        found.append(({**history, **history.gradient_norms}, net.state_dict()))
    (eager, parameters), (compiled, others) = found
    assert eager.keys() == compiled.keys()
    for name, values in eager.items():
        np.testing.assert_allclose(compiled[name], values, rtol=1e-9, err_msg=name)
    for name, values in parameters.items():
        np.testing.assert_allclose(others[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


def test_a_fit_that_cannot_be_compiled_gives_the_reason_and_trains():
    net = tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(1))

    def loss(A, Y):
        return np.sum((A - Y) ** 2) if np.max(A) < 1e9 else np.sum(A)

    X = np.ones((2, 8))
    with pytest.warns(UserWarning, match="trained without compile=True: a branch on a traced value") as caught:
        history = tg.fit(
            net,
            X,
            X[:1],
            loss=loss,
            optimizer=tg.optim.SGD(net.parameters(), learning_rate=0.01),
            epochs=3,
            progress=False,
            compile=True,
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.loss[2] < history.loss[0]


def test_a_compiled_fit_stops_at_a_loss_that_is_not_finite_before_the_step():
    net = tg.nn.mlp([1, 1], rng=np.random.default_rng(1))
    net.layers[0].W.data = [[1e200]]
    before = net.state_dict()
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="the loss became inf"):
        tg.fit(
            net,
            np.ones((1, 3)),
            np.ones((1, 3)),
            loss=tg.nn.mean_squared_error,
            optimizer=tg.optim.SGD(net.parameters(), learning_rate=0.1),
            epochs=2,
            progress=False,
            compile=True,
        )
    np.testing.assert_array_equal(net.state_dict()["layers.0.W"], before["layers.0.W"])
