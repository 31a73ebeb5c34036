"""The objects in a Module: each is found once, however many paths lead to it."""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.nn.module import generators


class Pair(nn.Module):
    def __init__(self, first, second):
        self.first, self.second = first, second


def test_a_module_to_which_2_to_the_200_paths_lead_is_found_once():
    net = layer = nn.Dense(1, 1, rng=np.random.default_rng(0))
    for _ in range(200):
        net = Pair(net, net)
    assert net.parameters() == [layer.W, layer.b]
    assert len(list(net.named_modules())) == 201


def test_random_generators_are_found_in_lists_and_dicts_too_each_once():
    a, b, c = map(np.random.default_rng, range(3))
    net = Pair([a, {"b": (b, a)}], nn.Dropout(0.5, rng=c))
    net.rng = c
    assert list(generators(net).items()) == [("first.0", a), ("first.1.b.0", b), ("second.rng", c)]
    assert generators(np.tanh) == {}


def test_a_run_whose_net_keeps_generators_in_a_list_ends_with_the_same_bits(tmp_path):
    class Noisy(nn.Module):
        def __init__(self):
            self.W, self.sources = tg.parameter(np.ones((1, 2))), [np.random.default_rng(0)]

        def __call__(self, A):
            return self.W @ (A + self.sources[0].normal(size=A.shape))

    def losses(epochs, resume=None):
        net, X = Noisy(), np.ones((2, 3))
        descent = tg.optim.SGD(net.parameters(), 0.01)
        return tg.fit(net, X, X[:1], loss="mse", optimizer=descent, epochs=epochs, resume=resume, progress=False).loss

    losses(2, tmp_path / "run")
    assert losses(5, tmp_path / "run") == losses(5)
