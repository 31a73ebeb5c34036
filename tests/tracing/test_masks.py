"""A product with a mask replaces a selection, and gives way to it where the two differ."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import _functions
from tinygrad_dl.tracing.masks import with_masks
from tinygrad_dl.tracing.program import Mismatch
from tinygrad_dl.tracing.trace import trace

Z, G = np.array([[1.0, -2.0, 0.0]]), np.array([[1.0, 2.0, 3.0]])


def select(z, g):
    return np.sum(np.where(z <= 0, 0, g) * 2 + z)


def mask(z, g):
    return np.sum(_functions.masked(_functions.masked(g, z > 0) * 2, z < 5) + z)


@pytest.mark.parametrize("f", [select, mask])
def test_the_product_selects(f):
    program = with_masks(trace(f, Z, G).program)
    assert not {np.where, _functions.masked} & {node.function for node in program.nodes}
    for z, g in ((Z, G), (-Z, G), (Z, -G)):
        assert program.evaluate(z, g)[0] == f(z, g)


@pytest.mark.parametrize("f", [select, mask])
@pytest.mark.parametrize(("z", "g"), [(Z, G * [[1, np.inf, 1]]), (Z * [[np.nan, 1, 1]], G), (Z, G * [[1, np.nan, 1]])])
def test_where_the_two_differ_the_program_does_not_hold(f, z, g):
    program = with_masks(trace(f, Z, G).program)
    with np.errstate(all="ignore"), pytest.raises(Mismatch):
        program.evaluate(z, g)


@pytest.mark.parametrize(
    "f",
    [
        lambda z, g: np.nansum(np.where(z <= 0, 0, g)) + np.sum(z),
        lambda z, g: (np.where(z <= 0, 0, g) + z)[0, 1:],
        lambda z, g: np.sum(np.where(z <= 0, 0, g)),
        lambda z, g: np.sum(np.where(z <= 1, 0, g) + z),
        lambda z, g: np.nansum(_functions.masked(g, z > 0)),
        lambda z, g: np.sum(_functions.masked(g, z[:, :1] > 0)),
    ],
)
def test_a_selection_stays_where_no_output_would_show_the_difference(f):
    program = trace(f, Z, G).program
    assert with_masks(program) is program


def test_infinite_gradients_of_dead_units_are_those_of_the_function():
    net = tg.nn.mlp([2, 5, 1], hidden=tg.nn.relu, rng=np.random.default_rng(0))
    X = np.random.default_rng(1).normal(size=(2, 7))
    f = tg.value_and_grad(lambda net, X: np.sum(np.sqrt(net(X) - net(X)) + net(X)))
    compiled = tg.compile(f)
    with np.errstate(all="ignore"):
        for _ in range(2):
            found, expected = compiled(net, X), f(net, X)
            for name in expected[1]:
                np.testing.assert_array_equal(found[1][name].numpy(), expected[1][name].numpy())
