"""How much NumPy a training step takes, in what can be counted: calls of ufuncs, and new arrays that are large.

It is counted beside the step by hand of `tests.benchmarks`, which gives the same loss and gradients. A number here may
fall, but is not to rise: what is not counted in seconds would else creep in.
"""

from dataclasses import dataclass

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.benchmarks.systems import by_hand, ours
from tests.benchmarks.workloads import DIGITS, SHALLOW, Net
from tinygrad_dl.core import registry

# of ours: calls of ufuncs, and large arrays, more than by hand takes
AT_MOST = {
    "A": (SHALLOW, 4, -1),
    "D": (DIGITS, 4, -4),
}


class Counting(np.ndarray):
    """An array that counts what it takes part in: calls of ufuncs, and answers of at least the size of a hidden A."""

    calls = large = 0
    size_of_large = 1

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        inputs = [x.view(np.ndarray) if isinstance(x, Counting) else x for x in inputs]
        if out is not None:
            kwargs["out"] = tuple([x.view(np.ndarray) for x in out])
        answer = getattr(ufunc, method)(*inputs, **kwargs)
        Counting.calls += 1
        Counting.large += out is None and answer.size >= Counting.size_of_large
        return answer.view(Counting) if isinstance(answer, np.ndarray) else answer


@dataclass(frozen=True)
class CountedNet(Net):
    def arrays(self):
        X, Y, parameters = super().arrays()
        return X.view(Counting), Y.view(Counting), [parameter.view(Counting) for parameter in parameters]


def counted(step, problem):
    """Calls and large arrays of one step, which is the second: the first may be a special case."""
    step()
    Counting.calls = Counting.large = 0
    Counting.size_of_large = problem.sizes[1] * problem.m
    step()
    return Counting.calls, Counting.large


@pytest.fixture
def counting_tensors(monkeypatch):
    """Parameters and data of `ours` that hold counting arrays, which a Tensor makes plain ones of otherwise."""
    built = ours._built

    def built_to_count(problem):
        net, X, Y, loss = built(problem)
        for tensor in (X, Y, *net.parameters()):
            tensor._value = tensor._value.view(Counting)
        return net, X, Y, loss

    monkeypatch.setattr(ours, "_built", built_to_count)


@pytest.mark.usefixtures("counting_tensors")
@pytest.mark.parametrize("name", AT_MOST)
def test_a_step_takes_no_more_calls_and_large_arrays_than_before(name):
    problem, more_calls, more_arrays = AT_MOST[name]
    counted_by_hand = counted(by_hand.net(CountedNet(**vars(problem))), problem)
    counted_ours = counted(ours.net(problem), problem)
    assert counted_ours[0] - counted_by_hand[0] <= more_calls
    assert counted_ours[1] - counted_by_hand[1] <= more_arrays


def _address(array):
    return array.__array_interface__["data"][0]  # array.ctypes would hold on to the array


def test_a_gradient_that_nobody_else_holds_is_not_copied():
    handed = []

    @tg.primitive
    def doubled(x):
        return 2 * x

    def rule(g, ans, x):
        part = 2 * g
        handed.append(_address(part))
        return part

    registry.defvjp(doubled, rule)  # that of `tg` copies what a rule gives
    x = tg.parameter(np.ones(1000))
    np.sum(doubled(x)).backward()
    assert _address(x.grad) == handed[0]


@pytest.mark.parametrize("held", ["kept", "view", "both leaves"])
def test_a_gradient_that_somebody_else_holds_is_copied(held):
    kept = np.ones(1000)

    @tg.primitive
    def summed(x, y):
        return x + y

    part = {"kept": lambda g: kept, "view": lambda g: kept[:], "both leaves": lambda g: g}[held]
    registry.defvjp(summed, lambda g, ans, x, y: part(g), lambda g, ans, x, y: part(g))
    x, y = tg.parameter(np.ones(1000)), tg.parameter(np.ones(1000))
    np.sum(summed(x, y)).backward()
    x.grad += 1
    assert np.array_equal(y.grad, np.ones(1000))
    assert np.array_equal(kept, np.ones(1000))
