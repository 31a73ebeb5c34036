"""Marks for the values of parametrised tests, and a decorator of tests."""

import functools
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


def in_depth(*values: Any) -> Any:
    """The `values` of one test, for the deep run alone."""
    return pytest.param(*values, marks=pytest.mark.deep)


def in_a_new_thread(test):
    """Run a `test` where no event loop runs: after a test in a browser one does in the thread of all tests."""

    @functools.wraps(test)
    def run():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(test).result()

    return run


def once(law):
    """Hold a `law` of a program once for each: Hypothesis draws more than a third of them again, with their inputs."""
    held = set()

    @functools.wraps(law)
    def run(program):
        drawn = pickle.dumps(program)
        if drawn not in held:
            law(program)
            held.add(drawn)  # once it has passed: Hypothesis runs again what fails

    return run
