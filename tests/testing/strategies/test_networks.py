"""Networks that the strategies draw: tame, of every kind, and printed so that they can be made again."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.testing.strategies.test_arrays import drawn, few
from tinygrad_dl.testing import formulas, strategies
from tinygrad_dl.testing.strategies import Network


@few
@given(strategies.networks(outputs=2) | strategies.networks(on_kinks=True))
def test_a_network_computes_what_the_formulas_of_the_course_say(network):
    A, _ = formulas.deep_forward(network.X, network.parameters, network.activations)
    np.testing.assert_allclose(network.net(network.X).numpy(), A, rtol=1e-12)
    np.testing.assert_allclose(network.loss().item(), formulas.cost(A, network.Y), rtol=1e-12)


@few
@given(strategies.networks())
def test_backprop_through_a_network_is_the_course_s(network):
    A, caches = formulas.deep_forward(network.X, network.parameters, network.activations)
    by_hand = formulas.deep_backward(formulas.cost_backward(A, network.Y), caches)
    network.loss().backward()
    for tensor in network.net.parameters():
        assert formulas.relative_difference(tensor.grad, by_hand[f"d{tensor.name}"]) < 1e-9


@few
@given(strategies.networks())
def test_networks_are_tame(network):
    _, caches = formulas.deep_forward(network.X, network.parameters, network.activations)
    for cache in caches:
        assert np.all(np.abs(cache.Z) < 5)
    assert set(np.unique(network.Y)) <= {0, 1}


@pytest.mark.deep
@settings(max_examples=3 * settings.default.max_examples)
@given(strategies.networks(2, 2, 2, activations=["relu"]))
def test_networks_keep_away_from_the_kink_of_a_relu(network):
    _, caches = formulas.deep_forward(network.X, network.parameters, network.activations)
    assert all(np.all(cache.Z != 0) for cache in caches[:-1])


@pytest.mark.deep
def test_networks_have_every_depth_and_activation_and_keep_their_dtype():
    networks = drawn(strategies.networks(dtype=np.float32), 100)
    assert {len(network.activations) for network in networks} == {1, 2, 3}
    assert {name for network in networks for name in network.activations} == set(formulas.ACTIVATIONS)
    assert {network.loss().dtype for network in networks} == {np.dtype(np.float32)}


@few
@given(strategies.networks())
def test_the_repr_of_a_network_makes_it_again(network):
    again = eval(repr(network), {"np": np, "Network": Network})
    assert again.loss().item() == network.loss().item()
    assert again.activations == network.activations
