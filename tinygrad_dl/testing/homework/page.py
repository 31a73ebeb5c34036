"""The page of a class: a summary, a table of the files, and a section for each, as one HTML file without scripts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from .findings import RIGHT, UNCHECKED, VERDICTS, FileResult, Finding
from .markup import badge, escaped, finding_html
from .picture import picture_of
from .report import reason, with_short_names

STYLE = """
:root { color-scheme: light dark; --line: #d5d5dc; --back: #ffffff; --soft: #f4f4f7; --text: #1d1d22; --faint: #5b5b66;
  --right: #1f7a36; --wrong: #c0281f; --undecided: #8a5a00; --not-checked: #5f5f6a; }
@media (prefers-color-scheme: dark) { :root { --line: #3b3b45; --back: #17171b; --soft: #212127; --text: #e8e8ee;
  --faint: #a3a3b0; --right: #62c97b; --wrong: #ff7b72; --undecided: #e0aa4a; --not-checked: #a3a3b0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
a { color: inherit; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88em; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; list-style: none; }
.counts li { padding: .35rem .8rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
.wide > table { width: 100%; }
td:first-child { min-width: 3.5rem; } .wide td:first-child { min-width: 9rem; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--faint); font-weight: 500; font-size: .85rem; white-space: nowrap; }
td.few { white-space: nowrap; }
td.why { min-width: 14rem; }
b { font-weight: 600; white-space: nowrap; }
.right { color: var(--right); } .wrong { color: var(--wrong); }
.undecided { color: var(--undecided); } .not-checked { color: var(--not-checked); }
.file { margin-top: 1.2rem; border: 1px solid var(--line); border-radius: .6rem; }
.file > summary { padding: .6rem 1rem; cursor: pointer; background: var(--soft); border-radius: .6rem; }
.file > summary h2 { display: inline; font-size: 1rem; margin: 0 .6rem 0 0; }
.inside { padding: .2rem 1rem .8rem; }
.check { margin: 1rem 0; padding-left: .8rem; border-left: 3px solid var(--line); }
.check p { margin: .2rem 0; }
.check table { font-size: .93rem; } .check td:first-child { overflow-wrap: break-word; }
.picture { color: var(--faint); font-size: .85rem; }
.check ul { margin: .3rem 0; padding-left: 1.2rem; color: var(--faint); }
.notes, .place { color: var(--faint); font-size: .9rem; }
pre { overflow-x: auto; overflow-wrap: normal; padding: .8rem; background: var(--soft); border-radius: .4rem; }
details.report > summary { cursor: pointer; color: var(--faint); font-size: .9rem; }
.picture { overflow-x: auto; }
.picture img { max-width: 100%; min-width: min(46rem, 250%); height: auto; }
@media (max-width: 42rem) {
  .wide th { display: none; } .wide td { display: inline-block; border: 0; padding: 0 .8rem 0 0; }
  .wide tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); } .wide td.why { display: block; }
}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # nothing that a learner wrote runs or loads


def page(files: Sequence[FileResult], title: str = "Gradient checks") -> str:
    """The whole page. Files that are right are folded."""
    counts = Counter(result.verdict for result in files)
    summary = "".join(f"<li>{badge(v)} {counts[v]}</li>" for v in VERDICTS if counts[v])
    files = with_short_names(files)
    rows = "".join(map(_row, itertools.count(1), files))
    sections = "".join(map(_section, itertools.count(1), files))
    checked = f"{len(files)} {'files' if len(files) != 1 else 'file'}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head>\n<body>"
        f'<h1>{escaped(title)}</h1><p class="notes">{checked}</p><ul class="counts">{summary}</ul>\n'
        '<div class="wide"><table><tr><th>file</th><th>verdict</th><th>gradients</th><th>first problem</th></tr>'
        f"{rows}</table></div>\n{sections}</body></html>\n"
    )


def _row(number: int, result: FileResult) -> str:
    right, total = result.gradients()
    share = f"{right} of {total}" if total else ""
    return (
        f'<tr><td><a href="#file-{number}">{escaped(result.path)}</a></td><td>{badge(result.verdict)}</td>'
        f'<td class="few">{share}</td><td class="why">{escaped(reason(result))}</td></tr>\n'
    )


def _section(number: int, result: FileResult) -> str:
    opened = "" if result.verdict == RIGHT else " open"
    notes = "".join(f"<li>{escaped(note)}</li>" for note in result.notes)
    problem = f"<p>{badge(UNCHECKED)} {escaped(result.problem)}</p>" if result.problem else ""
    return (
        f'<details class="file" id="file-{number}"{opened}><summary><h2>{escaped(result.path)}</h2>'
        f'{badge(result.verdict)}</summary><div class="inside">'
        + (f'<ul class="notes">{notes}</ul>' if notes else "")
        + "".join(map(_check, result.findings))
        + problem
        + "</div></details>\n"
    )


def _check(finding: Finding) -> str:
    return f'<section class="check">{finding_html(finding)}{picture_of(finding)}</section>'
