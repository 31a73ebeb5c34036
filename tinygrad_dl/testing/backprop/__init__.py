"""The homework checker: which formula of a backprop derived by hand is wrong, and what is wrong with it.

`formulas` writes the course's backprop with slots, `mistakes` is the table of what learners put into them, `course_net`
and `homework` take what is handed in, `replay` and `diagnosis` find the mistakes whose numbers are the learner's, and
`findings` and `report` say so.
"""

from .diagnosis import check_backprop
from .report import BackpropReport

__all__ = ["BackpropReport", "check_backprop"]
