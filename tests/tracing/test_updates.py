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
