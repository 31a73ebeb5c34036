"""The checks of the coverage table: a function counts as right only if it passes them."""

import numpy as np
import pytest

from tests.coverage.examples import CASES
from tests.coverage.test_table import row_of
from tinygrad_dl.coverage.checks import CHECKS, NotApplicable, failure


def test_what_numpy_does_not_do_with_complex_numbers_is_not_counted():
    row = row_of(np.cbrt)
    assert row.cells["complex"] == "-"
    assert not row.failures


def test_a_check_that_does_not_apply_is_no_failure():
    case = next(case for case in CASES if case.function is np.cbrt)
    with pytest.raises(NotApplicable):
        failure(CHECKS["complex"], case)
