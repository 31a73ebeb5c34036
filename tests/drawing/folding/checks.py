"""The laws of any view, checked by going over nodes and edges one by one."""

import itertools
from collections import Counter

import numpy as np


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
            assert unit.lines or unit.kind == "segment"
        assert unit.is_output == any(graph.nodes[member].is_output for member in unit.members)
    check_links(graph, view)
    check_frames(view)
    for frame in view.frames:
        if frame.kind == "roll":
            check_run(graph, view, frame)
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


def blocks_of(graph, view, frame):
    """The operations of each block of a run, the same place first; a list for each repetition of the frames around."""
    outer = frame.times // frame.repeats
    places = []
    for unit in view.units:
        if unit.frame and frame in unit.frame.around:
            operations = [member for member in unit.members if graph.nodes[member].kind == "operation"]
            if operations:
                places.append(np.reshape(operations, (outer, frame.repeats, -1)))
    return np.concatenate(places, axis=2).tolist()


def check_run(graph, view, frame):
    """Each block is like the one before: functions, shapes, operands, uses."""
    users = {}
    for node in graph.nodes:
        for tail, _ in node.operands:
            users.setdefault(tail, []).append(node.index)
    for blocks in blocks_of(graph, view, frame):
        where = {index: (b, k) for b, block in enumerate(blocks) for k, index in enumerate(block)}
        inside = [range(min(block), max(block) + 1) for block in blocks]
        assert all(a.stop <= b.start for a, b in itertools.pairwise(inside))
        ways, leaves, loops = {}, {}, set()
        for b, (block, following) in enumerate(itertools.pairwise(blocks)):
            for k, (one, other) in enumerate(zip(block, following, strict=True)):
                one, other = graph.nodes[one], graph.nodes[other]
                assert described(one) == described(other)
                assert not one.is_output
                for (x, argnum), (y, argnum2) in zip(one.operands, other.operands, strict=True):
                    assert argnum == argnum2
                    if y in where and where[y][0] == b and b == 0 and x not in where:
                        loops.add((k, argnum))
                        continue  # from before the run, where the next block takes a value of this one
                    assert ways.setdefault((k, argnum), x == y) == (x == y)
                    if y in where:
                        assert where[y] == (where[x][0] + 1, where[x][1])
                        assert where[y][0] in (b, b + 1)
                        loops |= {(k, argnum)} if where[y][0] == b else set()
                    elif x != y:
                        assert x not in where
                        assert described(graph.nodes[x]) == described(graph.nodes[y])
                        is_leaf = graph.nodes[x].kind != "operation"
                        assert view.unit_of[x] == view.unit_of[y] or is_leaf
                        assert not is_leaf or leaves.setdefault((x, b), y) == y
        for b, (block, following) in enumerate(itertools.pairwise(blocks)):
            if b < len(blocks) - 2 or not loops:
                for one, other in zip(block, following, strict=True):
                    uses = [
                        Counter(described(graph.nodes[user]) for user in users.get(x, ()) if user not in where)
                        for x in (one, other)
                    ]
                    assert uses[0] == uses[1]


def drawn(link):
    return link.tail, link.head, link.argnum, link.count, link.loops


def ids(view):
    return [(u.id, u.title, u.lines, u.members, u.frame and u.frame.id) for u in view.units], view.links, view.note
