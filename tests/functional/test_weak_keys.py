"""Tables of functions keep no function alive."""

import gc

import numpy as np

import tinygrad_dl as tg
from tests.functional.test_derived import X
from tinygrad_dl.core import primitives, registry


def test_functions_made_in_a_loop_are_forgotten():
    def step(i):
        made = tg.custom(lambda x: x * i, vjp=lambda g, ans, x: g * i)

        @tg.primitive
        def times(x):
            return x * i

        tg.defvjp(times, lambda g, ans, x: g * i)
        y = tg.parameter(X)
        loss = np.sum(times(made(y)))
        del made, times
        gc.collect()  # a graph keeps what it needs
        assert tg.gradients(loss, y).tolist() == [i * i, i * i]

    step(1)
    gc.collect()
    tables = registry.vjps, registry.simple, primitives.on_arrays
    before = [len(table) for table in tables]
    for i in range(3):
        step(i)
    gc.collect()
    assert [len(table) for table in tables] == before
