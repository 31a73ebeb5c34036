"""The verdict on gradients, held against nets whose gradients are known in closed form."""

import math
import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.graph.health import layers, verdict
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.graph.record import Record

RNG = np.random.default_rng(0)
ALIVE = "No unit of a relu is 0 for all samples."
ONE_SAMPLE = "A dead relu can only be found with several samples."
NOTHING = "Nothing to judge: no chain of layers, and no nn.relu, np.maximum(z, 0), nn.sigmoid or np.tanh."


def chain(factors, n=3, activation=None):
    """A net of layers with the weights c I for each factor c: back through one, a gradient is c times as large."""
    parts = []
    for factor in factors:
        layer = nn.Dense(n, n, rng=RNG)
        layer.W.data = factor * np.eye(n)
        parts += [layer] if activation is None else [layer, activation]
    return nn.Sequential(*parts)


def judged(loss):
    graph = Graph([loss])
    record = Record(graph)
    return verdict(graph, record), layers(graph, record)


@pytest.mark.parametrize(
    ("init", "symmetric"),
    [
        (lambda shape, rng: np.zeros(shape), True),
        (lambda shape, rng: np.full(shape, 0.5), True),
        (lambda shape, rng: 0.01 * rng.normal(size=shape), False),
    ],
)
@pytest.mark.parametrize("hidden", [nn.tanh, nn.relu])
def test_hidden_units_that_are_all_the_same_are_named(init, symmetric, hidden):
    net = nn.mlp([2, 4, 3, 1], hidden=hidden, init=init, rng=np.random.default_rng(1))
    X = np.random.default_rng(2).normal(size=(2, 9))
    lines, _ = judged(nn.mean_squared_error(net(X), np.ones((1, 9))))
    same = [line for line in lines if "units are the same and get the same gradient" in line]
    assert [line[: line.index(" units")] for line in same] == ["Z1: all 4", "Z2: all 3"] * symmetric


def linear(factors, m=4):
    """The verdict on such a chain with the gradient R at its end, and R's size."""
    R = RNG.normal(size=(3, m))
    lines, rows = judged(np.sum(chain(factors)(np.ones((3, m))) * R))
    return lines, rows, math.sqrt(np.mean(R**2))


# ---- vanishing and exploding


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("depth", [2, 5, 12])
def test_the_size_of_the_gradient_at_each_layer_is_the_product_of_the_layers_after_it(factor, depth):
    lines, rows, size = linear([factor] * depth)
    assert [name for name, _ in rows] == [f"Z{i}" for i in range(1, depth + 1)]
    np.testing.assert_allclose([row for _, row in rows], [size * factor ** (depth - i) for i in range(1, depth + 1)])
    ratio = factor ** (depth - 1)
    kind = "Vanishing" if ratio < 1e-3 else "Exploding" if ratio > 1e3 else "Gradients neither vanish nor explode"
    assert lines[0].startswith(kind)
    assert f"from Z{depth} back to Z1" in lines[0]
    assert f"by {factor:.3g} a layer" in lines[0]
    if kind != "Gradients neither vanish nor explode":
        assert f" {ratio:.3g} " in lines[0]


@pytest.mark.parametrize(
    ("factors", "layer"),
    [
        ([1, 1e-2, 1e-1, 1e-1, 1.1e-1, 1], 1),  # from the end: Z5 1, Z4 0.11, Z3 0.011, Z2 1.1e-3, Z1 1.1e-5
        ([1, 1, 1, 1e-4, 1, 1], 3),
        ([1, 1, 1, 1, 1, 1e-4], 5),
        ([1, 1e-4, 1, 1, 1, 1], 1),
        ([1, 1e4, 1, 1, 1, 1], 1),
        ([1, 1, 1, 1e4, 1, 1], 3),
        ([1, 1, 1, 1, 1, 1e4], 5),
        ([1, 1e-9, 1, 1e4, 1, 1], 1),  # it grows, and then it falls beyond
    ],
)
def test_it_names_the_first_layer_from_the_end_where_it_is_too_far_off(factors, layer):
    lines, rows, size = linear(factors)
    word = "beyond 1000" if dict(rows)["Z1"] > size else "below 1/1000"
    assert f"{word} from Z{layer} on" in lines[0]


def test_a_thousandth_is_not_below_a_thousandth():
    assert linear([1.0, 1.0 / 1024])[0][0].startswith("Vanishing")
    assert linear([1.0, 1.0 / 512])[0][0].startswith("Gradients neither vanish nor explode")
    assert linear([1.0, 1024.0])[0][0].startswith("Exploding")
    assert linear([1.0, 512.0])[0][0].startswith("Gradients neither vanish nor explode")


def test_layers_of_all_widths_compare():
    """Of a square orthogonal map the norm stays, and of one that repeats each unit the size of an element."""
    wide = nn.Dense(2, 8, rng=RNG)
    wide.W.data = np.repeat(np.eye(2), 4, axis=0)
    narrow = nn.Dense(8, 2, rng=RNG)
    narrow.W.data = np.repeat(np.eye(2), 4, axis=1) / 4
    net = nn.Sequential(wide, narrow, nn.Dense(2, 2, rng=RNG))
    net.layers[2].W.data = np.eye(2)
    _, rows = judged(np.sum(net(np.ones((2, 5)))))
    np.testing.assert_allclose([size for _, size in rows], [0.25, 1.0, 1.0])


def test_the_range_may_go_beyond_all_floats():
    lines, _, _ = linear([1.0] + [1e-150] * 3)
    assert "No gradient arrives at Z1: it is exactly 0 there." in lines[0]
    lines, _, _ = linear([1e-150] * 3)
    assert "by 1e-150 a layer" in lines[0]
    lines, _, _ = linear([1.0] + [1e150] * 2)
    assert "by 1e+150 a layer" in lines[0]


def test_a_healthy_net_says_so():
    net = nn.mlp([4, 8, 8, 1], output=nn.sigmoid, rng=np.random.default_rng(0))
    X = np.random.default_rng(1).normal(size=(4, 50))
    lines, _ = judged(nn.binary_cross_entropy(net(X), (X[:1] > 0) * 1.0))
    assert lines[0].startswith("Gradients neither vanish nor explode: from Z3 back to Z1 by ")
    assert lines[1:] == ["No sigmoid or tanh is more than half saturated."]


@pytest.mark.parametrize("make", [lambda w: np.sum(w * 2), lambda w: np.sum(np.outer(w, w) @ np.ones((3, 1)))])
def test_without_layers_there_is_nothing_to_say_of_them(make):
    lines, rows = judged(make(tg.parameter(np.ones(3))))
    assert rows == []
    assert lines == [NOTHING]


def test_weights_are_layers_where_they_mix_something_and_not_where_they_are_turned_or_penalised():
    """Rows as samples, x Wᵀ, with weight decay: Z1 and Z2 are products, Wᵀ and ‖W‖² are not."""
    W1, W2 = tg.parameter(0.5 * np.eye(3)), tg.parameter(0.5 * np.eye(3))
    Z1 = np.ones((4, 3)) @ W1.T
    Z2 = Z1 @ W2.T
    Z1.name, Z2.name = "Z1", "Z2"
    loss = np.sum(Z2) + np.sum(W1**2) + np.linalg.norm(W2) + np.einsum("ij,ij->", W1, W2)
    _, rows = judged(loss)
    np.testing.assert_allclose([size for _, size in rows], [0.5, 1.0])
    assert [name for name, _ in rows] == ["Z1", "Z2"]


def test_a_net_that_is_used_several_times_side_by_side_has_its_layers_once():
    net = chain([0.5, 0.5, 0.5])
    lines, rows = judged(sum(np.sum(net(np.ones((3, 2)))) for _ in range(4)))
    assert [name for name, _ in rows] == ["Z1", "Z2", "Z3"]
    np.testing.assert_allclose([size for _, size in rows], [0.25, 0.5, 1.0])
    assert "by 0.5 a layer" in lines[0]


# ---- branches


@pytest.mark.parametrize(("one", "two"), [(1e-6, 1.0), (1.0, 1e-6), (1.0, 1.0)])
def test_layers_in_branches_that_do_not_feed_each_other_are_not_compared(one, two):
    """Two nets of one loss: the fall in each is 0.5 a layer, however much more the loss depends on the other."""
    a, b = chain([0.5] * 3), chain([0.5] * 3)
    loss = one * np.sum(a(np.ones((3, 2)))) + two * np.sum(b(np.ones((3, 2))))
    lines, rows = judged(loss)
    assert len(rows) == 3
    assert "neither vanish nor explode" in lines[0]
    assert "by 0.5 a layer" in lines[0]
    assert {name for name, _ in rows} < set(Graph([loss]).names)  # Z1#15: which of the two, as it is called elsewhere


def test_of_branches_the_longest_is_judged_with_the_trunk():
    trunk, short, long = chain([1.0, 0.5]), chain([1e-9]), chain([0.5, 0.5, 0.5])
    h = trunk(np.ones((3, 2)))
    _, rows = judged(np.sum(long(h)) + np.sum(short(h)) * 1e-12)
    np.testing.assert_allclose([size for _, size in rows], [0.0625, 0.125, 0.25, 0.5, 1.0])


def test_single_products_side_by_side_are_no_chain():
    layers_ = [chain([1.0]) for _ in range(3)]
    lines, rows = judged(sum(10.0**-i * np.sum(layer(np.ones((3, 2)))) for i, layer in enumerate(layers_)))
    assert len(rows) == 1
    assert lines == [NOTHING]


def test_a_skip_connection_is_in_the_chain_and_its_sum_is_what_arrives():
    Ws = [tg.parameter(0.5 * np.eye(3)) for _ in range(4)]
    h = np.ones((3, 2))
    for W in Ws:
        h = h + W @ h
    _, rows = judged(np.sum(h))
    np.testing.assert_allclose([size for _, size in rows], [1.5**3, 1.5**2, 1.5, 1.0])


def test_a_recurrent_net_whose_first_step_has_no_state_is_judged_step_by_step():
    """V is used at each step, on data, and U at all but the first: the fall is that from step to step."""
    U, V = tg.parameter(0.25 * np.eye(3), "U"), tg.parameter(np.eye(3), "V")
    h = V @ np.ones((3, 2))
    for _ in range(7):
        h = U @ h + V @ np.ones((3, 2))
    lines, rows = judged(np.sum(h))
    np.testing.assert_allclose([size for _, size in rows], [0.25**7, *[0.25 ** (7 - i) for i in range(1, 8)]])
    assert lines[0].startswith("Vanishing")


# ---- recurrent nets


@pytest.mark.few_values
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("steps", [4, 16])
@pytest.mark.parametrize("with_inputs", [False, True])
def test_a_recurrent_net_is_judged_by_its_steps(factor, steps, with_inputs):
    U, V = tg.parameter(factor * np.eye(3), "U"), tg.parameter(np.eye(3), "V")
    h = np.ones((3, 2))
    for _ in range(steps):
        h = U @ h + V @ np.ones((3, 2)) if with_inputs else U @ h
    lines, rows = judged(np.sum(h))
    assert [name for name, _ in rows] == [f"step {i}" for i in range(1, steps + 1)]
    np.testing.assert_allclose([size for _, size in rows], [factor ** (steps - i) for i in range(1, steps + 1)])
    assert f"from step {steps} back to step 1" in lines[0]
    assert f"by {factor:.3g} a step" in lines[0]


# ---- nothing arrives, or nothing finite


def test_a_gradient_that_is_exactly_zero_is_told_apart_from_a_small_one():
    net = chain([1.0, 1.0, 1.0])
    net.layers[1].W.data = np.zeros((3, 3))
    lines, _ = judged(np.sum(net(np.ones((3, 4)))))
    assert lines[0] == "No gradient arrives at Z1: it is exactly 0 there."


def test_the_layer_nearest_to_the_loss_is_named_where_nothing_arrives():
    net = chain([1.0, 1.0, 0.0, 1.0])
    lines, _ = judged(np.sum(net(np.ones((3, 4)))))
    assert "at Z2" in lines[0]


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_gradients_that_are_not_finite_say_where_they_begin(bad):
    net = chain([1.0, 1.0, 1.0])
    h = net.layers[1](net.layers[0](np.ones((3, 4))))
    h.name = "Z2"

    @tg.primitive
    def broken(x):
        return x * 1

    tg.defvjp(broken, lambda g, ans, x: g * bad)
    with np.errstate(all="ignore"):
        lines, _ = judged(np.sum(net.layers[2](broken(h))))
        assert lines[0] == "Gradients that are not finite, from Z2 on."


# ---- dead and saturated units


@pytest.mark.parametrize("relu", [nn.relu, lambda z: np.maximum(z, 0), lambda z: np.maximum(0.0, z)])
@pytest.mark.parametrize("dead", [0, 1, 3, 4])
def test_the_share_of_dead_units_is_counted(relu, dead):
    Z = RNG.normal(size=(4, 20))
    Z[:dead] = -np.abs(Z[:dead])
    A = relu(tg.parameter(Z))
    A.name = "A1"
    lines, _ = judged(np.sum(A))
    assert lines == ([f"A1: {dead} of 4 units are 0 for all 20 samples: dead ReLUs."] if dead else [ALIVE])


def test_a_unit_that_is_alive_for_one_sample_is_not_dead_and_one_sample_says_nothing():
    Z = -np.ones((2, 5))
    Z[:, 3] = 1.0
    assert judged(np.sum(nn.relu(tg.parameter(Z))))[0] == [ALIVE]
    for shape in ((2, 1), (2, 3, 1), (2,), (), (2, 0)):
        assert judged(np.sum(nn.relu(tg.parameter(-np.ones(shape)))))[0] == [ONE_SAMPLE]
    both = judged(np.sum(nn.relu(tg.parameter(Z))) + np.sum(nn.relu(tg.parameter(np.ones(3)))))[0]
    assert both == [f"{ALIVE[:-1]}; {ONE_SAMPLE[0].lower()}{ONE_SAMPLE[1:]}"]


@pytest.mark.parametrize("shape", [(4, 20), (2, 2, 20), (2, 1, 2, 20)])
def test_the_units_of_a_relu_of_any_rank_are_all_axes_but_the_last(shape):
    Z = np.ones(shape)
    Z.reshape(4, 20)[[1, 3]] = -1.0
    Z.reshape(4, 20)[0, :19] = -1.0
    assert judged(np.sum(nn.relu(tg.parameter(Z))))[0] == ["relu: 2 of 4 units are 0 for all 20 samples: dead ReLUs."]


def test_a_maximum_of_two_arrays_is_no_relu():
    x = tg.parameter(-np.ones((2, 5)))
    assert judged(np.sum(np.maximum(x, np.zeros((2, 5)) - 2.0)))[0] == [NOTHING]
    assert judged(np.sum(np.maximum(x, -3.0) + 1.0))[0] == [NOTHING]


@pytest.mark.parametrize(
    ("function", "edge"),
    [(np.tanh, math.atanh(math.sqrt(0.99))), (nn.sigmoid, -math.log(2 / (1 + math.sqrt(1 - 0.01)) - 1))],
    ids=["tanh", "sigmoid"],
)
@pytest.mark.parametrize("share", [0.4, 0.6, 1.0])
def test_the_share_of_saturated_values_is_counted_where_the_slope_is_below_a_hundredth_of_the_largest(
    function, edge, share
):
    count = int(share * 20)
    z = np.concatenate([np.full(count, 1.001 * edge), np.full(20 - count, 0.999 * edge)]) * RNG.choice([-1, 1], 20)
    h = function(tg.parameter(z.reshape(4, 5)))
    h.name = "A1"
    lines, _ = judged(np.sum(h))
    if share > 0.5:
        assert lines == [f"A1: {share:.0%} of the values are saturated: the slope there is below 1 % of its largest."]
    else:
        assert lines == [f"No {'tanh' if function is np.tanh else 'sigmoid'} is more than half saturated."]


@pytest.mark.parametrize("share", [0.0, 0.4, 0.5])
def test_of_what_is_well_it_says_no_more_than_holds(share):
    """A good part of a sigmoid may be saturated, and it doesn't say that none is; of no other kind anything."""
    z = np.concatenate([np.full(round(20 * share), 50.0), np.zeros(20 - round(20 * share))])
    assert judged(np.sum(nn.sigmoid(tg.parameter(z))))[0] == ["No sigmoid is more than half saturated."]
    everything = nn.relu(np.tanh(nn.sigmoid(tg.parameter(z.reshape(4, 5)))))
    assert judged(np.sum(everything))[0] == [f"{ALIVE[:-1]}; no sigmoid or tanh is more than half saturated."]


def test_all_that_is_wrong_is_told():
    net = chain([0.01] * 4, activation=nn.relu)
    for layer in net.layers[::2]:
        layer.b.data = np.array([[1.0], [1.0], [-1.0]])
    lines, _ = judged(np.sum(nn.sigmoid(net(np.ones((3, 4))) * 8.0)))
    assert lines[0].startswith("Vanishing")
    assert sum("1 of 3 units are 0" in line for line in lines) == 4
    assert sum("saturated" in line for line in lines) == 1
    assert not any("No unit" in line or "more than half" in line for line in lines)


def test_numbers_are_in_three_digits():
    lines, _, _ = linear([1 / 3] * 9)
    assert re.search(r"they shrink to 0\.000152 of their size, by 0\.333 a layer", lines[0])


def test_a_gradient_that_is_not_finite_is_told_wherever_it_is():
    x = tg.parameter(np.array([0.0, np.nan, 1.0]), name="x")
    graph = Graph([np.sum(x**2)])
    assert verdict(graph, Record(graph))[0] == "Gradients that are not finite, from x on."
