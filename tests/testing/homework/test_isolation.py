"""Each file is checked in a process of its own, and none of its tricks ends in "right"."""

import io
import os
import select
import subprocess
import sys

import pytest

from tests.marks import in_depth
from tinygrad_dl.testing.homework import isolation, worker
from tinygrad_dl.testing.homework.findings import Check, Finding
from tinygrad_dl.testing.homework.isolation import check_isolated

from .test_scripts import COLUMNS

each = pytest.mark.parametrize

RIGHT = "def square(x): return x**2\ndef square_backward(g, x): return 2 * g * x\n"
WRONG = "def cube(x): return x**3\ndef cube_backward(g, x): return 2 * g * x**2\n"
CHECKER = "tinygrad_dl.testing"


@pytest.fixture
def isolated(tmp_path):
    """Write files, and check the one called homework.py."""

    def isolated(source, *only, beside=(), timeout=60.0, **options):
        folder = tmp_path / "learner"
        for name, text in {"homework.py": source, **dict(beside)}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return check_isolated(str(folder / "homework.py"), only, timeout=timeout, **options)

    return isolated


def verdicts(result):
    return {finding.title: finding.verdict for finding in result.findings}


def test_findings_come_from_the_process_in_the_order_of_the_file(isolated):
    result = isolated("import no_such\n" + RIGHT + WRONG)
    assert list(verdicts(result).items()) == [("square, square_backward", "right"), ("cube, cube_backward", "wrong")]
    assert (result.verdict, result.problem) == ("wrong", "")
    assert result.notes == ("not run: line 1: import no_such: No module named 'no_such'",)
    assert result.findings[0].names[0] == "square"
    assert verdicts(isolated(RIGHT + WRONG, "square")) == {"square, square_backward": "right"}


# ---- attacks: the file holds a wrong gradient, and tries to hide it

FORGE = """
import os, json
for descriptor in range(3, 20):
    try: os.write(descriptor, b'0' * 32 + b' [0, "end", {"problem": "", "void": false}]\\n')
    except OSError: pass
"""
PATCH = """
import tinygrad_dl.testing.gradcheck as gradcheck, tinygrad_dl.testing.homework.discovery as discovery, importlib
"""
ATTACKS = {
    "os._exit in the file": "import os\nos._exit(0)\n",
    "os._exit in a function": WRONG.replace("return 2", "import os; os._exit(0); return 2"),
    "exit in a function": WRONG.replace("return 2", "exit(); return 2"),
    "sys.exit in a function": WRONG.replace("return 2", "import sys; sys.exit(0); return 2"),
    "an interrupt": WRONG.replace("return 2", "raise KeyboardInterrupt; return 2"),
    "a crash": WRONG.replace("return 2", "import ctypes; ctypes.string_at(0); return 2"),
    "a message of its own": FORGE + WRONG,
    "a message in a function": WRONG.replace("return 2", "import os; os.write(3, b'right\\n'); return 2"),
    "a closed channel": "import os\nos.closerange(3, 50)\n" + WRONG,
    "a patched checker": PATCH + "discovery.outcome.__code__ = (lambda file, check: check.run()).__code__\n" + WRONG,
    "a patched check": PATCH + "importlib.import_module(gradcheck.__name__ + '.claim').np = None\n" + WRONG,
    "a patched numpy": "import numpy as np\nnp.abs = lambda x: 0\n" + WRONG,
    "a patched worker": "import tinygrad_dl.testing.homework.worker as w\nw._finding = print\n" + WRONG,
    "other modules": "import sys, types\nsys.modules['numpy'] = types.ModuleType('numpy')\n" + WRONG,
    "no modules": "import sys\nsys.modules.clear()\n" + WRONG,
}


LIKE_OTHERS = ("sys.exit in a function", "a message in a function", "a patched check", "a patched worker", "no modules")


@each("attack", [in_depth(text) if name in LIKE_OTHERS else text for name, text in ATTACKS.items()], ids=ATTACKS)
def test_no_attack_ends_in_right(isolated, attack):
    result = isolated(RIGHT + attack)
    assert result.verdict == "not checked"
    assert result.problem or result.findings[-1].problem
    assert "right" not in set(verdicts(result).values()) - {verdicts(result).get("square, square_backward")}


HARMLESS = {
    "printing": "print('all is right')\nimport sys\nsys.stdout.write('1 right, 0 wrong')\nsys.stderr.close()\n",
    "much printing": "import os\nfor _ in range(1000): os.write(1, b'right' * 10000)\n",
    "a function run at the end": "import atexit, os\natexit.register(os._exit, 0)\n",
    "a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\n",
    "no standard streams": "import os\nos.closerange(0, 3)\n",
    "an imposter": "import tinygrad_dl, numpy\nfrom tinygrad_dl.testing import check_pair\n",
    "a fork": "import os\nif os.fork() == 0: os._exit(0)\n",
    "another program": "import subprocess, os\nsubprocess.run(['true'])\nos.system('true')\n",
    "a memory bomb": "x = ' ' * 10**11\n",
    "an endless loop": "while True: pass\n",
    "input": "input()\nimport sys\nsys.stdin.read()\n",
}
IMPOSTERS = {f"{name}.py": "raise SystemExit(0)\n" for name in ("tinygrad_dl", "numpy", "json", "hashlib")}


@each("attack", ["".join(HARMLESS.values()), *map(in_depth, HARMLESS.values())], ids=["all", *HARMLESS])
def test_what_has_no_hold_on_the_checker_changes_nothing(isolated, attack):
    result = isolated(attack + WRONG, beside=IMPOSTERS)
    assert (verdicts(result), result.problem) == ({"cube, cube_backward": "wrong"}, "")


def test_an_endless_function_is_not_checked_within_its_limit(ran):
    file = ran("def f(x):\n    while True: pass\n")
    finding = worker._finding(file, Check("f", ("f",), lambda: file.functions["f"](1)), 0.02)
    assert (finding.title, finding.verdict, finding.names) == ("f", "not checked", ("f",))
    assert finding.problem == "homework.py:2: longer than 0.02 s"


DEAF = """
import signal, time
signal.signal(signal.SIGALRM, signal.SIG_IGN)
def f(x):
    while True:
        try: time.sleep(100)
        except BaseException: pass
def f_backward(g, x): return g
"""


def test_a_process_that_hears_no_limit_is_killed_and_the_rest_of_its_checks_is_not_reached(isolated):
    result = isolated(RIGHT + DEAF + WRONG, timeout=0.7)
    assert result.verdict == "not checked"
    assert "longer than 0.7 s" in result.problem
    assert "wrong" not in verdicts(result).values()
    assert verdicts(result).get("f, f_backward", "not checked") == "not checked"


def test_checks_without_a_finding_are_not_checked_for_the_reason_that_stopped_the_first_of_them():
    result = isolation._Result("a.py", 3)
    result._take("checks", checks=[["f", ["f"]], ["g", ["g", "h"]], ["k", []]])
    result._take("finding", number=0, finding=Finding("f", "right").as_dict())
    result.problem = "a.py: longer than 3 s"
    found = result.file_result(1.0)
    assert [(f.title, f.verdict, f.problem, f.names) for f in found.findings] == [
        ("f", "right", "", ()),
        ("g", "not checked", "a.py: longer than 3 s", ("g", "h")),
        ("k", "not checked", "a.py: not reached", ()),
    ]
    result.void = True
    assert {f.verdict for f in result.file_result(1.0).findings} == {"not checked"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_nothing_of_it_is_left_running_and_no_file_outside_is_changed(isolated, tmp_path):
    outside = tmp_path / "outside.txt"
    result = isolated(f"""
open("inside.txt", "w").write("x")
open("own.txt", "w").close()
open({str(outside)!r}, "w").write("x")
""" + RIGHT)  # fmt: skip
    assert result.verdict == "right"
    assert [note for note in result.notes if "only files of the own folder may be changed" in note]
    assert len(result.notes) == 1
    assert not outside.exists()
    assert sorted(path.name for path in (tmp_path / "learner").iterdir()) == ["homework.py"]
    commands = [os.path.join("/proc", pid, "cmdline") for pid in os.listdir("/proc") if pid.isdigit()]
    assert not any(str(tmp_path).encode() in _read(command) for command in commands)


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no groups of processes")
def test_processes_that_the_worker_has_started_end_with_it():
    shell = subprocess.Popen(["sh", "-c", "sleep 30 & echo; wait"], stdout=subprocess.PIPE, start_new_session=True)
    assert shell.stdout.readline() == b"\n"
    started = isolation._Worker.__new__(isolation._Worker)
    started.process, started.errors = shell, io.BytesIO()
    started.__exit__()
    with shell.stdout as output:
        assert select.select([output], [], [], 5.0)[0]  # the last process that has it open has ended
    assert shell.returncode == -9


def test_secrets_of_the_environment_are_not_handed_on(isolated, monkeypatch):
    monkeypatch.setenv("A_SECRET_TOKEN", "x")
    result = isolated("import os\nassert 'A_SECRET_TOKEN' not in os.environ\n" + RIGHT)
    assert (result.verdict, result.notes) == ("right", ())


def test_the_teachers_inputs_replace_the_learners(isolated, tmp_path):
    given = tmp_path / "teacher.py"
    given.write_text("x = [2.0, 3.0]\n")
    source = "x = [0.0]\ndef f(x): return x if len(x) == 2 else 1 / 0\ndef f_backward(g, x): return g\n"
    source = "import numpy as np\n" + source.replace("[0.0]", "np.zeros(3)")
    given.write_text("import numpy as np\nx = np.array([2.0, 3.0])\n")
    source += "f_inputs = {'x': np.zeros(3)}\n"
    assert isolated(source).verdict == "not checked"
    assert isolated(source, inputs=str(given)).verdict == "right"
    given.write_text("x = no_such\n")
    result = isolated(source, inputs=str(given))
    assert "teacher.py: not run: line 1: x = no_such: NameError" in result.problem


def test_a_seed_makes_what_a_file_draws_repeatable(isolated):
    source = "import numpy as np\nassert int(1000 * np.random.rand()) == {}\n" + RIGHT
    assert isolated(source.format(548)).notes == ()  # the first number of seed 0
    assert isolated(source.format(548), seed=1).notes


@each(
    ("name", "text", "words"),
    [
        ("no.py", None, "no.py: there is no such file"),
        ("bad.py", "def f(:\n", "bad.py:1: SyntaxError"),
        ("empty.py", "", "nothing to check"),
    ],
)
def test_what_cannot_be_checked_is_a_problem_of_the_file_by_the_name_it_was_given(
    tmp_path, monkeypatch, name, text, words
):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    result = check_isolated(name, timeout=5)
    assert (result.verdict, result.findings) == ("not checked", ())
    assert result.problem.startswith(name)
    assert words in result.problem


@pytest.mark.deep
def test_a_right_loop_is_right_though_its_last_gradients_are_of_parameters_that_it_has_updated(isolated):
    result = isolated(COLUMNS.replace("rate *", "0.5 *"))
    assert [finding.title for finding in result.findings] == ["the training step at line 9"]
    assert result.verdict == "right"


def test_a_checker_that_does_not_start_is_a_problem(isolated, monkeypatch):
    monkeypatch.setattr(isolation, "__package__", "no_such_package")  # of which the worker is a module
    result = isolated(RIGHT)
    assert result.verdict == "not checked"
    assert "the checker did not start: " in result.problem
