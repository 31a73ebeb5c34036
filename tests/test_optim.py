"""Optimizers: each is its recurrence, written out here once more in Python numbers, one weight at a time."""

import copy
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


# ---- what is refused


RATES = {
    "text": ("0.1", TypeError, "got '0.1'"),
    "None": (None, TypeError, "got None"),
    "an array": (np.array([0.1, 0.2]), TypeError, r"got array\("),
    "complex": (0.1j, TypeError, "got 0.1j"),
    "a Tensor": (tg.Tensor(0.1), TypeError, "got Tensor"),
    "True": (True, TypeError, "got True"),
    "a schedule": (lambda t: 0.1, TypeError, "got <function"),
    "inf": (math.inf, ValueError, "got inf"),
}


@each_optimizer
@pytest.mark.parametrize("what", RATES)
def test_a_learning_rate_that_is_no_finite_number_is_refused_at_the_start_and_later(name, what):
    rate, error, message = RATES[what]
    w = tg.parameter([1.0])
    with pytest.raises(error, match=f"{name}: expected a learning rate above 0, {message}"):
        OPTIMIZERS[name][0]([w], learning_rate=rate)
    optimizer = OPTIMIZERS[name][0]([w], learning_rate=1)
    optimizer.learning_rate, w.grad = rate, np.ones(1)
    with pytest.raises(error, match=f"{name}: expected a learning rate of 0 or more, {message}"):
        optimizer.step()
    assert w.item() == 1


@each_optimizer
@pytest.mark.parametrize("rate", [np.float32(0.5), np.float64(0.5), np.array(0.5)])
def test_a_learning_rate_is_a_number_of_any_kind_and_may_end_at_0(name, rate):
    w, expected = tg.parameter([1.0]), tg.parameter([1.0])
    for p, first in ((w, rate), (expected, 0.5)):
        optimizer = OPTIMIZERS[name][0]([p], learning_rate=first)
        for optimizer.learning_rate in (first, 0):
            p.grad = np.ones(1)
            optimizer.step()
    assert np.array_equal(w.data, expected.data)


@pytest.mark.parametrize("make", [optim.RMSProp, optim.Adam])
@pytest.mark.parametrize(("epsilon", "error"), [(0, ValueError), (-1, ValueError), ("1e-8", TypeError)])
def test_an_epsilon_that_is_not_positive_is_refused(make, epsilon, error):
    with pytest.raises(error, match=rf"{make.__name__}: expected epsilon above 0, got {epsilon!r}"):
        make([tg.parameter(1.0)], epsilon=epsilon)


@each_optimizer
@pytest.mark.parametrize("rate", [0, -0.1, math.nan])
def test_a_learning_rate_that_is_not_positive_is_refused(name, rate):
    with pytest.raises(ValueError, match=f"{name}: expected a learning rate above 0, got {rate}"):
        OPTIMIZERS[name][0]([tg.parameter(1.0)], learning_rate=rate)


def _used():
    return tg.parameter([1.0]) * 2


def _twice():
    return [tg.parameter([1.0])] * 2


REFUSED = {
    "none": (list, ValueError, "expected parameters that require grad, got none"),
    "an array": (lambda: [np.ones(2)], TypeError, r"expected parameters, got array\(\[1"),
    "constants": (lambda: [tg.Tensor([1.0])], ValueError, "expected parameters that require grad, got none"),
    "a net": (lambda: tg.nn.Sequential(np.tanh), TypeError, r"expected net\.parameters\(\), got a Sequential"),
    "a result": (lambda: [_used()], TypeError, "made by np.multiply"),
    "a dict": (lambda: {"w": tg.parameter(1.0)}, TypeError, r"got a dict p: pass net\.parameters\(\)"),
    "a number": (lambda: 1.0, TypeError, "expected a list of parameters, got 1.0"),
    "a bare parameter": (
        lambda: tg.parameter([1.0, 2.0]),
        TypeError,
        r"list of parameters, got a Tensor p: pass \[p\]",
    ),
    "one twice": (_twice, ValueError, "expected each parameter once"),
}


@each_optimizer
@pytest.mark.parametrize("what", REFUSED)
def test_what_can_not_be_trained_is_refused(name, what):
    parameters, error, message = REFUSED[what]
    with pytest.raises(error, match=f"^{name}: .*{message}"):
        OPTIMIZERS[name][0](parameters(), learning_rate=0.1)


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, math.nan])
@pytest.mark.parametrize(
    ("name", "beta"), [("Momentum", "beta"), ("RMSProp", "beta"), ("Adam", "beta1"), ("Adam", "beta2")]
)
def test_a_beta_outside_of_0_to_1_is_refused(name, beta, value):
    with pytest.raises(ValueError, match=f"{name}: expected 0 <= {beta} < 1, got {value}"):
        OPTIMIZERS[name][0]([tg.parameter(1.0)], learning_rate=0.1, **{beta: value})


ELSEWHERE = [
    ({"lr": 0.1}, r"^SGD has no lr=: write learning_rate="),
    ({"learning_rate": 0.1, "momentum": 0.9}, r"^SGD has no momentum=: take tg\.optim\.Momentum"),
    ({"learning_rate": 0.1, "weight_decay": 0.1}, "^SGD has no weight_decay=: add the penalty to the loss"),
]


@pytest.mark.parametrize(("settings", "message"), ELSEWHERE)
def test_settings_of_other_libraries_lead_to_ours(settings, message):
    with pytest.raises(TypeError, match=message):
        optim.SGD([tg.parameter(1.0)], **settings)


def test_an_optimizer_of_your_own_has_the_settings_it_likes():
    class Heavy(optim.SGD):
        def __init__(self, parameters, lr, **others):
            super().__init__(parameters, lr)
            self.others = others

    class Short(optim.SGD):
        def __init__(self, parameters, lr):
            super().__init__(parameters, lr)

    assert Short([tg.parameter(1.0)], lr=0.1).learning_rate == 0.1
    heavy = Heavy([tg.parameter(1.0)], lr=0.1, momentum=0.9)
    assert (heavy.learning_rate, heavy.others) == (0.1, {"momentum": 0.9})
    copied = copy.deepcopy(heavy)
    assert copied.learning_rate == 0.1


@each_optimizer
def test_a_parameter_that_requires_no_grad_stays_as_it_is(name):
    w, frozen = tg.parameter([1.0]), tg.Tensor([1.0])
    optimizer = OPTIMIZERS[name][0]([frozen, w], learning_rate=0.1)
    np.sum(w * frozen).backward()
    optimizer.step()
    assert w.data < 1
    assert frozen.data == 1


def test_an_update_of_another_shape_is_refused():
    class Broad(optim.Optimizer):
        def update(self, i, gradient):
            return np.ones((2, 1))

    w = tg.parameter([1.0, 2.0])
    w.grad = np.ones(2)
    with pytest.raises(ValueError, match=r"expected an update of shape \(2,\) for .*, got \(2, 1\)"):
        Broad([w], 0.1).step()
    assert np.array_equal(w.data, [1, 2])


def test_a_new_optimizer_defines_update():
    w = tg.parameter(1.0)
    w.grad = np.array(1.0)
    with pytest.raises(NotImplementedError, match="Optimizer defines no update"):
        optim.Optimizer([w], 0.1).step()


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


@pytest.mark.parametrize("update", [None, "text", 1j, tg.Tensor([1.0]), np.ones(3), np.ma.ones(2)])
def test_an_update_that_does_not_fit_moves_no_parameter(update):
    class Second(optim.Optimizer):
        def update(self, i, gradient):
            return update if i else gradient

    first, second = tg.parameter([1.0, 2.0]), tg.parameter([1.0, 2.0])
    first.grad = second.grad = np.ones(2)
    with pytest.raises((TypeError, ValueError)):
        Second([first, second], 0.1).step()
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
