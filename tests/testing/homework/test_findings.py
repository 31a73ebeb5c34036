import json

import pytest

from tinygrad_dl.testing.homework.findings import (
    RIGHT,
    UNCHECKED,
    UNDECIDED,
    WRONG,
    FileResult,
    Finding,
    Quantity,
    without_covered,
)


def test_a_finding_survives_its_way_through_json():
    quantities = (Quantity("dW1", WRONG, ("sign", "Z for A"), "largest difference 2"), Quantity("db1", RIGHT))
    finding = Finding("net", WRONG, ("rows are samples",), quantities, report="…", place="h.py:3", names=("net",))
    assert Finding.from_dict(json.loads(json.dumps(finding.as_dict()))) == finding


def test_unchecked_gradients_are_dropped_where_the_check_of_a_step_covers_all_their_parameters():
    step = Finding("step", WRONG, names=("W1", "b1", "W2", "dW1"))
    loose = Finding("dZ1, dW1, db1", UNCHECKED, names=("dZ1", "dW1", "db1"))
    more = Finding("dW1, db2", UNCHECKED, names=("dW1", "db2"))
    others = [Finding("relu", UNCHECKED, names=("relu",)), Finding("dW2", RIGHT, names=("dW2",))]
    assert without_covered([loose, step, more, *others]) == [step, more, *others]
    unchecked = Finding("step", UNCHECKED, names=step.names)
    assert without_covered([loose, unchecked]) == [loose, unchecked]


def test_the_gradients_of_a_file_are_counted_by_quantity_where_there_are_any_and_a_problem_is_not_right():
    net = Finding("net", WRONG, quantities=(Quantity("dW1", WRONG), Quantity("db1", RIGHT), Quantity("dW2", RIGHT)))
    others = (Finding("relu", RIGHT), Finding("loss", UNCHECKED))
    assert FileResult("h.py", (net, *others)).gradients() == (3, 5)
    assert FileResult("h.py", (net,), problem="timeout").gradients() == (2, 4)


def test_a_result_of_a_file_survives_its_way_through_json():
    result = FileResult("h.py", (Finding("net", RIGHT, names=("net",)),), "timeout", ("line 3 was not run",), 1.5)
    assert FileResult.from_dict(json.loads(json.dumps(result.as_dict()))) == result
    assert result.as_dict()["verdict"] == UNCHECKED


@pytest.mark.parametrize(
    ("verdicts", "problem", "expected"),
    [
        ([RIGHT, RIGHT], "", RIGHT),
        ([], "", UNCHECKED),
        ([RIGHT, UNDECIDED], "", UNDECIDED),
        ([RIGHT, UNCHECKED, UNDECIDED], "", UNCHECKED),
        ([RIGHT, WRONG, UNCHECKED], "", WRONG),
        ([RIGHT], "timeout", UNCHECKED),
        ([WRONG], "timeout", WRONG),
    ],
)
def test_a_file_is_as_right_as_the_worst_in_it_and_never_right_unless_all_was_checked(verdicts, problem, expected):
    assert FileResult("h.py", tuple(Finding("f", verdict) for verdict in verdicts), problem).verdict == expected
