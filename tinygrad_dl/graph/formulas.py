"""Formulas of the operation that made a Tensor, and of its derivative with respect to each argument.

The rule itself is run on Symbols, and the recorded calls are printed. So a formula holds for the branches that the rule
takes at these values and shapes.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .._signatures import signature
from ..core import primitives, registry
from ..core.modes import recording
from ..core.registry import name_of
from ..core.tensor import Tensor
from ..tracing.printing import Formula, formula_of
from ..tracing.program import Node
from ..tracing.symbols import Symbol, nodes_of


def derivative(
    node: Tensor, argnum: int, names: Mapping[str, str] | None = None, outputs: Collection[int] | None = None
) -> Formula:
    """The formula of the cotangent of argument `argnum` of `node`, in terms of the cotangent `g` of its answer `ans`.

    The rule's parameter names are printed, or their replacements in `names`: `{"g": "dA1", "ans": "A1"}`. For an
    operation of several outputs, g[i] is the cotangent of output i; with `outputs`, only these have one.

    Never raises: the text for a rule that can't be traced is, for example, `the rule of np.linalg.svd`.

    >>> import tinygrad_dl as tg
    >>> x, y = tg.parameter([0.5, 1.5]), tg.parameter([1.0, 2.0])
    >>> print(derivative(np.tanh(x), 0))
    g * (1 - ans**2)
    >>> print(derivative(x / y, 1, {"g": "dA", "ans": "A", "x": "Z", "y": "n"}))
    -dA * A / n
    """
    for settings in (_symbol_of, _unnamed):  # where NumPy accepts no array, it accepts no Symbol
        try:
            return formula_of(_trace_rule(node, argnum, settings, outputs), names)
        except Exception:  # a rule may do anything; a picture is drawn all the same
            continue
    return Formula(f"the rule of {name_of(node._function)}", evaluable=False)


def _trace_rule(node: Tensor, argnum: int, settings: Callable, outputs: Collection[int] | None) -> Any:
    """The answer of the rule of `node` for Symbols."""
    rule = registry.vjps[node._function][argnum]
    if rule is None:  # it is constant
        return 0
    if primitives.visible_kwargs(node._kwargs) != (node._kwargs or {}):
        raise TypeError("the formula would be that of a whole program, without its constants.")
    args, kwargs = _arguments(node, settings)
    g: Any = Symbol(_cotangent(node._value, outputs), name="g")
    ans: Any = Symbol(node._value, name="ans")
    if isinstance(node._value, primitives.Outputs):
        g, ans = primitives.Outputs(g), primitives.Outputs(ans)
    with recording(False), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rule(g, ans, *args, **kwargs)


def expression(node: Tensor, names: Mapping[str, str] | None = None) -> Formula:
    """The call that made `node`, with the names of `parameter_names` or their replacements; for a leaf its name.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([[0.5, 1.5]])
    >>> print(expression(1 - x, {"y": "A"}))
    1 - A
    >>> print(expression(np.sum(x[0, 1:], axis=0, keepdims=True)))
    np.sum(x, axis=0, keepdims=True)
    """
    if node._function is None:
        return Formula(node.name or "x")
    args, kwargs = _arguments(node, _symbol_of)
    return formula_of(Node(node._value, node._function, nodes_of(tuple(args)), nodes_of(kwargs)), names)


def parameter_names(node: Tensor) -> list[str]:
    """The names of the arguments of the operation that made `node`, taken from its derivative rules.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([[0.5, 1.5]])
    >>> parameter_names(x @ x.T), parameter_names(np.concatenate([x, x]))
    (['x', 'y'], ['arrays[0]', 'arrays[1]'])
    """
    if node._function is None:
        return []
    count = len(node._args)
    names: list[str] = []
    for parameter in _parameters(node._function):
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return names[:count] if len(names) >= count else [f"args[{i}]" for i in range(count)]


def _parameters(function: Callable) -> list[inspect.Parameter]:
    rules = registry.vjps.get(function, ())
    rule = next(filter(None, rules), None) if isinstance(rules, tuple) else rules[0]
    try:
        return list(signature(rule).parameters.values())[2:]  # type: ignore[arg-type]
    except (TypeError, ValueError):  # written in C, or removed
        return []


def _arguments(node: Tensor, settings: Callable) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that made `node`: Symbols for Tensors, others converted by `settings`."""
    labels = parameter_names(node)
    parents = (*node._parents, *(None for _ in labels))
    args = [
        settings(label, value) if parent is None else Symbol(value, name=label)
        for label, value, parent in zip(labels, node._args, parents, strict=False)
    ]
    return args, {keyword: settings(keyword, value) for keyword, value in (node._kwargs or {}).items()}


def _symbol_of(label: str, value: Any) -> Any:
    """A Symbol for an array; numbers and other settings unchanged."""
    if not isinstance(value, type) and getattr(value, "ndim", 0) > 0:
        return Symbol(value, name=label)
    if type(value) in (tuple, list):
        return type(value)(_symbol_of(f"{label}[{i}]", part) for i, part in enumerate(value))
    return value


def _unnamed(label: str, value: Any) -> Any:
    return value if getattr(value, "dtype", np.dtype(int)).kind != "f" else _symbol_of(label, value)


def _cotangent(ans: Any, outputs: Collection[int] | None) -> Any:
    """Ones as a cotangent of `ans`; for several outputs, of those that have one."""
    if not isinstance(ans, primitives.Outputs):
        return np.ones_like(ans)
    wanted = range(len(ans)) if outputs is None else outputs
    return primitives.Outputs(
        np.ones_like(part) if i in wanted and part.dtype.kind in "fc" else None for i, part in enumerate(ans)
    )
