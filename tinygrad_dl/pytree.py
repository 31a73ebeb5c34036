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
