"""The quick and the deep run of the tests, and a fixture for tests of memory.

`python -m pytest` takes about two minutes on two cores; `python -m pytest --deep` runs all there is. The quick run
holds every law on some inputs, the deep run on all of them. A slow test belongs into one of these:

- Hypothesis: the profile sets the number of examples, which a slow law divides: `settings.default.max_examples // 4`.
- A law of every function: `@every_function` of `tests/rows.py` is one test a function, not one a row of the table of
  coverage. The quick run takes the first row of each function, or all with `quick=None`.
- Inputs in a loop: the fixture `deep` is True in the deep run. The quick run holds the same law on fewer of them.
- Values of a parametrised test: the quick run takes all of them if they are 30 or fewer, which costs next to nothing.
  Of more, and of slow ones (the mark `few_values`), it takes 4, evenly spread. The mark `every_value` is for more than
  30; `in_depth` of `tests/marks.py` leaves out single values.
- `@pytest.mark.deep`: the quick run leaves the test out. For more than about 0.5 s, best where a quick test holds the
  same law on less: of some laws the deep run alone has the test.

`--beyond-quick`, after a quick run of the same code as in `.ci/run`, is the deep run without what that has passed and
what would run again on the same inputs.
"""

import functools
import gc
import os
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import settings

from tinygrad_dl.core import registry

collect_ignore = ["benchmarks/systems"]  # they need the peers, and hold no tests

PASSED = "tinygrad_dl/passed"  # the key in pytest's cache of the names of tests
passed: list[str] = []
MANY, FEW = 30, 4  # values of a parametrised test: the quick run takes only a few of more than many, evenly spread

settings.register_profile("quick", derandomize=True, deadline=None, max_examples=10)
settings.register_profile("deep", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("search", deadline=None, max_examples=3000)  # other examples in each run, for an evening


def pytest_addoption(parser):
    parser.addoption("--deep", action="store_true", help="all inputs of all tests: ten minutes or more")
    beyond = "--deep, after a quick run of the same code: without what that has passed on the same inputs"
    parser.addoption("--beyond-quick", action="store_true", help=beyond)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Share a run of the whole suite among the cores; tests asked for by name, or with `-n 0`, stay in one process."""
    option = config.option
    if is_whole(config) and config.pluginmanager.hasplugin("xdist") and option.numprocesses is None:
        option.numprocesses, option.maxprocesses, option.dist = "auto", 4, "worksteal"
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the workers have the cores


def is_whole(config):
    """Whether this process runs the whole suite, or has workers that do."""
    worker = hasattr(config, "workerinput")
    return config.args_source is config.ArgsSource.TESTPATHS and not (worker or config.option.collectonly)


def pytest_configure(config):
    config.addinivalue_line("markers", "deep: slow; runs with --deep")
    config.addinivalue_line("markers", "every_value: the quick run takes all values of this test, however many")
    config.addinivalue_line("markers", "few_values: the values of this test are slow, and the quick run takes a few")
    gc.disable()  # until all tests are there
    config.option.deep |= config.option.beyond_quick
    if not config.getoption("--hypothesis-profile", None):
        settings.load_profile("deep" if config.getoption("--deep") else "quick")


def pytest_collection_modifyitems(config, items):
    """Leave out what the quick run does not take, or with `--beyond-quick` what it has passed; named tests stay."""
    if any("::" in argument for argument in config.args):
        return
    if config.getoption("--beyond-quick"):
        held = set(config.cache.get(PASSED, []))
        kept = {item for item in items if item.nodeid not in held or has_more_inputs(item)}
    elif config.getoption("--deep"):
        return
    else:
        kept = quick_ones(items)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def quick_ones(items):
    """What is not marked `deep`, and of many values a few."""
    tests = defaultdict(list)
    for item in items:
        if not item.get_closest_marker("deep"):
            tests[item.nodeid.partition("[")[0]].append(item)
    kept = set()
    for values in tests.values():
        marks, n = {mark.name for mark in values[0].iter_markers()}, len(values)
        many = n > (FEW if "few_values" in marks else MANY) and "every_value" not in marks
        kept.update(values[i * n // FEW] for i in range(FEW)) if many else kept.update(values)
    return kept


def has_more_inputs(item):
    """Whether the deep run may give more inputs to a test than the quick run does."""
    of_hypothesis = ("hypothesis", "check_laws", "strategies")  # words of modules whose tests draw examples
    return "deep" in getattr(item, "fixturenames", ()) or any(word in text_of(item.path) for word in of_hypothesis)


@functools.cache
def text_of(path):
    return path.read_text(encoding="utf-8")


def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        passed.append(report.nodeid)


def pytest_sessionfinish(session):
    """Note for `--beyond-quick` what a quick run of the whole suite has passed."""
    config = session.config
    if is_whole(config) and not config.getoption("--deep") and hasattr(config, "cache"):
        config.cache.set(PASSED, passed)


def pytest_collection_finish():
    """Spare the tests and modules, a million objects that stay, every run of the garbage collector but one."""
    gc.collect()
    gc.freeze()
    gc.enable()


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
