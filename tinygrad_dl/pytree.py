"""Lists, tuples, dicts and dataclasses of values, nested in any way, as one flat list and back.

`None` holds no value, and what is none of these is a value. Other classes can be opened too: `register` says how, as
`nn.Module` does for its parameters, by name.
"""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

_kinds: dict[type, tuple[Callable, Callable]] = {}


def register(kind: type, flatten: Callable[[Any], dict[str, Any]], unflatten: Callable[[Any, list], Any]) -> None:
    """Open objects of a class, and of those derived from it.

    `flatten(x)` gives its values by name, `unflatten(x, values)` a copy of `x` with others in their places. What is
    computed for each value, such as a derivative, need not make sense in an `x`: it comes as a dict of the names.
    """
    _kinds[kind] = flatten, unflatten


def leaves(tree: Any) -> Iterator[Any]:
    """The values in `tree`, in order; `None` holds none.

    >>> list(leaves({"W": 1.0, "b": [2.0, (3.0, None)]}))
    [1.0, 2.0, 3.0]
    """
    stack = [tree]  # of its own, as in all that follow, so that no structure is too deep
    while stack:
        tree = stack.pop()
        parts = opened(tree)
        if parts is not None:
            stack += reversed(parts.values())
        elif tree is not None:
            yield tree


def leaves_like(like: Any, tree: Any) -> Iterator[Any]:
    """The values in `tree` in the places of those in `like`: by key in dicts. Raises ValueError for another structure.

    >>> list(leaves_like({"W": 1.0, "b": [2.0, 3.0]}, {"b": [20, 30], "W": 10}))
    [10, 20, 30]
    """
    stack = [(like, tree)]
    while stack:
        like, tree = stack.pop()
        expected = opened(like)
        if expected is None:
            if like is not None:
                yield tree
            continue
        found = tree if isinstance(tree, dict) and _opener(like) else opened(tree)  # a derivative by a Module is a dict
        mixed = isinstance(tree, dict) != isinstance(like, dict) and not _opener(like)
        if mixed or found is None or found.keys() != expected.keys():
            raise ValueError(f"expected {_described(like)}, got {tree!r:.60}.")
        stack += reversed([(part, found[key]) for key, part in expected.items()])


def leaves_spread(prefix: Any, tree: Any) -> Iterator[Any]:
    """For each value in `tree` what `prefix` says of it: a structure like that of `tree`, or a part of it.

    Whatever `prefix` has in the place of a list, say, holds for all that is in the list; so does a `None`.

    >>> list(leaves_spread({"W": 0, "b": None}, {"W": [1.0, 2.0], "b": [3.0, 4.0]}))
    [0, 0, None, None]
    """
    stack = [(prefix, tree)]
    while stack:
        prefix, tree = stack.pop()
        given, parts = opened(prefix), opened(tree)
        if given is None:
            yield from itertools.repeat(prefix, sum(1 for _ in leaves(tree)))
        elif parts is None or given.keys() != parts.keys():
            raise ValueError(f"expected {_described(tree)}, or one for all of it, got {prefix!r:.60}.")
        else:
            stack += reversed([(given[key], part) for key, part in parts.items()])


def rebuilt(tree: Any, values: Iterable[Any]) -> Any:
    """The structure of `tree` around other `values`.

    >>> rebuilt({"W": 1.0, "b": [2.0, (3.0, None)]}, [10, 20, 30])
    {'W': 10, 'b': [20, (30, None)]}
    """
    supply = iter(values)
    return mapped(lambda _: next(supply), tree)


def derivatives(tree: Any, values: Iterable[Any]) -> Any:
    """The structure of `tree` around what was computed for each of its values: a Module becomes a dict of names."""
    supply = iter(values)
    return _built(tree, lambda _: next(supply), (), _closed_derivative)


def _closed_derivative(tree: Any, parts: Sequence[Any]) -> Any:
    return dict(zip(opened(tree) or (), parts, strict=True)) if _opener(tree) else closed(tree, parts)


def mapped(function: Callable[[Any], Any], tree: Any, whole: type | tuple[type, ...] = ()) -> Any:
    """`function` of every value in `tree`, in the same structure. An object of a type in `whole` is one value."""
    return _built(tree, function, whole, closed)


def _built(tree: Any, function: Callable, whole: type | tuple[type, ...], close: Callable[[Any, list], Any]) -> Any:
    """`function` of every value in `tree`, in structures that `close` makes of the old ones and what is in them."""
    done: list[Any] = []
    stack: list[tuple[Any, int]] = [(tree, -1)]
    while stack:
        tree, count = stack.pop()
        if count >= 0:  # its parts are the last that are done
            start = len(done) - count
            done[start:] = [close(tree, done[start:])]
            continue
        parts = None if isinstance(tree, whole) else opened(tree)
        if parts is None:
            done.append(None if tree is None else function(tree))
        else:
            stack.append((tree, len(parts)))
            stack += reversed([(part, -1) for part in parts.values()])
    return done[0]


def labelled(tree: Any, label: str, whole: type | tuple[type, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The values in `tree` as `leaves` gives them, each with what one would write to get at it.

    >>> list(labelled({"W": 1.0, "b": [2.0, (3.0, None)]}, "p"))
    [("p['W']", 1.0), ("p['b'][0]", 2.0), ("p['b'][1][0]", 3.0)]
    """
    stack = [(tree, label)]
    while stack:
        tree, label = stack.pop()
        parts = None if isinstance(tree, whole) else opened(tree)
        if parts is not None:
            form = "[{!r}]" if isinstance(tree, (dict, list, tuple)) else ".{}"
            stack += reversed([(part, label + form.format(key)) for key, part in parts.items()])
        elif tree is not None:
            yield label, tree


# ---- one level of a structure


def opened(tree: Any) -> dict[Any, Any] | None:
    """What is in `tree`, by key, position or name; None if it is a value."""
    opener = _opener(tree)
    if opener:
        return opener[0](tree)
    if isinstance(tree, dict):
        return tree
    if isinstance(tree, (list, tuple)):
        return dict(enumerate(tree))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return {f.name: getattr(tree, f.name) for f in dataclasses.fields(tree) if hasattr(tree, f.name)}
    return None


def closed(tree: Any, parts: Sequence[Any]) -> Any:
    """`tree` with other `parts` in the places of its own."""
    opener = _opener(tree)
    if opener:
        return opener[1](tree, parts)
    if type(tree) in (dict, list, tuple):
        return dict(zip(tree, parts, strict=True)) if type(tree) is dict else type(tree)(parts)
    if isinstance(tree, (list, tuple)):
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    new = copy.copy(tree)  # which calls no __init__ or __post_init__
    if isinstance(tree, dict):
        new.update(zip(tree, parts, strict=True))
    else:
        for name, part in zip(opened(tree) or (), parts, strict=True):
            object.__setattr__(new, name, part)  # frozen or not
    return new


def _opener(tree: Any) -> tuple[Callable, Callable] | None:
    for kind in type(tree).__mro__ if _kinds else ():
        if kind in _kinds:
            return _kinds[kind]
    return None


def _described(like: Any) -> str:
    parts = opened(like)
    kind = type(like).__name__
    if parts is None:
        return f"one {kind}"
    if isinstance(like, (list, tuple)):
        return f"a {kind} of {len(like)}"
    return f"a {'dict' if _opener(like) else kind} with the keys {list(parts)}"
