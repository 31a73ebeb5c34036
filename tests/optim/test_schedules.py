"""Schedules: closed forms, the same in an optimizer, and compiled."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.optim import schedules

rates = st.floats(1e-4, 10)
ALL = [
    schedules.InverseTime(0.2, decay=0.5, every=2),
    schedules.Exponential(0.2, decay=0.9),
    schedules.Steps(0.2, every=3),
    schedules.Cosine(0.2, total=5, least=0.01),
    schedules.WarmUp(3, then=schedules.Cosine(0.2, total=5)),
]


@given(rates, st.floats(0.01, 2), st.integers(1, 5), st.integers(0, 50))
def test_decays_have_their_closed_forms(rate, decay, every, step):
    epoch = math.floor(step / every)
    assert schedules.InverseTime(rate, decay, every)(step) == pytest.approx(rate / (1 + decay * epoch), rel=1e-12)
    assert schedules.Exponential(rate, decay, every)(step) == pytest.approx(rate * decay**epoch, rel=1e-12)
    assert schedules.Steps(rate, every, decay)(step) == pytest.approx(rate * decay**epoch, rel=1e-12)


@given(rates, st.integers(1, 20))
def test_a_cosine_falls_from_the_rate_to_the_least_and_stays_there(rate, total):
    values = [schedules.Cosine(rate, total, least=rate / 8)(step) for step in range(total + 3)]
    assert values[0] == pytest.approx(rate)
    assert all(a >= b for a, b in itertools.pairwise(values))
    assert values[total:] == pytest.approx([rate / 8] * 3)
    middle = [a + b for a, b in zip(values[: total + 1], values[total::-1], strict=True)]  # cos is odd around it
    assert middle == pytest.approx([rate * 9 / 8] * (total + 1))


@given(rates, st.integers(1, 20))
def test_a_warm_up_rises_in_equal_parts_to_the_rate_and_goes_on_from_the_start_of_the_next(rate, steps):
    then = schedules.Exponential(rate, decay=0.5)
    schedule = schedules.WarmUp(steps, then=then)
    assert [schedule(step) for step in range(steps)] == pytest.approx([rate * (k + 1) / steps for k in range(steps)])
    assert schedule(steps + 4) == pytest.approx(then(4))


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_step_takes_the_rate_of_its_number_eager_and_compiled(schedule, dtype):
    def net():
        p = tg.parameter(np.ones(3, dtype))
        sgd = tg.optim.SGD([p], learning_rate=schedule)

        def step(x):
            sgd.zero_grad()
            np.sum(p * x).backward()
            sgd.step()
            return p * 1

        return p, step

    x = np.array([1, 2, 3], dtype)
    (eager, plain), (fast, other) = net(), net()
    compiled, total = tg.compile(other), 0.0
    for number in range(8):
        plain(x)
        compiled(x)
        total += float(schedule(number))
        tolerance = 1e-12 if dtype is np.float64 else 1e-5  # of sums of eight float32
        np.testing.assert_allclose(eager.numpy(), 1 - total * x, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(fast.numpy(), 1 - total * x, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.InverseTime(-0.1, 1), "InverseTime: expected rate above 0, got -0.1"),
        (lambda: schedules.Exponential(0.1, 0), "Exponential: expected decay above 0, got 0"),
        (lambda: schedules.Steps(0.1, 0), "Steps: expected every to be a whole number of at least 1, got 0"),
        (lambda: schedules.Cosine(0.1, 5, least=-1), "Cosine: expected least of 0 or more, got -1"),
        (lambda: schedules.WarmUp(0, 0.1), "WarmUp: expected steps to be a whole number of at least 1, got 0"),
        (lambda: schedules.WarmUp(1, math.nan), "WarmUp: expected then above 0, got nan"),
    ],
)
def test_settings_that_give_no_rates_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
