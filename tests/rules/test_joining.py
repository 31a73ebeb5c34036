"""Functions that join and split: each gradient is the part of the cotangent that belongs to an argument."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.rules.linear import assert_transposed
from tinygrad_dl.core import registry

SHAPES = [(), (1,), (3,), (2, 3), (2, 1, 3), (0,), (2, 0), (0, 2)]
AXES = [axis for axis in range(-3, 3)]
JOIN = [np.vstack, np.hstack, np.dstack, np.column_stack, np.stack, np.concatenate, np.block]
LINEAR = {
    "join twice": [lambda x, f=f: f([x, x]) for f in JOIN],
    "join rows": [lambda x, f=f: f(x) for f in JOIN if f is not np.block],
    "axes": [lambda x, f=f, a=a: f((x, x), axis=a) for f in (np.concatenate, np.stack) for a in [*AXES, None]],
    "append": [lambda x, a=a: np.append(x, x, a) for a in [*AXES, None]] + [lambda x: np.append([7.0], x)],
    "block": [np.block, lambda x: np.block([[x, x], [x, x]]), lambda x: np.block([[[x]], [[x]]])],
    "split": [
        *[lambda x, f=f, a=a: f(x, [1], a) for f in (np.split, np.array_split) for a in AXES],
        *[lambda x, f=f, a=a: f(x, 2, a) for f in (np.split, np.array_split) for a in AXES],
        lambda x: np.array_split(x, 4),
        lambda x: np.split(x, [2, 1, 9]),
    ],
    "splits": [lambda x, f=f, i=i: f(x, i) for f in (np.hsplit, np.vsplit, np.dsplit) for i in (1, 3, [1])],
    "unstack": [lambda x, a=a: np.unstack(x, axis=a) for a in AXES],
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", LINEAR)
def test_joining_and_splitting_give_what_numpy_gives_and_the_gradient_is_the_transposed(name, shape):
    for f in LINEAR[name]:
        assert_transposed(f, shape)


@given(st.data())
def test_a_block_matrix_sends_every_part_of_the_cotangent_home(data):
    heights = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    widths = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    blocks = [[np.ones((h, w)) for w in widths] for h in heights]
    total = data.draw(hnp.arrays(float, (sum(heights), sum(widths)), elements=st.integers(-9, 9)))
    gradient = tg.grad(lambda blocks: np.sum(total * np.block(blocks)))(blocks)
    np.testing.assert_array_equal(np.block(gradient), total)


@pytest.mark.parametrize(
    ("blocks", "error", "match"),
    [
        (lambda x: [x, [x]], ValueError, r"nested equally deep, none empty, got depths \{0, 1\}"),
        (lambda x: [[x], []], ValueError, "nested equally deep, none empty"),
        (lambda x: [[x], (x, x)], TypeError, "expected nested lists of arrays, got a tuple"),
    ],
)
def test_block_says_what_it_expects(blocks, error, match):
    with pytest.raises(error, match=match):
        np.block(blocks(tg.parameter([1.0])))


@pytest.mark.parametrize("join", [np.concatenate, np.stack, np.vstack, np.hstack])
def test_a_join_casts_to_a_dtype(join):
    x = tg.parameter([1.0, 2.0])
    y = join([x, np.ones(2)], dtype=np.float32)
    assert y.dtype == np.float32
    assert tg.gradients(np.sum(y), x).dtype == float
    whole = join([x, x], dtype=int, casting="unsafe")
    assert not isinstance(whole, tg.Tensor) or not whole.requires_grad
    with pytest.raises(TypeError, match=r"cannot cast float64 to int64 with casting='same_kind'"):
        join([x, x], dtype=int)


def test_a_join_into_an_array_is_an_error():
    x = tg.parameter([1.0, 2.0])
    for join in (np.concatenate, np.stack):
        with pytest.raises(TypeError, match=r"unexpected keyword argument .out.|calls with out="):
            join([x], out=np.zeros(2))


def test_split_into_unequal_parts_is_an_error_with_numbers():
    with pytest.raises(ValueError, match="an axis of length 3 has no 2 equal parts"):
        np.split(tg.parameter([1.0, 2.0, 3.0]), 2)
    with pytest.raises(ValueError, match=r"np\.dsplit: expected at least 3 axes, got an array of shape \(3,\)"):
        np.dsplit(tg.parameter([1.0, 2.0, 3.0]), 1)


@pytest.mark.parametrize("join", [np.stack, np.concatenate, np.vstack, np.hstack, np.block, np.column_stack])
def test_the_rule_of_a_join_of_many_is_called_once_for_all(join, monkeypatch):
    """A call of the rule for each of n arrays would take n² steps."""
    monkeypatch.setattr(registry.JointRule, "__iter__", None)  # which gives a rule for each
    leaves = [tg.parameter([[float(i)]]) for i in range(50)]
    weights = np.arange(50.0)
    tg.backward(np.sum(np.reshape(join(leaves), 50) * weights))
    assert [float(leaf.grad[0, 0]) for leaf in leaves] == weights.tolist()
