"""Parameters are updated in one block, where each bias lies beside its W, and nothing is copied between steps."""

import numpy as np
import pytest

import tinygrad_dl as tg

X = np.random.default_rng(0).normal(size=(3, 20))


@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Momentum, tg.optim.Adam])
def test_parameters_and_gradients_are_views_of_one_block_each(optimizer):
    net = tg.nn.mlp([3, 4, 2], rng=np.random.default_rng(1))
    descent = optimizer(net.parameters(), learning_rate=0.05)
    x = tg.Tensor(X)

    @tg.compile
    def step():
        descent.zero_grad()
        cost = np.mean(net(x) ** 2)
        cost.backward()
        descent.step()

    step()
    blocks = set()
    for _ in range(8):
        step()
        for arrays in ([p._value for p in net.parameters()], [p._grad for p in net.parameters()]):
            assert len({id(array.base) for array in arrays}) == 1
            blocks.add(id(arrays[0].base))
            W, b = arrays[:2]
            assert W.strides[0] == b.strides[0] == (3 + 1) * 8
    assert len(blocks) <= 8  # those of earlier steps are written again
    assert step.cache_info().eager == 0


@pytest.mark.parametrize("frozen", range(4))
def test_a_parameter_that_is_frozen_for_some_steps_leaves_the_step_compiled(frozen):
    def train(compiled):
        net = tg.nn.mlp([3, 4, 2], rng=np.random.default_rng(1))
        descent = tg.optim.Adam(net.parameters(), learning_rate=0.05)

        def step(x):
            descent.zero_grad()
            cost = np.mean(net(x) ** 2)
            cost.backward()
            descent.step()
            return cost

        run = tg.compile(step) if compiled else step
        for wanted in (True, False, True):  # after which the counters of Adam differ
            net.parameters()[frozen].requires_grad = wanted
            costs = [run(X).item() for _ in range(3)]
        assert not compiled or run.cache_info()[:3] == (6, 3, 0)
        return [costs, *(p.data for p in net.parameters()), *descent.state_dict().values()]

    for found, expected in zip(train(True), train(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
