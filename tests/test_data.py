"""Minibatches: every sample once, with its own label; arrays on disk are read piece by piece."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.marks import in_depth
from tinygrad_dl.data import is_on_disk, minibatches


def rng(seed=0):
    return np.random.default_rng(seed)


@given(
    st.integers(1, 4), st.integers(1, 30), st.integers(1, 35), st.integers(0, 2**32 - 1), st.sampled_from([(), (2,)])
)
def test_each_sample_comes_once_with_its_label(n, m, batch_size, seed, rows):
    X = np.arange(n * m).reshape(n, m)
    Y = np.broadcast_to(10 * np.arange(m), (*rows, m)) + np.zeros((*rows, 1), int)
    batches = list(minibatches(X, Y, batch_size, rng=rng(seed)))
    assert [x.shape[1] for x, _ in batches[:-1]] == [batch_size] * ((m - 1) // batch_size)
    assert batches[-1][0].shape[1] == m - batch_size * ((m - 1) // batch_size)
    samples = np.hstack([x for x, _ in batches])
    labels = np.concatenate([y for _, y in batches], axis=-1)
    assert sorted(samples[0]) == list(range(m))
    assert np.array_equal(samples, X[:, samples[0]])
    assert np.array_equal(labels, Y[..., samples[0]])


def test_the_order_is_that_of_the_rng_and_another_in_each_pass():
    X = np.arange(50)[np.newaxis]

    def passes(seed):
        drawn = rng(seed)
        return [np.hstack([x for x, _ in minibatches(X, X, 7, rng=drawn)])[0].tolist() for _ in range(2)]

    assert passes(1) == passes(1) != passes(2)
    first, second = passes(1)
    assert first != second
    assert first != sorted(first)


def test_all_orders_are_equally_likely():
    drawn, X = rng(), np.arange(3)[np.newaxis]
    orders = [tuple(next(minibatches(X, X, 3, rng=drawn))[0][0].tolist()) for _ in range(6000)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert max(abs(count - 1000) for count in counts) < 150  # five standard deviations of √(6000 · 1/6 · 5/6) = 29


def test_lists_are_data():
    ((x, y),) = minibatches([[1, 2]], [1, 2], 2, rng=rng())
    assert np.array_equal(x[0], y)


@pytest.mark.parametrize("X", [np.ma.array([[1.0, 2.0]], mask=[[False, True]]), [["a", "b"]], [[None, 1.0]]])
def test_a_mask_that_would_be_lost_is_refused_as_is_other_data_than_numbers(X):
    for pair in ((X, [1, 2]), ([[1, 2]], X)):
        with pytest.raises(TypeError, match=r"expected (a plain array|numbers), got "):
            minibatches(*pair, 2, rng=rng())


def test_batches_are_copies():
    X = np.zeros((2, 4))
    for x, y in minibatches(X, X[0], 4, rng=rng()):
        x += 1
        y += 1
    assert not X.any()


REFUSED = [
    ({"batch_size": 0}, ValueError, "batch_size to be a whole number of at least 1, got 0"),
    ({"batch_size": -3}, ValueError, "batch_size to be a whole number of at least 1, got -3"),
    ({"batch_size": 2.0}, TypeError, "batch_size .*, got 2.0: .* // divides"),
    ({"batch_size": None}, TypeError, "batch_size .*, got None"),
    ({"rng": 0}, TypeError, r"rng=np\.random\.default_rng\(0\), got int"),
    ({"rng": np.random}, TypeError, "got module"),
    ({"Y": np.ones((1, 4))}, ValueError, r"got \(3, 5\) and \(1, 4\)\.$"),
    ({"Y": np.ones(())}, ValueError, r"got \(3, 5\) and \(\)\.$"),
    (
        {"X": np.ones(5)},
        ValueError,
        r"expected X of shape \(n, m\) and Y of \(\.\.\., m\), got \(5,\) and \(5,\); .* X\.reshape\(-1, 1\)",
    ),
    ({"X": np.ones((5, 3, 2))}, ValueError, r"got \(5, 3, 2\) .*the samples are the last axis: pass np\.moveaxis"),
    ({"X": np.ones((5, 3))}, ValueError, r"got \(5, 3\) and \(5,\); samples are columns: pass X\.T\."),
    ({"X": np.ones((5, 3)), "Y": np.ones((5, 1))}, ValueError, r"and \(5, 1\); samples .* pass X\.T and Y\.T\."),
    ({"X": np.ones((3, 0)), "Y": np.ones(0)}, ValueError, r"at least one sample, got X of shape \(3, 0\)"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), REFUSED)
def test_what_is_no_data_is_refused_at_the_call(arguments, error, message):
    with pytest.raises(error, match=message):  # the call itself, before the first batch is asked for
        minibatches(**({"X": np.ones((3, 5)), "Y": np.ones(5), "batch_size": 2, "rng": rng()} | arguments))


# ---- arrays on disk


class Chunks:
    """An array of chunks as HDF5 has it: read by increasing positions alone, noting how many samples were read."""

    def __init__(self, values):
        self._values, self.read = np.asarray(values), []
        self.shape, self.dtype, self.ndim, self.chunks = values.shape, values.dtype, values.ndim, None

    def __getitem__(self, where):
        columns = where[-1]
        assert np.all(np.diff(columns) > 0)
        self.read.append(len(columns))
        return self._values[where]


def memmap(values, folder):
    written = np.lib.format.open_memmap(folder / "values.npy", "w+", values.dtype, values.shape[::-1])
    written[:] = values.T
    return np.load(folder / "values.npy", mmap_mode="r").T


def zarr(values, folder):
    array = pytest.importorskip("zarr", reason="zarr is not installed").create_array(
        folder / "values", shape=values.shape, chunks=(*values.shape[:-1], 4), dtype=values.dtype
    )
    array[...] = values
    return array


def hdf5(values, folder):
    file = pytest.importorskip("h5py", reason="h5py is not installed").File(folder / "values.h5", "w")
    return file.create_dataset("values", data=values, chunks=(*values.shape[:-1], 4))


def dask(values, folder):
    return pytest.importorskip("dask.array", reason="Dask's arrays are not installed").from_array(values)


STORED = [memmap, in_depth(zarr), in_depth(hdf5), in_depth(dask), lambda values, folder: Chunks(values)]


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("shape", [(3, 19), (2, 4, 5, 19)])
def test_arrays_on_disk_give_the_batches_of_arrays_in_memory(stored, shape, tmp_path):
    X, Y = rng().normal(size=shape), np.arange(19.0)
    (tmp_path / "labels").mkdir()
    batches = list(minibatches(stored(X, tmp_path), stored(Y, tmp_path / "labels"), 5, rng=rng(1)))
    for (x, y), (x_, y_) in zip(batches, minibatches(X, Y, 5, rng=rng(1)), strict=True):
        assert type(x) is np.ndarray
        assert np.array_equal(x, x_)
        assert np.array_equal(y, y_)


def test_no_more_than_a_minibatch_is_read_at_a_time():
    X = Chunks(rng().normal(size=(3, 19)))
    batches = minibatches(X, np.arange(19), 5, rng=rng(1))
    assert X.read == []
    next(batches)
    assert X.read == [5]


def test_all_views_of_a_memmap_are_on_disk_and_copies_are_not(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", shape=(6, 4))
    plain = np.asarray(X)
    assert all(map(is_on_disk, [X, X.T, X[1:].T[:, ::2], plain, plain[2:], plain.T[:, ::2].reshape(2, 2, 3)]))
    assert not any(map(is_on_disk, [X.copy(), X + 1, X[[0, 2]], np.array(X), np.ones((2, 3))]))


def test_batches_of_a_memmap_take_the_memory_of_a_batch(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", shape=(2_000, 1_000)).T  # 16 MB
    tracemalloc.start()
    for _ in minibatches(X, np.zeros(2_000), 20, rng=rng()):  # of 160 kB
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def test_a_value_on_disk_that_is_not_finite_is_found_at_its_batch():
    values = np.zeros((3, 19))
    values[2, 11] = np.nan
    with pytest.raises(ValueError, match=r"^X\[2, 11\] is nan: 1 of \d+ are not finite"):
        list(minibatches(Chunks(values), np.zeros(19), 5, rng=rng()))
    with pytest.raises(ValueError, match=r"^Y\[2, 11\] is nan"):
        list(minibatches(np.zeros((1, 19)), Chunks(values), 5, rng=rng()))
