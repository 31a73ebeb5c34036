"""An interrupt (Ctrl-C) anywhere leaves a session as it was: recording, outside of `vmap`, parameters whole.

Python delivers signals at the start of a function and after a call of one written in C: there a profiler can raise.
Real signals are sent by `tests/interrupts.py`, which is run by hand.
"""

import dis
import inspect
import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.interrupts import WORK, wrong

PACKAGE = os.path.dirname(tg.__file__)
PLACES = 60  # at most as many, spread over all that there are


class Interrupt:
    """A profiler that counts the places where a signal may come, and raises at number `at`."""

    def __init__(self, at=None):
        self.at, self.places = at, 0

    def __call__(self, frame, event, arg):
        name = frame.f_code.co_filename
        if event not in ("call", "c_return") or not name.startswith(PACKAGE):
            return
        if name.endswith("cuts.py") or frame.f_code.co_flags & inspect.CO_GENERATOR:
            return  # in a callback of a weak reference it is lost; and no signal comes as a generator closes
        self.places += 1
        if self.places == self.at:
            sys.setprofile(None)
            raise KeyboardInterrupt


def run(work, profiler):
    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return False


@pytest.mark.few_values
@pytest.mark.parametrize("kind", WORK)
def test_an_interrupt_anywhere_leaves_nothing_behind(kind):
    WORK[kind]()
    counter = Interrupt()
    assert not run(WORK[kind], counter)
    assert counter.places > 3
    step = max(1, counter.places // PLACES)
    for at in range(1, counter.places, step):
        assert run(WORK[kind], Interrupt(at)), at
        assert not wrong(), at


WITH_A_LOOP = re.compile(r"^( *)with .*:\n(?:\1 .*\n|\n)*?\1 +(?:for|while) .*\n(?:\1 .*\n|\n)*", re.MULTILINE)


def unprotected_jumps(source):
    """The lines of `with` blocks from which a loop jumps back where the end of the block would not run."""
    found = [
        (source.count("\n", 0, block.start()) + 1, block.group().count("\n")) for block in WITH_A_LOOP.finditer(source)
    ]
    blocks = [(first, first + lines) for first, lines in found]
    for code in codes_in(compile(source, "source", "exec")) if blocks else ():
        protected = dis.Bytecode(code).exception_entries
        line = code.co_firstlineno
        for step in dis.get_instructions(code):
            line = step.positions.lineno or line  # some jumps have no line of their own
            if "BACKWARD" in step.opname and "NO_INTERRUPT" not in step.opname:
                within = any(code.co_firstlineno <= a and a < line < b for a, b in blocks)
                if within and not any(entry.start <= step.offset < entry.end for entry in protected):
                    yield line


def codes_in(code):
    yield code
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from codes_in(constant)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="every jump is protected there")
def test_no_loop_ends_a_with_block_by_a_jump_after_which_its_end_would_not_run():
    loop = "with lock:\n    while x:\n        x = g(x)\n        if x:\n            x = 0\n"
    assert list(unprotected_jumps(loop))  # a signal there leaves it locked
    found = {path.name: list(unprotected_jumps(path.read_text("utf-8"))) for path in Path(PACKAGE).rglob("*.py")}
    assert not {name: lines for name, lines in found.items() if lines}


def test_an_interrupt_in_the_users_function_ends_all_that_is_around_it():
    def stop(x):
        raise KeyboardInterrupt

    for transform in (tg.grad, tg.hessian, tg.jacobian, tg.vmap, tg.checkpoint, tg.no_grad(), tg.debug()):
        with pytest.raises(KeyboardInterrupt):
            transform(lambda x: tg.vmap(tg.grad(stop))(np.ones((2, 2))))(np.ones(2))
        assert not wrong()


def test_a_process_forked_beside_a_thread_that_adds_to_leaves_can_add_too():
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    held, done = threading.Event(), threading.Event()

    def hold():
        with tg.core.backprop._adding:
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    w = tg.parameter(3.0)
    child = os.fork()
    if child == 0:
        worker = threading.Thread(target=(w * w).backward, daemon=True)
        worker.start()
        worker.join(5)
        os._exit(0 if w.grad == 6.0 else 1)
    done.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
