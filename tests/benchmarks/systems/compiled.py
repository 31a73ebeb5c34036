"""The steps of `ours`, compiled."""

from collections.abc import Callable
from typing import Any

import tinygrad_dl as tg
from tests.benchmarks.systems import ours
from tests.benchmarks.workloads import Net, Tracing


def _compiled(make: Callable[[Any], Callable[[], Any]]) -> Callable[[Any], Callable[[], Any]]:
    return lambda problem: tg.compile(make(problem))


def net(problem: Net) -> Callable[[], Any]:
    return tg.compile(ours.net(problem), threads=problem.threads)


def tracing(problem: Tracing) -> Callable[[], Any]:
    step = ours.recurrent(problem.net)
    return lambda: tg.compile(step)()


hessian_vector = _compiled(ours.hessian_vector)
hessian = _compiled(ours.hessian)
recurrent = _compiled(ours.recurrent)
chain = _compiled(ours.chain)
convolution = _compiled(ours.convolution)
normalisation = _compiled(ours.normalisation)
