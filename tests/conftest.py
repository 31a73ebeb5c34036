"""The quick and the deep run of the tests, and a fixture for tests of memory.

`python -m pytest` takes about two minutes on two cores; `python -m pytest --deep`, as in `.ci/run`, runs all there
is. The quick run holds every law on some inputs, the deep run on all of them. A slow test belongs into one of these:

- Hypothesis: the profile sets the number of examples, which a slow law divides: `settings.default.max_examples // 4`.
- A law of every function: `@every_function` of `tests/rows.py` is one test a function, not one a row of the table of
  coverage. The quick run takes the first row of each function, or all with `quick=None`.
- Inputs in a loop: the fixture `deep` is True in the deep run. The quick run holds the same law on fewer of them.
- Values of a parametrised test: the quick run takes all of them if they are 30 or fewer, which costs next to nothing.
  Of more, and of slow ones (the mark `few_values`), it takes 4, evenly spread. The mark `every_value` is for more than
  30; `in_depth` of `tests/marks.py` leaves out single values.
- `@pytest.mark.deep`: the quick run leaves the test out. For more than about 0.5 s, best where a quick test holds the
  same law on less: of some laws the deep run alone has the test.
"""

import gc
import os
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import settings

from tinygrad_dl.core import registry

collect_ignore = ["benchmarks/systems"]  # they need the peers, and hold no tests

MANY, FEW = 30, 4  # values of a parametrised test: the quick run takes only a few of more than many, evenly spread

settings.register_profile("quick", derandomize=True, deadline=None, max_examples=10)
settings.register_profile("deep", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("search", deadline=None, max_examples=3000)  # other examples in each run, for an evening


def pytest_addoption(parser):
    parser.addoption("--deep", action="store_true", help="all inputs of all tests: ten minutes or more")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Share a run of the whole suite among the cores; tests asked for by name, or with `-n 0`, stay in one process."""
    option, worker = config.option, hasattr(config, "workerinput")
    whole = config.args_source is config.ArgsSource.TESTPATHS and not (worker or option.collectonly)
    if whole and config.pluginmanager.hasplugin("xdist") and option.numprocesses is None:
        option.numprocesses, option.maxprocesses, option.dist = "auto", 4, "worksteal"
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the workers have the cores


def pytest_configure(config):
    config.addinivalue_line("markers", "deep: slow; runs with --deep")
    config.addinivalue_line("markers", "every_value: the quick run takes all values of this test, however many")
    config.addinivalue_line("markers", "few_values: the values of this test are slow, and the quick run takes a few")
    if not config.getoption("--hypothesis-profile", None):
        settings.load_profile("deep" if config.getoption("--deep") else "quick")


def pytest_collection_modifyitems(config, items):
    """Leave out of the quick run what is marked `deep`, and most of many values; what is asked for by name stays."""
    if config.getoption("--deep") or any("::" in argument for argument in config.args):
        return
    tests = defaultdict(list)
    for item in items:
        if not item.get_closest_marker("deep"):
            tests[item.nodeid.partition("[")[0]].append(item)
    kept = set()
    for values in tests.values():
        marks, n = {mark.name for mark in values[0].iter_markers()}, len(values)
        many = n > (FEW if "few_values" in marks else MANY) and "every_value" not in marks
        kept.update(values[i * n // FEW] for i in range(FEW)) if many else kept.update(values)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def pytest_collection_finish():
    """Spare the tests and modules, a million objects that stay, every later run of the garbage collector."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item):
    """Start the module's `RNG` anew, so that a test draws the same numbers whatever other tests ran before it."""
    generator = getattr(getattr(item, "module", None), "RNG", None)
    if generator is not None:  # with another seed than the module's, whose own arrays a test's must not equal
        generator.bit_generator.state = np.random.default_rng(1).bit_generator.state


@pytest.fixture(scope="session")
def deep(pytestconfig):
    """Whether this is the deep run."""
    return pytestconfig.getoption("--deep")


@pytest.fixture
def own_rules(monkeypatch):
    """Tables of rules of the test's own: what it defines ends with it."""
    for name, table in list(vars(registry).items()):
        if type(table) in (dict, set) and not name.startswith("_"):
            monkeypatch.setattr(registry, name, table.copy())


@pytest.fixture
def no_gc():
    """Without the garbage collector, so that only what nothing refers to goes."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
