"""A record of the checker sees each way in which a file may change it."""

import json
import sys
import types

import numpy as np
import pytest

from tinygrad_dl.testing import gradcheck
from tinygrad_dl.testing.gradcheck import report
from tinygrad_dl.testing.homework import discovery, integrity

integrity.load_checker()


@pytest.fixture(scope="module")
def record():
    return integrity.Record()


CHANGES = {
    "a function": lambda m: m.setattr(discovery, "outcome", lambda *args: None),
    "a name in its module": lambda m: m.setattr(gradcheck, "check_pair", print),
    "a constant": lambda m: m.setattr(discovery, "RECOGNISERS", ()),
    "a property": lambda m: m.setattr(report.GradientReport, "verdict", "right"),
    "a method": lambda m: m.setattr(report.GradientReport, "__str__", lambda self: "right"),
    "the code": lambda m: m.setattr(discovery.outcome, "__code__", (lambda file, check: None).__code__),
    "the defaults": lambda m: m.setattr(discovery.discover, "__defaults__", ((), 3, False)),
    "numpy": lambda m: m.setattr(np, "allclose", lambda *args, **kwargs: True),
    "numpy.linalg": lambda m: m.setattr(np.linalg, "norm", lambda x: 0.0),
    "a builtin": lambda m: m.setattr("builtins.abs", lambda x: 0.0),
    "json": lambda m: m.setattr(json, "dumps", lambda x: "right"),
    "sys.modules": lambda m: m.setitem(sys.modules, "numpy", types.ModuleType("numpy")),
    "a module that is gone": lambda m: m.delitem(sys.modules, discovery.__name__),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_change_is_seen_and_gone_when_it_is_undone(record, change):
    with pytest.MonkeyPatch.context() as patch:
        change(patch)
        assert record.changed()
    assert record.changed() == ""


def test_what_files_do_in_good_faith_is_no_change(record, ran, monkeypatch):
    monkeypatch.setattr(np, "float", float, raising=False)  # as old code needs it
    with np.errstate(), np.printoptions():
        ran("import numpy as np\nnp.random.seed(1)\nnp.set_printoptions(precision=3)\nnp.seterr(all='ignore')\n")
    assert record.changed() == ""
