"""Training steps in a file."""

import ast
import textwrap

from tinygrad_dl.testing.homework.training import regions


def lines(source):
    return [[node.lineno for node in group] for group in regions(ast.parse(textwrap.dedent(source)))]


def test_a_step_is_the_innermost_loop_with_an_update_or_one_around_it():
    assert lines("""\
        for epoch in range(9):
            for x in X:
                W -= lr * x
        """) == [[2, 1]]


def test_a_function_with_an_update_is_followed_by_the_loops_that_call_it():
    assert lines("""\
        def step(net):
            net.W -= net.dW
        for i in range(9):
            step(net)
        """) == [[3, 1]]


def test_counting_is_no_update():
    assert lines("while i < 3:\n    i += 1") == []
