"""Findings as HTML, in notebooks and on the page of a class: all text of learners escaped, no scripts."""

from __future__ import annotations

import html

from .findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, FileResult, Finding, Quantity, read_as, visible

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


def escaped(text: str) -> str:
    """Text as HTML that shows it."""
    return html.escape(visible(text))


def badge(verdict: str) -> str:
    """A verdict with its mark, in its colour."""
    kind = next((known for known in COLOURS if verdict.startswith(known)), WRONG)
    return f'<b style="color: {COLOURS[kind]}">{MARKS[kind]} {escaped(verdict)}</b>'


def finding_html(finding: Finding) -> str:
    """A check: verdict, readings, a table of its gradients, and the whole report folded."""
    place = f' <small class="place">{escaped(finding.place)}</small>' if finding.place else ""
    parts = [f"<p>{badge(finding.verdict)} <code>{escaped(finding.title)}</code>{place}</p>"]
    if finding.problem:
        parts.append(f"<p>{escaped(finding.problem)}</p>")
    if finding.readings:
        parts.append(f"<ul>{''.join(f'<li>{escaped(read_as(reading))}</li>' for reading in finding.readings)}</ul>")
    if finding.quantities:
        parts.append(f"<table>{''.join(map(_row, finding.quantities))}</table>")
    if finding.report:
        state = " open" if finding.verdict != RIGHT and not finding.quantities else ""
        text = escaped(finding.report)
        parts.append(f'<details class="report"{state}><summary>report</summary><pre>{text}</pre></details>')
    return "".join(parts)


def _row(quantity: Quantity) -> str:
    words = escaped(", or ".join(quantity.causes))
    if quantity.detail:
        words += f" <small>{escaped(quantity.detail)}</small>"
    cells = (f"<code>{escaped(quantity.name)}</code>", f"{badge(quantity.verdict)} {words}".rstrip())
    return f"<tr>{''.join(map(LEFT.format, cells))}</tr>"


def file_html(result: FileResult, named: bool) -> str:
    """All about a file, with its path if there are several."""
    head = f"<h4>{badge(result.verdict)} {escaped(result.path)}</h4>" if named else ""
    notes = "".join(f"<p>note: {escaped(note)}</p>" for note in result.notes)
    problem = f"<p>{badge(UNCHECKED)} {escaped(result.problem)}</p>" if result.problem else ""
    return head + notes + "".join(map(finding_html, result.findings)) + problem
