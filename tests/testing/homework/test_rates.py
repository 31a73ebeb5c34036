"""The rates on the corpus of learners' files: all of it in the deep run, a few files in the quick one."""

import pytest

from .corpus import read_cases
from .measure import failures, measure, rates

QUICK = ("cs231n_layers", "nnfs_layers")
WHOLE, NAMED = 0.75, 0.8  # of right files, wholly right; of mistakes in recognised files, with their cause
BEFORE_NAMES = 20  # mistakes in recognised files, for a rate to have a meaning
# Faults that are known: none is to be added.
FALSE_ALARMS = {
    "dev/nielsen_network2_costs",
    "held/blog_brownlee_lists",
    "held/course1_deep_mean_in_dAL",
    "held/course1_logistic_class",
    "held/coursera_ml_matrix",
}
CALLED_RIGHT = {
    "dev/blog_layers_one_loss [mean mse_prime]",
    "held/blog_fit_in_one [sign]",
    "held/course1_logistic_loops [index dw1]",
    "held/course1_two_layer_app [sign dA2]",
    "held/course1_two_layer_app [activation]",
    "held/course1_two_layer_app [factor]",
    "held/course2_init_notebook [mean db1]",
}


@pytest.fixture(scope="module")
def outcomes(deep):
    cases = [case for case in read_cases() if deep or case.name in QUICK]
    return list(measure(cases, mistakes=1))  # all of them take ten minutes: `python -m tests.testing.homework.measure`


def told(outcomes):
    """The rates and the failures, for the message of a failing test."""
    return "\n".join([str(rates(outcomes)), *failures(outcomes)])


def test_no_mistake_is_called_right(outcomes):
    called_right = [outcome for outcome in outcomes if outcome.mistake and outcome.verdict == "right"]
    assert {outcome.name for outcome in called_right} <= CALLED_RIGHT, told(called_right)


def test_no_right_file_is_called_wrong(outcomes):
    false_alarms = [outcome for outcome in outcomes if not outcome.mistake and outcome.verdict == "wrong"]
    assert {outcome.name for outcome in false_alarms} <= FALSE_ALARMS, told(false_alarms)


def test_most_right_files_are_wholly_right_and_most_causes_are_named(outcomes):
    counts = rates(outcomes)
    assert counts.whole >= WHOLE * counts.files, told(outcomes)
    if counts.recognised >= BEFORE_NAMES:
        assert counts.named >= NAMED * counts.recognised, told(outcomes)
