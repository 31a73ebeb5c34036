"""The tests mirror the package: `core/backprop.py` is tested in `tests/core/test_backprop.py`."""

import ast
from pathlib import Path

import tinygrad_dl

PACKAGE = Path(tinygrad_dl.__file__).parent
TESTS = Path(__file__).parent

# A module without tests of its own -> the file that tests it through others. Move modules out of this table only.
ELSEWHERE = {
    "batching/elementwise.py": "functional/test_every_function.py",  # each function of NumPy that vmap maps at once
    "batching/shapes.py": "functional/test_every_function.py",
    "batching/composites.py": "functional/test_every_function.py",
    "checks.py": "nn/test_layers.py",  # messages, tested with the settings of layers, optimizers and data
    "coverage/cases.py": "rules/test_every_rule.py",  # the rows of the table
    "drawing/folding/programs.py": "drawing/folding/test_plans.py",  # plans compare programs
    "drawing/plots/names.py": "drawing/plots/test_progress.py",
    "drawing/dot_builder.py": "drawing/test_dot.py",
    "graph/op_text.py": "drawing/test_annotations.py",  # texts of pictures
    "tracing/definitions.py": "tracing/test_emitting.py",
    "tracing/kinds.py": "tracing/test_symbols.py",
    "tracing/invariants.py": "tracing/test_compiled.py",
    "tracing/plans.py": "tracing/test_compiled.py",
    "tracing/signatures.py": "tracing/test_compiled.py",
    "rules/_shapes.py": "rules/test_any_shape.py",  # shared by the rules
    "rules/matrices.py": "rules/test_linalg.py",
    "testing/backprop/course_net.py": "testing/backprop/test_diagnosis.py",  # one search, tested by what it finds
    "testing/backprop/replay.py": "testing/backprop/test_diagnosis.py",
    "testing/homework/rewriting.py": "testing/homework/test_watch.py",  # code and the object that it calls
    "testing/homework/claims.py": "testing/homework/test_values.py",
    "testing/homework/drawing.py": "testing/homework/test_inputs.py",
    "testing/homework/readings.py": "testing/homework/test_pairs.py",
    "testing/homework/worker.py": "testing/homework/test_isolation.py",  # the other end
    "testing/gradcheck/comparison.py": "testing/gradcheck/test_verdict.py",
    "testing/homework/construction.py": "testing/homework/test_layers.py",  # what layers and networks are made of
    "testing/homework/methods.py": "testing/homework/test_layers.py",
    "testing/homework/objects.py": "testing/homework/test_layers.py",
    "testing/homework/screening.py": "testing/homework/test_layers.py",
    "testing/homework/signs.py": "testing/homework/test_layers.py",
    "testing/homework/environment.py": "testing/homework/test_networks.py",
    "testing/homework/fitting.py": "testing/homework/test_networks.py",
    "testing/homework/inner_gradients.py": "testing/homework/test_networks.py",
    "testing/homework/net_causes.py": "testing/homework/test_networks.py",
    "testing/homework/nets.py": "testing/homework/test_networks.py",
    "testing/homework/gradient_names.py": "testing/homework/test_layers.py",
    "testing/homework/judging.py": "testing/homework/test_layers.py",
}
LONG = {
    "test_debugging.py",
    "test_backward.py",
    "test_engine.py",
    "test_conventions.py",
}  # none is to be added


def has_tests(module):
    """Whether there is a file of tests at the place that mirrors a module."""
    return (TESTS / module.parent / f"test_{module.stem.lstrip('_')}.py").exists()


def test_every_module_has_its_tests_at_the_place_that_mirrors_it():
    modules = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__")]
    assert {module.as_posix() for module in modules if not has_tests(module)} == ELSEWHERE.keys()
    assert all((TESTS / place).exists() for place in ELSEWHERE.values())


def test_the_package_checks_nothing_by_assert_which_python_leaves_out_with_the_option_O():
    """An `assert` is for the type checker: one that says what is wrong is a check."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert) and node.msg
    ]
    assert not found


def test_no_file_of_tests_has_more_than_400_lines():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in TESTS.rglob("test_*.py")}
    assert {path.name for path, length in lengths.items() if length > 400} <= LONG
