"""`python -m tests.testing.homework.measure`: the rates of right verdicts and of named causes on the corpus."""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygrad_dl import testing

from .corpus import CAUSES, Case, Mistake, read_cases

RIGHT, WRONG, UNCHECKED = "right", "wrong", "not checked"


@dataclass(frozen=True)
class Outcome:
    """What came of a file with one mistake, or with none."""

    case: Case
    mistake: Mistake | None
    verdict: str
    findings: tuple[dict[str, Any], ...] = ()
    problem: str = ""

    @property
    def name(self) -> str:
        """The file and the mistake."""
        return f"{self.case.part}/{self.case.name}" + (f" [{self.mistake.name}]" if self.mistake else "")

    @property
    def uncovered(self) -> list[str]:
        """The names that the checks should have covered, and have not."""
        covered = {
            word
            for finding in self.findings
            for n in (finding["title"], *finding["names"])
            for word in re.findall(r"\w+", n)
        }
        return [name for name in self.case.checked if name not in covered]

    @property
    def causes(self) -> list[str]:
        """The causes named for all that is wrong."""
        return [cause for finding in self.findings for q in finding["quantities"] for cause in q["causes"]]

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is right, for the whole file."""
        if self.mistake:
            return self.verdict == WRONG
        if self.case.verdict == UNCHECKED:
            return self.verdict not in (RIGHT, WRONG)
        return self.verdict == self.case.verdict and not self.uncovered

    @property
    def named(self) -> bool:
        """Whether one of the causes is the mistake."""
        return bool(self.mistake) and any(re.search(CAUSES[self.mistake.cause], cause) for cause in self.causes)


def measure(cases: Iterable[Case], mistakes: int | None = None, jobs: int = 2) -> Iterator[Outcome]:
    """The outcomes of each case as it is and with `mistakes` of its mistakes (all), one after the other."""
    variants = [(case, mistake) for case in cases for mistake in (None, *case.mistakes[:mistakes])]
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda variant: _outcome(*variant), variants)


def _outcome(case: Case, mistake: Mistake | None) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        result = testing.check(case.write(Path(folder), mistake)).files[0].as_dict()
    return Outcome(case, mistake, result["verdict"], tuple(result["findings"]), result["problem"].replace(folder, ""))


@dataclass(frozen=True)
class Rates:
    """Counts of outcomes. Causes are counted among the mistakes found in files whose right version was recognised."""

    files: int = 0
    whole: int = 0
    false_alarms: int = 0
    mistakes: int = 0
    found: int = 0
    called_right: int = 0
    recognised: int = 0
    named: int = 0

    def __str__(self) -> str:
        return (
            f"{_share(self.whole, self.files)} of right files wholly right, {self.false_alarms} false alarms; "
            f"{_share(self.found, self.mistakes)} of mistakes found, {self.called_right} called right; "
            f"cause named in {_share(self.named, self.recognised)} of those in recognised files"
        )


def rates(outcomes: Iterable[Outcome]) -> Rates:
    """The counts of outcomes."""
    outcomes = list(outcomes)
    files = [o for o in outcomes if not o.mistake]
    wrong = [o for o in outcomes if o.mistake]
    whole = {o.case for o in files if o.as_expected}
    recognised = [o for o in wrong if o.case in whole and o.verdict == WRONG]
    return Rates(
        len(files),
        len(whole),
        sum(o.verdict == WRONG for o in files),
        len(wrong),
        sum(o.as_expected for o in wrong),
        sum(o.verdict == RIGHT for o in wrong),
        len(recognised),
        sum(o.named for o in recognised),
    )


def failures(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """A line for each outcome that isn't as expected."""
    for o in outcomes:
        expected = WRONG if o.mistake else o.case.verdict
        if not o.as_expected:
            reasons = [f"not covered: {', '.join(o.uncovered)}"] if o.uncovered and not o.mistake else []
            reasons += [o.problem] if o.problem else []
            reasons += [f"{f['title']}: {f['verdict']}: {_reason(f)}" for f in o.findings if f["verdict"] != expected]
            yield f"{o.name}: expected {expected}, got {o.verdict}. " + " | ".join(reasons)
        elif o.mistake and not o.named:
            yield f"{o.name}: wrong, but the cause is not named: {'; '.join(o.causes) or 'none'}"


def _reason(finding: dict[str, Any]) -> str:
    if finding["problem"]:
        return str(finding["problem"])
    return ", ".join(
        f"{q['name']} {q['verdict']} {'/'.join(q['causes'])}" for q in finding["quantities"] if q["verdict"] != RIGHT
    )


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} ({100 * part / whole:.0f} %)" if whole else "0/0"


def main() -> None:
    """Print the rates of each family and part, and what failed."""
    parser = argparse.ArgumentParser("python -m tests.testing.homework.measure", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of cases or families (all)")
    parser.add_argument("--part", choices=["dev", "held"], action="append", help="one part (both)")
    parser.add_argument("--mistakes", type=int, help="at most this many mistakes a file (all)")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    cases = [
        case
        for case in read_cases(*options.part or ())
        if not options.names or any(name in case.name or name in case.family for name in options.names)
    ]
    outcomes = []
    for outcome in measure(cases, options.mistakes, options.jobs):
        outcomes.append(outcome)
        for line in failures([outcome]):
            print(line, flush=True)
    for part in dict.fromkeys(case.part for case in cases):
        there = [o for o in outcomes if o.case.part == part]
        print(f"\n{part}: {rates(there)}")
        for family in dict.fromkeys(o.case.family for o in there):
            print(f"  {family}: {rates(o for o in there if o.case.family == family)}")


if __name__ == "__main__":
    main()
