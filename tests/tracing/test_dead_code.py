"""Calls without an effect on outputs and guards are left out."""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl.tracing.dead_code import without_dead_code
from tinygrad_dl.tracing.trace import trace

X = np.array([[0.5, 0.25]])


def test_only_what_outputs_need_stays():
    program = trace(lambda x: [np.exp(x), np.sin(np.cos(x))][1], X).program
    assert [node.function for node in without_dead_code(program).nodes] == [np.cos, np.sin]


def test_the_checks_of_the_package_stay():
    program = trace(lambda A, Y: [tg.nn.binary_cross_entropy(A, Y), A][1], X, X).program
    alive = without_dead_code(program)
    assert alive.guards
    assert np.less in [node.function for node in alive.nodes]
