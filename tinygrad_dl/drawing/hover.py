"""The style sheet that shows the way of a node under the pointer in a picture, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import unescape

_EDGE = re.compile(r'<g id="([^"]+)" class="edge\b[^>]*>\s*<title>([^<]*)</title>')
_NODE = re.compile(r'<g id="([^"]+)" class="node\b')
_LARGEST = 40_000  # characters: of a larger picture, only the neighbours of a node stand out
_PALE = "{ opacity: 0.2 }"
_PLAIN = "a:hover { text-decoration: none }"  # what has a tooltip is a link to Graphviz, which JupyterLab underlines


def hover_css(svg: str) -> str:
    """Rules, to be nested in one for the picture, that make pale what a node does not depend on, nor depends on it.

    >>> edge = '<g id="e0-1-0" class="edge"><title>n0&#45;&gt;n1</title></g>'
    >>> nodes = '<g id="n0" class="node"></g><g id="n1" class="node"></g><g id="n2" class="node"></g>'
    >>> print(hover_css(nodes + edge))
    a:hover { text-decoration: none }
    &:has(#n0:hover) :is(.node, .edge):not(#n0,#n1,#e0-1-0) { opacity: 0.2 }
    &:has(#n1:hover) :is(.node, .edge):not(#n0,#n1,#e0-1-0) { opacity: 0.2 }
    &:has(#n2:hover) :is(.node, .edge):not(#n2) { opacity: 0.2 }
    """
    nodes = [unescape(id) for id in _NODE.findall(svg)]  # Graphviz writes a hyphen as &#45;
    heads: dict[str, list[tuple[str, str]]] = {node: [] for node in nodes}
    tails: dict[str, list[tuple[str, str]]] = {node: [] for node in nodes}
    for id, title in _EDGE.findall(svg):
        tail, head = (end.partition(":")[0] for end in unescape(title).split("->"))
        heads.setdefault(tail, []).append((unescape(id), head))
        tails.setdefault(head, []).append((unescape(id), tail))
    rules = [_PLAIN]
    length = 0
    for node in nodes:
        rules.append(_rule(node, _reached(node, heads) | _reached(node, tails)))
        length += len(rules[-1])
        if length > _LARGEST:
            return "\n".join([_PLAIN, *(_rule(one, _near(one, heads) | _near(one, tails)) for one in nodes)])
    return "\n".join(rules)


def _rule(node: str, way: Iterable[str]) -> str:
    ids = ",".join(f"#{id}" for id in sorted({node, *way}, key=lambda id: (id.startswith("e"), id)))
    return f"&:has(#{node}:hover) :is(.node, .edge):not({ids}) {_PALE}"


def _near(node: str, ends: Mapping[str, list[tuple[str, str]]]) -> set[str]:
    return {id for pair in ends.get(node, ()) for id in pair}


def _reached(node: str, ends: Mapping[str, list[tuple[str, str]]]) -> set[str]:
    """All nodes and edges on the ways from `node`."""
    found, waiting = {node}, [node]
    while waiting:
        for edge, end in ends.get(waiting.pop(), ()):
            found.add(edge)
            if end not in found:
                found.add(end)
                waiting.append(end)
    return found
