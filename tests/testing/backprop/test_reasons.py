"""Reasons: one for each kind of mistake."""

from tinygrad_dl.testing.backprop.mistakes import MISTAKES
from tinygrad_dl.testing.backprop.reasons import WHY


def test_every_kind_of_mistake_has_a_reason_and_a_week():
    kinds = {mistake.kind for mistake in MISTAKES if mistake.kind}
    assert kinds | {"not finite"} == set(WHY)
    assert {week for week, _ in WHY.values()} == {3, 4}
