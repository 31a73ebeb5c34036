"""The homework checker, which finds the wrong formula of a backprop derived by hand, and its mistake.

`formulas` has the course's backprop with slots, `mistakes` the table of wrong contents of slots; `course_net` and
`arguments` read the homework, `replay` and `diagnosis` find the mistakes that give the learner's numbers, `findings`
and `report` describe them.
"""

from .diagnosis import check_backprop
from .report import BackpropReport

__all__ = ["BackpropReport", "check_backprop"]
