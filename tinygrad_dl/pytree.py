"""Lists, tuples and dicts of values, nested in any way, as one flat list and back."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def leaves(tree: Any) -> Iterator[Any]:
    """The values in `tree`, in order; `None` holds none.

    >>> list(leaves({"W": 1.0, "b": [2.0, (3.0, None)]}))
    [1.0, 2.0, 3.0]
    """
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from leaves(value)
    elif tree is not None:
        yield tree


def leaves_like(like: Any, tree: Any) -> Iterator[Any]:
    """The values in `tree` in the places of those in `like`: by key in dicts. Raises ValueError for another structure.

    >>> list(leaves_like({"W": 1.0, "b": [2.0, 3.0]}, {"b": [20, 30], "W": 10}))
    [10, 20, 30]
    """
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            raise ValueError(f"expected a dict with the keys {list(like)}, got {tree!r:.60}.")
        for key, value in like.items():
            yield from leaves_like(value, tree[key])
    elif isinstance(like, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(tree) != len(like):
            raise ValueError(f"expected a {type(like).__name__} of {len(like)}, got {tree!r:.60}.")
        for value, part in zip(like, tree, strict=True):
            yield from leaves_like(value, part)
    elif like is not None:
        yield tree


def rebuilt(tree: Any, values: Iterable[Any]) -> Any:
    """The structure of `tree` around other `values`.

    >>> rebuilt({"W": 1.0, "b": [2.0, (3.0, None)]}, [10, 20, 30])
    {'W': 10, 'b': [20, (30, None)]}
    """
    supply = iter(values)
    return mapped(lambda _: next(supply), tree)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """`function` of every value in `tree`, in the same structure."""
    if isinstance(tree, dict):
        return {key: mapped(function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [mapped(function, value) for value in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return None if tree is None else function(tree)


def labelled(tree: Any, label: str) -> Iterator[tuple[str, Any]]:
    """The values in `tree` as `leaves` gives them, each with what one would write to get at it.

    >>> list(labelled({"W": 1.0, "b": [2.0, (3.0, None)]}, "p"))
    [("p['W']", 1.0), ("p['b'][0]", 2.0), ("p['b'][1][0]", 3.0)]
    """
    if isinstance(tree, (dict, list, tuple)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from labelled(value, f"{label}[{key!r}]")
    elif tree is not None:
        yield label, tree
