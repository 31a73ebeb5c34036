"""Imports go one way, and nothing heavy comes with the package."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_dl

PACKAGE = Path(tinygrad_dl.__file__).parent

# module, or the start of its name -> what it may import from the package, "." being its own folder
ALLOWED = {
    "_files": set(),
    "_foreign": set(),
    "_html": set(),
    "_guesses": set(),
    "_frames": set(),
    "_names": set(),
    "_signatures": set(),
    "checks": set(),
    "memory": set(),
    "pytree": set(),
    "data": {"checks", "_guesses", "core.arguments"},
    "_functions": {"core.primitives"},
    "primitives": {"_functions", "core.primitives", "functional.user_ops"},
    "core.": {"_html", "_signatures", "core", "guards", "proxies", "pytree", "_frames", "_guesses"},
    "core.primitives": set(),
    "core.modes": {"guards.flags"},
    "core.registry": {"_signatures", "core.primitives"},
    "core.arguments": {"_foreign", "core.modes", "guards.cuts", "proxies.dispatching"},
    "core.array_methods": {"core.primitives", "guards.lacking"},
    "guards.": {"_frames"},  # Tensors are built on the guards
    "guards.flags": set(),
    "guards.lacking": {"_guesses"},
    "guards.leaving": {"_frames", "core.modes", "core.registry"},
    "guards.missing_rules": {"core.primitives", "core.registry"},
    "proxies.": {"core.array_methods", "core.primitives", "proxies"},
    "rules.__init__": {"rules"},
    "rules.": {"_functions", "_signatures", "core", "batching", "rules", "_frames"},
    "batching.": {"_functions", "core", "guards", "proxies.dispatching", "batching"},
    "debugging": {"core", "_frames"},
    "functional.": {
        "_foreign",
        "_signatures",
        "core",
        "batching",
        "pytree",
        "nn.module",
        "tracing.fusing",
        "tracing.symbols",
        "proxies.dispatching",
        "functional",
        "_guesses",
    },
    "nn.activations": set(),
    "nn.initializers": set(),
    "nn.metrics": {"nn.losses"},
    "nn.losses": {"nn.activations"},
    "nn.": {
        "_functions",
        "_guesses",
        "_html",
        "core",
        "guards.numpy_warnings",
        "proxies.dispatching",
        "batching",
        "pytree",
        "checks",
        "_files",
        "_names",
        "tracing.fusing",
        "tracing.algebra",
        "nn",
    },
    "optim.": {
        "_guesses",
        "_html",
        "_signatures",
        "core",
        "proxies.dispatching",
        "checks",
        "_files",
        "_names",
        "optim",
    },
    "parallel.": {"core", "nn", "checks", "data", "pytree", "parallel"},
    "tracing.fusing": {"_foreign", "_signatures", "core", "batching", "tracing"},
    "tracing.": {
        "_foreign",
        "_functions",
        "_signatures",
        "core",
        "guards",
        "proxies",
        "batching",
        "pytree",
        "_frames",
        "tracing",
    },
    "tracing.compiled": {"core", "batching", "functional.derived", "_frames", "tracing"},
    "derivation.": {
        "_functions",
        "_html",
        "core",
        "functional.deferred",
        "guards.cuts",
        "nn",
        "pytree",
        "tracing",
        "derivation",
    },
    "sklearn": {"_guesses", "checks", "core.modes", "nn", "optim", "training"},
    "graph.": {"_signatures", "core", "guards.cuts", "nn", "tracing", "_frames", "graph"},
    "drawing.": {
        "_guesses",
        "core",
        "derivation",
        "graph",
        "nn",
        "tracing",
        "debugging",
        "pytree",
        "_files",
        "drawing",
    },
    "coverage.": {"_html", "_signatures", "core", "functional", "pytree", "testing", "coverage"},
    "testing.": {
        "_guesses",
        "_html",
        "_signatures",
        "core",
        "functional",
        "pytree",
        "checks",
        "debugging",
        "nn",
        "rules",
        "_files",
        "_frames",
        "testing",
    },
}
ALLOWED["testing.gradcheck.arguments"] = ALLOWED["testing."] | {"tracing.places"}
ALLOWED["testing.homework.picture"] = ALLOWED["testing."] | {"drawing"}
NUMPY_ONLY = {"nn.activations", "nn.losses", "nn.initializers"}
OPTIONAL = ["matplotlib", "sklearn", "tqdm", "hypothesis", "pytest", "graphviz", "scipy", "distributed", "cloudpickle"]
SLOW = ["numpy.random", "zipfile", "concurrent.futures", "json", "html", "pathlib", "sysconfig"]  # 1 to 6 ms each
SLOW += [f"tinygrad_dl.{name}" for name in ("optim", "training", "parallel", "drawing", "derivation", "testing")]
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
}


def imports(path):
    """The modules of the package, and those from outside, that a file imports anywhere in it."""
    inside, outside = set(), set()
    folder = path.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            outside |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            outside.add(node.module)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] + tuple(node.module.split(".") if node.module else ())
            inside |= {".".join((*base, alias.name)) for alias in node.names}
    return inside, outside


def allowed(module):
    """The row of the table for a module: the one that names it, or the longest start of its name."""
    rows = [row for row in ALLOWED if module == row or (row.endswith(".") and module.startswith(row))]
    return ALLOWED[max(rows, key=len)] if rows else None


@pytest.mark.every_value
@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module):
    inside, outside = imports(MODULES[module])
    assert not any(name.split(".")[0] == "tinygrad_dl" for name in outside), "say from . import"
    if allowed(module) is None:
        assert module.startswith("training.") or module == "__main__"  # on top of everything
    else:
        for name in inside:
            assert any(name == target or name.startswith(target + ".") for target in allowed(module)), name


@pytest.mark.parametrize("module", sorted(NUMPY_ONLY))
def test_activations_losses_and_initializers_run_on_numpy_alone(module):
    inside, outside = imports(MODULES[module])
    assert all(name.startswith("nn.activations.") for name in inside)
    assert {name.split(".")[0] for name in outside} - set(sys.stdlib_module_names) == {"numpy"}


def test_importing_the_package_imports_nothing_optional_and_nothing_slow_that_it_may_not_need():
    loaded = "import sys, numpy; known = {*sys.modules}; import tinygrad_dl; new = {*sys.modules} - known"
    code = f"{loaded}; print([m for m in {OPTIONAL + SLOW} if m in new])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_public_names_exist_and_have_docstrings():
    for name in tinygrad_dl.__all__:
        assert getattr(tinygrad_dl, name).__doc__, name
