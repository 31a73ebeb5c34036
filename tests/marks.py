"""Marks for the values of parametrised tests."""

from typing import Any

import pytest


def in_depth(*values: Any) -> Any:
    """The `values` of one test, for the deep run alone."""
    return pytest.param(*values, marks=pytest.mark.deep)
