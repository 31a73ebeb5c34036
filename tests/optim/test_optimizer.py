"""Optimizers refuse rates, settings and parameters that cannot train, and say what can."""

import copy
import math

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.core.test_interrupts import Interrupt, run
from tests.optim.test_algorithms import OPTIMIZERS, each_optimizer
from tinygrad_dl import optim

RATES = {
    "text": ("0.1", TypeError, "got '0.1'"),
    "None": (None, TypeError, "got None"),
    "an array": (np.array([0.1, 0.2]), TypeError, r"got array\("),
    "complex": (0.1j, TypeError, "got 0.1j"),
    "a Tensor": (tg.Tensor(0.1), TypeError, "got Tensor"),
    "True": (True, TypeError, "got True"),
    "a schedule of text": (lambda t: "0.1", TypeError, "got '0.1'"),
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
    ({"learning_rate": 0.1, "momentum": 0.9}, r"^SGD has no momentum=: write tg\.optim\.Momentum"),
    ({"learning_rate": 0.1, "clipnorm": 1.0}, "^SGD has no clipnorm=: write max_norm="),
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


@pytest.mark.parametrize("compiled", [False, True])
@each_optimizer
def test_a_parameter_that_is_frozen_after_the_backward_pass_stays_as_it_is(name, compiled):
    w, frozen = tg.parameter([1.0, 2.0]), tg.parameter([3.0])
    optimizer = OPTIMIZERS[name][0]([w, frozen], learning_rate=0.1)
    step = tg.compile(optimizer.step) if compiled else optimizer.step
    np.sum(w**2 + frozen).backward()
    frozen.requires_grad = False
    step()
    assert frozen.data == 3
    assert np.all(w.data < [1, 2])


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


def two(make):
    """An optimizer of two parameters with gradients, after a step."""
    parameters = [tg.parameter([1.0, 2.0]), tg.parameter([3.0])]
    optimizer = make(parameters, learning_rate=optim.schedules.InverseTime(0.1, decay=0.5), weight_decay=0.1)
    for p in parameters:
        p.grad = np.ones(p.shape)
    optimizer.step()
    return optimizer


def contents(optimizer):
    """The parameters, and the state: the averages and the steps."""
    state = {name: values.tobytes() for name, values in optimizer.state_dict().items()}
    return [p.numpy().tobytes() for p in optimizer.parameters], state


@each_optimizer
def test_an_update_that_raises_changes_neither_parameters_nor_averages(name):
    class Failing(OPTIMIZERS[name][0]):
        broken, calls = False, 0

        def update(self, i, gradient):
            self.calls += 1
            if self.broken and i:
                raise ZeroDivisionError
            return super().update(i, gradient)

    optimizer = two(Failing)
    before, calls = contents(optimizer), optimizer.calls
    Failing.broken = True
    with pytest.raises(ZeroDivisionError):
        optimizer.step()
    assert contents(optimizer) == before
    assert optimizer.calls == calls


@each_optimizer
def test_ctrl_c_in_a_step_leaves_all_as_it_was_or_after_the_step(name):
    make, place, interrupted = OPTIMIZERS[name][0], 0, True
    before, after = two(make), two(make)
    after.step()
    found = []
    while interrupted:
        optimizer = two(make)
        interrupted = run(optimizer.step, Interrupt(place := place + 1))
        found.append(contents(optimizer))
    assert len(found) > 10
    assert all(state in (contents(before), contents(after)) for state in found)


each_kind = pytest.mark.parametrize("make", [optim.SGD, optim.Momentum, optim.RMSProp, optim.Adam])


@each_kind
@pytest.mark.parametrize("decay", [-1.0, math.inf, math.nan])
def test_a_weight_decay_below_0_or_not_finite_is_refused(make, decay):
    with pytest.raises(ValueError, match="expected a weight_decay of 0 or more"):
        make([tg.parameter(1.0)], learning_rate=0.1, weight_decay=decay)


@each_kind
def test_a_schedule_that_gives_no_rate_changes_nothing(make):
    p = tg.parameter([1.0, 2.0], name="p")
    optimizer = make([p], learning_rate=lambda step: 0.1 - step)
    p.grad = np.ones(2)
    optimizer.step()
    before, state = p.numpy(), optimizer.state_dict()
    with pytest.raises(ValueError, match=r"expected a learning rate of 0 or more, got -0\.9"):
        optimizer.step()
    assert np.array_equal(p.numpy(), before)
    assert all(np.array_equal(value, state[name]) for name, value in optimizer.state_dict().items())


@pytest.mark.parametrize("rate", [0.25, lambda step: 0.25 / (1 + 0 * step)], ids=["number", "schedule"])
def test_a_rate_or_schedule_that_is_assigned_later_takes_the_place_of_a_schedule(rate):
    p = tg.parameter(1.0)
    descent = optim.SGD([p], learning_rate=lambda step: 0.5)
    descent.learning_rate = rate
    assert descent.learning_rate == 0.25
    p.grad = np.ones(())
    descent.step()
    assert p.item() == 0.75


@each_kind
def test_weight_decay_subtracts_a_share_of_each_weight_and_leaves_biases_out(make):
    def trained(decay):
        parameters = [tg.parameter(np.full((2, 2), 3.0), name="W1"), tg.parameter(np.full((2, 1), 3.0), name="b1")]
        optimizer = make(parameters, learning_rate=0.1, weight_decay=decay)
        for p in parameters:
            p.grad = np.ones(p.shape)
        optimizer.step()
        return [p.numpy() for p in parameters]

    (W, b), (W_decayed, b_decayed) = trained(0.0), trained(0.5)
    np.testing.assert_allclose(W_decayed, W - 0.1 * 0.5 * 3.0, rtol=1e-14)
    np.testing.assert_array_equal(b_decayed, b)


@pytest.mark.parametrize(("norm", "scale"), [(0.5, 0.5 / 13), (13.0, 1.0), (20.0, 1.0)])
def test_clipping_scales_all_gradients_to_the_global_norm(norm, scale):
    parameters = [tg.parameter(np.zeros(2)), tg.parameter(0.0)]  # 3² + 4² + 12² = 13²
    optimizer = optim.SGD(parameters, learning_rate=1.0, max_norm=norm)
    parameters[0].grad, parameters[1].grad = np.array([3.0, 4.0]), np.array(12.0)
    optimizer.step()
    np.testing.assert_allclose(parameters[0].numpy(), [-3 * scale, -4 * scale], rtol=1e-14)
    np.testing.assert_allclose(parameters[1].numpy(), -12 * scale, rtol=1e-14)


@pytest.mark.parametrize("compiled", [False, True])
def test_clipping_holds_for_gradients_whose_squares_overflow(compiled):
    parameter = tg.parameter(np.zeros(2, np.float32))
    optimizer = optim.SGD([parameter], learning_rate=1.0, max_norm=10.0)
    parameter.grad = np.array([3e30, 4e30], np.float32)
    step = tg.compile(optimizer.step) if compiled else optimizer.step
    step()
    np.testing.assert_allclose(parameter.numpy(), [-6, -8], rtol=1e-6)
