"""The public names: `dir` shows them and nothing else, and help begins with a tour."""

import pydoc
import types

import pytest

import tinygrad_dl as tg
from tinygrad_dl import drawing, testing

MODULES = [tg, tg.nn, tg.optim, tg.data, tg.training, drawing, testing]


@pytest.mark.parametrize("module", MODULES)
def test_dir_shows_the_public_names(module):
    assert set(dir(module)) - {"__version__"} == set(module.__all__)
    assert all(hasattr(module, name) for name in dir(module))


def test_the_parts_that_users_use_are_names_of_the_package():
    parts = {name for name in dir(tg) if isinstance(getattr(tg, name), types.ModuleType)}
    assert parts == {"data", "drawing", "nn", "optim", "parallel", "primitives", "rules", "testing", "training"}
    assert {"Tensor", "compile", "derive", "draw", "explore", "fit", "grad", "parameter"} <= set(dir(tg))


@pytest.mark.parametrize("module", MODULES)
def test_help_begins_with_the_docstring(module):
    page = pydoc.plain(pydoc.render_doc(module))
    title, _, rest = module.__doc__.partition("\n")
    lines = [line.strip() for line in page.splitlines() if line.strip()]
    assert lines[1:3] == ["NAME", f"{module.__name__} - {title.rstrip('.')}."] or lines[2].endswith(title.rstrip("."))
    written = [line.strip() for line in rest.splitlines() if line.strip()]
    start = lines.index("DESCRIPTION") if written else 3
    assert lines[start + 1 : start + 1 + len(written)] == written


def test_the_tour_has_a_gradient_a_net_and_the_name_of_every_part():
    for word in ("backward()", "tg.grad(", "tg.fit(", "`draw`", "`explore`", "`derive`", "`testing`", "`compile`"):
        assert word in tg.__doc__
    for name in ("check", "check_gradients", "check_backprop", "check_laws"):
        assert f"`{name}`" in testing.__doc__
