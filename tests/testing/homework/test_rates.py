"""The rates on the corpus of learners' files: all of it in the deep run, a few files in the quick one.

It is one test, so that the files are checked once, and not by each process of the run.
"""

from .corpus import read_cases
from .measure import failures, measure, rates

QUICK = ("cs231n_layers", "nnfs_layers")
WHOLE, NAMED = 0.9, 0.8  # of right files, wholly right; of mistakes in recognised files, with their cause
BEFORE_NAMES = 20  # mistakes in recognised files, for a rate to have a meaning


def told(outcomes):
    """The rates and the failures, for the message of a failing test."""
    return "\n".join([str(rates(outcomes)), *failures(outcomes)])


def test_no_mistake_is_called_right_no_right_file_is_called_wrong_and_most_causes_are_named(deep):
    cases = [case for case in read_cases() if deep or case.name in QUICK]
    outcomes = list(measure(cases, mistakes=1))  # all take ten minutes: `python -m tests.testing.homework.measure`
    missed = [outcome for outcome in outcomes if outcome.mistake and outcome.verdict == "right"]
    assert not missed, told(missed)
    false_alarms = [outcome for outcome in outcomes if not outcome.mistake and outcome.verdict == "wrong"]
    assert not false_alarms, told(false_alarms)
    counts = rates(outcomes)
    assert counts.whole >= WHOLE * counts.files, told(outcomes)
    if counts.recognised >= BEFORE_NAMES:
        assert counts.named >= NAMED * counts.recognised, told(outcomes)
