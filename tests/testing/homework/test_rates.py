"""The rates on the corpus of learners' files: all of it in the deep run, a few files in the quick one."""

import pytest

from .corpus import read_cases
from .measure import failures, measure, rates

QUICK = ("cs231n_layers", "nnfs_layers")
WHOLE, NAMED = 0.9, 0.8  # of right files, wholly right; of mistakes in recognised files, with their cause
BEFORE_NAMES = 20  # mistakes in recognised files, for a rate to have a meaning


@pytest.fixture(scope="module")
def outcomes(deep):
    cases = [case for case in read_cases() if deep or case.name in QUICK]
    return list(measure(cases, mistakes=1))  # all of them take ten minutes: `python -m tests.testing.homework.measure`


def told(outcomes):
    """The rates and the failures, for the message of a failing test."""
    return "\n".join([str(rates(outcomes)), *failures(outcomes)])


def test_no_mistake_is_called_right(outcomes):
    called_right = [outcome for outcome in outcomes if outcome.mistake and outcome.verdict == "right"]
    assert not called_right, told(called_right)


def test_no_right_file_is_called_wrong(outcomes):
    false_alarms = [outcome for outcome in outcomes if not outcome.mistake and outcome.verdict == "wrong"]
    assert not false_alarms, told(false_alarms)


def test_most_right_files_are_wholly_right_and_most_causes_are_named(outcomes):
    counts = rates(outcomes)
    assert counts.whole >= WHOLE * counts.files, told(outcomes)
    if counts.recognised >= BEFORE_NAMES:
        assert counts.named >= NAMED * counts.recognised, told(outcomes)
