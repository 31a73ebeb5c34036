"""User-defined primitives and rules, isolated: they get read-only views, and their answers are copied.

So a function or rule that works in place, or that reuses a buffer for its answers, is right or raises an error, and
cannot corrupt a graph. The package's own primitives and rules are defined without this layer, in `core/primitives.py`
and `core/registry.py`; tests ensure that they change nothing.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import batching, pytree
from .._foreign import dispatches
from .._signatures import signature
from ..core import arguments, primitives, registry
from ..core.tensor import Tensor
from ..tracing import fusing
from .derived import P
from .trace import as_array
from .weak_keys import hold_weakly

Rule = registry.Rule
_user_ops: weakref.WeakSet[Callable[..., Any]] = weakref.WeakSet()


def is_user_op(function: Any) -> bool:
    """Return whether `function` was made with `tg.primitive` or `tg.custom`."""
    return function in _user_ops


def mark_as_user_op(dispatching: Callable[..., Any]) -> None:
    """Register a user-defined primitive; the tables hold it weakly, so that it is freed after its last use."""
    _user_ops.add(dispatching)
    hold_weakly(primitives.on_arrays, dispatching)


def primitive(function: Callable[P, Any]) -> Callable[P, Any]:
    """Make `function` a primitive: a call with a Tensor is recorded as one node, as calls of NumPy's functions are.

    On plain arrays the function simply runs. For Tensors it gets read-only views of their arrays, and its answer is
    copied. Its derivative rules are defined with `defvjp`.

    Parameters
    ----------
    function
        A function of arrays, which is called with arrays only.

    Returns
    -------
    function
        The primitive, a function of arrays or Tensors.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def cube(x):
    ...     return x**3
    >>> tg.defvjp(cube, lambda g, ans, x: g * 3 * x**2)
    >>> float(tg.grad(cube)(2.0))
    12.0
    """
    dispatching = primitives.array_function(function)
    name = registry.name_of(function)
    primitives.on_arrays[dispatching] = _isolate(function, name, functools.partial(_array, name))
    mark_as_user_op(dispatching)
    return dispatching


def fused(function: Callable[P, Any]) -> Callable[P, Any]:
    """Make `function`, a composition of NumPy operations, one node of the graph; also a decorator, `@tg.fused`.

    Its derivative rules are derived from those of the operations in it, of any order: for each combination of shapes,
    dtypes and settings the forward and backward passes are traced once, simplified and compiled. So a backward pass
    costs what rules by hand cost, and keeps no intermediate arrays; pictures show one node, and print the rules.

    Parameters
    ----------
    function
        A function of arrays, which are positional arguments, and of settings, which are keywords. It returns an array,
        as lists of numbers or arrays too, or several in a tuple, and may neither change arrays in place nor draw random
        numbers, nor use Tensors from outside.

    Returns
    -------
    function
        A function of arrays or Tensors, with the same values.

    Raises
    ------
    TypeError
        If `function` is no function, or takes any number of arguments. From the function, if it uses a Tensor from
        outside.
    RuntimeError
        From a backward pass that records the function anew, if it returns something else then: see the notes.

    Notes
    -----
    A function that branches on values, reads arrays from outside, or gets settings that can change, such as objects and
    functions, is one node as well, but its backward pass records it anew. Second derivatives are recorded anew too
    where a first one has kinks, as that of `np.abs`, and where parts record nothing, as in `no_grad`; exactly at a
    kink, or a tie of `np.maximum` or `np.minimum`, they are those of an isolated node.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.fused
    ... def swish(z):
    ...     return z / (1 + np.exp(-z))
    >>> tg.elementwise_grad(swish)(np.array([0.0, 1.0])).round(4)
    array([0.5   , 0.9277])
    """
    if not callable(function):
        raise TypeError(f"fused: expected a function, got {function!r:.60}.")
    if any(p.kind is p.VAR_POSITIONAL for p in signature(function).parameters.values()):
        raise TypeError("fused: expected a function of a fixed number of arrays, got one of any number, as *arrays.")
    name = registry.name_of(function)

    @functools.wraps(function)
    def formula(*args: P.args, **kwargs: P.kwargs) -> Any:
        answer = batching.at_own_levels(function, *args, **kwargs)
        return _map_parts(lambda part: _answer(name, part), answer)

    compute = _isolate(function, name, functools.partial(_untracked, name))
    operation = fusing.fused(formula, compute, may_change=True)
    mark_as_user_op(operation)
    for table in (registry.vjps, registry.simple, batching.rules):
        hold_weakly(table, operation)
    return operation


def _untracked(name: str, value: Any) -> Any:
    value = _answer(name, value)
    if type(value) is Tensor:
        raise TypeError(f"{name} uses a Tensor from outside, whose gradient would be lost: pass it as an argument.")
    return value


def _answer(name: str, value: Any) -> Any:
    """An answer of a formula: an array or a Tensor of numbers as it is, anything else as an array."""
    is_array = isinstance(value, (np.ndarray, np.generic)) or dispatches(value)
    return value if is_array and value.dtype.kind in "biufc" else _array(name, value)


def defvjp(function: Callable[..., Any], *rules: Rule | None) -> None:
    """Define the derivative rules of `function`, one per positional argument.

    A rule `rule(g, ans, *primals, **kwargs)` is the vector-Jacobian product for its argument. It is written in NumPy
    syntax: on arrays it computes numbers, on Tensors it records a graph, which gives derivatives of any order.

    Parameters
    ----------
    function
        A function of NumPy, or one made with `primitive`.
    *rules
        Functions from `g`, the cotangent of the answer `ans` and of its shape, to the cotangent of the argument.
        Broadcasting need not be undone. `None` declares the function constant in that argument.

    Raises
    ------
    ValueError
        If no rule is given.
    TypeError
        If `function` is neither a function of NumPy nor a primitive, or a rule is not a function.

    Notes
    -----
    A call with an argument or keyword that the rule does not name raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def cube(x):
    ...     return x**3
    >>> tg.defvjp(cube, lambda g, ans, x: g * 3 * x**2)
    >>> float(tg.grad(cube)(2.0))
    12.0
    """
    _check("defvjp", function, *[rule for rule in rules if rule is not None])
    name = f"{_rule_of(function)} for argument"
    isolated_rules = [rule and _isolate(rule, f"{name} {i}", _copy) for i, rule in enumerate(rules)]
    _define(registry.defvjp, function, *isolated_rules)


def defvjp_each(function: Callable[..., Any], rule: Rule) -> None:
    """Define one derivative rule for all arguments of a `function` of any number of arguments.

    Parameters
    ----------
    function
        A function of NumPy, or one made with `primitive`.
    rule
        `rule(argnum, g, ans, *primals, **kwargs)`, the vector-Jacobian product for argument number `argnum`.

    Raises
    ------
    TypeError
        If `function` is neither a function of NumPy nor a primitive, or a rule is not a function.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def total(*arrays):
    ...     return sum(arrays)
    >>> tg.defvjp_each(total, lambda argnum, g, ans, *arrays: g)
    >>> float(tg.grad(lambda x: total(x, x, 2 * x))(3.0))
    4.0
    """
    _check("defvjp_each", function, rule)
    _define(registry.defvjp_each, function, _isolate(rule, _rule_of(function), _copy))


def defvjp_jointly(function: Callable[..., Any], rule: Rule) -> None:
    """Define one derivative rule that returns the cotangents of all arguments of `function`.

    Parameters
    ----------
    function
        A function of NumPy, or one made with `primitive`.
    rule
        `rule(g, ans, *primals, **kwargs)`, called once per node: it returns a tuple with a cotangent for each primal,
        or None for a cotangent of zeros. If the function returns a tuple, `g` and `ans` are tuples too.

    Raises
    ------
    TypeError
        If `function` is neither a function of NumPy nor a primitive, or a rule is not a function.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def scale(x, y):
    ...     return x * y
    >>> tg.defvjp_jointly(scale, lambda g, ans, x, y: (g * y, g * x))
    >>> float(tg.grad(scale)(2.0, 3.0))
    3.0
    """
    _check("defvjp_jointly", function, rule)
    _define(registry.defvjp_jointly, function, _isolate(rule, _rule_of(function), _copy))


def _rule_of(function: Callable[..., Any]) -> str:
    return f"the derivative rule of {registry.name_of(function)}"


def _define(define: Callable[..., Any], function: Callable[..., Any], *rules: Rule | None) -> None:
    define(function, *rules)
    for table in (registry.vjps, registry.simple) if is_user_op(function) else ():
        hold_weakly(table, function)


def defnondiff(*functions: Callable[..., Any]) -> None:
    """Declare `functions` constant: for Tensors they return NumPy's plain values, without a gradient.

    Parameters
    ----------
    *functions
        Functions of NumPy, or made with `primitive`.

    Raises
    ------
    TypeError
        If one is neither a function of NumPy nor a primitive.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def count_positive(x):
    ...     return np.sum(x > 0)
    >>> tg.defnondiff(count_positive)
    >>> int(count_positive(tg.parameter([1.0, -2.0])))
    1
    """
    for function in functions:
        _check("defnondiff", function)
    registry.defnondiff(*functions)


def defcomposite(function: Callable[..., Any], decomposition: Callable[..., Any]) -> None:
    """Define a decomposition of `function` into functions that have rules, used for calls with Tensors.

    Parameters
    ----------
    function
        A function of NumPy, or one made with `primitive`.
    decomposition
        A function of the same arguments, in NumPy syntax, with the same values.

    Raises
    ------
    TypeError
        If `function` is neither a function of NumPy nor a primitive, or `decomposition` is not a function.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def softsign(x):
    ...     return x / (1 + np.abs(x))
    >>> tg.defcomposite(softsign, lambda x: x / (1 + np.abs(x)))
    >>> float(tg.grad(softsign)(1.0))
    0.25
    """
    _check("defcomposite", function, decomposition)
    registry.defcomposite(function, decomposition)


def _check(definition: str, function: Any, *rules: Any) -> None:
    """Raise a TypeError unless `function` dispatches on its arguments, and the `rules` are functions.

    Ufuncs, their methods, functions of NumPy and primitives are recorded as one call. Any other function is recorded as
    the calls that it makes, so that its own rules would never be used.
    """
    name = registry.name_of(function) if callable(function) else f"{function!r:.60}"
    ufunc = getattr(function, "__self__", function)
    dispatches = isinstance(ufunc, np.ufunc) or hasattr(function, "_implementation")
    if not (callable(function) and (dispatches or function in primitives.on_arrays)):
        raise TypeError(
            f"{definition}({name}): expected a function of NumPy, or a primitive: decorate {name} with @tg.primitive; "
            f"otherwise only the functions that it calls are recorded, and its rules are never used."
        )
    for rule in rules:
        if not callable(rule):
            raise TypeError(f"{definition}({name}): expected a function as rule, got {rule!r:.60}.")


def _isolate(function: Callable, name: str, keep: Callable[[Any], Any]) -> Callable:
    """Call `function` with read-only views of its arrays, and apply `keep` to each array of its answer."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            settings = {keyword: read_only(value) for keyword, value in kwargs.items()}
            answer = batching.at_own_levels(function, *map(read_only, _complete(args)), **settings)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise ValueError(
                f"{name} changes an array in place that the graph needs ({error}): compute a new one, "
                f"y = 2 * x instead of x *= 2."
            ) from error
        return _map_parts(keep, answer)

    return call


def _complete(args: tuple) -> list[Any]:
    """The arguments of a rule, with zeros for the cotangents of outputs that nothing was computed from."""
    given = list(args)
    for i, g in enumerate(args):
        if type(g) is primitives.Outputs and any(u is None for u in g):
            outputs = zip(g, args[i + 1], strict=True)
            given[i] = tuple([np.zeros_like(as_array(y)) if u is None else u for u, y in outputs])
    return given


def _map_parts(function: Callable[[Any], Any], answer: Any) -> Any:
    """Apply `function` to an answer, or to each of several in a tuple."""
    return pytree.with_children(answer, [*map(function, answer)]) if isinstance(answer, tuple) else function(answer)


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _array(name: str, value: Any) -> Any:
    try:
        return _stacked(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} gave {value!r:.60}: expected an array of numbers, or a tuple of them.") from error


def _stacked(value: Any) -> Any:
    """Convert `value` to an array of numbers, as `np.array` does; to a Tensor if Tensors are in its lists."""
    if isinstance(value, (list, tuple)) and any(map(dispatches, pytree.leaves(value))):
        return np.stack([part if dispatches(part) else _stacked(part) for part in value])
    return arguments.numbers(value)


def read_only(value: Any) -> Any:
    """`value` with read-only views in place of its arrays."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    return pytree.map_leaves(read_only, value) if isinstance(value, (tuple, list, dict)) else value
