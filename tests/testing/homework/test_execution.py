"""A file runs statement by statement: each thing that fails is a note, and the next one runs."""

import time

import pytest

each = pytest.mark.parametrize

FAILS = {
    "an exception": ("x = 1 / 0", "line 1: x = 1 / 0: ZeroDivisionError: division by zero"),
    "an assertion": ("assert 1 == 2, 'no'", "line 1: assert 1 == 2, 'no': AssertionError: no"),
    "a data file": ("import h5py_no, numpy as np\nx = np.load('no.npy')", "FileNotFoundError: [Errno 2]"),
    "input": ("n = int(input('layers? '))", "EOFError: input() gets nothing"),
    "exit": ("exit()", "line 1: exit(): it ends the program"),
    "quit": ("quit(1)", "line 1: quit(1): it ends the program"),
    "sys.exit": ("import sys\nsys.exit(0)", "line 2: sys.exit(0): it ends the program"),
    "SystemExit": ("raise SystemExit", "line 1: raise SystemExit: it ends the program"),
    "an endless loop": ("while True: pass", "line 1: while True:: longer than 0.1 s"),
    "a loop that hides errors": ("while True:\n    try: 1 / 0\n    except Exception: pass", "longer than 0.1 s"),
    "a call outside a function": ("return 3", "line 1: return 3: SyntaxError: 'return' outside function"),
    "recursion": ("def f(): f()\nf()", "line 2: f(): RecursionError: maximum recursion depth exceeded"),
    "memory": ("raise MemoryError", "line 1: raise MemoryError: MemoryError"),
    "a long statement": (f"x = [{', '.join('1' * 99)}][100]", "...: IndexError"),
}


@each(("source", "note"), FAILS.values(), ids=FAILS)
def test_what_fails_is_a_note_and_the_next_statement_runs(ran, source, note):
    file = ran(source + "\nafter = 3\ndef last(x): return x\n")
    assert note in file.notes[-1]
    assert file.notes[-1].startswith("not run: line ")
    assert (file.variables["after"], list(file.functions)[-1]) == (3, "last")


def test_a_name_that_was_to_be_bound_is_named_as_the_reason(ran):
    file = ran("x = 1 / 0\ny = x + 1\nz = y\nx = 2\nw = x\n")
    assert file.notes[1:] == [
        "not run: line 2: y = x + 1: needs x of line 1",
        "not run: line 3: z = y: needs y of line 2",
    ]
    assert file.variables == {"x": 2, "w": 2}


def test_a_module_that_is_missing_fails_only_where_it_is_used(ran):
    file = ran("""
        import no_module as nm
        from no_package.sub import thing, other
        from testCases_no import *
        def uses(x): return nm.sqrt(x)
        def not_used(x): return x
        y = nm.sqrt(2)
        z = X_assess()
        class Net(nm.Module): pass
        """)
    assert list(file.functions) == ["uses", "not_used"]
    assert file.variables == {}
    assert [note.partition("line ")[2] for note in file.notes] == [
        "2: import no_module as nm: No module named 'no_module'",
        "3: from no_package.sub import thing: No module named 'no_package'",
        "3: from no_package.sub import other: No module named 'no_package'",
        "4: from testCases_no import *: No module named 'testCases_no'",
        "7: y = nm.sqrt(2): no_module.sqrt: no_module could not be imported: No module named 'no_module'",
        "8: z = X_assess(): NameError: name 'X_assess' is not defined, perhaps of testCases_no, "
        "which could not be imported",
        "9: class Net(nm.Module):: no_module.Module: no_module could not be imported: No module named 'no_module'",
    ]


def test_names_that_can_be_imported_are_though_others_of_the_line_cannot(ran):
    file = ran("import math, no_module, json as j\nfrom math import pi, no_name\nx = math.pi + pi\n")
    assert file.variables["x"] > 6
    assert file.names["j"].loads("1") == 1
    assert len(file.notes) == 2


def test_a_file_may_handle_a_missing_import_itself(ran):
    file = ran("try:\n    import no_module\nexcept ImportError:\n    there = False\n")
    assert (file.variables, file.notes) == ({"there": False}, [])


def test_definitions_count_though_their_decorators_or_annotations_fail(ran):
    file = ran("""
        from numba_no import jit
        @jit
        def f(x): return x
        def g(x: no_module.Tensor) -> Missing: return x
        """)
    assert [f(3) for f in file.functions.values()] == [3, 3]
    assert file.place(file.functions["f"]) == "homework.py:4"
    assert len(file.notes) == 1  # of the import


def test_the_body_of_a_branch_runs_statement_by_statement(ran):
    file = ran("""
        if 1 < 2:
            x = 1 / 0
            def f(a): return a
        elif no_name:
            y = 1
        if no_name:
            z = 1
        """)
    assert list(file.functions) == ["f"]
    assert [note[: len("not run: line 3")] for note in file.notes] == ["not run: line 3", "not run: line 7"]


def test_what_is_under_main_is_not_run_but_in_the_tree(ran):
    file = ran("def f(x): return x\nif __name__ == '__main__':\n    X = f(3)\n    exit()\n")
    assert (file.variables, file.notes) == ({}, [])
    assert file.tree.body[1].body[0].targets[0].id == "X"


def test_a_loop_that_is_cut_leaves_what_it_has_computed(ran):
    file = ran("import itertools\nn = 0\nfor n in itertools.count(): pass\n")
    assert file.variables["n"] > 0
    assert "longer than" in file.notes[0]


def test_all_of_a_file_has_a_limit_and_definitions_still_count(ran):
    start = time.monotonic()
    file = ran("while True: pass\n" * 6 + "def f(x): return x\n", statement=0.1, total=0.2)
    assert len(file.notes) == 6
    assert list(file.functions) == ["f"]
    assert time.monotonic() - start < 2


def test_a_number_of_an_array_is_as_in_older_numpy_in_functions_as_well(ran):
    file = ran("import numpy as np\ndef cost(a): return float(np.dot(a, a.T))\nc = cost(np.ones((1, 2)))\n")
    assert (file.variables, file.notes) == ({"c": 2.0}, [])


def test_names_of_notebooks_and_of_python_2_are_there(ran):
    imports = "from past_no import x\nfrom builtins import range\nfrom six.moves import cPickle as pickle, xrange\n"
    file = ran(imports + "from past.builtins import xrange\nx = [i for i in xrange(2)]\ndisplay(x)\n")
    assert [note for note in file.notes if "past_no" not in note] == []
    assert file.variables == {"x": [0, 1]}


def test_annotations_of_the_future_hold_for_all_statements(ran):
    file = ran("from __future__ import annotations, division\ndef f(x: no_such): return x\n")
    assert file.functions["f"].__annotations__ == {"x": "no_such"}
    assert file.notes == []


def test_the_line_of_the_last_assignment_is_kept(ran):
    file = ran("A = [1]\nW = [2]\nA = [3]\nA += [4]\n")
    assert file.assigned["A"] in (3, 4)
    assert file.assigned["W"] == 2
    assert file.variables["A"] == [3, 4]


def test_an_interrupt_is_not_swallowed(ran):
    with pytest.raises(KeyboardInterrupt):
        ran("raise KeyboardInterrupt")
