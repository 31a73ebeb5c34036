"""Elementwise updates of many arrays run once on blocks, and blocks are written again only when nobody has them."""

import numpy as np
import pytest

from tinygrad_dl.tracing.blocks import Pool, pack, places_of, unpack, with_blocks, with_one_counter
from tinygrad_dl.tracing.program import Mismatch
from tinygrad_dl.tracing.trace import trace

SHAPES = [(2, 3), (4,), (1, 1)]
RNG = np.random.default_rng(0)
PARAMETERS, GRADIENTS = ([RNG.normal(size=shape) for shape in SHAPES] for _ in range(2))
PLACES = places_of(PARAMETERS)


def momentum(parameters, gradients, v):
    v = [0.9 * v + 0.1 * g for v, g in zip(v, gradients, strict=True)]
    return [p - 0.5 * v for p, v in zip(parameters, v, strict=True)], v, np.sum(gradients[0])


def test_unpack_is_the_inverse_of_pack():
    matrix, column = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 1))
    arrays = [*PARAMETERS, matrix, column]
    for joined in ((), (3,)):
        places = places_of(arrays, joined)
        block = pack(places, *arrays)
        for place, array in zip(places, arrays, strict=True):
            np.testing.assert_array_equal(unpack(block, *place), array)
            assert unpack(block, *place).base is block
    np.testing.assert_array_equal(unpack(block, 11, (2, 4)), np.hstack([matrix, column]))


def test_an_update_with_state_runs_once_and_gives_the_same():
    program = trace(momentum, PARAMETERS, GRADIENTS, PARAMETERS).program
    fused = with_blocks(program, [[0, 1, 2]])
    calls = [node.function for node in fused.nodes if isinstance(node.function, np.ufunc)]
    assert len(calls) == 5
    inputs = [RNG.normal(size=node.shape) for node in program.inputs]
    for a, b in zip(fused.evaluate(*inputs), program.evaluate(*inputs), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "update",
    [
        lambda p, g, i: p - i * g,
        lambda p, g, i: p - g if i else p + g,
        lambda p, g, i: p - np.sum(g),
        lambda p, g, i: p.astype(np.float32 if i else np.float64) - g,
    ],
)
def test_updates_that_differ_stay_apart(update):
    def step(parameters, gradients):
        return [update(p, g, i) for i, (p, g) in enumerate(zip(parameters, gradients, strict=True))]

    program = trace(step, PARAMETERS, GRADIENTS).program
    fused = with_blocks(program, [[0, 1, 2]])
    for a, b in zip(fused.evaluate(*PARAMETERS, *GRADIENTS), program.evaluate(*PARAMETERS, *GRADIENTS), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_updates_of_which_one_is_computed_from_another_stay_apart():
    def averages(mean, variance, Z):  # as those of batch norm: the variance is that around the mean
        new_mean = np.sum(Z, axis=1) / 4
        new_variance = np.sum((Z - new_mean[:, None]) ** 2, axis=1) / 4
        return 0.9 * mean + 0.1 * new_mean, 0.9 * variance + 0.1 * new_variance

    arrays = RNG.normal(size=3), RNG.normal(size=3), RNG.normal(size=(3, 4))
    program = trace(averages, *arrays).program
    fused = with_blocks(program, [[0, 1]])
    for a, b in zip(fused.evaluate(*arrays), averages(*arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_equal_counters_are_one_with_a_guard():
    program = trace(lambda x, t, u: (x / 2.0**t, x / 2.0**u), *(np.array(2.0),) * 3).program
    one = with_one_counter(program, [program.inputs[1:]])
    assert one.evaluate(1.0, 3.0, 3.0) == [1 / 8, 1 / 8]
    with pytest.raises(Mismatch):
        one.evaluate(1.0, 3.0, 4.0)


def test_a_block_is_given_out_again_when_nobody_has_it_or_a_view_of_it():
    pool = Pool(PLACES, np.dtype(float), {})
    entry = pool.acquire()
    block, view, derived = id(entry.block), entry.views[1], entry.views[0].T
    del entry
    assert id(pool.acquire().block) != block
    del view
    held = [pool.acquire() for _ in range(1)]
    assert id(held[0].block) != block
    del derived, held
    assert block in {id(pool.acquire().block) for _ in range(3)}


def test_arrays_that_are_views_of_a_block_are_not_copied():
    pool = Pool(PLACES, np.dtype(float), {})
    entry = pool.acquire()
    assert pool.locate(entry.views) is entry
    other = pool.locate((*entry.views[:2], np.ones((1, 1)))).block
    assert other is not entry.block
    np.testing.assert_array_equal(other, [0] * 10 + [1])


def test_a_block_that_its_owner_made_read_only_is_written_again():
    pool = Pool(PLACES, np.dtype(float), {})
    entry = pool.acquire()
    entry.views[0].flags.writeable = entry.block.flags.writeable = False
    del entry
    pool.acquire().views[0][...] = 1
