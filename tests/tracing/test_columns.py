"""Steps split over samples compute the same numbers in several threads as in one, or are refused with the reason."""

import contextlib
import pickle
import re
import threading

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal
from tinygrad_dl.testing import strategies

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 31))
LABELS = RNG.integers(0, 3, 31)
ONE_HOT = (np.arange(3)[:, None] == LABELS).astype(float)
LOSSES = {
    "mean_squared_error": ONE_HOT,
    "binary_cross_entropy": ONE_HOT,
    "binary_cross_entropy_with_logits": ONE_HOT,
    "softmax_cross_entropy": LABELS,
}
HIDDEN = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "softmax", "identity"]


def training(threads, hidden="tanh", loss="binary_cross_entropy"):
    """A compiled step of a 4-5-3 net, and its parameters."""
    output = tg.nn.sigmoid if loss == "binary_cross_entropy" else tg.nn.identity
    net = tg.nn.mlp([4, 5, 3], hidden=getattr(tg.nn, hidden), output=output, rng=np.random.default_rng(1))
    adam = tg.optim.Adam(net.parameters(), learning_rate=0.01)

    def step(X, Y):
        adam.zero_grad()
        A = net(X)
        cost = getattr(tg.nn, loss)(A, Y)
        cost.backward()
        adam.step()
        return cost, A

    return tg.compile(step, threads), net


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_nets_train_the_same_in_several_threads(hidden, loss, threads):
    found = []
    for count in (1, threads):
        step, net = training(count, hidden, loss)
        results = [step((1 - 0.1 * i) * X, LOSSES[loss]) for i in range(3)]
        assert step.cache_info() == (2, 1, 0, 1)
        found.append((results, [parameter.grad for parameter in net.parameters()], net.state_dict()))
    assert_equal(found[1], found[0], rtol=1e-11)


W, M, V = RNG.normal(size=(3, 4)), RNG.normal(size=(31, 2)), RNG.normal(size=4)
CALLS = {
    "rows as samples": lambda X: np.tanh(np.sum(X.T**2, axis=1)) * M[:, 0],
    "sums over samples as rows": lambda X: np.sum(np.tanh(X.T), axis=0),
    "sums of sums": lambda X: np.sum(np.sum(np.tanh(X.T), axis=1, keepdims=True)),
    "extrema": lambda X: (np.max(np.tanh(X), axis=1), np.min(np.tanh(X)), np.max(np.tanh(X), axis=0)),
    "products": lambda X: np.prod(np.tanh(X), axis=1),
    "truth": lambda X: (np.any(X > 1.9, axis=1), np.all(X < 1.9, axis=1), np.any(X > 9), np.all(X < 9)),
    "matmul": lambda X: np.tanh(W @ X),
    "matmul of rows": lambda X: np.tanh(np.tanh(X.T) @ W.T),
    "matmul over samples": lambda X: (np.tanh(X) @ M, M.T @ np.tanh(X.T), np.tanh(X) @ np.tanh(X).T),
    "matmul of a vector": lambda X: np.tanh(V @ X),
    "vectors of samples": lambda X: np.tanh(V @ X) @ M,
    "constants": lambda X: np.where(X > 0, M.T[:1], np.tanh(X) * M[:, 0]),
    "axes added": lambda X: np.sum(np.tanh(np.reshape(X, (2, 2, 31))), axis=(0, 1)),
    "axes added by a method": lambda X: np.sum(np.tanh(X.reshape(2, 2, -1)), axis=(0, 1)),
}


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("what", CALLS)
def test_calls_are_the_same_in_several_threads(what, threads):
    compiled = tg.compile(CALLS[what], threads)
    for x in (X, 0.5 * X):
        assert_equal(compiled(x), CALLS[what](x))
    assert "in_threads(" in compiled.source(buffers=True)


@pytest.mark.parametrize("order", [1, 2])
def test_random_programs_are_the_same_in_two_threads_or_refused(order):
    counts = []

    @given(strategies.programs(kinks=True))
    @settings(max_examples=2 * settings.default.max_examples // order)
    def check(program):
        argnums = tuple(range(len(program.inputs)))
        f = tg.value_and_grad(lambda *xs: np.sum(np.sin(program(*xs))), argnums)
        if order == 2:
            first = f
            f = tg.grad(lambda *xs: sum(np.sum(np.cos(g)) for g in first(*xs)[1]), argnums)
        compiled = tg.compile(f, threads=2)
        with np.errstate(all="ignore"), contextlib.suppress(TypeError):
            for inputs in (program.inputs, [0.9 * x + 0.01 for x in program.inputs]):
                assert_equal(compiled(*inputs), f(*inputs))
            counts.append(1)

    check()
    assert counts


def test_the_numbers_are_the_same_in_each_run():
    runs = []
    for _ in range(2):
        step, net = training(2)
        costs = [step(X, ONE_HOT)[0].item() for _ in range(5)]
        runs.append((costs, [parameter.numpy().tolist() for parameter in net.parameters()]))
    assert runs[0] == runs[1]


def test_results_with_samples_are_whole_and_new_arrays():
    step, _ = training(2)
    results = [step(X, ONE_HOT)[1].numpy() for _ in range(3)]
    kept = [result.copy() for result in results]
    step(2 * X, ONE_HOT)
    for result, copy in zip(results, kept, strict=True):
        assert result.shape == (3, 31)
        np.testing.assert_array_equal(result, copy)


def test_random_numbers_are_those_of_one_thread():
    def dropped(X, rng):
        return np.sum(np.tanh(X) * (rng.random(X.shape) < 0.5), axis=1)

    found = [tg.compile(dropped, threads)(X, np.random.default_rng(3)) for threads in (1, 2)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-13)


def test_constant_tensors_and_labels_are_read_anew_when_they_change():
    step, _ = training(2)
    other, _ = training(1)
    for data in (X, X + 1, X):
        tensor = tg.Tensor(data)
        for _ in range(2):
            assert_equal(step(tensor, ONE_HOT), other(tensor, ONE_HOT), rtol=1e-11)


CONSTANT = tg.Tensor(X)


def centred(X):
    return np.sum(np.tanh(X - np.mean(X, axis=1, keepdims=True)))


@pytest.mark.parametrize(
    ("f", "argument", "message"),
    [
        (centred, X, "np.subtract needs a sum over all samples, for each of them, in\n.*test_columns.py"),
        (lambda X: np.sum(np.sort(X)), X, "np.sort needs all samples, in\n"),
        (lambda X: np.sum(X @ X.T @ X), X, "np.matmul needs a sum over all samples, for each of them, in\n"),
        (lambda X: np.sum(X[:4, :4] * X.T[:4, :4]), X, "getitem needs all samples, in\n"),
        (lambda X: np.sum(np.tanh(X).T @ np.tanh(X)), X, "np.matmul needs all samples, in\n"),
        (lambda Q: np.sum(np.tanh(Q) @ np.tanh(Q)), X[:, :4], "np.matmul needs all samples, in\n"),
        (lambda X: np.sum(np.tanh(X).reshape(31, 4) ** 2), X, "np.reshape needs all samples, in\n"),
        (lambda X: np.sum(np.ones((2, 3, 4)) @ np.tanh(X)), X, "np.matmul needs all samples, in\n"),
        (lambda x: x * np.sum(2.0 * CONSTANT), 1.0, "it computes nothing for single samples"),
        (lambda X: X, X, "it computes nothing for single samples"),
        (lambda x: x * 2.0, 1.0, "there is no array of samples as columns among its data"),
    ],
)
def test_what_mixes_samples_is_refused_with_the_reason_and_the_line(f, argument, message):
    with pytest.raises(TypeError, match=f"(?s)threads=2: the compiled function can't be split over samples: {message}"):
        tg.compile(f, threads=2)(argument)


def test_fewer_samples_than_threads_are_computed_in_one():
    step, _ = training(2)
    other, _ = training(1)
    assert_equal(step(X[:, :1], ONE_HOT[:, :1]), other(X[:, :1], ONE_HOT[:, :1]))
    assert_equal(step(X[:, :2], ONE_HOT[:, :2]), other(X[:, :2], ONE_HOT[:, :2]), rtol=1e-11)


def test_a_warning_in_any_thread_is_that_of_the_function():
    X = np.ones((1, 20))
    compiled = tg.compile(lambda X: np.sum(np.log(X)), threads=2)
    assert compiled(X) == 0
    X[0, -1] = 0  # in the columns of the second thread
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log") as caught:
        assert compiled(X) == -np.inf
    assert caught[0].filename == __file__
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        compiled(X)
    with np.errstate(divide="ignore"):
        assert compiled(X) == -np.inf
    assert compiled.cache_info().eager == 2


def test_a_step_in_two_threads_may_be_called_by_two_others():
    f = tg.compile(lambda X: np.sum(np.tanh(X) ** 2, axis=1), threads=2)
    inputs = [X, 2 * X]
    found = [[], []]

    def call(i):
        for _ in range(100):
            found[i].append(f(inputs[i]))

    callers = [threading.Thread(target=call, args=(i,)) for i in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for x, results in zip(inputs, found, strict=True):
        assert_equal(results, [np.sum(np.tanh(x) ** 2, axis=1)] * 100)


def test_both_sources_compute_the_same_numbers():
    step, net = training(2)
    step(X, ONE_HOT)
    parameters = {name.replace("layers.0.", "1").replace("layers.2.", "2"): p for name, p in net.state_dict().items()}
    given = {f"{name[1:]}{name[0]}": value for name, value in parameters.items()} | {"X": X, "Y": ONE_HOT}
    inputs = [given.get(node.name, 3.0) for node in step.program.inputs]
    inputs = [
        np.full(node.shape, 0.1) if type(value) is float and node.shape else value
        for value, node in zip(inputs, step.program.inputs, strict=True)
    ]
    expected = step.program.evaluate(*inputs)
    for buffers in (False, True):
        namespace = {"np": np}
        exec(step.source(buffers), namespace)
        assert_equal(list(namespace["step"](*inputs)), expected, rtol=1e-11)
    assert "in_threads(" in step.source(buffers=True)


@pytest.mark.parametrize("data", [np.asarray, tg.Tensor])
def test_all_calls_for_samples_are_split_also_those_of_what_is_computed_once(data):
    x, y = data(X), data(ONE_HOT)  # of a Tensor, the array above a row of ones is computed once
    net = tg.nn.mlp([4, 5, 3], hidden=tg.nn.tanh, rng=np.random.default_rng(1))
    descent = tg.optim.SGD(net.parameters(), learning_rate=0.1)

    def closure():
        descent.zero_grad()
        cost = tg.nn.mean_squared_error(net(x), y)
        cost.backward()
        descent.step()
        return cost

    step = tg.compile(closure, threads=2)
    step()
    source = step.source(buffers=True)
    body = source.partition("def step(")[2]
    assert source.count("above_ones(") == body.count("above_ones(") == (data is tg.Tensor)  # not in each thread
    assert "in_threads(" in body
    assert not {"tanh", "matmul", "square"} & set(re.findall(r"\w+", body))


def test_sums_over_the_samples_of_constant_data_are_used_by_all_threads():
    means, w = np.mean(X, axis=1, keepdims=True), tg.parameter(0.5)
    step = tg.compile(
        lambda: np.sum((np.tanh(w * CONSTANT) - np.mean(CONSTANT, axis=1, keepdims=True)) ** 2), threads=2
    )
    for _ in range(2):
        np.testing.assert_allclose(step().item(), np.sum((np.tanh(0.5 * X) - means) ** 2), rtol=1e-13)


def test_copies_and_methods_have_as_many_threads():
    assert pickle.loads(pickle.dumps(tg.compile(centred, 2)))._threads == 2

    class Model:
        @tg.compile
        def one(self, X):
            return np.sum(np.tanh(X))

        two = tg.compile(lambda self, X: np.sum(np.tanh(X)), threads=2)

    model = Model()
    np.testing.assert_allclose(model.two(X), model.one(X), rtol=1e-13)


@pytest.mark.parametrize("threads", [0, 1.5, True])
def test_the_number_of_threads_is_checked(threads):
    with pytest.raises(ValueError, match="expected threads to be a whole number"):
        tg.compile(np.sum, threads)
