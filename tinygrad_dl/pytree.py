"""Trees: nested lists, tuples, dicts and dataclasses, as one flat list of leaves and back.

`None` has no leaves; any other object is a leaf. `register` adds container classes, as `nn.Module` does for itself:
its leaves are its parameters, by name.
"""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

_kinds: dict[type, tuple[Callable[..., Any], Callable[..., Any]]] = {}


def register(kind: type, flatten: Callable[[Any], dict[str, Any]], unflatten: Callable[[Any, list[Any]], Any]) -> None:
    """Treat objects of class `kind`, and of its subclasses, as containers.

    `flatten(x)` returns their values by name; `unflatten(x, values)` returns a copy of `x` with other values.
    Derivatives with respect to an `x` are a dict by those names, because they need not be valid values for it.
    """
    _kinds[kind] = flatten, unflatten


def registered() -> tuple[type, ...]:
    """Return the container classes that were added by `register`."""
    return tuple(_kinds)


def leaves(tree: Any) -> Iterator[Any]:
    """Yield the leaves of `tree`, in order.

    >>> list(leaves({"W": 1.0, "b": [2.0, (3.0, None)]}))
    [1.0, 2.0, 3.0]
    """
    stack = [tree]  # instead of recursion, here and below, so that no tree is too deep
    while stack:
        tree = stack.pop()
        parts = children(tree)
        if parts is not None:
            stack += reversed(parts.values())
        elif tree is not None:
            yield tree


def leaves_like(like: Any, tree: Any) -> Iterator[Any]:
    """Yield the leaves of `tree` in the order of `like`, by key in dicts. Raises ValueError if the structures differ.

    A None of `tree` in the place of a subtree is repeated for every leaf in that subtree.

    >>> list(leaves_like({"W": 1.0, "b": [2.0, 3.0]}, {"b": [20, 30], "W": 10}))
    [10, 20, 30]
    """
    stack = [(like, tree)]
    while stack:
        like, tree = stack.pop()
        expected = children(like)
        if expected is None:
            if like is not None:
                yield tree
            continue
        if tree is None:
            stack += [(part, None) for part in expected.values()]
            continue
        found = tree if isinstance(tree, dict) and _functions_of(like) else children(tree)  # a Module's derivative
        mixed = isinstance(tree, dict) != isinstance(like, dict) and not _functions_of(like)
        if mixed or found is None or found.keys() != expected.keys():
            raise ValueError(f"expected {_describe(like)}, got {tree!r:.60}.")
        stack += reversed([(part, found[key]) for key, part in expected.items()])


def broadcast_prefix(prefix: Any, tree: Any) -> Iterator[Any]:
    """Broadcast the leaves of `prefix` to those of `tree`, and yield one for each leaf of `tree`.

    A leaf, or a None, of `prefix` in the place of a subtree is repeated for every leaf in that subtree.

    >>> list(broadcast_prefix({"W": 0, "b": None}, {"W": [1.0, 2.0], "b": [3.0, 4.0]}))
    [0, 0, None, None]
    """
    stack = [(prefix, tree)]
    while stack:
        prefix, tree = stack.pop()
        given, parts = children(prefix), children(tree)
        if given is None:
            yield from itertools.repeat(prefix, sum(1 for _ in leaves(tree)))
        elif parts is None or given.keys() != parts.keys():
            raise ValueError(f"expected {_describe(tree)}, or one for all of it, got {prefix!r:.60}.")
        else:
            stack += reversed([(given[key], part) for key, part in parts.items()])


def unflatten(tree: Any, values: Iterable[Any]) -> Any:
    """Build the structure of `tree` with `values` as its leaves.

    >>> unflatten({"W": 1.0, "b": [2.0, (3.0, None)]}, [10, 20, 30])
    {'W': 10, 'b': [20, (30, None)]}
    """
    supply = iter(values)
    return map_leaves(lambda _: next(supply), tree)


def unflatten_derivatives(tree: Any, values: Iterable[Any]) -> Any:
    """Build the structure of `tree` with derivatives as its leaves: a Module becomes a dict by name."""
    supply = iter(values)
    return _map(tree, lambda _: next(supply), (), _derivative_with_children)


def _derivative_with_children(tree: Any, parts: Sequence[Any]) -> Any:
    return dict(zip(children(tree) or (), parts, strict=True)) if _functions_of(tree) else with_children(tree, parts)


def map_leaves(function: Callable[[Any], Any], tree: Any, whole: type | tuple[type, ...] = ()) -> Any:
    """Apply `function` to every leaf of `tree`, and keep the structure. Objects of a type in `whole` are leaves."""
    return _map(tree, function, whole, with_children)


def _map(tree: Any, function: Callable, whole: type | tuple[type, ...], close: Callable[[Any, list], Any]) -> Any:
    """Apply `function` to every leaf; `close(node, parts)` rebuilds each container from its new parts."""
    done: list[Any] = []
    stack: list[tuple[Any, int]] = [(tree, -1)]
    while stack:
        tree, count = stack.pop()
        if count >= 0:  # its parts are the last `count` elements of `done`
            start = len(done) - count
            done[start:] = [close(tree, done[start:])]
            continue
        parts = None if isinstance(tree, whole) else children(tree)
        if parts is None:
            done.append(None if tree is None else function(tree))
        else:
            stack.append((tree, len(parts)))
            stack += reversed([(part, -1) for part in parts.values()])
    return done[0]


def labelled_leaves(tree: Any, label: str, whole: type | tuple[type, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of `tree`, each with the expression that accesses it.

    >>> list(labelled_leaves({"W": 1.0, "b": [2.0, (3.0, None)]}, "p"))
    [("p['W']", 1.0), ("p['b'][0]", 2.0), ("p['b'][1][0]", 3.0)]
    """
    stack = [(tree, label)]
    while stack:
        tree, label = stack.pop()
        parts = None if isinstance(tree, whole) else children(tree)
        if parts is not None:
            form = "[{!r}]" if isinstance(tree, (dict, list, tuple)) else ".{}"
            stack += reversed([(part, label + form.format(key)) for key, part in parts.items()])
        elif tree is not None:
            yield label, tree


# ---- one level of a tree


def children(tree: Any) -> dict[Any, Any] | None:
    """Return the children of the root of `tree`, by key, position or name; None if it is a leaf."""
    functions = _functions_of(tree)
    if functions:
        return functions[0](tree)
    if isinstance(tree, dict):
        return tree
    if isinstance(tree, (list, tuple)):
        return dict(enumerate(tree))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return {f.name: getattr(tree, f.name) for f in dataclasses.fields(tree) if hasattr(tree, f.name)}
    return None


def with_children(tree: Any, parts: Sequence[Any]) -> Any:
    """Copy the root of `tree` with `parts` as its children."""
    functions = _functions_of(tree)
    if functions:
        return functions[1](tree, parts)
    if type(tree) in (dict, list, tuple):
        return dict(zip(tree, parts, strict=True)) if type(tree) is dict else type(tree)(parts)
    if isinstance(tree, (list, tuple)):
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    new = copy.copy(tree)  # calls no __init__ or __post_init__
    if isinstance(tree, dict):
        new.update(zip(tree, parts, strict=True))
    else:
        for name, part in zip(children(tree) or (), parts, strict=True):
            object.__setattr__(new, name, part)  # frozen or not
    return new


def _functions_of(tree: Any) -> tuple[Callable, Callable] | None:
    for kind in type(tree).__mro__ if _kinds else ():
        if kind in _kinds:
            return _kinds[kind]
    return None


def _describe(like: Any) -> str:
    parts = children(like)
    kind = type(like).__name__
    if parts is None:
        return f"one {kind}"
    if isinstance(like, (list, tuple)):
        return f"a {kind} of {len(like)}"
    return f"a {'dict' if _functions_of(like) else kind} with the keys {list(parts)}"
