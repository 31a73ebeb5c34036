"""The state of an optimizer: saved and loaded, and restored where a step fails."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import optim


class Counting(optim.Optimizer):
    """A count for all parameters, which is no argument of `__init__`; in lists arrays that change in place."""

    def __init__(self, parameters, learning_rate):
        super().__init__(parameters, learning_rate)
        self.count, self.v = 0, self._zeros()

    def step(self):
        self.count += 1
        super().step()

    def update(self, i, gradient):
        self.v[i] *= 0.9
        self.v[i] += 0.1 * gradient
        return self._rate * self.v[i] / (1 - 0.9**self.count)


class Keyed(optim.Optimizer):
    """Dicts by name and by parameter, within each other."""

    def __init__(self, parameters, learning_rate):
        super().__init__(parameters, learning_rate)
        self.state = {p: {"v": np.zeros(p.shape), "count": 0} for p in self.parameters}

    def update(self, i, gradient):
        state = self.state[self.parameters[i]]
        state["count"] += 1
        state["v"] = 0.9 * state["v"] + 0.1 * gradient
        return self._rate * state["v"] / (1 - 0.9 ** state["count"])


class Scaled(optim.Optimizer):
    """One array for all parameters, changed in place, and a factor."""

    def __init__(self, parameters, learning_rate):
        super().__init__(parameters, learning_rate)
        self.norms, self.factor, self.seen = np.ones(len(self.parameters)), 1.0, {0: 0.0}
        self.function = np.square

    def update(self, i, gradient):
        self.norms[i] *= 0.9
        self.factor *= 0.5
        self.seen[i] = self.factor
        self.norms[i] += 0.1 * np.sum(self.function(gradient))
        return self.factor * gradient / np.sqrt(self.norms[i])


@pytest.mark.parametrize("make", [optim.SGD, optim.Momentum, optim.RMSProp, optim.Adam, Counting, Keyed, Scaled])
def test_an_optimizer_with_the_state_of_another_goes_on_as_it_would(make):
    def gradient(step):
        return np.random.default_rng(step).normal(size=(3, 2))

    def steps(p, optimizer, numbers):
        for step in numbers:
            p.grad = gradient(step)
            optimizer.step()

    whole = tg.parameter(np.ones((3, 2)))
    through = make([whole], learning_rate=optim.schedules.InverseTime(0.1, decay=0.5))
    steps(whole, through, range(5))
    first = tg.parameter(whole.numpy())
    resumed = make([first], learning_rate=optim.schedules.InverseTime(0.1, decay=0.5))
    resumed.load_state_dict(through.state_dict())
    for p, optimizer in ((whole, through), (first, resumed)):
        steps(p, optimizer, range(5, 9))
    assert first.numpy().tobytes() == whole.numpy().tobytes()
    assert resumed.steps == 9


def test_a_state_of_another_kind_or_shape_is_refused_and_changes_nothing():
    adam = optim.Adam([tg.parameter(np.ones(3))])
    before = adam.state_dict()
    for other in (optim.SGD([tg.parameter(np.ones(3))], 0.1), optim.Adam([tg.parameter(np.ones(4))])):
        with pytest.raises(ValueError, match=r"the state does not fit this Adam|v.0: expected float64 of shape \(3,\)"):
            adam.load_state_dict(other.state_dict())
    assert all(np.array_equal(value, before[name]) for name, value in adam.state_dict().items())


@pytest.mark.parametrize("make", [Keyed, Scaled])
def test_a_count_that_another_state_lacks_is_missed(make):
    full, empty = make([tg.parameter(np.ones(2))], 0.1), optim.SGD([tg.parameter(np.ones(2))], 0.1)
    with pytest.raises(ValueError, match=f"does not fit this {make.__name__}: missing .*, unknown nothing"):
        full.load_state_dict(empty.state_dict())


def test_a_step_that_fails_restores_arrays_and_dicts_that_change_in_place():
    first, second = tg.parameter(np.ones(2)), tg.parameter(np.ones(2))
    first.grad = second.grad = np.ones(2)
    optimizer = Scaled([first, second], 0.1)
    optimizer.step()
    before = optimizer.norms.tolist(), optimizer.factor, dict(optimizer.seen)

    def fail(gradient):
        raise ZeroDivisionError

    optimizer.function = fail
    with pytest.raises(ZeroDivisionError):
        optimizer.step()
    assert (optimizer.norms.tolist(), optimizer.factor, optimizer.seen) == before
