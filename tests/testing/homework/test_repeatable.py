"""Functions that draw random numbers draw the same in each call, and leave the generators as they were."""

import random

import numpy as np

from tinygrad_dl.testing.homework.repeatable import FIRST, Repeatable, seeded


def test_a_seed_within_a_seed_changes_no_numbers_around_it():
    def numbers():
        return [*np.random.rand(2), random.random()]  # noqa: NPY002

    with seeded(1):
        expected = [*numbers(), *numbers()]
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        found = numbers()
        with seeded(2):
            assert numbers() != found
        assert [*found, *numbers()] == expected
    for seed in (0, 2):
        with seeded(seed) as own:
            assert ((own.random_raw(), random.getrandbits(32)) == FIRST) == (seed == 0)


def test_a_function_draws_the_same_numbers_in_each_call_and_none_of_those_outside():
    def draw(n):
        return n + np.random.randn(), random.gauss(0, 1)  # noqa: NPY002

    state = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    repeatable = Repeatable(draw)
    first = repeatable(0)
    assert repeatable(0) == first == Repeatable(draw)(0)
    assert np.array_equal(np.random.get_state()[1], state[0])  # noqa: NPY002
    assert random.getstate() == state[1]
