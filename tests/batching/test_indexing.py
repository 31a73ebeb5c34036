"""Indices under vmap mean for each sample what they mean for one."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.functional.test_mapping import RNG, W, looped

INDICES = [0, -1, slice(1, None), (..., 0), (None, 1), (slice(None), [0, 2]), ([1, 0], slice(None)), ([0, 1], [2, 0])]


INDICES += [np.array([[0, 1], [1, 0]]), (slice(None), None, np.array([True, False, True])), (0, slice(None, None, -1))]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_an_index_means_for_each_sample_what_it_means_for_one(index):
    many = RNG.normal(size=(4, 2, 3))
    np.testing.assert_array_equal(tg.vmap(lambda x: x[index])(many), looped(lambda x: x[index], many))


@pytest.mark.parametrize(
    "read",
    [
        lambda x, i: x[i],
        lambda x, i: x[:, i],
        lambda x, i: x[i, 0],
        lambda x, i: x[:, i, None],
        lambda x, i: x[..., i],
        lambda x, i: x[np.stack([i, i])],
        lambda x, i: x[:, np.stack([i, i])],
        lambda x, i: x[i, :, i],
        lambda x, i: np.expand_dims(x, 0)[:, np.stack([i, i]), :, i],
        lambda x, i: np.take(x, i, axis=1),
        lambda x, i: tg.primitives.getitem(W, i),
        lambda x, i: np.take(x, i),
    ],
)
def test_an_index_may_be_another_for_each_sample(read):
    many, i = RNG.normal(size=(4, 2, 2, 2)), np.array([0, 1, 1, 0])
    np.testing.assert_array_equal(tg.vmap(read)(many, i), looped(read, many, i))


def test_a_tensor_is_read_at_an_index_of_each_sample():
    table, i = tg.parameter(np.arange(6.0).reshape(3, 2)), np.array([0, 2, 2])
    for read in (lambda i: table[i], lambda i: table[i, 1]):
        found = tg.gradients(np.sum(tg.vmap(read)(i) ** 2), table)
        assert np.array_equal(found, tg.gradients(np.sum(read(i) ** 2), table))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_a_table_is_read_along_its_own_axis(axis):
    tables, places = np.arange(24.0).reshape(2, 3, 4), np.array([[0, 2], [1, 1], [2, 0]])
    found = tg.vmap(lambda table: tg.vmap(lambda i: np.take(table, i, axis))(places))(tables)
    assert np.array_equal(found, [[np.take(table, i, axis) for i in places] for table in tables])


def test_a_table_that_all_samples_read_gets_the_gradients_of_all():
    table, i = tg.parameter(W), np.array([0, 1, 1, 1])
    found = tg.gradients(np.sum(tg.vmap(lambda i: tg.primitives.getitem(table, i))(i)), table)
    assert found.tolist() == [[1, 1, 1], [3, 3, 3]]


# ---- settings of each sample in calls of one Tensor, about which NumPy asks the Tensor alone

SETTINGS = {
    "take": lambda x, i: np.take(x, i, axis=0),
    "take method": lambda x, i: x.take(indices=i, axis=1),
    "roll": lambda x, i: np.roll(x, i, axis=0),
    "repeat": lambda x, i: np.repeat(x, 0 * i + 2, axis=0),
    "where=": lambda x, i: np.sum(x, axis=0, where=np.arange(3)[:, None] == i),
    "initial=": lambda x, i: np.max(x, axis=0, initial=2.5 * i),
    "dx=": lambda x, i: np.trapezoid(x, dx=i),
    "set_at": lambda x, i: tg.primitives.set_at(x, (slice(None), i), 2.0),
    "add_at": lambda x, i: tg.primitives.add_at(x, (i, slice(1, None)), 2.0),
    "getitem": lambda x, i: tg.primitives.getitem(x, (slice(None), i)),
}


@pytest.mark.parametrize("f", SETTINGS.values(), ids=SETTINGS)
def test_a_setting_may_be_another_for_each_sample_of_one_tensor(f):
    x, numbers = tg.parameter(np.arange(9.0).reshape(3, 3)), np.array([0, 2, 1, 2])
    expected = looped(lambda i: f(x.detach(), i).numpy(), numbers)
    mapped = tg.vmap(lambda i: f(x, i))(numbers)
    np.testing.assert_array_equal(mapped.numpy(), expected)
    one_by_one = sum(np.sum(f(x, i) ** 2) for i in numbers)
    np.testing.assert_allclose(tg.gradients(np.sum(mapped**2), x), tg.gradients(one_by_one, x))
    with tg.no_grad():
        np.testing.assert_array_equal(tg.vmap(lambda i: f(x, i))(numbers), expected)


@pytest.mark.parametrize("name", ["getitem", "set_at", "add_at"])
def test_an_index_of_each_sample_reads_and_writes_a_plain_array_along_any_axis(name):
    numbers = np.array([0, 2, 1, 2])
    found = tg.vmap(lambda i: SETTINGS[name](np.arange(9.0).reshape(3, 3), i))(numbers)
    np.testing.assert_array_equal(found, looped(lambda i: SETTINGS[name](np.arange(9.0).reshape(3, 3), i), numbers))
