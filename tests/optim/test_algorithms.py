"""Optimizers: each is its recurrence, written out here once more in Python numbers, one weight at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import optim


def sgd(w, gradients, rate):
    for g in gradients:
        w -= rate * g
    return w


def momentum(w, gradients, rate, beta=0.9):
    v = 0.0
    for g in gradients:
        v = beta * v + (1 - beta) * g
        w -= rate * v
    return w


def rmsprop(w, gradients, rate, beta=0.9, epsilon=1e-8):
    s = 0.0
    for g in gradients:
        s = beta * s + (1 - beta) * g * g
        w -= rate * g / (math.sqrt(s) + epsilon)
    return w


def adam(w, gradients, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    v = s = 0.0
    for t, g in enumerate(gradients, start=1):
        v = beta1 * v + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g * g
        w -= rate * (v / (1 - beta1**t)) / (math.sqrt(s / (1 - beta2**t)) + epsilon)
    return w


fractions = st.floats(0.5, 0.99)  # of 0, Adam's v would meet an s that has forgotten it: steps of any size
epsilons = st.floats(1e-10, 1)
OPTIMIZERS = {  # the class, its recurrence, and what else it takes
    "SGD": (optim.SGD, sgd, {}),
    "Momentum": (optim.Momentum, momentum, {"beta": fractions}),
    "RMSProp": (optim.RMSProp, rmsprop, {"beta": fractions, "epsilon": epsilons}),
    "Adam": (optim.Adam, adam, {"beta1": fractions, "beta2": fractions, "epsilon": epsilons}),
}
each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def gradient(draw, shape):
    """A gradient of any scale, some elements of it zero."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.normal(size=shape) * 10.0 ** draw(st.integers(-6, 6)) * rng.integers(0, 4, shape).clip(0, 1)


@each_optimizer
@given(data=st.data())
def test_steps_are_those_of_the_recurrence(name, data):
    make, recurrence, options = OPTIMIZERS[name]
    chosen = data.draw(st.fixed_dictionaries({}, optional=options))  # what is left out takes the documented default
    rate, dtype = data.draw(st.floats(1e-4, 10)), data.draw(st.sampled_from([np.float64, np.float32]))
    shapes = [(), (2, 3), (3, 1)]
    rng = np.random.default_rng(0)
    parameters = [tg.parameter(rng.normal(size=shape).astype(dtype)) for shape in shapes]
    before = [p.numpy().astype(float) for p in parameters]
    history = [[] for _ in shapes]
    optimizer = make(parameters, learning_rate=rate, **chosen)
    for _ in range(data.draw(st.integers(1, 6))):
        for p, past in zip(parameters, history, strict=True):
            p.grad = None
            if p is parameters[0] or data.draw(st.booleans()):  # those without a gradient are left alone in this step
                p.grad = gradient(data.draw, p.shape).astype(dtype)
                past.append(p.grad)
        optimizer.step()
    for p, w, past in zip(parameters, before, history, strict=True):
        assert p.dtype == dtype
        for i in np.ndindex(p.shape):
            gradients = [float(g[i]) for g in past]
            expected = recurrence(float(w[i]), gradients, rate, **chosen)
            # Six steps of some ten roundings each, relative to the largest number on the way, which may cancel; a step
            # of RMSProp and Adam is at most rate / √((1 - β) β⁶), or 1000 rate.
            size = abs(w[i]) + rate * max([*map(abs, gradients), 0 if name in ("SGD", "Momentum") else 1000])
            assert abs(p.numpy()[i] - expected) <= 100 * np.finfo(dtype).eps * size


@each_optimizer
def test_a_quadratic_is_minimised(name):
    target = np.array([[1.0, -2.0], [0.5, 3.0]])
    w = tg.parameter(np.zeros((2, 2)))
    optimizer = OPTIMIZERS[name][0]([w], learning_rate=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        loss = np.sum((w - target) ** 2)
        loss.backward()
        optimizer.step()
    # SGD shrinks the error by 0.9 a step. RMSProp ends in steps of ± its learning rate; Adam still swings a little.
    assert np.abs(w.data - target).max() < (0.06 if name == "RMSProp" else 0.01)


@given(
    st.lists(st.floats(-1e6, 1e6).filter(lambda g: abs(g) > 1e-3), min_size=1, max_size=4),
    st.floats(1e-4, 1),
    st.floats(0, 0.99),
    st.floats(0, 0.99),
)
def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_scale(gradients, rate, beta1, beta2):
    w = tg.parameter(np.zeros(len(gradients)))
    adam = optim.Adam([w], learning_rate=rate, beta1=beta1, beta2=beta2)
    w.grad = np.array(gradients)
    adam.step()
    # ε is 1e-5 of the least gradient, 1e-3
    assert np.allclose(w.data, -rate * np.sign(gradients), rtol=2e-5)


DEFAULTS = [
    (optim.RMSProp, {"learning_rate": 0.001, "beta": 0.9, "epsilon": 1e-8}),
    (optim.Adam, {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
    (optim.Momentum, {"beta": 0.9}),
]


@pytest.mark.parametrize(("make", "defaults"), DEFAULTS)
def test_defaults_are_those_of_the_papers(make, defaults):
    optimizer = make([tg.parameter(1.0)], **({} if "learning_rate" in defaults else {"learning_rate": 1}))
    assert {name: getattr(optimizer, name) for name in defaults} == defaults


# ---- what else holds the arrays


@each_optimizer
def test_a_step_changes_no_array_that_someone_else_holds(name):
    given_data = np.array([1.0, 2.0])
    w = tg.parameter(given_data)
    optimizer = OPTIMIZERS[name][0]([w], learning_rate=0.1)
    loss = np.sum(w**3)
    for _ in range(3):
        view, copy = w.data, w.numpy()
        w.grad = held = np.array([1.0, -2.0])
        optimizer.step()
        assert np.array_equal(view, copy)
        assert np.array_equal(held, [1, -2])
        assert not np.any(w.data == copy)
    assert np.array_equal(given_data, [1, 2])
    # the graph made before still has the gradient at the values that it was made with: 3 w²
    assert np.array_equal(tg.gradients(loss, w), [3, 12])


@each_optimizer
def test_a_step_keeps_the_dtype_whatever_the_rate_and_the_gradient_are(name):
    for shape in ((), (2,)):
        w = tg.parameter(np.ones(shape, np.float32))
        optimizer = OPTIMIZERS[name][0]([w], learning_rate=np.float64(0.1))
        w.grad = np.ones(shape)
        optimizer.step()
        assert w.dtype == np.float32
        assert not w.data.flags.writeable


@each_optimizer
def test_zero_grad_forgets_and_a_step_without_any_gradient_is_an_error(name):
    w, other = tg.parameter([1.0]), tg.parameter([1.0])
    optimizer = OPTIMIZERS[name][0](iter([w, other]), learning_rate=0.1)
    w.grad = np.ones(1)
    optimizer.step()
    assert w.data[0] < 1 == other.data[0]
    optimizer.zero_grad()
    assert w.grad is None
    with pytest.raises(ValueError, match=rf"{name}: no parameter has a gradient; call loss\.backward\(\) before step"):
        optimizer.step()


@each_optimizer
@pytest.mark.parametrize("shape", [(), (1,), (2, 2)])
def test_a_gradient_of_another_shape_is_refused(name, shape):
    w = tg.parameter([1.0, 2.0])
    optimizer = OPTIMIZERS[name][0]([w], learning_rate=0.1)
    w.grad = np.ones(shape)
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\)"):
        optimizer.step()
    assert np.array_equal(w.data, [1, 2])


# ---- gradients and updates of other kinds


def _read_only(values):
    values.flags.writeable = False
    return values


def _series(values):
    return pytest.importorskip("pandas").Series(values)


TAKEN = {  # for the gradient [1, 2, 3] of floats
    "list": lambda: [1.0, 2.0, 3.0],
    "tuple of ints": lambda: (1, 2, 3),
    "ints": lambda: np.arange(1, 4),
    "float32": lambda: np.arange(1, 4, dtype=np.float32),
    "longdouble": lambda: np.arange(1, 4, dtype=np.longdouble),
    "other byte order": lambda: np.arange(1, 4, dtype=">f8"),
    "read-only": lambda: _read_only(np.arange(1.0, 4.0)),
    "view": lambda: np.arange(3.0, 0.0, -1.0)[::-1],
    "Series": lambda: _series([1.0, 2.0, 3.0]),
    "Tensor": lambda: tg.Tensor([1.0, 2.0, 3.0]),
    "parameter": lambda: tg.parameter([1.0, 2.0, 3.0]),
}
NOT_TAKEN = {
    "complex": (lambda: np.ones(3) + 1j, TypeError, "real numbers, got complex128"),
    "masked": (lambda: np.ma.array(np.ones(3), mask=[0, 1, 0]), TypeError, "got a MaskedArray"),
    "matrix": (lambda: np.ones((1, 3)).view(np.matrix), TypeError, "got a matrix"),
    "text": (lambda: np.array(["a", "b", "c"]), TypeError, "expected numbers"),
    "objects": (lambda: np.array([1.0, 2.0, 3.0], object), TypeError, "expected numbers"),
    "column": (lambda: np.ones((3, 1)), ValueError, r"of shape \(3,\) for Tensor 'w', got \(3, 1\)"),
    "row": (lambda: [[1.0, 2.0, 3.0]], ValueError, r"got \(1, 3\)"),
    "number": (lambda: 1.0, ValueError, r"got \(\)"),
    "ragged": (lambda: [[1.0], [1.0, 2.0]], TypeError, "got a list"),
    "words": (lambda: "all", TypeError, "got a str"),
}


class Given(optim.Optimizer):
    """Subtracts whatever it was told to."""

    given = None

    def update(self, i, gradient):
        return gradient if i == 0 else self.given


@pytest.mark.few_values
@each_optimizer
@pytest.mark.parametrize("what", TAKEN)
def test_a_gradient_of_real_numbers_counts_as_a_plain_array(name, what):
    plain, other = (tg.parameter(np.ones(3), name="w") for _ in range(2))
    for w, g in ((plain, np.array([1.0, 2.0, 3.0])), (other, TAKEN[what]())):
        optimizer = OPTIMIZERS[name][0]([w], learning_rate=0.1)
        for _ in range(2):
            w.grad = g
            optimizer.step()
    assert type(other._value) is type(other.data) is np.ndarray
    assert other.dtype == np.float64
    assert np.array_equal(other.data, plain.data)


@pytest.mark.parametrize("what", TAKEN)
def test_an_update_of_real_numbers_counts_as_a_plain_array(what):
    parameters = [tg.parameter(np.ones(3)) for _ in range(2)]
    optimizer = Given(parameters, 0.1)
    for p in parameters:
        p.grad = np.array([1.0, 2.0, 3.0])
    optimizer.given = given = TAKEN[what]()
    optimizer.step()
    for p in parameters:
        assert type(p._value) is np.ndarray
        assert np.array_equal(p.data, [0, -1, -2])
    assert not np.may_share_memory(parameters[1].data, given if isinstance(given, np.ndarray) else np.empty(0))


@each_optimizer
@pytest.mark.parametrize("what", NOT_TAKEN)
def test_no_parameter_moves_if_one_gradient_is_refused(name, what):
    make, error, message = NOT_TAKEN[what]
    first, w = tg.parameter(np.ones(3)), tg.parameter(np.ones(3), name="w")
    optimizer = OPTIMIZERS[name][0]([first, w], learning_rate=0.1)
    first.grad, w.grad = np.ones(3), make()
    with pytest.raises(error, match=f"^{name}: expected a gradient .*{message}"):
        optimizer.step()
    assert np.array_equal(first.data, np.ones(3))
    assert np.array_equal(w.data, np.ones(3))
    fresh = tg.parameter(np.ones(3))  # nor does the state: the next step is the first
    expected = OPTIMIZERS[name][0]([fresh], learning_rate=0.1)
    fresh.grad = first.grad = w.grad = np.ones(3)
    expected.step()
    optimizer.step()
    assert np.array_equal(first.data, fresh.data)


@pytest.mark.parametrize("what", NOT_TAKEN)
def test_no_parameter_moves_if_one_update_is_refused(what):
    make, error, message = NOT_TAKEN[what]
    first, w = tg.parameter(np.ones(3)), tg.parameter(np.ones(3), name="w")
    optimizer = Given([first, w], 0.1)
    first.grad, w.grad, optimizer.given = np.ones(3), np.ones(3), make()
    with pytest.raises(error, match=f"^Given: expected an update .*{message}"):
        optimizer.step()
    assert np.array_equal(first.data, np.ones(3))
    assert np.array_equal(w.data, np.ones(3))


def test_the_gradients_of_a_transform_train_a_net_as_backward_does():
    X = np.random.default_rng(0).normal(size=(3, 8))
    Y = (X[:1] > 0) * 1.0
    by_backward, by_grad = (tg.nn.mlp([3, 2, 1], rng=np.random.default_rng(1)) for _ in range(2))

    def loss(net):
        return tg.nn.mean_squared_error(net(X), Y)

    for net in (by_backward, by_grad):
        optimizer = optim.Momentum(net.parameters(), learning_rate=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            if net is by_backward:
                loss(net).backward()
            else:
                gradients = tg.grad(loss)(net)
                for path, p in net.named_parameters():
                    p.grad = gradients[path]
                    assert type(p.grad) is np.ndarray
            optimizer.step()
    for p, q in zip(by_backward.parameters(), by_grad.parameters(), strict=True):
        assert np.allclose(p.data, q.data, rtol=1e-12)  # sums in another order
    loss(by_grad).backward()  # adds to what is there


@each_optimizer
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_moves_its_own_elements_only(name, value):
    w = tg.parameter(np.zeros(2))
    w.grad = np.array([value, 1.0])
    with np.errstate(invalid="ignore"):  # inf / inf
        OPTIMIZERS[name][0]([w], learning_rate=0.1).step()
    assert not np.isfinite(w.data[0])
    assert w.data[1] < 0


# ---- a step is checked before anything moves


NO_GRADIENTS = {
    "masked": np.ma.array([1.0, 1.0], mask=[0, 1]),
    "complex": np.ones(2, complex),
    "objects": np.array([1.0, 1.0], object),
    "text": np.array(["a", "b"]),
    "a number": 1.0,
    "a column": np.ones((2, 1)),
}


@each_optimizer
@pytest.mark.parametrize("what", NO_GRADIENTS)
def test_a_gradient_that_is_none_of_its_parameter_moves_no_parameter(name, what):
    first, second = tg.parameter([1.0, 2.0]), tg.parameter([1.0, 2.0])
    optimizer = OPTIMIZERS[name][0]([first, second], learning_rate=0.1)
    first.grad, second.grad = np.ones(2), NO_GRADIENTS[what]
    with pytest.raises((TypeError, ValueError), match="expected a gradient of"):
        optimizer.step()
    assert np.array_equal(first.data, [1, 2])


@each_optimizer
def test_gradients_of_grad_which_are_tensors_step_as_their_values_do(name):
    one, other = tg.parameter([1.0, 2.0]), tg.parameter([1.0, 2.0])
    one.grad, other.grad = tg.parameter([0.5, -1.0]) * 2, np.array([1.0, -2.0])
    for w in (one, other):
        OPTIMIZERS[name][0]([w], learning_rate=0.1).step()
    assert type(one._value) is np.ndarray
    assert np.array_equal(one.data, other.data)


@each_optimizer
@pytest.mark.parametrize("rate", ["0.1", None, np.array([0.1]), tg.Tensor(0.1), True, 1j])
def test_a_learning_rate_that_is_no_number_is_refused_when_made_and_when_stepping(name, rate):
    w = tg.parameter([1.0])
    with pytest.raises(TypeError, match=f"{name}: expected a learning rate above 0, got "):
        OPTIMIZERS[name][0]([w], learning_rate=rate)
    optimizer = OPTIMIZERS[name][0]([w], learning_rate=0.1)
    optimizer.learning_rate, w.grad = rate, np.ones(1)
    with pytest.raises(TypeError, match="expected a learning rate"):
        optimizer.step()
    assert w.data == 1


@pytest.mark.parametrize("name", ["RMSProp", "Adam"])
@pytest.mark.parametrize("g", [0.0, 6e-8, 1e-4, 1e-3, 1.0, 6e4])
def test_a_step_in_float16_is_that_of_float32_rounded(name, g):
    values = []
    for dtype in (np.float16, np.float32):
        w = tg.parameter(np.ones(1, dtype))
        w.grad = np.full(1, np.float16(g), dtype)
        OPTIMIZERS[name][0]([w], learning_rate=0.01).step()
        values.append(w.data[0])
    assert values[0] == np.float16(values[1])
