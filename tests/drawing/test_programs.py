"""Pictures of programs: their calls and names, as traced and after the passes."""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl.drawing.programs import tensors_of
from tinygrad_dl.tracing.trace import trace

NET = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
X, Y = np.ones((2, 5)), np.ones((1, 5))


def test_a_picture_of_a_compiled_step_has_its_forward_and_backward_pass():
    step = tg.compile(tg.value_and_grad(lambda net, X, Y: tg.nn.binary_cross_entropy(net(X), Y)))
    step(NET, X, Y)
    dot = tg.draw(step.program).source
    for name in ("W1", "Z1", "A2", "dZ2", "dW1"):
        assert name in dot
    assert dot.count("->") < tg.draw(step.traced, max_nodes=None).source.count("->")


def test_the_arrays_of_a_list_are_drawn_as_arguments():
    (stacked,) = tensors_of(trace(lambda x, y: np.stack([x, y * 2]), X, X).program)
    assert [parent.shape for parent in stacked._parents] == [(2, 5), (2, 5)]
    assert stacked.shape == (2, 2, 5)
    assert not stacked.numpy().any()
