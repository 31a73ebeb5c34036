"""The laws of any view, checked by going over nodes and edges one by one."""

from collections import Counter


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
