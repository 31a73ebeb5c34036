"""Attribution of a wrong gradient to a derivative rule: every node of the recorded graph is checked by itself."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import pytree
from ..._signatures import signature
from ...core import primitives, registry
from ...core.backprop import topological_order
from ...core.tensor import Tensor, parameter
from ..source_repr import source_repr
from . import claim
from .arguments import Arguments, Leaf
from .report import Blame, Mistake, Row
from .verdict import compare

NODES = 2000  # of a larger graph, the first so many are replayed
PASTED = 2000  # characters of arguments in a reproduction, at most
SMALL = 24  # numbers; of more arguments, the wrong element alone is tried


def blame(arguments: Arguments, order: int, rng: np.random.Generator) -> tuple[Blame | None, bool]:
    """Return the first wrong rule in the graph of a function, or None, and whether the graph has kinks.

    Each node is a function of arrays, and its rules are checked as such, up to an `order`. First derivatives are
    checked at the nodes of the backward passes too, higher ones at the nodes of the function only. Forward mode comes
    last, since it runs the rules of the functions that other rules call.
    """
    kinks = False
    for mode in ("vjp", "jvp"):
        for k in range(1, order + 1):
            f: Callable[..., Any] = arguments.call
            if k == 1:
                for _ in range(order - 1):
                    f = claim.pullback_of(f, arguments.wide(), rng)
            result = f(*[parameter(value) for value in arguments.wide()])
            for node in topological_order(*[y for y in pytree.leaves(result) if type(y) is Tensor])[:NODES]:
                if node._function not in (None, primitives.output):
                    rows, mistakes = _replay(node, node._args, k, mode)
                    kinks |= node._function is np.where or any(row.kinks for row in rows)  # its condition hides one
                    if mistakes:
                        return _blame(node, mistakes[0], k), kinks
    return None, kinks


def _replay(node: Tensor, args: Sequence[Any], order: int, mode: str) -> tuple[list[Row], list[Mistake]]:
    """Check the rules of a node's function, with `args` in place of the node's own."""
    function, kwargs = node._function, node._kwargs or {}
    argnums = [i for i, parent in enumerate(node._parents) if parent is not None and parent.requires_grad]
    leaves = [Leaf(_parameter(function, i), np.asarray(args[i]), i) for i in argnums]

    def f(*values: Any) -> Any:
        given = list(args)
        for i, value in zip(argnums, values, strict=True):
            given[i] = value
        return function(*given, **kwargs)  # type: ignore[misc]

    try:
        claimed = claim.of_rules(f, [leaf.value for leaf in leaves], order, np.random.default_rng(0))
        return compare(claimed, leaves, order, (mode,))
    except Exception:  # of any kind: a rule may not take other arguments, or a node not be finite
        return [], []


def _blame(node: Tensor, mistake: Mistake, order: int) -> Blame:
    function = node._function
    args, mistake = _smaller(node, node._args, mistake, order)
    arrays = [(i, x) for i, x in enumerate(node._args) if isinstance(x, (np.ndarray, np.generic))]
    shapes = [f"{_parameter(function, i)}: {np.shape(x)}" for i, x in arrays]
    settings = [f"{key}={value!r:.40}" for key, value in primitives.visible_kwargs(node._kwargs).items()]
    return Blame(
        function=registry.name_of(function),
        argnum=mistake.argnum,
        parameter=_parameter(function, mistake.argnum),
        call=f"{registry.name_of(function)}({', '.join(shapes + settings)}) -> {_shapes(node._value)}",
        place=_place(function, mistake.argnum),
        arguments=tuple(args),
        mistake=mistake,
        reproduction=_reproduction(node, args, mistake),
    )


def _shapes(value: Any) -> str:
    """The shape and dtype of an output, or of each of several."""
    if isinstance(value, tuple):
        return ", ".join(map(_shapes, value))
    return f"{np.shape(value)} {value.dtype}"


def _smaller(node: Tensor, args: Sequence[Any], mistake: Mistake, order: int) -> tuple[Sequence[Any], Mistake]:
    """The same mistake with fewer numbers, if it shows: the wrong element alone, for arrays of equal shape."""
    arrays = [x for x in args if isinstance(x, (np.ndarray, np.generic))]
    shape = node._value.shape  # None of several outputs
    if sum(x.size for x in arrays) <= SMALL or any(x.shape not in ((), shape) for x in arrays):
        return args, mistake
    alone = [np.array(x[mistake.index]) if isinstance(x, np.ndarray) and x.ndim else x for x in args]
    found = _replay(node, alone, order, mistake.mode)[1]
    return (alone, found[0]) if found else (args, mistake)


def _reproduction(node: Tensor, args: Sequence[Any], mistake: Mistake) -> str:
    """Code to paste that reproduces the mistake."""
    name, imports = _importable(node._function)
    if not name.isidentifier() and not name.startswith("np."):  # <lambda>
        name, imports = "f", [f"f = ...  # the function whose rule is at {_place(node._function, mistake.argnum)}"]
    arrays = {i: source_repr(x) for i, x in enumerate(args) if isinstance(x, (np.ndarray, np.generic))}
    if sum(map(len, arrays.values())) > PASTED:
        return f"the arguments of {name} are too large to paste; error.report.blame.arguments holds them"
    given = [f"x{i}" if i in arrays else source_repr(x) for i, x in enumerate(args)]
    given += [f"{key}={source_repr(value)}" for key, value in primitives.visible_kwargs(node._kwargs).items()]
    names = ", ".join(f"x{i}" for i in arrays)
    call = name if len(given) == len(arrays) else f"lambda {names}: {name}({', '.join(given)})"
    order = f", order={mistake.order}" if mistake.order > 1 else ""
    return "\n".join(
        ["import numpy as np", "from tinygrad_dl import testing", *imports]
        + [f"x{i} = {value}" for i, value in arrays.items()]
        + [f"testing.check_gradients({call}, {names}{order})"]
    )


def _importable(function: Any) -> tuple[str, list[str]]:
    """The name of `function` in code, and its imports: none if its module does not hold it under this name."""
    name = registry.name_of(function)
    if name.startswith("np."):
        return name, []
    module = getattr(function, "__module__", None)
    there: Any = getattr(sys.modules.get(module or ""), name, None)
    is_it = there is function or (hasattr(there, "__wrapped__") and inspect.unwrap(there) is inspect.unwrap(function))
    found = is_it and module != "__main__"
    return name, [f"from {module} import {name}"] if found else []


def _parameter(function: Any, argnum: int) -> str:
    """The name of the argument in its rule, such as `x` or `W`."""
    rules = registry.vjps[function]
    rule = rules[argnum] if argnum < len(rules) else None
    if rule is None or isinstance(rule, functools.partial):
        return f"x{argnum}"
    names = list(signature(rule).parameters)[2:]
    return names[argnum] if argnum < len(names) else f"x{argnum}"


def _place(function: Any, argnum: int) -> str:
    """The file and line of a rule."""
    rule = registry.vjps[function][argnum]
    code = inspect.unwrap(rule.func if isinstance(rule, functools.partial) else rule).__code__
    path = Path(code.co_filename).resolve()
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{code.co_firstlineno}"
