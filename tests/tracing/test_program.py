"""A program evaluates its calls in order, and passes rebuild it."""

import numpy as np
import pytest

from tinygrad_dl.tracing.program import Node, needed, replace_nodes, rewrite
from tinygrad_dl.tracing.trace import trace

X = np.array([1.0, 2.0, 3.0])


def test_what_an_output_needs_comes_before_it_in_any_depth():
    node = Node(0.0, name="x")
    for _ in range(5000):
        node = Node(0.0, np.negative, (node,))
    assert len(needed([node])) == 5001
    assert needed([node])[-1] is node


def test_nodes_in_lists_slices_and_dicts_are_replaced():
    node = Node(2)
    arg = {"a": [node, (node, 1)], "b": slice(None, node)}
    assert replace_nodes(arg, lambda node: node.value) == {"a": [2, (2, 1)], "b": slice(None, 2)}


def test_a_rewritten_program_computes_with_the_new_calls():
    program = trace(lambda x: np.exp(x) + np.exp(x), X).program
    doubled = rewrite(program, lambda node, new: new(np.multiply, node.args[0], 2) if node.function is np.add else node)
    np.testing.assert_allclose(doubled.evaluate(X)[0], program.evaluate(X)[0], rtol=1e-15)
    assert doubled.nodes[-1].function is np.multiply


def test_the_number_of_inputs_is_checked():
    with pytest.raises(TypeError, match="expected 1 inputs, got 2"):
        trace(np.exp, X).program.evaluate(X, X)
