"""Signatures are read in one place, which takes annotations that can't be evaluated."""

import inspect
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import tinygrad_dl as tg
from tinygrad_dl import _signatures


def f(x: "Undefined", *, scale: float = 2.0) -> "Undefined":  # noqa: F821
    return scale * x


def test_a_signature_is_that_of_inspect():
    assert _signatures.signature(f) == inspect.signature(f)
    with pytest.raises(TypeError):
        _signatures.signature(3)


def test_no_python_before_3_14_is_given_a_format_of_annotations():
    assert bool(_signatures._settings()) == (sys.version_info >= (3, 14))


def test_from_python_3_14_on_names_that_are_not_there_stay_names(monkeypatch):
    chosen = SimpleNamespace(Format=SimpleNamespace(FORWARDREF="names stay"))
    monkeypatch.setitem(sys.modules, "annotationlib", chosen)
    assert _signatures._settings() == {"annotation_format": "names stay"}
    monkeypatch.setattr(_signatures, "_SETTINGS", _signatures._settings())
    given = []
    monkeypatch.setattr(inspect, "signature", lambda *args, **settings: given.append((args, settings)))
    _signatures.signature(f)
    assert given == [((f,), {"annotation_format": "names stay"})]


def test_all_of_the_package_reads_signatures_there():
    for path in Path(tg.__file__).parent.rglob("*.py"):
        if path.name != "_signatures.py":
            assert not re.search(r"inspect\.(signature|getfullargspec)\(", path.read_text(encoding="utf-8")), path
