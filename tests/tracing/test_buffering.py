"""Programs that broadcast much run with small buffers, which nobody else sees; the numbers are the same."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal
from tinygrad_dl.tracing.buffering import broadcasts_much, in_small_buffers
from tinygrad_dl.tracing.trace import trace
from tinygrad_dl.tracing.workers import Workers

COLUMN, ROW, WIDE = np.linspace(1, 2, 64)[:, None], np.linspace(-1, 1, 1000)[None], np.ones((64, 1000))

PROGRAMS = {
    "a column times a row": (lambda x, y: x * y, (COLUMN, ROW), True),
    "a bias": (lambda x, y: x + y, (WIDE, COLUMN), True),
    "many small ones": (lambda x, y: sum(x * (y + i) for i in range(20)), (COLUMN[:4], ROW[:, :500]), True),
    "a small one": (lambda x, y: x * y, (COLUMN[:4], ROW), False),
    "equal shapes": (lambda x, y: x * y, (WIDE, WIDE), False),
    "a number": (lambda x, y: x * y, (WIDE, 2.0), False),
    "an array of one element": (lambda x, y: x * y, (WIDE, np.ones((1, 1))), False),
    "rows longer than the buffers": (lambda x, y: x * y, (COLUMN, np.ones((1, 9000))), False),
    "short rows": (lambda x, y: x * y, (np.ones((9000, 1)), ROW[:, :20]), False),
    "numbers": (lambda x, y: np.sum(x) * np.sum(y), (COLUMN, ROW), False),
    "a product": (lambda x, y: x @ y, (COLUMN, ROW), False),
    "one axis": (lambda x, y: x * 2.0 + y[0], (WIDE[0], COLUMN), False),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_small_buffers_are_for_programs_that_broadcast_much(what):
    f, arrays, expected = PROGRAMS[what]
    assert broadcasts_much(trace(f, *arrays).program) is expected


def test_nobody_else_has_the_small_buffers():
    before = np.getbufsize()

    def fails():
        assert np.getbufsize() < before
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_small_buffers(fails)()
    assert np.getbufsize() == before
    with np.errstate(divide="raise"):
        assert in_small_buffers(np.geterr)() == np.geterr()


def test_each_thread_of_a_program_has_them():
    assert in_small_buffers(Workers([lambda: (np.getbufsize(),)] * 2))() == (in_small_buffers(np.getbufsize)(),) * 2


@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_programs_give_the_same_numbers_and_warnings(threads):
    def f(x, y):
        return np.sum(np.log(x * y + 2.5), axis=1), x * (y > 0)

    compiled = tg.compile(f, threads)
    for scale in (1, 0.5):
        assert_equal(compiled(COLUMN, scale * ROW), f(COLUMN, scale * ROW), rtol=1e-11)
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log") as caught:
        compiled(COLUMN, 3 * ROW)
    assert caught[0].filename == __file__


def test_a_compiled_program_runs_in_them(monkeypatch):
    sizes = []
    monkeypatch.setattr("tinygrad_dl.tracing.plans.in_small_buffers", lambda run: sizes.append(run) or run)
    for count in (4, 64):
        compiled = tg.compile(lambda x, y: np.tanh(x * y))
        compiled(COLUMN[:count], ROW)
    assert len(sizes) == 1
