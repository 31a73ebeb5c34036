"""Findings as HTML, in notebooks and on the page of a class: all text of learners escaped, no scripts."""

from __future__ import annotations

import html

from .findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, FileResult, Finding, Quantity

INHERITED = "inherited"  # "inherited from dZ2"
COLOURS = {  # readable on white and on black; a page may set better ones for its theme
    RIGHT: "var(--right, #2a8644)",
    WRONG: "var(--wrong, #d9433b)",
    UNDECIDED: "var(--undecided, #a06c10)",
    UNCHECKED: "var(--not-checked, #777781)",
    INHERITED: "var(--undecided, #a06c10)",
}
MARKS = {RIGHT: "✓", WRONG: "✗", UNDECIDED: "?", UNCHECKED: "○", INHERITED: "↳"}  # not by colour alone
LEFT = '<td style="text-align: left">{}</td>'


def badge(verdict: str) -> str:
    """A verdict with its mark, in its colour."""
    kind = next((known for known in COLOURS if verdict.startswith(known)), WRONG)
    return f'<b style="color: {COLOURS[kind]}">{MARKS[kind]} {html.escape(verdict)}</b>'


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
        state = " open" if finding.verdict != RIGHT and not finding.quantities else ""
        text = html.escape(finding.report)
        parts.append(f'<details class="report"{state}><summary>report</summary><pre>{text}</pre></details>')
    return "".join(parts)


def _row(quantity: Quantity) -> str:
    words = html.escape(", or ".join(quantity.causes))
    if quantity.detail:
        words += f" <small>{html.escape(quantity.detail)}</small>"
    cells = (f"<code>{html.escape(quantity.name)}</code>", f"{badge(quantity.verdict)} {words}".rstrip())
    return f"<tr>{''.join(map(LEFT.format, cells))}</tr>"


def file_html(result: FileResult, named: bool) -> str:
    """All about a file, with its path if there are several."""
    head = f"<h4>{badge(result.verdict)} {html.escape(result.path)}</h4>" if named else ""
    notes = "".join(f"<p>note: {html.escape(note)}</p>" for note in result.notes)
    problem = f"<p>{badge(UNCHECKED)} {html.escape(result.problem)}</p>" if result.problem else ""
    return head + notes + "".join(map(finding_html, result.findings)) + problem
