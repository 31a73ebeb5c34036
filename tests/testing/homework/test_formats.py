"""Results for other programs parse back to what they were."""

import csv
import io
import json
from xml.etree import ElementTree as xml

from tinygrad_dl.testing.homework.findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, FileResult, Finding, Quantity
from tinygrad_dl.testing.homework.formats import as_csv, as_json, as_junit

FILES = [
    FileResult("ann/h.py", (Finding("relu, relu_backward", RIGHT, names=("relu",)),), seconds=0.5),
    FileResult(
        "bob/h.py",
        (
            Finding(
                "f <&>\x00\x1b[31m\ud800", WRONG, quantities=(Quantity("dW1", WRONG, ('"sign", y',)),), report="no\x07"
            ),
            Finding("g", UNDECIDED),
            Finding("h", UNCHECKED, problem="exit() ends it"),
        ),
        problem="bob/h.py: it took more than 5 s",
        notes=("line 2",),
    ),
    FileResult("cy/h.py"),
]


def test_json_holds_everything():
    data = json.loads(as_json(FILES))
    assert data["verdict"] == WRONG
    assert [FileResult.from_dict(each) for each in data["files"]] == FILES
    assert [each["verdict"] for each in data["files"]] == [RIGHT, WRONG, UNCHECKED]


def test_csv_has_a_row_for_each_file():
    rows = list(csv.DictReader(io.StringIO(as_csv(FILES))))
    assert [(row["file"], row["verdict"]) for row in rows] == [(f.path, f.verdict) for f in FILES]
    assert [rows[1][verdict] for verdict in (RIGHT, WRONG, UNDECIDED, UNCHECKED)] == ["0", "1", "1", "1"]
    counts = [tuple(int(row[name]) for name in ("right gradients", "gradients")) for row in rows]
    assert counts == [(1, 1), (0, 4), (0, 0)] == [f.gradients() for f in FILES]
    assert rows[1]["reason"].endswith('dW1: wrong: "sign", y')


def test_no_cell_of_a_spreadsheet_is_a_formula():
    text = as_csv([FileResult("=HYPERLINK(1).py", problem="@SUM(1+1)*cmd|' /C calc'!A0")])
    assert not any(cell[:1] in tuple("=+-@") for row in csv.reader(io.StringIO(text)) for cell in row)


def test_junit_counts_as_its_cases_do_and_undecided_is_no_success():
    suites = list(xml.fromstring(as_junit(FILES)))
    assert [suite.get("name") for suite in suites] == [result.path for result in FILES]
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
    found = [[outcome.get("type") for case in suite for outcome in case] for suite in suites]
    assert found == [[], [WRONG, UNDECIDED, UNCHECKED, UNCHECKED], [UNCHECKED]]
    assert suites[1][0][0].text


def test_the_message_of_a_junit_failure_is_the_first_mistake():
    causes = [("dZ2", "sign"), ("dW1", "1/m missing"), ("dW2", "sign")]
    wrong = Finding("net", WRONG, quantities=tuple(Quantity(name, WRONG, (cause,)) for name, cause in causes))
    files = [FileResult("h.py", (wrong, Finding("f", WRONG)))]
    failures = xml.fromstring(as_junit(files)).iter("failure")
    assert [failure.get("message") for failure in failures] == ["dZ2, dW2: wrong: sign", WRONG]
