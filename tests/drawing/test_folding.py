"""The laws of folding: nothing is lost or counted twice, and what is rolled up is the same again and again."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.drawing.folding import fold
from tinygrad_dl.drawing.folding.ordering import Sequence
from tinygrad_dl.drawing.folding.rolling import rolls_of
from tinygrad_dl.drawing.graph import Graph


def parameter(rng, *shape, name=None):
    return tg.parameter(rng.normal(size=shape) / 4, name)


def graph_of(*outputs):
    return Graph(list(outputs))


# ---- programs


def mlp(layers=50, n=4):
    rng = np.random.default_rng(0)
    net = tg.nn.mlp([2, *[n] * layers, 1], output=tg.nn.sigmoid, rng=rng)
    return graph_of(np.mean(net(np.ones((2, 3))) ** 2))


def recurrent(steps=30, odd=None, losses=False, keep=()):
    """An unrolled net of five operations a step; `odd(t, h)` may change a step, `keep` are steps to give as outputs."""
    rng = np.random.default_rng(0)
    W, U, b = parameter(rng, 4, 4, name="W"), parameter(rng, 4, 2, name="U"), parameter(rng, 4, 1, name="b")
    h, total, outputs = tg.Tensor(np.zeros((4, 3)), name="h0"), 0.0, []
    for t in range(steps):
        h = np.tanh(W @ h + U @ rng.normal(size=(2, 3)) + b)
        h = odd(t, h) if odd else h
        outputs += [h] if t in keep else []
        total = total + np.mean(h**2) if losses else h
    return graph_of(np.sum(total), *outputs)


class Residual(tg.nn.Module):
    def __init__(self, n, rng):
        self.a, self.b = tg.nn.Dense(n, n, rng=rng), tg.nn.Dense(n, n, rng=rng)

    def __call__(self, x):
        centred = x - np.mean(x, axis=0, keepdims=True)
        return x + self.b(np.maximum(self.a(centred), 0))


class Stage(tg.nn.Module):
    def __init__(self, make, count):
        self.blocks = [make() for _ in range(count)]

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Cell(tg.nn.Module):
    def __init__(self, n, rng):
        self.Wx, self.Wh = tg.nn.Dense(2, n, rng=rng), tg.nn.Dense(n, n, rng=rng)

    def __call__(self, x, h):
        return np.tanh(self.Wx(x) + self.Wh(h))


class Recurrent(tg.nn.Module):
    def __init__(self, n, rng):
        self.cell, self.out = Cell(n, rng), tg.nn.Dense(n, 1, rng=rng)

    def __call__(self, xs):
        h, answers = np.zeros((4, 3)), []
        for x in xs:
            h = self.cell(x, h)
            answers.append(self.out(h))
        return np.stack(answers)


def recurrent_modules(steps=40):
    rng = np.random.default_rng(0)
    return graph_of(np.sum(Recurrent(4, rng)([rng.normal(size=(2, 3)) for _ in range(steps)])))


def residual(blocks=12):
    rng = np.random.default_rng(0)
    return graph_of(np.sum(Stage(lambda: Residual(4, rng), blocks)(parameter(rng, 4, 3, name="x"))))


def nets_in_nets(stages=5, blocks=3):
    rng = np.random.default_rng(0)
    net = Stage(lambda: Stage(lambda: Residual(4, rng), blocks), stages)
    return graph_of(np.sum(net(parameter(rng, 4, 3, name="x"))))


def attention(blocks=8):
    rng = np.random.default_rng(0)
    x = parameter(rng, 4, 3, name="x")
    for _ in range(blocks):
        q, k, v = (parameter(rng, 4, 4) @ x for _ in range(3))
        scores = np.exp(q.T @ k)
        x = x + v @ (scores / np.sum(scores, axis=0, keepdims=True))
        x = x + parameter(rng, 4, 4) @ np.maximum(parameter(rng, 4, 4) @ x, 0)
    return graph_of(np.sum(x))


def chain(length, functions=(np.tanh,)):
    rng = np.random.default_rng(0)
    y = parameter(rng, 2)
    for i in rng.integers(len(functions), size=length):
        y = functions[i](y)
    return graph_of(y)


def doubling(times=40):
    y = tg.parameter([1.0])
    for _ in range(times):
        y = y + y
    return graph_of(y)


PROGRAMS = {
    "mlp": mlp,
    "recurrent": recurrent,
    "losses": lambda: recurrent(losses=True),
    "recurrent Modules": recurrent_modules,
    "residual": residual,
    "nets in nets": nets_in_nets,
    "attention": attention,
    "chain": lambda: chain(20_000),
    "irregular chain": lambda: chain(3_000, (np.tanh, np.sin, np.cos)),
    "doubling": doubling,
    "a leaf alone": lambda: graph_of(tg.parameter([1.0])),
    "several outputs": lambda: recurrent(12, keep=(3, 4, 9)),
    "outputs inside of Modules": lambda: with_inner_outputs(),
}
WAYS = [
    {"max_nodes": None},
    {"roll": True, "max_nodes": None},
    {"depth": 0, "max_nodes": None},
    {"depth": 1, "max_nodes": None},
    {"depth": 1, "roll": True, "max_nodes": None},
    {"depth": 0, "roll": True, "max_nodes": None},
    *({"max_nodes": most} for most in (1, 2, 3, 7, 12, 25, 60, 300)),
]


def with_inner_outputs():
    rng = np.random.default_rng(0)
    net = tg.nn.mlp([2, 4, 4, 4, 4, 1], rng=rng)
    loss = np.mean(net(np.ones((2, 3))) ** 2)
    named = tg.named_tensors(loss)
    return graph_of(loss, named["Z3"], named["W2"], named["A1"])


@st.composite
def random_graphs(draw):
    """Any wiring of a few kinds of operations and leaves, with a few outputs."""
    x = [tg.parameter(np.ones(2)), tg.parameter(np.ones((2, 1)))]
    for _ in range(draw(st.integers(1, 60))):
        pick = st.integers(max(0, len(x) - draw(st.sampled_from([2, 9, 60]))), len(x) - 1)
        function = draw(st.sampled_from([np.tanh, np.sin, np.add, np.multiply, None]))
        if function is None:
            x.append(tg.parameter(np.ones(2)))
        else:
            x.append(function(*[x[draw(pick)] for _ in range(function.nin)]))
    return graph_of(*[x[i] for i in draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=5))], x[-1])


# ---- the laws of any view, checked by going over nodes and edges one by one


def check(graph, view, limit=None):
    number = len(graph.nodes)
    assert [unit.index for unit in view.units] == list(range(len(view.units)))
    assert len({unit.id for unit in view.units}) == len(view.units)
    assert sorted(member for unit in view.units for member in unit.members) == list(range(number))
    assert all(view.unit_of[member] == unit.index for unit in view.units for member in unit.members)
    for unit in view.units:
        assert (unit.node is None) == (unit.kind != "node")
        if unit.node is not None:
            assert len(unit.members) == unit.repeats
            assert unit.id == unit.node.id
            assert unit.node.index in unit.members
            assert len({described(graph.nodes[member]) for member in unit.members}) == 1
        else:
            assert unit.title
            assert unit.lines
        assert unit.is_output == any(graph.nodes[member].is_output for member in unit.members)
    check_links(graph, view)
    check_frames(view)
    if limit is not None:
        assert len(view.units) <= limit


def described(node):
    return node.kind, node.label, node.shape, str(node.array.dtype), len(node.operands)


def check_links(graph, view):
    edges = Counter((view.unit_of[tail], view.unit_of[node.index]) for node in graph.nodes for tail, _ in node.operands)
    drawn = Counter()
    for link in view.links:
        drawn[link.tail, link.head] += link.count
        tail, head, argnum = link.operand
        assert (view.unit_of[tail], view.unit_of[head]) == (link.tail, link.head)
        assert (tail, argnum) in graph.nodes[head].operands
        assert link.argnum in (None, argnum)
        assert link.loops or link.tail < link.head
    for (tail, head), count in edges.items():
        if tail != head:
            assert drawn[tail, head] == count
        else:  # inside of a group, or from one repetition to the next
            assert drawn[tail, head] <= count
            assert drawn[tail, head] == count or view.units[tail].kind != "node"
    assert drawn.keys() <= edges.keys()
    assert len({(link.tail, link.head, link.argnum, link.loops) for link in view.links}) == len(view.links)


def check_frames(view):
    seen = []
    for frame in view.frames:
        assert frame.parent is None or frame.parent in seen
        assert (frame.repeats > 1) == (frame.kind == "roll")
        seen.append(frame)
    assert len({frame.id for frame in view.frames}) == len(view.frames)
    for unit in view.units:
        times, frame = 1, unit.frame
        assert frame is None or frame in seen
        while frame is not None:
            times, frame = times * frame.repeats, frame.parent
        is_leaf = unit.node is not None and unit.node.kind != "operation"
        assert times == unit.repeats or (is_leaf and times == 1)


def drawn(link):
    return link.tail, link.head, link.argnum, link.count, link.loops


def ids(view):
    return [(u.id, u.title, u.lines, u.members, u.frame and u.frame.id) for u in view.units], view.links, view.note


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_node_is_in_one_unit_and_every_edge_in_one_link_or_inside_of_a_unit(program, way):
    if program == "chain" and way.get("max_nodes", 1) is None and "roll" not in way:
        pytest.skip("checked with fewer nodes")
    graph = PROGRAMS[program]()
    check(graph, fold(graph, **way), way["max_nodes"])


@given(random_graphs(), st.sampled_from(WAYS))
def test_the_laws_hold_for_any_graph(graph, way):
    check(graph, fold(graph, **way), way["max_nodes"])


@given(random_graphs())
def test_without_folding_the_view_is_the_graph(graph):
    view = fold(graph)
    assert [unit.node for unit in view.units] == graph.nodes
    assert view.unit_of == list(range(len(graph.nodes)))
    edges = [(tail, node.index, argnum) for node in graph.nodes for tail, argnum in node.operands]
    assert sorted((link.tail, link.head, link.argnum) for link in view.links) == sorted(edges)
    assert all(
        link.count == 1 and not link.loops and link.operand == (link.tail, link.head, link.argnum)
        for link in view.links
    )
    assert view.note == ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_program_gives_the_same_picture(program):
    make = PROGRAMS[program]
    for way in WAYS[1:8]:
        if program != "chain" or "roll" in way:
            assert ids(fold(make(), **way)) == ids(fold(make(), **way))


def test_a_plus_a_has_two_links_rolled_or_not():
    a = tg.parameter([1.0])
    assert [drawn(link)[:4] for link in fold(graph_of(a + a)).links] == [(0, 1, 0, 1), (0, 1, 1, 1)]
    view = fold(doubling(40), roll=True)
    assert [drawn(link) for link in view.links] == [
        (0, 1, 0, 1, False),
        (0, 1, 1, 1, False),
        (1, 1, 0, 39, True),
        (1, 1, 1, 39, True),
    ]


# ---- rolling: each repetition is the block again, by an oracle that compares node with node


def rolls(graph):
    sequence = Sequence(graph)
    for roll in rolls_of(sequence):
        if roll.level == 0:
            places = range(roll.start, roll.end)
            nodes = [int(sequence.which[place]) if sequence.what[place] == 0 else None for place in places]
            yield [nodes[k : k + roll.period] for k in range(0, len(nodes), roll.period)]


def assert_isomorphic(graph, blocks):
    """Each operation is like that of the next block, and its operands are the same, or as far on, or leaves alike."""
    uses = Counter(tail for node in graph.nodes for tail, _ in node.operands)
    where = {index: (b, k) for b, block in enumerate(blocks) for k, index in enumerate(block) if index is not None}
    ways = {}
    for b, (block, following) in enumerate(itertools.pairwise(blocks)):
        leaves = {}
        for k, (one, other) in enumerate(zip(block, following, strict=True)):
            assert (one is None) == (other is None)
            if one is None:
                continue
            one, other = graph.nodes[one], graph.nodes[other]
            assert described(one) == described(other)
            assert b == len(blocks) - 2 or not other.is_output
            assert not one.is_output
            for (i, argnum), (j, argnum2) in zip(one.operands, other.operands, strict=True):
                assert argnum == argnum2
                x, y = graph.nodes[i], graph.nodes[j]
                assert (x.shape, x.array.dtype) == (y.shape, y.array.dtype)
                if j in where and where[j][0] == b and b == 0 and i not in where:
                    continue  # from outside, where it later comes from the block before
                assert ways.setdefault((k, argnum), i == j) == (i == j)
                if i == j:
                    continue
                if j in where:
                    assert where[j] == (where[i][0] + 1, where[i][1])
                elif x.kind == "operation":  # of another roll, say, that goes along
                    assert i not in where
                    assert described(x) == described(y)
                else:
                    assert i not in where
                    assert x.kind == y.kind != "operation"
                    assert uses[i] == uses[j]
                    assert leaves.setdefault(i, j) == j
        assert len(set(leaves.values())) == len(leaves)


@pytest.mark.parametrize("program", PROGRAMS)
def test_rolled_blocks_are_isomorphic(program):
    graph = PROGRAMS[program]()
    found = list(rolls(graph))
    for blocks in found:
        assert_isomorphic(graph, blocks)
    operations = sum(node.kind == "operation" for node in graph.nodes)
    inside = sum(len(blocks) * sum(n is not None for n in blocks[0]) for blocks in found)
    rest = [unit for unit in fold(graph, roll=True, max_nodes=None).units if unit.repeats == 1]
    assert inside + sum(unit.node.kind == "operation" for unit in rest) == operations


@given(random_graphs())
def test_rolled_blocks_of_any_graph_are_isomorphic(graph):
    for blocks in rolls(graph):
        assert_isomorphic(graph, blocks)


@given(random_graphs(), st.integers(2, 5), st.booleans())
def test_a_repeated_program_is_found(graph, repeats, shared):
    """A block of random operations, applied to what it gave: however it is wired inside."""
    block = [node for node in graph.nodes if node.kind == "operation"][:12]
    shape = (2, 2)
    x = tg.parameter(np.ones(shape))
    W = tg.parameter(np.ones(shape))
    for _ in range(repeats):
        values = {}
        V = W if shared else tg.parameter(np.ones(shape))
        last = x = np.exp(x * V)
        for node in block:
            args = [values.get(i, x if i % 2 else last) for i, _ in node.operands]
            values[node.index] = last = node.function(*args)
        x = np.arctan(last + x + sum(values.values(), x))
    whole = graph_of(x)
    once = sum(node.kind == "operation" for node in whole.nodes) // repeats
    [blocks] = rolls(whole)
    assert (len(blocks), len(blocks[0])) == (repeats, once)
    assert_isomorphic(whole, blocks)


def test_fifty_layers_are_one_and_the_first_and_the_last_stay():
    view = fold(mlp(50), roll=True)
    assert Counter(unit.repeats for unit in view.units) == {1: 11, 49: 4}
    assert {unit.title: unit.lines for unit in view.units if unit.repeats == 49} == {
        "W2 … W50": ["49 different ones"],
        "b2 … b50": ["49 different ones"],
        "Z2 … Z50": [],
        "A2 … A50": [],
    }
    titles = [[frame.title, frame.parent and frame.parent.title] for frame in view.frames]
    assert ["×49", "Sequential"] in titles
    assert ["layers.2: Dense(4, 4)", "×49"] in titles


def test_shared_parameters_stay_themselves_and_data_of_each_step_are_one_unit():
    view = fold(recurrent(30), roll=True)
    leaves = {u.title or u.node.title: u.repeats for u in view.units if u.node.kind != "operation"}
    assert leaves == {"W": 1, "U": 1, "b": 1, "h0": 1, "data": 30}
    assert [(link.count, link.argnum) for link in view.links if link.loops] == [(29, 1)]


def test_a_roll_in_a_roll_stands_for_the_product():
    view = fold(nets_in_nets(5, 3), roll=True)
    assert {frame.title for frame in view.frames if frame.kind == "roll"} == {"×5", "×3"}
    assert max(unit.repeats for unit in view.units) == 15


ODD = {
    "a constant": lambda t, h: h * (0.5 if t != 15 else 0.5000001),
    "a function": lambda t, h: np.exp(h) if t != 15 else np.expm1(h),
    "the order of operands": lambda t, h: h - np.cos(h) if t != 15 else np.cos(h) - h,
    "a setting": lambda t, h: h - np.sum(h, axis=0, keepdims=True) if t != 15 else h - np.sum(h, axis=1, keepdims=True),
    "wiring": lambda t, h: np.sin(h) * np.cos(h) if t != 15 else np.sin(h) * np.cos(np.sin(h)),
    "one more": lambda t, h: h if t != 15 else np.sin(h),
    "a parameter": lambda t, h: h + tg.parameter(np.ones((4, 3)), "c" if t != 15 else "d"),
    "kind of leaf": lambda t, h: h + (tg.parameter(np.ones((4, 3))) if t != 15 else np.ones((4, 3))),
    "dtype": lambda t, h: h + (np.ones((4, 3)) if t != 15 else np.ones((4, 3), np.float32)),
    "shape": lambda t, h: h + tg.parameter(np.ones((4, 3) if t != 15 else (4, 1))),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_step_that_differs_is_not_swallowed(odd):
    same, other = recurrent(30, lambda t, h: ODD[odd](0, h)), recurrent(30, ODD[odd])
    whole, parts = list(rolls(same)), list(rolls(other))
    assert [len(blocks) for blocks in whole] == [30]
    for blocks in parts:
        assert_isomorphic(other, blocks)
        assert len(blocks) <= 16


def test_steps_that_take_the_same_and_steps_that_take_one_further_on_are_two_kinds():
    states = []

    def look_back(t, h):
        states.append(np.sin(h))
        return (h + states[max(0, t - 15)]) * states[t]

    graph = recurrent(30, look_back)
    found = list(rolls(graph))
    assert sorted(len(blocks) for blocks in found) == [14, 15]
    for blocks in found:
        assert_isomorphic(graph, blocks)


def test_a_state_that_is_used_elsewhere_ends_its_roll():
    states = []
    recurrent(30, lambda t, h: states.append(h) or h)
    assert [len(blocks) for blocks in rolls(graph_of(states[-1] * states[9]))] == [10, 20]
    assert [len(blocks) for blocks in rolls(graph_of(np.stack(states)))] == [30]


def test_what_is_repeated_in_the_first_repetition_only_is_no_roll_in_it():
    z = s = t = np.sin(tg.parameter(np.ones(2)))
    for _ in range(6):
        first = np.tanh(np.cos(z) + s)  # like the next line, but only while both take the same
        z = np.tanh(first + t)
        s, t = first, z
    assert [(roll.repeats, roll.level) for roll in rolls_of(Sequence(graph_of(z)))] == [(6, 0)]


def test_blocks_that_take_different_values_from_outside_are_no_repetitions():
    x = np.exp(tg.parameter(np.ones(2)))
    y = np.arctan(x)
    h = np.tanh(np.cos(x * (x + y)))
    for other, found in [(x, 1), (y, 0)]:
        assert len(list(rolls(graph_of(np.tanh(np.cos(other * h)))))) == found


def test_outputs_are_never_hidden():
    for keep in [(3,), (3, 4, 9), range(12)]:
        graph = recurrent(12, keep=keep)
        for way in WAYS:
            view = fold(graph, **way)
            if way["max_nodes"] is None or way["max_nodes"] > 2 * len(graph.outputs):
                for index in graph.outputs:
                    unit = view.units[view.unit_of[index]]
                    assert unit.is_output
                    assert sum(graph.nodes[member].is_output for member in unit.members) == 1
                    assert not unit.node or unit.repeats == 1 or index == max(unit.members)
    graph = with_inner_outputs()
    view = fold(graph, depth=0)
    for index in graph.outputs:
        assert index == max(view.units[view.unit_of[index]].members)


# ---- Modules


def test_depth_sums_up_modules_from_outside_in():
    graph = nets_in_nets(2, 3)
    titles = [[unit.title for unit in fold(graph, depth=depth).units if unit.kind == "module"] for depth in range(4)]
    assert titles[0] == ["Stage"]
    assert titles[1] == ["blocks.0: Stage", "blocks.1: Stage"]
    assert titles[2] == [f"blocks.{i}: Residual" for i in range(3)] * 2
    assert titles[3] == ["a: Dense(4, 4)", "b: Dense(4, 4)"] * 6


def test_a_module_says_what_is_in_it():
    unit = fold(mlp(50), depth=0).units[1]
    assert unit.title == "Sequential"
    assert unit.lines == ["102 operations, 997 parameters", "51 affine, 50 tanh, 1 sigmoid", "(1, 3)"]
    [unit] = [unit for unit in fold(mlp(50), depth=1, roll=True).units if unit.kind == "module" and unit.repeats > 1]
    assert unit.title == "layers.2 … layers.98: Dense(4, 4)"
    assert unit.lines == ["1 operation, 20 parameters each", "(4, 3)"]


def test_members_of_a_module_are_what_was_computed_in_it():
    graph = residual(4)
    for unit in fold(graph, depth=1).units:
        if unit.kind == "module":
            [scope] = {node.scope.path[1] for node in map(graph.nodes.__getitem__, unit.members)}
            assert unit.title == scope.title
            inside = {node.index for node in graph.nodes if node.scope and scope in node.scope.path}
            assert inside == set(unit.members)


def test_modules_that_need_each_other_are_no_cycle():
    """A state that a call kept, and that was not its result, looks as if it was computed in the next call."""

    class Stateful(tg.nn.Module):
        def __init__(self):
            self.state = [tg.parameter(np.ones(2))]

        def __call__(self, x):
            self.state = [np.sin(self.state[0] + x)]
            return self.state[0] * 2

    net = Stateful()
    x = tg.parameter(np.ones(2))
    for _ in range(6):
        x = net(x)
    graph = graph_of(np.sum(x))
    for way in WAYS:
        check(graph, fold(graph, **way), way["max_nodes"])


def test_a_scope_with_something_from_outside_in_its_middle_is_left_out():
    graph = graph_of(np.tanh(np.tanh(Stage(lambda: np.sin, 1)(tg.parameter(np.ones(2))))))
    graph.nodes[3].scope = graph.nodes[1].scope
    for way in WAYS:
        view = fold(graph, **way)
        check(graph, view, way["max_nodes"])
        if way["max_nodes"] is None and not way.get("roll"):
            assert len(view.units) == 4


# ---- what is said, and refused


def test_a_note_tells_which_way_was_taken_and_how_to_see_all():
    assert fold(mlp(50), max_nodes=20).note == (
        "207 nodes in 15: repeated blocks are drawn once (×N). max_nodes=207 draws them all."
    )
    assert fold(mlp(50), max_nodes=10).note == (
        "207 nodes in 9: repeated blocks are drawn once (×N), Modules are summed up from depth 1 on. "
        "max_nodes=207 draws them all."
    )
    view = fold(chain(3_000, (np.tanh, np.sin, np.cos)))
    assert (
        view.note
        == f"3,001 nodes in {len(view.units)}: runs of operations are summed up. max_nodes=3001 draws them all."
    )
    assert len(view.units) <= 60
    assert all(unit.kind == "segment" and "operations" in unit.title for unit in view.units[:-1])
    assert fold(mlp(50), depth=0).note == fold(mlp(50)).note == ""


@pytest.mark.parametrize(
    ("error", "settings"),
    [
        (ValueError, {"depth": -1}),
        (ValueError, {"max_nodes": 0}),
        (TypeError, {"depth": 1.5}),
        (TypeError, {"depth": True}),
        (TypeError, {"max_nodes": "all"}),
        (TypeError, {"roll": 3}),
    ],
    ids=str,
)
def test_bad_settings_are_refused_with_a_way_out(error, settings):
    [(name, value)] = settings.items()
    with pytest.raises(error, match=rf"{name}: expected .* got {value!r}: .*draws"):
        fold(doubling(3), **settings)


@pytest.mark.parametrize("make", [lambda: recurrent(833), lambda: chain(40_000)])
def test_a_large_graph_of_repeated_blocks_is_small(make):
    assert len(fold(make()).units) < 20
