"""`Symbol`: an array that records each call of NumPy as a `Node` (NEP 13 and NEP 18), and carries on with its value.

Code computes with Symbols as with arrays. A Symbol can also be the value of a Tensor: then the forward pass, the
derivative rules and an optimizer's update record themselves. `trace` collects the Nodes in a Program; `printing` prints
them.
"""

from __future__ import annotations

import operator
import os
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from types import FrameType
from typing import Any

import numpy as np

from .. import _frames, _functions
from ..batching import Batched, active_levels
from ..core import primitives
from ..core.registry import name_of
from ..core.tensor import Tensor, untracked
from ..core.tensor import apply as apply_to_tensors
from ..proxies.dispatching import Symbolic
from .kinds import CONSTANT, INDEXED, OF_SHAPES, ON_NUMBERS, is_shaped_by_values
from .neutral import IDLE, NEUTRAL
from .program import Node, TraceError, call, replace_nodes


class Recorder:
    """A trace of the calls of Symbols; without one, as for pictures, conversions give traced values.

    With `names_lengths` the lengths of axes know their array, for formulas; numbers may have another dtype then.
    With `is_for_rules` the program will be differentiated: calls that take the values of an array, through which no
    gradient flows, are recorded too, and fused functions by their formulas instead of what computes them.
    """

    names_lengths = False
    is_for_rules = False
    last_draw: Node | None = None  # of random numbers

    def add(self, node: Node) -> None:
        """Append a call to the program."""

    def convert(self, node: Node, kind: type, frame: FrameType) -> Any:
        """Return the value of `node` as a `kind` of number for the code in `frame`, or raise TraceError."""

    def shaped_by_values(self, node: Node, frame: FrameType) -> None:
        """Note a call by the code in `frame` whose answer has a shape that depends on values, or raise TraceError."""


recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)

# primitives whose bodies are traced, as they consist of NumPy's functions
transparent: weakref.WeakSet[Any] = weakref.WeakSet()


def is_transparent(primitive: Any) -> bool:
    """Return whether a trace records the body of `primitive`, instead of one call."""
    return primitive in transparent or (getattr(primitive, "__module__", None) or "").startswith(_NETS)


_NETS = f"{__name__.partition('.')[0]}.nn."
_FOLDER = os.path.dirname(__file__)
_PASSING_ON = (
    *("_functions", "core/array_methods", "core/calls", "core/primitives", "core/tensor"),
    *("guards/numpy_warnings", "proxies/dispatching"),
)
_HERE = (_FOLDER, *(os.path.join(os.path.dirname(_FOLDER), *f"{name}.py".split("/")) for name in _PASSING_ON))


def apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Any:
    """Call `function` on arguments that contain Symbols; return a Symbol for each array or number of the answer.

    Tensors among the arguments record the call themselves. Other answers, such as a shape or a dtype, are returned
    unchanged.

    Raises TraceError for calls that would change a Symbol in place.
    """
    kwargs = kwargs or {}
    tracing = recorder.get()
    if active_levels() and any(type(part) is Batched for arg in (*args, *kwargs.values()) for part in _flat(arg)):
        return NotImplemented  # the arrays of all samples take the call, and call this for their values
    if any(type(part) is Tensor for arg in (*args, *kwargs.values()) for part in _flat(arg)):
        below = tuple(map(_below, args))
        if function in INDEXED and type(args[1]) is tuple:  # an index, whose parts Tensors take as they are
            below = (below[0], args[1], *below[2:])
        return apply_to_tensors(function, below, {key: _below(arg) for key, arg in kwargs.items()})
    if kwargs.get("out") is not None or getattr(function, "__name__", "") == "at":
        return _in_place(function, args, kwargs)
    keeps_cut = function is primitives.values and tracing is not None and tracing.is_for_rules
    unchanged = _unchanged(function, args) if not kwargs and not keeps_cut else None
    if unchanged is not None:
        return unchanged
    if tracing is not None and function in primitives.on_arrays and is_transparent(function):
        body = primitives.on_arrays[function]
        return (getattr(function, "_formula", body) if tracing.is_for_rules else body)(*args, **kwargs)
    if function is _functions.scatter_add and isinstance(args[2], np.ndarray):
        args = (*args[:2], np.zeros_like(args[2]))  # the values do not matter
    if function is np.transpose:  # axes are printed as numbers, not as an array
        args = tuple(tuple(arg.tolist()) if isinstance(arg, np.ndarray) else arg for arg in args)
    given = args
    args, kwargs = tuple(map(nodes_of, args)), {key: nodes_of(arg) for key, arg in kwargs.items()}
    values, settings = tuple(map(value_of, args)), {key: value_of(arg) for key, arg in kwargs.items()}
    if function in ON_NUMBERS and all(type(value) in (int, float) for value in values):
        function = ON_NUMBERS[function]
    if tracing is not None and tracing.names_lengths:  # beside a float32, an int that is of a subclass has a dtype
        values = tuple(int(value) if type(value) is Length else value for value in values)
    value = call(function, values, settings)
    if tracing is None:
        return _wrap(Node(value, function, args, kwargs))
    if value is None and function in primitives.on_arrays:
        return function.__wrapped__(*given)  # type: ignore[attr-defined]  # a check of values: trace its decisions
    if function in OF_SHAPES:
        return value
    if function in CONSTANT and is_of_package(asking_frame()):
        return value  # which the package may change in place
    node = Node(value, function, args, kwargs, line=_line(_frames.users_frame(sys._getframe())))
    tracing.add(node)
    if is_shaped_by_values(node):
        tracing.shaped_by_values(node, asking_frame())
    return _wrap(node, tracing)


def _line(frame: FrameType) -> str:
    """The file and number of the line that `frame` is at; reading its code would take longer than the call."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _flat(arg: Any) -> Iterator[Any]:
    if isinstance(arg, (list, tuple)):
        for part in arg:
            yield from _flat(part)
    else:
        yield arg


def _below(arg: Any) -> Any:
    """`arg` with constant Tensors in place of Symbols."""
    if type(arg) is Symbol:
        return untracked(arg)
    return type(arg)(map(_below, arg)) if type(arg) in (list, tuple) else arg


def _in_place(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """A call with `out=` a Symbol, by this package, where no view shares its memory; it stands for the answer then."""
    target = kwargs.get("out")
    target = target[0] if type(target) is tuple and len(target) == 1 else target
    if recorder.get() is None or target is None or not is_of_package(asking_frame()):
        line = _frames.line_of(_frames.users_frame(sys._getframe()))
        raise TraceError(f"{name_of(function)} would change a traced array in place: compute a new one, in\n  {line}")
    args = tuple(arg.copy() if arg is target and type(arg) is np.ndarray else arg for arg in args)
    answer = apply(function, args, {key: arg for key, arg in kwargs.items() if key != "out"})
    if type(target) is Symbol:
        target._node = answer._node
    return answer


def asking_frame() -> FrameType:
    """The innermost frame that does not only pass calls on, as NumPy, Tensors and their methods do."""
    frame = sys._getframe()
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith(_HERE) or _frames.is_library(frame.f_code.co_filename) is _frames.NUMPY
    ):
        if not frame.f_code.co_filename.startswith(_HERE) and is_of_package(frame):
            break
        frame = frame.f_back
    return frame


def is_of_package(frame: FrameType) -> bool:
    """Return whether `frame` runs code of this package."""
    return frame.f_code.co_filename.startswith(_frames.PACKAGE)


def _unchanged(function: Callable, args: tuple) -> Symbol | None:
    """The argument that `function` returns unchanged, or None; such a call is not recorded."""
    if function in (primitives.values, primitives.identity):
        return args[0]
    if function in NEUTRAL:
        neutral, on_the_left = NEUTRAL[function]
        for x, other in (args, args[::-1]) if on_the_left else (args,):
            kinds = "b" if type(neutral) is bool else "fc"
            if type(x) is Symbol and x.dtype.kind in kinds and type(other) is type(neutral) and other == neutral:
                return None if not x.shape and type(x._value) is np.ndarray else x  # NumPy makes a scalar of it
    if function in IDLE and type(args[0]) is Symbol and IDLE[function](*args):
        return args[0]
    return None


def _wrap(whole: Node, tracing: Recorder | None = None) -> Any:
    """The answer of the call recorded in `whole`: a Symbol, or one per output."""
    value = whole.value
    if tracing is not None and isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        raise TraceError(f"{name_of(whole.function)} gives a {type(value).__name__}: pass arrays, in\n  {whole.line}")
    if isinstance(value, (np.generic, float, complex)) or hasattr(value, "__array_ufunc__"):
        return Symbol(node=whole)
    if isinstance(value, (tuple, list)) and any(hasattr(part, "dtype") for part in value):
        parts = []
        for i, part in enumerate(value):
            node = Node(part, primitives.getitem, (whole, i), line=whole.line)
            if tracing is not None:
                tracing.add(node)
            parts.append(_wrap(node, tracing))
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if tracing is not None:
        if isinstance(value, (bool, int)):  # such as that of np.array_equal
            return Symbol(node=whole)
        raise TraceError(
            f"the answer of {name_of(whole.function)} is no array, and can't be traced, in\n  {whole.line}"
        )
    return value


def nodes_of(arg: Any) -> Any:
    """`arg` with Nodes in place of Symbols, also in tuples, lists, dicts and slices."""
    kind = type(arg)
    if kind is Symbol:
        return arg._node
    if isinstance(arg, (tuple, list)) and arg:
        parts = list(map(nodes_of, arg))
        if any(part is not old for part, old in zip(parts, arg, strict=True)):
            return kind(*parts) if hasattr(arg, "_fields") else kind(parts)
        return arg
    if kind is dict:
        return {key: nodes_of(part) for key, part in arg.items()}
    return slice(*map(nodes_of, (arg.start, arg.stop, arg.step))) if kind is slice else arg


def value_of(arg: Any) -> Any:
    """`arg` with traced values in place of Nodes and Symbols."""
    return replace_nodes(nodes_of(arg), lambda node: node.value)


class Length(int):
    """The length of an axis of an array `of`; it keeps the name of that array."""

    of: Node
    axis: int

    def __neg__(self) -> Length:
        length = Length(-int(self))
        length.of, length.axis = self.of, self.axis
        return length


class Shape(tuple):
    """The shape of an array `of`, printed as `x.shape` instead of `(2, 3)`."""

    of: Node

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        tracing = recorder.get()
        if type(found) is not int or tracing is None or not tracing.names_lengths:
            return found
        length = Length(found)
        length.of, length.axis = self.of, range(len(self))[index]
        return length


class Symbol(Symbolic):
    """An array that stands for the answer of a Node.

    >>> x = Symbol(np.array([1.0, 2.0]), name="x")
    >>> 2 * np.sin(x)
    Symbol(array([1.68294197, 1.81859485]), made by multiply)
    """

    __slots__ = ("_node",)
    _apply = staticmethod(apply)
    _node: Node

    def __init__(self, value: Any = None, name: str = "", node: Node | None = None):
        self._node = node or Node(value, name=name)

    @property
    def _value(self) -> Any:
        return self._node.value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class of the value, for `isinstance` in the user's functions, which must take the same branches."""
        if recorder.get() is None or is_of_package(sys._getframe(1)):
            return Symbol
        return type(self._value)

    @property
    def shape(self) -> Shape:
        """The length of each axis."""
        shape = Shape(self._node.shape)
        shape.of = self._node
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._node.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self._node.shape, dtype=int))

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return np.dtype(self._node.dtype)

    def item(self) -> Symbol:
        """The value of a Symbol of size 1, still a Symbol."""
        if recorder.get() is not None:
            return apply(item, (self,))
        return self if self.ndim == 0 else self.reshape(())

    def tolist(self) -> Any:
        """Raise TypeError: a list of numbers is not traced."""
        return self._convert(list)

    def _refuse_in_place(self, other: Any) -> Any:
        """Raise TraceError for `x += y` of the user's arrays; numbers, and arrays of the package, are computed anew."""
        if isinstance(self._value, np.ndarray) and not is_of_package(asking_frame()):
            line = _frames.line_of(_frames.users_frame(sys._getframe()))
            raise TraceError(f"x += y would change a traced array in place: write x = x + y, in\n  {line}")
        return NotImplemented  # Python goes on with x + y

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ifloordiv__ = __imod__ = __ipow__ = _refuse_in_place
    __imatmul__ = __iand__ = __ior__ = __ixor__ = _refuse_in_place

    def __setitem__(self, index: Any, value: Any) -> None:
        line = _frames.line_of(_frames.users_frame(sys._getframe()))
        raise TraceError(f"x[index] = value would change a traced array in place, in\n  {line}")

    # ---- conversions; those to a number are decided by the trace

    def _convert(self, kind: type) -> Any:
        tracing = recorder.get()
        if tracing is not None:
            return tracing.convert(self._node, kind, asking_frame())
        if kind in (bool, int):
            return kind(self._value)
        raise TypeError(f"a Symbol can't become a plain {kind.__name__}, which would lose its name.")

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return self._convert(bool)

    def __int__(self) -> int:
        return self._convert(int)

    def __index__(self) -> int:
        return operator.index(self._value) if recorder.get() is None else self._convert(int)

    def __float__(self) -> float:
        return self._convert(float)

    def __complex__(self) -> complex:
        return self._convert(complex)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._convert(np.ndarray)

    def __repr__(self) -> str:
        function = self._node.function
        made = f"made by {getattr(function, '__name__', function)}" if function else self._node.name
        return f"Symbol({self._value!r}, {made})"


def item(x: Any) -> Any:
    """The value of an array of size 1 as a Python number."""
    return x.item()
