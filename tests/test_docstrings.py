"""Docstrings: those of public names have the sections of numpydoc, with all parameters; none asks a question."""

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import tinygrad_dl as tg
from tinygrad_dl import drawing, functional, testing
from tinygrad_dl.drawing import plots
from tinygrad_dl.testing import strategies

MODULES = [tg, tg.data, tg.nn, tg.optim, tg.primitives, drawing, plots, testing, testing.formulas, strategies]
MODULES += [tg.sklearn] if importlib.util.find_spec("sklearn") else []
TRANSFORMS = [*functional.__all__, "debug"]


def public_names(module):
    """Return the names of a module: its `__all__`, or what it defines itself."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return getattr(module, "__all__", [name for name in own if name[0] != "_"])


def public_objects():
    """Yield the public functions and classes, and the methods of these that no base class defines, with their names."""
    for module in MODULES:
        for name in public_names(module):
            value = getattr(module, name)
            if inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value
            elif inspect.isclass(value) and value.__module__.startswith("tinygrad_dl"):
                yield f"{module.__name__}.{name}", value
                for method, function in vars(value).items():
                    function = getattr(function, "__func__", function)
                    inherited = any(hasattr(base, method) for base in value.__bases__)
                    if inspect.isfunction(function) and method[0] != "_" and not inherited:
                        yield f"{module.__name__}.{name}.{method}", function


PUBLIC = dict(public_objects())


def sections(function):
    """Return the text of each section of a docstring by its title; that before the first one is the summary."""
    parts = re.split(r"^(\w+)\n-+\n", inspect.cleandoc(function.__doc__), flags=re.MULTILINE)
    return {"Summary": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def listed(section):
    """Return the names that a section describes, in order: `X, Y` are two, and `X : array` is one."""
    lines = re.findall(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :.*)?$", section, flags=re.MULTILINE)
    return [name.strip("*") for line in lines for name in line.split(", ")]


def parameters(function):
    """Return the names of the parameters that a caller gives."""
    if inspect.isclass(function):
        function = function.__init__ if inspect.isfunction(function.__init__) else lambda: None
    return [name for name in inspect.signature(function).parameters if name != "self" and name[0] != "_"]


@pytest.mark.every_value
@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_docstring_lists_all_parameters(name):
    value, found = PUBLIC[name], sections(PUBLIC[name])
    if inspect.isclass(value) and "Parameters" not in found:
        assert listed(found.get("Attributes", "")) or not parameters(value)
    else:
        assert sorted(listed(found.get("Parameters", ""))) == sorted(parameters(value))


@pytest.mark.every_value
@pytest.mark.parametrize("name", [name for name, value in PUBLIC.items() if inspect.isfunction(value)])
def test_a_public_docstring_describes_what_is_returned(name):
    function, found = PUBLIC[name], sections(PUBLIC[name])
    returns_nothing = inspect.signature(function).return_annotation in (None, "None")
    in_a_line = found["Summary"].startswith("Return ") and not parameters(function)
    assert returns_nothing or in_a_line or found.keys() & {"Returns", "Yields"}


@pytest.mark.every_value
@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_docstring_of_a_transform_has_ordered_parameters_errors_an_example_and_an_imperative(name):
    found = sections(getattr(tg, name))
    assert listed(found["Parameters"]) == parameters(getattr(tg, name))
    assert found.keys() >= {"Raises", "Examples"}
    assert ">>> " in found["Examples"]
    assert found["Summary"].split()[0] in {"Return", "Compute", "Make", "Check"}


def test_no_docstring_of_the_package_begins_as_a_question():
    questions = []
    for path in Path(tg.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                first = (ast.get_docstring(node) or ".").split()[0]
                if first in {"How", "What", "When", "Where", "Whether", "Which", "Who", "Why"}:
                    questions.append(f"{path.name}: {ast.get_docstring(node)}")
    assert questions == []
