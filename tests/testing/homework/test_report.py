"""The report of `check` as text, and for `assert`."""

import pytest

from tinygrad_dl.testing import GradientError
from tinygrad_dl.testing.homework.findings import RIGHT, UNCHECKED, WRONG, FileResult, Finding, Quantity
from tinygrad_dl.testing.homework.report import CheckReport, reason

GOOD = Finding("relu, relu_backward", RIGHT, report="The derivatives of relu are right.")
BAD = Finding(
    "backward",
    WRONG,
    readings=("rows are samples",),
    quantities=(
        Quantity("dZ2", RIGHT),
        Quantity("dW2", WRONG, ("1/m missing", "2 for 1/m"), "largest difference 3"),
        Quantity("dA1", "inherited from dZ2"),
    ),
)
STOPPED = Finding("step", UNCHECKED, problem="h.py:3: step: exit() ends the program")


def test_one_file_prints_the_report_of_each_check_and_the_counts():
    text = str(CheckReport([FileResult("h.py", (GOOD, BAD, STOPPED), notes=("line 3 was not run",))]))
    assert text.split("\n") == [
        "note: line 3 was not run",
        "",
        "relu, relu_backward",
        "The derivatives of relu are right.",
        "",
        "backward",
        "  rows are samples",
        "  dZ2: right",
        "  dW2: wrong: 1/m missing, or 2 for 1/m (largest difference 3)",
        "  dA1: inherited from dZ2",
        "  wrong",
        "",
        "step",
        "  not checked: h.py:3: step: exit() ends the program",
        "",
        "1 right, 1 wrong, 1 not checked",
    ]


def test_several_files_print_those_that_are_not_right_and_a_table_of_all():
    report = CheckReport(
        [FileResult("ann.py", (GOOD,)), FileResult("b.py", (BAD,)), FileResult("c.py", problem="c.py: no")]
    )
    lines = str(report).split("\n")
    assert "relu, relu_backward" not in lines
    assert lines.index("b.py") < lines.index("backward") < lines.index("c.py")
    assert [" ".join(line.split()) for line in lines[-6:-2]] == [
        "file verdict right wrong",
        "ann.py right 1",
        "b.py wrong 1 dW2: wrong: 1/m missing, or 2 for 1/m (largest difference 3)",
        "c.py not checked no",
    ]
    assert lines[-1] == "1 right, 1 wrong, 1 not checked"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (FileResult("h.py", (GOOD,)), ""),
        (FileResult("h.py", (STOPPED, BAD)), "backward: dW2: wrong"),
        (FileResult("h.py", (BAD,)), "dW2: wrong: 1/m missing, or 2 for 1/m (largest difference 3)"),
        (FileResult("h.py", (GOOD, STOPPED)), "line 3: step: exit() ends the program"),
        (FileResult("h.py", (GOOD,), problem="h.py: it took more than 5 s"), "it took more than 5 s"),
        (FileResult("h.py", (Finding("f", WRONG),)), "f"),
    ],
)
def test_the_reason_is_the_first_wrong_thing_else_the_problem(result, words):
    assert reason(result).startswith(words)
    assert bool(reason(result)) == bool(words)


@pytest.mark.parametrize("findings", [(BAD,), (GOOD, STOPPED), ()])
def test_assert_right_raises_the_text_unless_all_is_right(findings):
    report = CheckReport([FileResult("h.py", findings)])
    assert not report.passed
    with pytest.raises(GradientError) as error:
        report.assert_right()
    assert str(error.value) == str(report)


def test_assert_right_is_silent_if_all_is_right():
    CheckReport([FileResult("h.py", (GOOD,))]).assert_right()


def test_nothing_at_all_is_not_right():
    assert not CheckReport([]).passed


def test_no_text_of_a_learner_moves_the_cursor_or_turns_the_writing_round():
    evil = "\x1b[2J\x1b[H1 right\r\x9b\u202e\ud800"
    finding = Finding(evil, WRONG, (evil,), (Quantity(evil, WRONG, (evil,), evil),), place=evil)
    results = [FileResult(evil, (finding,), evil, (evil,)), FileResult(f"b/{evil}")]
    for text in (str(CheckReport(results)), str(CheckReport(results[:1])), CheckReport(results)._repr_html_()):
        assert not set(evil) - set("[2JH1 right?") & set(text)
        assert "[2J" in text
