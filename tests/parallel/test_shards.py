"""Shards: each sum has one order, each sample counts once, and an error names its shard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.parallel.shards import FAN_IN, ShardError, Step, Totals, Work, add_totals, totals_of_shard, tree


@given(st.integers(1, 600))
def test_the_tree_adds_each_part_once_in_order_and_few_at_a_time(count):
    sizes = []

    def add(group):
        sizes.append(len(group))
        return [part for parts in group for part in parts]

    assert tree(([i] for i in range(count)), count, add) == list(range(count))
    assert max(sizes, default=0) <= FAN_IN


def test_the_tree_of_parts_in_a_row_keeps_few_of_them():
    alive, most = set(), 0

    def parts():
        nonlocal most
        for i in range(512):
            alive.add(i)
            most = max(most, len(alive))
            yield {i}

    def add(group):
        first, *others = group
        for other in others:
            alive.difference_update(other)
        return first

    tree(parts(), 512, add)
    assert most <= 3 * FAN_IN  # for each of the levels, a group


def test_totals_add_by_name_and_a_name_that_is_missing_counts_as_zero():
    one = Totals(2, {"loss": 3.0}, {"W": np.array([1.0])}, {})
    other = Totals(1, {"loss": 1.0}, {"W": np.array([2.0]), "V": np.array([5.0])}, {"mean": np.array(0.5)})
    total = add_totals([one, Totals(), other])
    assert total.samples == 3
    assert total.measures == {"loss": 4.0}
    assert total.gradients == {"W": [3.0], "V": [5.0]}
    assert total.changes == {"mean": 0.5}


NET = tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(0))
X, Y = np.ones((2, 4)), np.ones((1, 4))


def totals(shard=(X, Y), loss=tg.nn.mean_squared_error, read=None, retries=0, net=NET, index=7):
    return totals_of_shard(Work(loss, read, {}, retries), Step(net, [5] if net is not NET else []), index, shard)


BAD = {
    "rows": ((X.T, Y.T), "ValueError: expected X of shape"),
    "three arrays": ((X, Y, Y), "a pair of arrays"),
    "a nan": ((X * np.nan, Y), r"X\[0, 0\] is nan: 8 of 8"),
    "text": ((X.astype(str), Y), "real numbers in X"),
    "masked": ((np.ma.array(X, mask=X > 0), Y), "expected a plain array, got a MaskedArray"),
    "other features": ((np.ones((3, 4)), Y), r"expected \(2, m\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_shard_is_named_and_described(name):
    shard, message = BAD[name]
    with pytest.raises(ShardError, match=f"^shard 7: .*{message}"):
        totals(shard)
    with pytest.raises(ShardError, match=f"^shard 7, 'part-7.npy': .*{message}"):
        totals("part-7.npy", read=lambda path: shard)
    with pytest.raises(ShardError, match="a loss that gives a Tensor of size 1"):
        totals(loss=lambda A, Y: A)


@pytest.mark.parametrize("failures", [0, 2, 3])
def test_a_shard_is_tried_again_after_an_error(failures):
    calls = []

    def read(shard):
        calls.append(shard)
        if len(calls) <= failures:
            raise OSError("the disk is busy")
        return X, Y

    if failures <= 2:
        assert totals("a", read=read, retries=2).samples == 4
        assert len(calls) == failures + 1
    else:
        with pytest.raises(ShardError, match=r"^shard 7, 'a': OSError 3 times: the disk is busy"):
            totals("a", read=read, retries=2)


def test_a_penalty_on_the_net_itself_is_refused_as_its_gradient_would_be_lost():
    net = tg.nn.mlp([2, 1], rng=np.random.default_rng(0))
    work = Work(lambda A, Y: tg.nn.mean_squared_error(A, Y) + tg.nn.l2(net, 1.0), None, {}, 0)
    with pytest.raises(ShardError, match=r"the loss depends on Tensor 'W1'.* by itself.* pass weight_decay="):
        totals_of_shard(work, Step(net, []), 0, (np.ones((2, 3)), np.ones((1, 3))))
    assert all(parameter.grad is None for parameter in net.parameters())


def test_an_empty_shard_adds_nothing():
    assert totals((np.ones((2, 0)), np.ones((1, 0)))) == Totals()


def test_shards_draw_other_masks_each_and_the_same_again():
    rng = np.random.default_rng(0)
    net = tg.nn.Sequential(tg.nn.Dense(2, 50, rng=rng), tg.nn.Dropout(0.5, rng=rng), tg.nn.Dense(50, 1, rng=rng))
    state = rng.bit_generator.state
    first, again, other = (totals(net=net, index=i).measures["loss"] for i in (0, 0, 1))
    assert first == again != other
    assert rng.bit_generator.state == state
