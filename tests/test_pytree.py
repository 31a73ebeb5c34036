"""Trees of values: taken apart and put together again."""

from collections import namedtuple

from hypothesis import given
from hypothesis import strategies as st

from tinygrad_dl import pytree

Pair = namedtuple("Pair", "x y")

trees = st.recursive(
    st.integers() | st.none() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)


@given(trees)
def test_a_tree_rebuilt_from_its_own_leaves_is_the_tree(tree):
    again = pytree.rebuilt(tree, pytree.leaves(tree))
    assert again == tree
    assert repr(again) == repr(tree)  # types, and the order of keys


@given(trees)
def test_mapped_acts_on_every_leaf_in_order_and_on_nothing_else(tree):
    seen = []
    pytree.mapped(seen.append, tree)
    assert seen == list(pytree.leaves(tree))
    assert None not in seen


def test_a_tree_is_not_changed_by_being_mapped():
    tree = {"a": [1, (2, None)], "b": Pair(3, {})}
    assert pytree.mapped(lambda x: x * 10, tree) == {"a": [10, (20, None)], "b": Pair(30, {})}
    assert tree == {"a": [1, (2, None)], "b": Pair(3, {})}
    assert list(pytree.leaves(tree)) == [1, 2, 3]
    assert list(pytree.leaves(None)) == []
    assert list(pytree.leaves(5)) == [5]
