"""Laws of every function with a derivative: one test a function, of its rows in the table of coverage."""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable

import pytest

from tests.coverage.examples import CASES
from tinygrad_dl.core.registry import name_of
from tinygrad_dl.coverage.cases import Case


def every_function(cases: Iterable[Case] = CASES, quick: int | None = 1, share: int = 1) -> Callable:
    """Test `law(case)`, or `law(case, deep)`, for the rows of each function.

    The quick run takes the first `quick` rows of a function, None being all, of every function of number 0, `share`,
    2 `share`, ... A failure names its row in a note.
    """
    rows = defaultdict(list)
    for case in cases:
        rows[case.function].append(case)
    marks = [[] if i % share == 0 else [pytest.mark.deep] for i in range(len(rows))]
    functions = [pytest.param(rows[f], id=name_of(f), marks=m) for f, m in zip(rows, marks, strict=True)]

    def mark(law: Callable) -> Callable:
        takes_deep = "deep" in inspect.signature(law).parameters

        @pytest.mark.every_value
        @pytest.mark.parametrize("cases", functions)
        def test(cases: list[Case], deep: bool) -> None:
            for case in cases if deep else cases[:quick]:
                try:
                    law(case, deep) if takes_deep else law(case)
                except BaseException as error:
                    error.add_note(f"in the row {case.name!r}")
                    raise

        test.__name__ = law.__name__
        test.__doc__ = law.__doc__
        return test

    return mark
