"""`fit`: a loop that one can write by hand, with checks; and nets that learn, or can't."""

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn


def rng(seed=0):
    return np.random.default_rng(seed)


def problem(m=12, seed=0):
    X = rng(seed).normal(size=(2, m))
    return X, (X[:1] * X[1:] > 0).astype(float)


def new_net(seed=0):
    return nn.mlp([2, 3, 1], output=nn.sigmoid, rng=rng(seed))


def fit(net=None, data=None, make=tg.optim.SGD, rate=0.3, **arguments):
    net, (X, Y) = net or new_net(), data or problem()
    defaults = {"loss": nn.binary_cross_entropy, "epochs": 3, "progress": False}
    optimizer = make(net.parameters(), learning_rate=rate)
    return tg.fit(net, X, Y, optimizer=optimizer, **(defaults | arguments))


def cost_of(A, Y):
    return float(-np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / Y.shape[1])


def share_right(A, Y):
    return float(np.mean((A > 0.5) == (Y > 0.5)))


# ---- the loop


@given(st.integers(1, 13), st.integers(1, 3), st.integers(0, 99), st.sampled_from([tg.optim.SGD, tg.optim.Adam]))
def test_fit_is_the_loop_that_one_writes_by_hand(batch_size, epochs, seed, make):
    X, Y = problem()
    validation, metrics = problem(5, seed=1), {"accuracy": nn.accuracy, "mean": lambda A, Y: np.mean(A)}
    fitted, by_hand = new_net(), new_net()
    history = fit(
        fitted, make=make, epochs=epochs, batch_size=batch_size, rng=rng(seed), validation=validation, metrics=metrics
    )
    optimizer, order = make(by_hand.parameters(), learning_rate=0.3), rng(seed)
    expected = {"loss": [], "accuracy": [], "mean": []}
    expected |= {f"validation_{name}": [] for name in expected}
    for _ in range(epochs):
        columns = order.permutation(12)
        losses, outputs, labels = [], [], []
        for start in range(0, 12, batch_size):
            x, y = X[:, columns[start : start + batch_size]], Y[:, columns[start : start + batch_size]]
            optimizer.zero_grad()
            A = by_hand(x)
            nn.binary_cross_entropy(A, y).backward()
            losses += [cost_of(A.numpy(), y)] * y.shape[1]
            outputs.append(A.numpy())
            labels.append(y)
            optimizer.step()
        expected["loss"].append(np.mean(losses))
        expected["accuracy"].append(share_right(np.hstack(outputs), np.hstack(labels)))
        expected["mean"].append(np.mean(np.hstack(outputs)))
        A = by_hand(validation[0]).numpy()
        expected["validation_loss"].append(cost_of(A, validation[1]))
        expected["validation_accuracy"].append(share_right(A, validation[1]))
        expected["validation_mean"].append(np.mean(A))
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, rel=1e-12)  # sums in another order
    for name, values in by_hand.state_dict().items():
        assert np.array_equal(fitted.state_dict()[name], values)


def test_without_a_batch_size_each_step_takes_all_samples_in_their_order():
    X, Y = problem()
    net = new_net()
    history = fit(net, epochs=4)
    by_hand = new_net()
    optimizer = tg.optim.SGD(by_hand.parameters(), learning_rate=0.3)
    for _ in range(4):
        optimizer.zero_grad()
        nn.binary_cross_entropy(by_hand(X), Y).backward()
        optimizer.step()
    for name, values in by_hand.state_dict().items():
        assert np.array_equal(net.state_dict()[name], values)
    assert history.keys() == {"loss"}
    assert len(history.loss) == 4


def test_one_rng_gives_one_history_and_another_rng_another():
    def run(seed):
        return fit(batch_size=5, rng=rng(seed))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_fit_takes_lists_and_integers_and_labels_of_one_axis():
    net = nn.mlp([1, 3], rng=rng())
    history = fit(net, ([[0, 1, 2, 3]], [0, 1, 2, 1]), loss=nn.softmax_cross_entropy, batch_size=3, rng=rng())
    assert history.loss[-1] < history.loss[0]


def test_validation_records_no_graph_and_moves_no_parameter():
    net, seen = new_net(), []

    def watching(A):
        seen.append((tg.is_grad_enabled(), net.state_dict()["layers.0.W"]))
        return net(A)

    tg.fit(
        watching,
        *problem(),
        loss=nn.binary_cross_entropy,
        optimizer=tg.optim.SGD(net.parameters(), learning_rate=0.3),
        epochs=2,
        validation=problem(3),
        progress=False,
    )
    assert [enabled for enabled, _ in seen] == [True, False, True, False]
    assert np.array_equal(seen[1][1], seen[2][1])
    assert not np.array_equal(seen[0][1], seen[1][1])


def test_a_net_is_in_evaluation_mode_outside_of_steps_whatever_ends_them(tmp_path):
    seen = []
    note = tg.training.every_step(lambda state: seen.append(state.net.training))
    net = new_net()
    fit(net, epochs=2, callbacks=[note, lambda state: seen.append(state.net.training)], resume=tmp_path / "run.npz")
    assert seen == [True, False, True, False]
    nothing_left = new_net()
    fit(nothing_left, epochs=2, callbacks=[note, print], resume=tmp_path / "run.npz")
    interrupted = new_net()
    with pytest.raises(ZeroDivisionError):
        fit(interrupted, callbacks=[tg.training.every_step(lambda state: 1 / 0)])
    for trained in (net, nothing_left, interrupted):
        assert [module.training for _, module in trained.named_modules()] == [False] * 3


# ---- the arrays of the caller


def _normalised(net):
    return lambda A: net((A - np.mean(A)) / np.std(A))


@pytest.mark.parametrize("batches", [{}, {"batch_size": 5}])
@pytest.mark.parametrize("kind", ["whole", "slice", "memmap", "read-only"])
def test_fit_leaves_the_arrays_of_the_caller_as_they_are(kind, batches, tmp_path):
    net, bases, data = new_net(), [], []
    for i, values in enumerate((*problem(), *problem(7, seed=1))):
        base = values
        if kind == "slice":
            base = np.hstack([values, values])
        if kind == "memmap":
            base = np.memmap(tmp_path / f"{i}", float, "w+", shape=values.shape)
            base[:] = values
        base.flags.writeable = kind != "read-only"
        bases.append(base)
        data.append(base[:, : values.shape[1]] if kind == "slice" else base)
    before = [np.array(base) for base in bases]
    optimizer = tg.optim.SGD(net.parameters(), learning_rate=0.1)
    settings = {"loss": nn.binary_cross_entropy, "optimizer": optimizer, "epochs": 2, "progress": False}
    metrics = {"accuracy": nn.accuracy}
    tg.fit(_normalised(net), *data[:2], validation=data[2:], metrics=metrics, rng=rng(), **batches, **settings)
    for base, part, values in zip(bases, data, before, strict=True):
        assert np.array_equal(base, values)
        assert base.flags.writeable == part.flags.writeable == (kind != "read-only")


@pytest.mark.parametrize("batches", [{}, {"batch_size": 12}])
def test_a_graph_of_fit_does_not_see_what_is_written_into_the_data_later(batches):
    X, Y = problem()
    kept, net = [], nn.mlp([2, 1], rng=rng())

    def loss(A, Y):
        kept.append((nn.mean_squared_error(A, Y), X.copy(), A.numpy() - Y.data))
        X[:] = 1e6  # between the forward pass and backward
        return kept[-1][0]

    W = net.layers[0].W
    before = W.numpy()
    optimizer = tg.optim.SGD([W], learning_rate=1.0)
    tg.fit(net, X, Y, loss=loss, optimizer=optimizer, epochs=1, rng=rng(), progress=False, **batches)
    _, x, errors = kept[0]
    if batches:  # in the order of the one batch
        x = x[:, rng().permutation(12)]
    assert np.allclose(before - W.data, 2 / 12 * errors @ x.T, rtol=1e-9)


def test_a_metric_can_not_write_into_the_labels_that_training_goes_on_with():
    def sorting(A, Y):
        Y.sort()
        return 0.0

    with pytest.raises(ValueError, match="read-only"):
        fit(metrics={"sorting": sorting})


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_net_whose_training_stops_in_the_middle_of_an_epoch_is_left_in_evaluation_mode(error, compiled):
    @tg.training.every_step
    def stop(state):
        assert net.training
        if state.step == 2:
            raise error

    net = new_net()
    with pytest.raises(error):
        fit(net, batch_size=4, rng=rng(), callbacks=[stop], compile=compiled)
    assert not net.training


# ---- history


@given(st.integers(1, 12), st.integers(1, 2))
def test_gradient_norms_are_means_over_the_samples_of_what_each_step_met(batch_size, epochs):
    fitted, by_hand = new_net(), new_net()
    arguments = {"epochs": epochs, "batch_size": batch_size}
    history = fit(fitted, gradient_norms=True, rng=rng(7), **arguments)
    optimizer, order = tg.optim.SGD(by_hand.parameters(), learning_rate=0.3), rng(7)
    expected = {"W1": [], "b1": [], "W2": [], "b2": []}
    for _ in range(epochs):
        sums = dict.fromkeys(expected, 0)
        for x, y in tg.data.minibatches(*problem(), batch_size, rng=order):
            W1, b1, W2, b2 = (p.numpy() for p in by_hand.parameters())
            A1 = np.tanh(W1 @ x + b1)
            dZ2 = 1 / (1 + np.exp(-(W2 @ A1 + b2))) - y
            dZ1 = W2.T @ dZ2 * (1 - A1**2)
            for name, total in {"W1": dZ1 @ x.T, "b1": dZ1.sum(1), "W2": dZ2 @ A1.T, "b2": dZ2.sum(1)}.items():
                sums[name] += np.sqrt(np.sum(total**2))  # the 1/m of the gradient, and m times the norm
            optimizer.zero_grad()
            nn.binary_cross_entropy(by_hand(x), y).backward()
            optimizer.step()
        for name, values in expected.items():
            values.append(sums[name] / 12)
    assert history.gradient_norms.keys() == expected.keys()
    for name, values in expected.items():
        assert history.gradient_norms[name] == pytest.approx(values, rel=1e-9)
    assert history == fit(rng=rng(7), **arguments)  # watching changes nothing
    assert fit(rng=rng(7), **arguments).gradient_norms == {}


def test_gradient_norms_of_what_is_not_trained_and_of_nets_that_are_functions():
    net = new_net()
    net.layers[0].W.requires_grad = False
    assert fit(net, gradient_norms=True).gradient_norms.keys() == {"b1", "W2", "b2"}
    w, unused = tg.parameter(np.ones((1, 2))), tg.parameter(1.0, name="unused")
    sgd = tg.optim.SGD([w, unused], learning_rate=0.1)
    arguments = {"loss": nn.mean_squared_error, "optimizer": sgd, "epochs": 1, "progress": False}
    history = tg.fit(lambda X: w @ X, np.eye(2), np.zeros((1, 2)), gradient_norms=True, **arguments)
    assert history.gradient_norms == {"parameter 0": [pytest.approx(np.sqrt(2))], "unused": [0.0]}


# ---- progress


def test_without_tqdm_fit_does_the_same_in_silence(monkeypatch, capsys):
    expected = fit(progress=False)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert fit(progress=True) == expected
    assert capsys.readouterr() == ("", "")


# ---- learning


XOR = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 1.0, 0.0]])


@pytest.mark.parametrize(("hidden", "learns"), [(nn.tanh, True), (nn.identity, False)])
def test_hidden_units_learn_xor_and_linear_ones_can_not(hidden, learns):
    net = nn.mlp([2, 8, 1], hidden=hidden, output=nn.sigmoid, rng=rng(1))
    history = fit(net, XOR, make=tg.optim.Adam, rate=0.05, epochs=300, metrics={"accuracy": nn.accuracy})
    if learns:
        assert history["accuracy"][-1] == 1
        assert history.loss[-1] < 0.05
    else:  # no straight line has all four points on their sides; the best is 1/2 everywhere, at a cost of log 2
        assert max(history["accuracy"]) <= 0.75
        assert min(history.loss) >= np.log(2) - 1e-12


@given(st.lists(st.integers(1, 4), min_size=3, max_size=5), st.integers(0, 2**32 - 1))
def test_layers_with_no_activation_between_are_one_linear_layer(sizes, seed):
    net = nn.mlp(sizes, hidden=nn.identity, rng=rng(seed))
    for layer in net.layers[::2]:
        layer.b.data = rng(seed).normal(size=layer.b.shape)
    W, b = np.eye(sizes[0]), np.zeros((sizes[0], 1))
    for layer in net.layers[::2]:  # W2 (W1 X + b1) + b2 = (W2 W1) X + (W2 b1 + b2)
        W, b = layer.W.data @ W, layer.W.data @ b + layer.b.data
    X = rng(seed).normal(size=(sizes[0], 5))
    assert np.allclose(net(X).numpy(), W @ X + b, rtol=1e-12, atol=1e-12)  # the same products in another order


def test_a_part_of_the_loss_that_was_computed_before_serves_every_step():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(2, 20)), rng.integers(0, 2, size=(1, 20))
    net = tg.nn.mlp([2, 1], output=tg.nn.sigmoid, rng=rng)
    scale = np.exp(tg.parameter(0.0))  # of a parameter that is not trained
    descent = tg.optim.SGD(net.parameters(), learning_rate=0.1)

    def loss(A, Y):
        return scale * tg.nn.binary_cross_entropy(A, Y)

    history = tg.fit(net, X, Y, loss=loss, optimizer=descent, epochs=3, progress=False)
    assert history.loss[2] < history.loss[0]


# ---- data on disk


def stored(values, folder, name):
    np.save(folder / name, values.T)
    return np.load(folder / name, mmap_mode="r").T


@pytest.mark.parametrize("batch_size", [None, 5])
def test_a_fit_on_a_memmap_gives_the_same_bits(batch_size, tmp_path):
    X, Y = problem()
    histories, order = [], None if batch_size is None else 4
    for data in ((X, Y), (stored(X, tmp_path, "X.npy"), stored(Y, tmp_path, "Y.npy"))):
        shuffle = {} if order is None else {"rng": rng(order), "batch_size": batch_size}
        histories.append(fit(data=data, **shuffle))
    assert histories[0] == histories[1]


def test_a_fit_on_a_memmap_takes_the_memory_of_a_batch(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", shape=(4_000, 500)).T  # 16 MB
    Y = np.lib.format.open_memmap(tmp_path / "Y.npy", "w+", shape=(4_000, 1)).T
    net = nn.mlp([500, 1], output=nn.sigmoid, rng=rng())
    tracemalloc.start()
    fit(net, (X, Y), epochs=1, batch_size=40, rng=rng(), validation=(X, Y))  # of 160 kB
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6


def test_a_nan_on_disk_stops_a_fit_at_its_batch(tmp_path):
    X, Y = problem()
    X[1, 7] = np.nan
    with pytest.raises(ValueError, match=r"^X\[1, 7\] is nan: 1 of"):
        fit(data=(stored(X, tmp_path, "X.npy"), Y), batch_size=4, rng=rng())


@pytest.mark.parametrize("hold", [lambda cell: cell, lambda cell: [cell], lambda cell: {cell.W}])
def test_a_parameter_that_is_not_found_in_the_net_is_named(hold):
    class Cell:
        def __init__(self):
            self.W = tg.parameter(np.ones((1, 2)))

        def run(self, A):
            return self.W @ A

    class Net(tg.nn.Module):
        def __init__(self, cell):
            self.last, self.cell = tg.nn.Dense(1, 1, rng=rng()), hold(cell)

        def __call__(self, A):
            return self.last(cell.run(A))

    X, cell = np.ones((2, 3)), Cell()
    net = Net(cell)
    settings = {"loss": "mse", "epochs": 1, "progress": False}
    with pytest.warns(UserWarning, match=r"fit: cell\..* requires grad, but is not trained.* is no Module"):
        tg.fit(net, X, X[:1], optimizer=tg.optim.SGD(net.parameters(), 0.1), **settings)
    tg.fit(net, X, X[:1], optimizer=tg.optim.SGD([*net.parameters(), cell.W], 0.1), **settings)  # without a warning


def test_an_optimizer_of_a_layer_that_was_replaced_is_named():
    net, X = nn.mlp([2, 3, 1], rng=rng()), np.ones((2, 3))
    descent = tg.optim.SGD(net.parameters(), 0.1)
    net.layers[2] = nn.Dense(3, 1, rng=rng())
    with pytest.warns(UserWarning, match=r"fit: Tensor 'W' is not trained: the optimizer has Tensor 'W2' in its place"):
        tg.fit(net, X, X[:1], loss="mse", optimizer=descent, epochs=1, progress=False)
