"""The Tensors to draw for `draw(loss)`, `draw([loss, y])`, or `draw(f, *inputs)`, which draws the value of f."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import pytree
from ..core.tensor import Tensor
from ..debugging import record_lines
from ..graph.labels import names_of_arguments
from ..nn.module import Module

_NUMBERS = (int, float, complex, np.number, np.bool_)


def tensors_to_show(what: str, x: Any, inputs: Sequence[Any] = ()) -> list[Tensor]:
    """The Tensors to show: `x` itself, one or a list of them; or, with `inputs`, what the function `x` gives of them.

    Arrays and floats among the inputs, in lists, tuples, dicts and dataclasses too, become Tensors, named after the
    arguments of `x`; Tensors stay as they are. The user's lines are recorded. Where nothing is tracked, so that there
    would be no graph, `x` is called a second time, with its inputs of floats tracked.

    Raises TypeError for other objects, in the name of `what`: "draw" or "explore"; ValueError for a function whose
    answer depends on nothing tracked.

    >>> [tensor.item() for tensor in tensors_to_show("draw", lambda x, y: (x * 2, y[0] + y[1]), [1.0, [2.0, 3.0]])]
    [2.0, 5.0]
    """
    if inputs:
        if not callable(x):
            raise TypeError(
                f"{what}(f, *inputs): expected a function or a net to call on the {len(inputs)} inputs, got "
                f"{type(x).__name__} {str(x)[:40]!r}: pass a Tensor alone, or net, X."
            )
        x = _answer(x, inputs)
    outputs = list(x) if isinstance(x, (list, tuple)) else [x]
    for output in outputs:
        if type(output) is not Tensor:
            got = f"got {type(output).__name__} {str(output)[:40]!r}"
            if inputs:
                raise TypeError(
                    f"{what}(f, *inputs): expected f to give a Tensor or a list of them, {got}: give f floats, and "
                    f"return what it computes without .numpy(), .item() or float()."
                )
            hint = f", such as {what}(net, X)" if callable(output) else ""
            raise TypeError(
                f"{what}: expected a Tensor, such as the loss, or a list of Tensors, {got}: pass the Tensor itself, "
                f"without .numpy(), .item() or float(), or a function and its inputs{hint}."
            )
    if not outputs:
        raise TypeError(f"{what}: expected a Tensor or a list of Tensors, got an empty list: pass the loss.")
    if inputs and not any(output.requires_grad for output in outputs):
        raise ValueError(
            f"{what}(f, *inputs): expected f to compute something of floats or of parameters, got what depends on "
            f"neither: pass X.astype(float) for integers, and compute outside of tg.no_grad()."
        )
    return outputs


def _answer(function: Callable, inputs: Sequence[Any]) -> Any:
    names = names_of_arguments(function)
    names += [""] * (len(inputs) - len(names))
    given = [_map_values(_as_tensor, x, name) for x, name in zip(inputs, names, strict=False)]
    with record_lines():
        answer = function(*given)
        outputs = answer if isinstance(answer, (list, tuple)) else [answer]
        if outputs and all(type(y) is Tensor and not y.requires_grad for y in outputs):  # no parameters anywhere
            answer = function(*[_map_values(_track, x, "") for x in given])
    return answer


def _map_values(function: Callable[[Any, str], Any], tree: Any, name: str) -> Any:
    """`function` of each value in `tree`, and its name: `xs[0]` for the first in `xs`. A Module is one value."""
    if _is_array(tree):
        return function(tree, name)
    named = pytree.labelled_leaves(tree, name, whole=Module)
    values: Iterator[Any] = (function(value, label if name else "") for label, value in named)
    return pytree.map_leaves(lambda _: next(values), tree, whole=Module)


def _is_array(x: Any) -> bool:
    """Return whether `x` is a list of numbers, that is, an array, and not a list of arrays."""
    return isinstance(x, list) and bool(x) and all(isinstance(part, _NUMBERS) or _is_array(part) for part in x)


def _as_tensor(x: Any, name: str) -> Any:
    is_numbers = isinstance(x, (float, complex, np.inexact, list)) or (
        isinstance(x, np.ndarray) and x.dtype.kind in "biufc"
    )
    return Tensor(x, name=name or None) if is_numbers else x


def _track(x: Any, _: str) -> Any:
    is_constant = type(x) is Tensor and x.dtype.kind in "fc" and not x.requires_grad
    return Tensor(x.data, requires_grad=True, name=x.name) if is_constant else x
