"""Unsupported functions raise an error with the reason and an alternative, also if NumPy converts Tensors first."""

import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import registry
from tinygrad_dl.rules.unsupported import UNSUPPORTED

CALLS = {  # name -> a call with a Tensor of 2 numbers, and one of them
    "put": lambda x, s: np.put(x, [0], 1.0),
    "put_along_axis": lambda x, s: np.put_along_axis(x, np.array([0]), 1.0, 0),
    "place": lambda x, s: np.place(x, [True, False], 1.0),
    "putmask": lambda x, s: np.putmask(x, [True, False], 1.0),
    "copyto": lambda x, s: np.copyto(x, 1.0),
    "fill_diagonal": lambda x, s: np.fill_diagonal(x[None], 1.0),
    "full": lambda x, s: np.full(3, s),
    "array": lambda x, s: np.array([s, s]),
    "asmatrix": lambda x, s: np.asmatrix(x),
    "bmat": lambda x, s: np.bmat([[x]]),
    "require": lambda x, s: np.require(x, float),
    "save": lambda x, s: np.save("nowhere", x),
    "savez": lambda x, s: np.savez("nowhere", x=x),
    "savez_compressed": lambda x, s: np.savez_compressed("nowhere", x=x),
    "savetxt": lambda x, s: np.savetxt("nowhere", x),
    "arange": lambda x, s: np.arange(0.0, s, 0.5),
    "kaiser": lambda x, s: np.kaiser(5, s),
    "nextafter": lambda x, s: np.nextafter(x, s),
    "ix_": lambda x, s: np.ix_(x, x),
}
SILENT = {"fromiter"}  # asks for Python numbers one by one, as float(x) does


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("name", sorted(UNSUPPORTED.keys() - SILENT))
def test_a_refused_function_of_a_tracked_tensor_is_an_error(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = tg.parameter([1.0, 2.0])
    function = getattr(np, name)
    with pytest.raises((TypeError, AttributeError)) as error:
        CALLS.get(name, lambda x, s: function(x))(x, x[0])
    if hasattr(function, "_implementation") or isinstance(function, np.ufunc):
        assert re.search(re.escape(f"np.{name} has no derivative rule: {UNSUPPORTED[name]}"), str(error.value))
    assert not list(tmp_path.iterdir())


def test_what_was_refused_is_written_as_a_plain_array(tmp_path):
    x = tg.parameter([1.0, 2.0])
    np.save(tmp_path / "x.npy", x.numpy())
    np.save(tmp_path / "y.npy", tg.Tensor([3.0]))
    assert np.load(tmp_path / "x.npy").tolist() == [1.0, 2.0]
    assert np.load(tmp_path / "y.npy").tolist() == [3.0]


def test_an_index_of_whole_numbers_is_that_of_numpy():
    x = tg.parameter(np.arange(6.0).reshape(2, 3))
    rows = np.ix_(tg.Tensor([1]), np.array([0, 2]))
    assert x[rows].tolist() == [[3.0, 5.0]]


def test_no_function_is_in_two_tables():
    tables = [set(registry.vjps), set(registry.composites), registry.constants, set(registry.refusals)]
    assert sum(map(len, tables)) == len(set.union(*tables))


def test_the_ways_out_that_the_reasons_name_exist():
    named = set(re.findall(r"\b(np|tg)\.([a-z_.0-9]+)", " ".join(registry.refusals.values())))
    assert ("tg", "primitives.set_at") in named
    for package, path in named:
        value = {"np": np, "tg": tg}[package]
        for part in path.rstrip(".").split("."):
            value = getattr(value, part)
