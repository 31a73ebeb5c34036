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


def one_hot(labels):
    return (np.arange(3)[:, None] == labels).astype(float)


LABELS = {  # what a net of 3 outputs learns from labels 0, 1, 2
    tg.nn.mean_squared_error: lambda labels: one_hot(labels) - 0.5,
    tg.nn.binary_cross_entropy: one_hot,
    tg.nn.binary_cross_entropy_with_logits: one_hot,
    tg.nn.softmax_cross_entropy: lambda labels: labels,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", LABELS, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "identity"])
def test_a_net_of_any_activation_and_loss_has_the_same_history(hidden, loss, dtype):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(4, 30)).astype(dtype), LABELS[loss](rng.integers(0, 3, 30))
    Y = Y.astype(dtype) if Y.dtype == float else Y
    output = tg.nn.sigmoid if loss is tg.nn.binary_cross_entropy else tg.nn.identity
    losses = []
    for compile in (False, True):
        net = tg.nn.mlp(
            [4, 5, 5, 3], hidden=getattr(tg.nn, hidden), output=output, dtype=dtype, rng=np.random.default_rng(1)
        )
        descent = tg.optim.SGD(net.parameters(), learning_rate=0.1)
        losses.append(tg.fit(net, X, Y, loss=loss, optimizer=descent, epochs=20, progress=False, compile=compile).loss)
    np.testing.assert_allclose(*losses, rtol=1e-10 if dtype is np.float64 else 1e-4)  # rounding, of 20 steps
    assert losses[0][-1] < losses[0][0]


def test_a_recurrent_net_and_a_net_of_numbers_train_to_the_same_losses():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(6, 3, 8)), rng.normal(size=(5, 8))

    def recurrent(W, U, b):
        h = np.zeros((5, 8))
        for x in X:
            h = np.tanh(W @ h + U @ x + b)
        return np.mean((h - Y) ** 2)

    def number_by_number(W, U, b):  # as micrograd does
        hidden = [np.tanh(W[i, 0] * X[0, 0, 0] + W[i, 1] * X[0, 1, 0] + b[i, 0]) for i in range(5)]
        return (sum(U[i, 0] * h for i, h in enumerate(hidden)) - Y[0, 0]) ** 2

    for cost in (recurrent, number_by_number):
        found = []
        for compiled in (False, True):
            rng = np.random.default_rng(1)
            parameters = [tg.parameter(0.3 * rng.normal(size=shape)) for shape in ((5, 5), (5, 3), (5, 1))]
            descent = tg.optim.Momentum(parameters, learning_rate=0.05)

            def step(cost=cost, parameters=parameters, descent=descent):
                descent.zero_grad()
                loss = cost(*parameters)
                loss.backward()
                descent.step()
                return loss

            step = tg.compile(step) if compiled else step
            found.append([step().item() for _ in range(20)])
        np.testing.assert_allclose(*found, rtol=1e-10, err_msg=cost.__name__)
        assert found[0][-1] < found[0][0]


def test_a_fit_in_two_threads_gives_the_same_history():
    X = np.random.default_rng(0).normal(size=(2, 50))
    Y = (X[:1] > X[1:]).astype(float)
    histories = []
    for settings in ({}, {"compile": True, "threads": 2}):
        net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(1))
        descent = tg.optim.Momentum(net.parameters(), learning_rate=0.05)
        rng = np.random.default_rng(2)
        settings |= {"loss": tg.nn.binary_cross_entropy, "batch_size": 16, "progress": False}  # and one of 2 samples
        histories.append(tg.fit(net, X, Y, optimizer=descent, epochs=6, rng=rng, **settings).loss)
    np.testing.assert_allclose(*histories, rtol=1e-9)
    with pytest.raises(ValueError, match="threads are for compiled steps"):
        tg.fit(net, X, Y, loss=tg.nn.binary_cross_entropy, optimizer=descent, epochs=1, threads=2)


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


@pytest.mark.parametrize(("dtype", "size"), [(np.float16, 300), (np.float16, 1e-4), (np.float32, 1e25)])
def test_a_norm_of_gradients_whose_squares_are_no_floats_of_their_type_is_finite_and_right(dtype, size):
    net = tg.nn.mlp([1, 1], rng=np.random.default_rng(1), dtype=dtype)
    descent = tg.optim.SGD(net.parameters(), learning_rate=1e-9)
    X = np.array([[1.0, 0.5]], dtype)
    settings = {"optimizer": descent, "epochs": 1, "gradient_norms": True, "progress": False}
    norms = tg.fit(net, X, X, loss=lambda A, Y: np.sum(A * dtype(size)), **settings).gradient_norms
    for name, p in zip(("W1", "b1"), net.parameters(), strict=True):
        assert norms[name] == [pytest.approx(abs(p.grad.item()), rel=1e-3)]


@pytest.mark.parametrize(
    "settings",
    [
        {"X": np.ones((2, 6)), "Y": np.ones((1, 6))},
        {"X": np.ones((2, 6)), "Y": np.ones((1, 6)), "compile": True},
        {"data": [(np.ones((2, 6)), np.ones((1, 6)))]},
    ],
)
def test_a_metric_that_writes_into_the_labels_is_an_error_and_changes_no_gradient(settings):
    def hinge(A, Y):
        Y[Y == 0] = -1
        return 0.0

    net = tg.nn.mlp([2, 1], rng=np.random.default_rng(1))
    settings |= {"loss": "mse", "optimizer": "adam", "batch_size": 4, "rng": np.random.default_rng(0)}
    with pytest.raises((ValueError, tg.parallel.ShardError), match="read-only"):
        tg.fit(net, epochs=1, metrics={"hinge": hinge}, progress=False, **settings)


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


@pytest.mark.parametrize("given", ["samples", "compiled", "shards", "a column"])
def test_a_metric_of_a_net_with_several_outputs_gets_them_as_arrays(given):
    class Gaussian(tg.nn.Module):
        def __init__(self):
            self.mean, self.scale = (tg.nn.mlp([2, 1], rng=np.random.default_rng(0)) for _ in range(2))

        def __call__(self, X):
            return self.mean(X), {"scale": self.scale(X)}

    def loss(A, Y):
        mean, scale = A[0], A[1]["scale"]
        return np.mean((mean - Y) ** 2 + scale**2)

    def metric(A, Y):
        assert type(A) is tuple
        assert type(A[0]) is type(A[1]["scale"]) is np.ndarray
        return loss(A, Y)

    X = np.random.default_rng(0).normal(size=(2, 5))
    data = {"data": [(X, X[:1])]} if given == "shards" else {"X": X, "Y": X[:1], "compile": given == "compiled"}
    if given == "a column":
        data["Y"] = pytest.importorskip("pandas").Series(X[0])
    net = Gaussian()
    descent = tg.optim.SGD(net.parameters(), 0.1)
    history = tg.fit(net, loss=loss, optimizer=descent, epochs=3, metrics={"same": metric}, progress=False, **data)
    np.testing.assert_allclose(history["same"], history.loss, rtol=1e-12)
