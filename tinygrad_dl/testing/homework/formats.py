"""Results for other programs: JSON, a CSV table for a gradebook, JUnit XML for continuous integration."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as xml

from .findings import RIGHT, UNCHECKED, VERDICTS, WRONG, FileResult, Finding, worst
from .report import finding_lines, mistake_text, reason

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
FORMULA = re.compile(r"[=+\-@\t\r]")  # at the start of a cell, a spreadsheet would run it


def as_json(files: Sequence[FileResult]) -> str:
    """All that is known, with the verdict on everything."""
    verdict = worst(result.verdict for result in files)
    return json.dumps({"verdict": verdict, "files": [result.as_dict() for result in files]}, indent=1) + "\n"


def as_csv(files: Sequence[FileResult]) -> str:
    """A row for each file: its verdict, the counts of checks by verdict and of gradients, and the first mistake."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "verdict", *VERDICTS, "right gradients", "gradients", "reason", "seconds"])
    for result in files:
        counts = Counter(finding.verdict for finding in result.findings)
        numbers = [*(counts[v] for v in VERDICTS), *result.gradients()]
        row = [result.path, result.verdict, *numbers, reason(result), f"{result.seconds:.2f}"]
        table.writerow([f"'{cell}" if FORMULA.match(str(cell)) else cell for cell in row])
    return text.getvalue()


def as_junit(files: Sequence[FileResult]) -> str:
    """A test suite for each file and a test case for each check: wrong is a failure, not checked an error."""
    root = xml.Element("testsuites", name="tinygrad_dl.testing")
    for result in files:
        findings = list(result.findings)
        if result.problem or not findings:
            findings.append(Finding(result.path, UNCHECKED, problem=result.problem))
        suite = xml.SubElement(root, "testsuite", name=_clean(result.path), tests=str(len(findings)))
        suite.set("failures", str(sum(finding.verdict == WRONG for finding in findings)))
        suite.set("errors", str(sum(finding.verdict not in (RIGHT, WRONG) for finding in findings)))
        suite.set("time", f"{result.seconds:.2f}")
        for finding in findings:
            case = xml.SubElement(suite, "testcase", classname=_clean(result.path), name=_clean(finding.title))
            if finding.verdict != RIGHT:
                message = _clean(finding.problem or mistake_text(finding) or finding.verdict)
                kind = "failure" if finding.verdict == WRONG else "error"
                outcome = xml.SubElement(case, kind, type=finding.verdict, message=message)
                outcome.text = _clean("\n".join(finding_lines(finding)))
    xml.indent(root)
    return xml.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _clean(text: str) -> str:
    return NOT_IN_XML.sub("?", text)


FORMATS: dict[str, Callable[[Sequence[FileResult]], str]] = {"json": as_json, "csv": as_csv, "junit": as_junit}
