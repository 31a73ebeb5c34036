"""Names: biases, and shifts and scales, are known by theirs."""

import pytest

import tinygrad_dl as tg
from tinygrad_dl._names import is_bias


@pytest.mark.parametrize("sizes", [[2, 3, 1], [4, 1]])
def test_the_biases_of_a_net_are_its_columns(sizes):
    import numpy as np

    net = tg.nn.mlp(sizes, rng=np.random.default_rng(0))
    for path, parameter in net.named_parameters():
        assert is_bias(path) == is_bias(parameter.name) == (parameter.shape[1] == 1 and "b" in path)
