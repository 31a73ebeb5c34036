"""The docstrings of the transforms have the sections of numpydoc, with all parameters."""

import inspect
import re

import pytest

import tinygrad_dl as tg
from tinygrad_dl import functional

NAMES = [*functional.__all__, "debug"]


def sections(docstring):
    """The text of each section by its title; that before the first one is the summary."""
    parts = re.split(r"^(\w+)\n-+\n", inspect.cleandoc(docstring), flags=re.MULTILINE)
    return {"Summary": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_lists_the_parameters_of_the_function_in_their_order(name):
    function = getattr(tg, name)
    listed = re.findall(r"^(\*?\w+)$", sections(function.__doc__)["Parameters"], flags=re.MULTILINE)
    parameters = inspect.signature(function).parameters.values()
    assert listed == [f"*{p.name}" if p.kind is p.VAR_POSITIONAL else p.name for p in parameters]


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_has_errors_an_example_and_a_summary_in_the_imperative(name):
    found = sections(getattr(tg, name).__doc__)
    assert found.keys() >= {"Raises", "Examples"}
    assert ">>> " in found["Examples"]
    assert name == "debug" or "Returns" in found
    assert found["Summary"].split()[0] in {"Return", "Compute", "Make", "Check"}
