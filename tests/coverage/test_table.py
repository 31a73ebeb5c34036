"""The table of coverage can't lie: it knows every function of NumPy, and its cells come from checks."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.coverage.examples import CASES
from tests.documents import GUIDES, text
from tests.marks import in_depth
from tinygrad_dl.core import registry
from tinygrad_dl.coverage import __main__ as command
from tinygrad_dl.coverage import numpy_functions
from tinygrad_dl.coverage.numpy_functions import KINDS, other_functions, public_functions
from tinygrad_dl.coverage.table import check_examples, checks_text, totals_text

GUIDE = text(GUIDES / "differentiating.md")


def row_of(function):
    entry = next(entry for entry in (*public_functions(), *other_functions()) if entry.function is function)
    return next(check_examples([entry], CASES))


@pytest.fixture
def wrong(monkeypatch, own_rules):
    """Plants a rule, or a decomposition, in the place of that of `np.sinh`."""

    def plant(rule=None, composite=None):
        monkeypatch.setitem(KINDS, "rule", registry.vjps)
        monkeypatch.setitem(KINDS, "composite", registry.composites)
        if rule:
            registry.defvjp(np.sinh, rule)
        else:
            registry.defcomposite(np.sinh, composite)

    return plant


def test_at_least_300_functions_of_numpy_are_differentiable_counting_aliases_once():
    differentiable = [f for f in (*public_functions(), *other_functions()) if f.is_differentiable]
    assert len({id(f.function) for f in differentiable}) == len(differentiable) >= 300


def test_every_differentiable_function_has_an_example_and_every_example_is_of_one():
    known = {f.function for f in (*public_functions(), *other_functions()) if f.is_differentiable}
    own = {f for f in (*registry.vjps, *registry.composites) if registry.name_of(f)[:3] != "np."}
    functions = {case.function for case in CASES}
    assert known <= functions <= known | own


def test_a_right_function_has_a_yes_in_every_cell():
    assert set(row_of(np.sinh).cells.values()) == {"yes"}


def detached_cosh(g, ans, x):
    return g * np.cosh(x.detach() if isinstance(x, tg.Tensor) else x)


@pytest.mark.few_values
@pytest.mark.parametrize(
    ("planted", "columns"),
    [
        in_depth({"rule": lambda g, ans, x: g * np.sinh(x)}, {"first", "second", "forward", "complex"}),
        in_depth({"rule": lambda g, ans, x: g * np.cosh(x) * (1 + 1e-5)}, {"first", "second", "forward", "complex"}),
        in_depth({"rule": detached_cosh}, {"second"}),
        ({"rule": lambda g, ans, x: g * np.cosh(np.conj(x))}, {"complex"}),
        ({"composite": lambda x: (np.exp(x) - np.exp(-x)) * np.array([0.5])[0] * np.float64(1)}, {"float32"}),
    ],
    ids=["sign", "factor", "second order lost", "conjugated", "widened"],
)
def test_a_cell_says_no_if_its_check_fails(wrong, capsys, planted, columns):
    wrong(**planted)
    row = row_of(np.sinh)
    assert {column for column, cell in row.cells.items() if cell == "NO"} == columns
    assert command.main(["np.sinh"]) == 1
    printed = capsys.readouterr()
    assert "NO" in printed.out
    assert "np.sinh" in printed.err


def test_a_function_without_an_example_has_no_yes(monkeypatch):
    entry = next(entry for entry in public_functions() if entry.function is np.sinh)
    row = next(check_examples([entry], []))
    assert set(row.cells.values()) == {"NO"}


def test_the_command_shows_what_it_is_asked_for(capsys):
    assert command.main(["np.tan"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["np.tanh", "x", *["yes"] * 5]
    assert command.main(["nothing of this name"]) == 2
    assert "no function of NumPy has 'nothing of this name' in its name" in capsys.readouterr().err


def test_a_deprecated_function_is_checked_but_not_counted(monkeypatch):
    functions, others = public_functions(), other_functions()
    sinh = next(entry for entry in functions if entry.function is np.sinh)
    before = totals_text(functions, others)
    monkeypatch.setattr(numpy_functions, "DEPRECATED", numpy_functions.DEPRECATED | {"np.sinh"})
    assert set(row_of(np.sinh).cells.values()) == {"yes"}
    assert checks_text([row_of(np.sinh), row_of(np.sin)]).startswith("Checked: first 1 of 1, second 1 of 1,")
    without = totals_text([entry for entry in functions if entry is not sinh], others)
    assert totals_text(functions, others) == without != before


def test_the_guide_has_the_totals(capsys):
    assert command.main(["--totals"]) == 0
    totals = capsys.readouterr().out
    assert totals.strip() == totals_text(public_functions(), other_functions())
    assert totals in GUIDE


def test_a_primitive_of_ones_own_with_a_name_of_numpy_is_not_counted(wrong):
    before = other_functions()
    for function in (np.sort, np.sin, lambda x: x):
        tg.defvjp(tg.primitive(function), lambda g, ans, x: g)
    assert other_functions() == before
