"""How hard Hypothesis tries, `HYPOTHESIS_PROFILE=deep python -m pytest`, and what tests of memory share."""

import gc
import os

import pytest
from hypothesis import settings

collect_ignore = ["benchmarks/systems"]  # they need the peers, and hold no tests

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=40)
settings.register_profile("deep", deadline=None, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def no_gc():
    """Without the garbage collector, so that only what nothing refers to goes."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
