"""A column or a table of a data frame counts as the array of its numbers wherever an array does."""

import operator

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.core.test_arguments import Column, Frame
from tinygrad_dl.data import minibatches

X = np.random.default_rng(0).normal(size=(2, 12))
CLASSES = (X[0] > X[1]).astype(int)


def pandas_column(values):
    return pytest.importorskip("pandas").Series(values, name="y")


def pandas_frame(values):
    return pytest.importorskip("pandas").DataFrame(values)


COLUMNS = {"fake": lambda values: Column(values, np.asarray(values).dtype), "pandas": pandas_column}
FRAMES = {"fake": lambda values: Frame(values, a=np.dtype(float)), "pandas": pandas_frame}


@pytest.fixture(params=FRAMES)
def frame(request):
    return FRAMES[request.param]


@pytest.fixture(params=COLUMNS)
def column(request):
    return COLUMNS[request.param]


def net(n_out=1, output=tg.nn.sigmoid):
    return tg.nn.mlp([2, 3, n_out], output=output, rng=np.random.default_rng(1))


def test_a_net_of_a_frame_is_the_net_of_its_array(frame):
    assert net()(frame(X)).tolist() == net()(X).tolist()
    with pytest.raises(ValueError, match=r"pass X\.T"):
        net()(frame(X.T))


def test_labels_in_a_column_are_those_of_its_array(column):
    labels = column(CLASSES)
    scores, probabilities = net(2, tg.nn.identity)(X), net()(X)
    assert tg.nn.softmax_cross_entropy(scores, labels) == tg.nn.softmax_cross_entropy(scores, CLASSES)
    for A in (scores.data, probabilities.data):
        assert tg.nn.accuracy(A, labels) == tg.nn.accuracy(A, CLASSES)
    with pytest.raises(ValueError, match=r"pass np\.reshape\(Y, \(1, 12\)\)"):
        tg.nn.binary_cross_entropy(probabilities, labels)


@pytest.mark.parametrize(
    "judged",
    [
        tg.nn.binary_cross_entropy,
        tg.nn.binary_cross_entropy_with_logits,
        tg.nn.mean_squared_error,
        tg.nn.softmax_cross_entropy,
        tg.nn.accuracy,
    ],
)
@pytest.mark.every_value
def test_losses_and_accuracy_of_frames_are_those_of_their_arrays(judged, frame):
    A, Y = np.array([[0.9, 0.4, 0.3], [0.1, 0.6, 0.7]]), np.array([[1.0, 1, 0], [0, 0, 1]])
    for rows in (2,) if judged is tg.nn.softmax_cross_entropy else (1, 2):
        expected = judged(A[:rows], Y[:rows])
        for a, y in [(frame(A[:rows]), Y[:rows]), (A[:rows], frame(Y[:rows])), (frame(A[:rows]), frame(Y[:rows]))]:
            assert judged(a, y) == expected
        assert judged(tg.parameter(A[:rows]), frame(Y[:rows])) == expected


def test_labels_that_are_words_are_refused(column):
    for labels in (np.array(["a", "b"]), np.array(["a", "b"], object)):
        with pytest.raises(TypeError, match=r"^accuracy: expected labels as numbers, got .*return_inverse=True"):
            tg.nn.accuracy(np.eye(2), labels)


@pytest.mark.parametrize(
    ("n_out", "output", "loss", "labels"),
    [
        (1, tg.nn.sigmoid, tg.nn.binary_cross_entropy, CLASSES[None]),
        (2, tg.nn.identity, tg.nn.softmax_cross_entropy, CLASSES),
    ],
)
def test_training_on_a_frame_and_a_column_is_training_on_their_arrays(n_out, output, loss, labels, frame, column):
    def trained(X, Y):
        model = net(n_out, output)
        settings = {"batch_size": 5, "rng": np.random.default_rng(2), "metrics": {"accuracy": tg.nn.accuracy}}
        sgd = tg.optim.SGD(model.parameters(), learning_rate=0.5)
        history = tg.fit(model, X, Y, loss=loss, optimizer=sgd, epochs=2, validation=(X, Y), progress=False, **settings)
        return dict(history.items()) if hasattr(history, "items") else vars(history)

    assert trained(frame(X), column(CLASSES)) == trained(X, labels)


def test_minibatches_of_a_frame_are_those_of_its_array(frame, column):
    batches = [
        list(minibatches(*data, 5, rng=np.random.default_rng(0)))
        for data in [(X, CLASSES), (frame(X), column(CLASSES))]
    ]
    for (X1, Y1), (X2, Y2) in zip(*batches, strict=True):
        np.testing.assert_array_equal(X1, X2)
        np.testing.assert_array_equal(Y1, Y2)


def test_derivatives_at_a_frame_or_a_column_are_those_at_their_arrays(frame, column):
    def f(x):
        return np.sum(np.sin(x) * x)

    v = X[0]
    for transform in (tg.grad, tg.hessian, lambda f: tg.vmap(lambda x: np.sin(x) * f(x))):
        np.testing.assert_array_equal(transform(f)(column(v)), transform(f)(v))
        np.testing.assert_array_equal(transform(f)(frame(X[:, :2])), transform(f)(X[:, :2]))
    assert tg.jvp(f, (column(v),), (column(v),)) == tg.jvp(f, (v,), (v,))
    found = tg.grad(lambda p: f(p["a"]) + f(p["b"]))({"a": column(v), "b": frame(X)})
    expected = tg.grad(lambda p: f(p["a"]) + f(p["b"]))({"a": v, "b": X})
    for name in "ab":
        np.testing.assert_array_equal(found[name], expected[name])
    square = tg.custom(lambda x: x**2, lambda g, ans, x: 2 * g * x)
    assert square(column(v)).tolist() == (v**2).tolist()
    kept = column(v)
    np.testing.assert_array_equal(tg.vmap(lambda x: np.multiply(kept, x))(X), v * X)


@pytest.mark.parametrize(
    "op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.lt]
)
@pytest.mark.parametrize("tracked", [True, False])
def test_an_operator_between_a_column_of_pandas_and_a_tensor_is_that_of_arrays(op, tracked):
    a, b = np.array([1.5, 2.5, 3.5]), np.array([2.0, 3.0, 0.5])
    x = tg.Tensor(a, requires_grad=tracked)
    for other in (pandas_column(b), pandas_frame([b, b]), pytest.importorskip("pandas").Index(b)):
        plain = np.asarray(other)
        for left, right, expected in ((x, other, op(x, plain)), (other, x, op(plain, x))):
            found = op(left, right)
            assert type(found) is type(expected)
            assert found.tolist() == expected.tolist()
            if getattr(expected, "requires_grad", False):
                assert tg.gradients(np.sum(found), x).tolist() == tg.gradients(np.sum(expected), x).tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda pd: pd.DataFrame({"age": [1, 2], "city": ["a", "b"]}), "got 'city' of dtype"),
        (lambda pd: pd.DataFrame({"age": [1.0, 2.0], "n": pd.array([1, None], "Int64")}), "got 'n' of dtype Int64"),
        (lambda pd: pd.Series(["low", "high"], dtype="category", name="size"), "got 'size' of dtype category"),
        (lambda pd: pd.Series([True, None], dtype="boolean", name="ill"), "got 'ill' of dtype boolean"),
        (lambda pd: pd.Series([1, "a"], dtype=object), "got 'Series' of dtype object"),
    ],
)
def test_what_is_no_number_in_a_data_frame_is_named(make, message):
    data = make(pytest.importorskip("pandas"))
    for use in (tg.Tensor, lambda d: tg.parameter([1.0, 2.0]) * d, lambda d: np.multiply(tg.Tensor([1.0, 2.0]), d)):
        with pytest.raises(TypeError, match=f"expected numbers, {message}"):
            use(data)
    with pytest.raises(TypeError, match=f"fit: data: expected numbers, {message}"):
        tg.fit(net(), data, [1], loss=tg.nn.binary_cross_entropy, optimizer="adam", epochs=1)


def test_a_method_of_pandas_that_takes_plain_arrays_says_what_to_write():
    data = pandas_frame(np.eye(2))
    with pytest.raises(TypeError, match=r"is tracked.*np\.asarray\(data\) @ x"):
        data @ tg.parameter([1.0, 2.0])
