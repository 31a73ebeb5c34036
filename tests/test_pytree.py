"""Trees of values: taken apart and put together again."""

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import batching, pytree

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
def test_a_tree_unflattened_from_its_own_leaves_is_the_tree(tree):
    again = pytree.unflatten(tree, pytree.leaves(tree))
    assert again == tree
    assert repr(again) == repr(tree)  # types, and the order of keys


@given(trees)
def test_map_leaves_acts_on_every_leaf_in_order_and_on_nothing_else(tree):
    seen = []
    pytree.map_leaves(seen.append, tree)
    assert seen == list(pytree.leaves(tree))
    assert None not in seen


def test_map_leaves_does_not_change_the_tree():
    tree = {"a": [1, (2, None)], "b": Pair(3, {})}
    assert pytree.map_leaves(lambda x: x * 10, tree) == {"a": [10, (20, None)], "b": Pair(30, {})}
    assert tree == {"a": [1, (2, None)], "b": Pair(3, {})}
    assert list(pytree.leaves(tree)) == [1, 2, 3]
    assert list(pytree.leaves(None)) == []
    assert list(pytree.leaves(5)) == [5]


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: object
    y: object = None
    z: object = dataclasses.field(init=False)  # never given

    def __post_init__(self):
        object.__setattr__(self, "y", "made by __init__" if self.y is None else self.y)


def test_the_children_of_a_dataclass_are_its_fields_and_it_is_copied_without_its_init():
    tree = [Frozen(1, {"a": 2})]
    assert list(pytree.leaves(tree)) == [1, 2]
    again = pytree.map_leaves(lambda x: x * 10, tree)
    assert type(again[0]) is Frozen
    assert (again[0].x, again[0].y) == (10, {"a": 20})
    assert not hasattr(again[0], "z")
    assert [label for label, _ in pytree.labelled_leaves(tree, "p")] == ["p[0].x", "p[0].y['a']"]
    assert pytree.map_leaves(lambda x: None, Frozen(1, 2)).y is None  # not made by __post_init__
    assert list(pytree.leaves(Frozen)) == [Frozen]  # the class itself is a value


class Opened:
    def __init__(self, **parts):
        self.parts = parts


class Derived(Opened):
    pass


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(pytree, "_kinds", dict(pytree._kinds))

    def unflatten(x, values):
        return type(x)(**dict(zip(x.parts, values, strict=True)))

    pytree.register(Opened, lambda x: x.parts, unflatten)


@pytest.mark.usefixtures("registered")
def test_a_registered_class_and_its_subclasses_have_children_and_derivatives_are_dicts():
    tree = (Derived(a=1, b=[2, 3]), 4)
    assert list(pytree.leaves(tree)) == [1, 2, 3, 4]
    again = pytree.map_leaves(lambda x: -x, tree)
    assert type(again[0]) is Derived
    assert again[0].parts == {"a": -1, "b": [-2, -3]}
    assert pytree.unflatten_derivatives(tree, [10, 20, 30, 40]) == ({"a": 10, "b": [20, 30]}, 40)
    assert list(pytree.leaves_like(tree, ({"b": [2, 3], "a": 1}, 4))) == [1, 2, 3, 4]
    assert list(pytree.leaves_like(tree, again)) == [-1, -2, -3, -4]
    assert [label for label, _ in pytree.labelled_leaves(tree, "p")] == ["p[0].a", "p[0].b[0]", "p[0].b[1]", "p[1]"]
    assert pytree.map_leaves(lambda x: type(x), tree, whole=Opened) == (Derived, int)


@given(trees)
def test_a_tree_is_like_itself_and_one_value_is_broadcast_to_all_leaves(tree):
    values = list(pytree.leaves(tree))
    assert list(pytree.leaves_like(tree, tree)) == values
    assert list(pytree.broadcast_prefix(7, tree)) == [7] * len(values)
    assert list(pytree.leaves_like([tree, 1], [None, 2])) == [None] * len(values) + [2]
    assert pytree.unflatten_derivatives(tree, values) == tree


def test_kinds_of_dicts_are_kept():
    tree = OrderedDict(b=1, a=defaultdict(list, x=2))
    again = pytree.map_leaves(lambda x: -x, tree)
    assert type(again) is OrderedDict
    assert type(again["a"]) is defaultdict
    assert (list(again), again["b"], again["a"]["x"]) == (["b", "a"], -1, -2)
    assert tree["b"] == 1


@pytest.mark.parametrize(
    ("like", "tree"), [({"a": 1}, [1]), ([1], {0: 1}), ({0: 1}, [1]), ((1, 2), (1,)), (Frozen(1, 2), {"x": 1, "y": 2})]
)
def test_another_structure_is_an_error(like, tree):
    with pytest.raises(ValueError, match="expected a"):
        list(pytree.leaves_like(like, tree))


def test_a_prefix_of_another_structure_is_an_error():
    with pytest.raises(ValueError, match=r"expected a dict with the keys \['a'\], or one for all of it"):
        list(pytree.broadcast_prefix({"b": 0}, {"a": 1}))
    with pytest.raises(ValueError, match="expected one int, or one for all of it"):
        list(pytree.broadcast_prefix([0], 1))


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (1, x), lambda x: {"k": x}])
def test_no_structure_is_too_deep(wrap):
    deep = np.array(2.0)
    for _ in range(1500):
        deep = wrap(deep)

    def inner(tree):
        while not isinstance(tree, (np.ndarray, np.generic, tg.Tensor, batching.Batched)):
            tree = tree["k"] if isinstance(tree, dict) else tree[-1]
        return tree

    assert inner(tg.grad(lambda p: inner(p) ** 3)(deep)) == 12.0
    value, pullback = tg.vjp(lambda p: pytree.map_leaves(lambda x: x, p), deep)
    assert inner(pullback(value)[0]) == 2.0
    assert sum(1 for _ in pytree.labelled_leaves(deep, "p")) == sum(1 for _ in pytree.broadcast_prefix(0, deep))
    many = pytree.map_leaves(lambda x: np.array([x, x]), deep)
    assert inner(tg.vmap(lambda p: inner(p) * 2)(many)).tolist() == [4.0, 4.0]


def test_no_module_is_too_deep():
    class Wrapped(tg.nn.Module):
        def __init__(self, inner):
            self.inner = inner

    module = w = tg.parameter(3.0)
    for i in range(1500):
        module = Wrapped([module] if i % 2 else module)
    assert module.parameters() == [w]
    [slope] = tg.grad(lambda m: m.parameters()[0] ** 2)(module).values()
    assert slope.item() == 6.0
