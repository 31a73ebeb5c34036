"""Findings as HTML, in notebooks and on the page of a class: all text of learners escaped, no scripts."""

from __future__ import annotations

import html

from .findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, FileResult, Finding, Quantity

COLOURS = {  # readable on white and on black
    RIGHT: "#2e8b45",
    WRONG: "#d9433b",
    UNDECIDED: "#a87312",
    UNCHECKED: "#7d7d86",
}
MARKS = {RIGHT: "✓", WRONG: "✗", UNDECIDED: "?", UNCHECKED: "·"}  # not by colour alone
LEFT = '<td style="text-align: left">{}</td>'


def badge(verdict: str) -> str:
    """A verdict with its mark, in its colour."""
    known = verdict if verdict in COLOURS else WRONG if verdict.startswith("wrong") else UNDECIDED
    return f'<b style="color: {COLOURS[known]}">{MARKS[known]} {html.escape(verdict)}</b>'


def finding_html(finding: Finding) -> str:
    """A check: verdict, readings, a table of its gradients, and the whole report folded."""
    parts = [f"<p>{badge(finding.verdict)} <code>{html.escape(finding.title)}</code></p>"]
    if finding.problem:
        parts.append(f"<p>{html.escape(finding.problem)}</p>")
    if finding.readings:
        parts.append(f"<ul>{''.join(f'<li>{html.escape(reading)}</li>' for reading in finding.readings)}</ul>")
    if finding.quantities:
        parts.append(f"<table>{''.join(map(_row, finding.quantities))}</table>")
    if finding.report:
        opened = " open" if finding.verdict != RIGHT and not finding.quantities else ""
        parts.append(f"<details{opened}><summary>report</summary><pre>{html.escape(finding.report)}</pre></details>")
    return "".join(parts)


def _row(quantity: Quantity) -> str:
    cells = (
        f"<code>{html.escape(quantity.name)}</code>",
        badge(quantity.verdict),
        html.escape(", or ".join(quantity.causes)),
        html.escape(quantity.detail),
    )
    return f"<tr>{''.join(map(LEFT.format, cells))}</tr>"


def file_html(result: FileResult, named: bool) -> str:
    """All about a file, with its path if there are several."""
    head = f"<h4>{badge(result.verdict)} {html.escape(result.path)}</h4>" if named else ""
    notes = "".join(f"<p>note: {html.escape(note)}</p>" for note in result.notes)
    problem = f"<p>{badge(UNCHECKED)} {html.escape(result.problem)}</p>" if result.problem else ""
    return head + notes + "".join(map(finding_html, result.findings)) + problem
