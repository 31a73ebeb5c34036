"""What a page has of an array: numbers that JSON can hold, statistics, and no more than it shows."""

import json
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing.page import arrays
from tinygrad_dl.drawing.page.contents import contents_of
from tinygrad_dl.graph.nodes import Graph


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "int8", "uint64", "bool"])
def test_real_numbers_of_every_dtype_are_numbers_with_statistics(dtype):
    array = np.array([[0, 1, 1], [0, 1, 0]], dtype)
    entry = arrays.to_json(array, 100)
    assert entry["blocks"][0]["rows"] == [[0, 1, 1], [0, 1, 0]]
    assert all(type(x) is not str for row in entry["blocks"][0]["rows"] for x in row)
    assert (entry["min"], entry["max"], entry["mean"], entry["zeros"], entry["bad"]) == (0, 1, 0.5, 0.5, 0)
    assert entry["largest"] == 1
    assert entry["norm"] == pytest.approx(3**0.5, rel=1e-5)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "clongdouble"])
def test_complex_numbers_are_words_with_a_mean_and_a_norm(dtype):
    entry = arrays.to_json(np.array([1 + 2j, 3], dtype), 100)
    assert entry["blocks"][0]["rows"] == [["1+2j", "3+0j"]]
    assert (entry["mean"], entry["min"]) == ("2+1j", None)
    assert entry["norm"] == pytest.approx(14**0.5, rel=1e-5)


@pytest.mark.parametrize("x", [np.full(40, 1e308), np.full(40, 6e4, np.float16), np.full(40, np.longdouble(1e308))])
def test_statistics_of_large_numbers_do_not_overflow(x):
    entry = arrays.to_json(x, 100)
    assert entry["mean"] == pytest.approx(float(x[0]), rel=1e-3)
    json.dumps(entry, allow_nan=False)


def test_what_no_float_can_hold_is_a_word():
    if np.finfo(np.longdouble).max > np.finfo(float).max:
        entry = arrays.to_json(np.array([np.longdouble("1e400"), 1]), 100)
        assert entry["blocks"][0]["rows"] == [["1e+400", 1.0]]
        assert entry["largest"] == pytest.approx(1.79769e308)


def test_the_page_keeps_of_an_array_what_it_shows_of_it():
    table = arrays.Table(limit=10)
    array = np.ones((300, 300))
    kept = weakref.ref(array)
    table.place(array, lasting=False)
    del array
    assert kept() is None
    assert len(table.entries) == 1


@pytest.mark.deep
def test_sums_on_the_way_are_not_kept():
    W, h = tg.parameter(np.eye(100), name="W"), tg.Tensor(np.ones((100, 1)))
    for _ in range(60):
        h = W @ h
    graph = Graph([np.sum(h)])
    contributions = 60 * W.numpy().nbytes
    tracemalloc.start()
    try:
        contents_of(graph, "", [], max_values=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.6 * contributions  # those themselves, and not as much again
