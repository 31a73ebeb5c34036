"""Real interrupts while Tensors are at work: `python -m tests.interrupts [COUNT]` sends COUNT to each kind of work.

It takes some 10 seconds for 20,000 signals of a kind, so it is run by hand, on a POSIX system. After each signal the
thread has to record, outside of any `vmap` and of debug mode, and parameters have to be arrays. Exits with 1 if not.
"""

import random
import signal
import sys

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import batching
from tinygrad_dl.core import modes

W = tg.parameter(np.ones((3, 2)), name="W")
X, Y = np.ones((2, 5)), np.ones((1, 5))
NET = tg.nn.mlp([2, 3, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
ADAM = tg.optim.Adam(NET.parameters(), learning_rate=0.01)
VECTOR = np.array([0.5, -0.5])


def cube(x):
    return np.sum(x**3)


def backward():
    W.grad = None
    np.sum(np.tanh(W @ X)).backward()


def fit():
    data = {"validation": (X, Y), "epochs": 1, "progress": False}
    tg.fit(NET, X, Y, loss=tg.nn.binary_cross_entropy, optimizer=ADAM, **data)


def no_grad_block():
    with tg.no_grad():
        _ = W @ X


def debug_block():
    with tg.debug():
        _ = W @ X


GRAD, MAPPED, HESSIAN = tg.grad(cube), tg.vmap(tg.grad(cube)), tg.hessian(cube)
AGAIN = tg.grad(tg.checkpoint(cube))


@tg.no_grad()
def decorated():
    return W @ X


WORK = {
    "backward": backward,
    "fit": fit,
    "tg.grad": lambda: GRAD(VECTOR),
    "vmap": lambda: MAPPED(X),
    "jvp": lambda: tg.jvp(cube, (VECTOR,), (VECTOR,)),
    "hessian": lambda: HESSIAN(VECTOR),
    "checkpoint": lambda: AGAIN(VECTOR),
    "no_grad, a block": no_grad_block,
    "no_grad, a decorator": decorated,
    "debug": debug_block,
}


def wrong() -> str:
    """What is not as it was; empty if all is."""
    found = [] if tg.is_grad_enabled() and (W * 1).requires_grad else ["it does not record"]
    found += ["a level of vmap is left"] if batching.active_levels() else []
    found += ["debug mode is left"] if modes.is_observed() else []
    found += ["a parameter is no array"] if any(type(p._value) is not np.ndarray for p in (W, *ADAM.parameters)) else []
    return ", ".join(found)


def interrupted(work, count: int) -> dict[str, int]:
    """How often something was wrong after each of `count` signals."""
    tally: dict[str, int] = {}
    for _ in range(count):
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 4e-4))
            while True:
                work()
        except KeyboardInterrupt:
            pass
        if state := wrong():
            tally[state] = tally.get(state, 0) + 1
            tg.core.modes._recording.set(True)
            modes._observer.set(None)
    return tally


def main(count: int) -> int:
    """Print a line for each kind of work; give 1 if any left something behind."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    failed = 0
    for name, work in WORK.items():
        tally = interrupted(work, count)
        failed |= bool(tally)
        print(f"{name:22} {count} signals: {tally or 'nothing left behind'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
