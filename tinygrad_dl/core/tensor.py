"""`Tensor`: an array that remembers which NumPy function made it, from which Tensors.

Operators, methods and NumPy's own functions (through its protocols, NEP 13 and NEP 18) all record. Nothing here knows
calculus: derivatives are in `rules/`, and the chain rule is in `autodiff.py`.
"""

from __future__ import annotations

import operator
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import debugging
from ..debugging import is_debugging
from . import arguments, cuts, leaving, primitives, registry
from .array_methods import ArrayMethods
from .modes import is_recording
from .numpy_warnings import Computing, at_the_users_line
from .signatures import signature

_new = object.__new__
_FAMILIAR = frozenset({np.ndarray, float, int, bool, type(None), list, tuple, str, slice})
_computing = Computing(globals())


# ---- recording: what computes a Tensor from Tensors comes through `apply`, or through an operator made by `_binary`


@_computing
def apply(function: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """Call `function` on the values of its arguments, and record the call if one of them is tracked.

    Raises TypeError where a gradient would be lost without a word, as in a function that has no rule.
    """
    if kwargs:
        if any(map(_is_foreign, kwargs.values())):
            return NotImplemented
        args, kwargs = _tensors_by_position(function, args, kwargs)
    rules = registry.vjps.get(function)
    if rules is None or not is_recording():
        return _unrecorded(function, args, kwargs or {})
    count = len(rules)
    values: list[Any] = []
    parents: list[Tensor | None] = []
    tracked = None
    for argnum, arg in enumerate(args):
        primal = argnum < count and rules[argnum] is not None
        if type(arg) is Tensor:
            values.append(arg._value)
            parents.append(arg if primal else None)
            if arg._tracked:
                if primal:
                    tracked = argnum
                elif argnum >= count:
                    raise registry.no_rule(function, argnum)
                else:  # the function is constant in it
                    cuts.mark(arg._value, cuts.Cut(registry.name_of(function), (weakref.ref(arg),)))
        else:
            if type(arg) not in _FAMILIAR and _is_foreign(
                arg
            ):  # NumPy then asks the other: inside of vmap, say, which comes back for all samples
                return NotImplemented
            if argnum >= count and type(arg) in (list, tuple) and _holds(arg, tracked=True):
                raise registry.no_rule(function, argnum)
            value = arguments.primal(arg) if primal else arguments.setting(arg)
            values.append(arguments.no_primal(arg) if value is NotImplemented else value)
            parents.append(None)
    if tracked is None:
        return _unrecorded(function, args, kwargs or {})
    compute = primitives.on_arrays.get(function, function)
    if kwargs or len(values) > count:
        kwargs = {keyword: arguments.setting(value) for keyword, value in (kwargs or {}).items()}
        registry.check_call(function, tracked, args, kwargs)
        try:
            data = compute(*values, **kwargs)
        except TypeError as error:
            data = at_the_users_line(error, compute, tuple(values), kwargs)
        if not isinstance(data, tuple) and data.dtype.kind not in "fc":  # a cast to integers is constant
            return _without_gradient(data, function, args)
    else:
        try:
            data = compute(*values)
        except TypeError as error:
            data = at_the_users_line(error, compute, tuple(values))
    if isinstance(data, tuple):
        return _outputs(data, _tracked(primitives.Outputs(data), function, tuple(values), kwargs, tuple(parents)))
    return _tracked(data, function, tuple(values), kwargs, tuple(parents))


def _outputs(data: tuple, node: Tensor) -> tuple:
    """A Tensor for each of several outputs `data`, made from the `node` of them all; integers are constant."""
    count = len(data)
    parts = [
        _tracked(part, primitives.output, (node._value, i, count), None, (node, None, None))
        if part.dtype.kind in "fc"
        else _without_gradient(part.copy(), node._function, node._parents)  # the graph keeps the other
        for i, part in enumerate(data)
    ]
    return type(data)(*parts) if hasattr(data, "_fields") else tuple(parts)


def outputs_of(node: Tensor) -> Any:
    """What a rule takes as its answer: the `node`, or if its function has several outputs, a tuple of Tensors."""
    return _outputs(tuple(node._value), node) if type(node._value) is primitives.Outputs else node


@_computing
def _unrecorded(function: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a `function` that has no rules of its own, or any on what is not tracked."""
    spelling = registry.spellings.get(function)
    if spelling is not None:
        if kwargs or len(args) > 2:
            try:
                bound = signature(spelling).bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{registry.name_of(function)} of Tensors: {error}") from None
            if {**kwargs, **bound.arguments}.get("out") is not None:
                raise registry.no_rule_for(function, "out=")
        given = {keyword: _taken(value) for keyword, value in kwargs.items()}
        return _without_gradient(spelling(*map(_taken, args), **given), function, args)
    constant = function in registry.constants
    if is_recording() and not constant and function not in registry.vjps:
        for argnum, arg in enumerate((*args, *kwargs.values())):
            if _holds(arg, tracked=True):
                raise registry.no_rule(function, argnum)
    if function in primitives.on_arrays and any(map(_is_foreign, args)):
        return NotImplemented
    compute = function if constant else primitives.on_arrays.get(function, function)
    values, settings = tuple(map(_plain, args)), {keyword: _plain(value) for keyword, value in kwargs.items()}
    try:
        result = compute(*values, **settings)
    except TypeError as error:
        result = at_the_users_line(error, compute, values, settings)
    if isinstance(result, tuple) and function in registry.vjps:
        parts = [_constant(part, *args, function=function) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    if constant:
        return _without_gradient(result, function, args)
    if "out" in kwargs or not isinstance(result, (np.ndarray, np.generic)):
        return result
    shared = _shares_memory(result, (*args, *kwargs.values()))
    return _constant(result.copy() if shared else result, *args, function=function)


def _without_gradient(result: Any, function: Callable | None, args: tuple) -> Any:
    """The `result` of a `function`; if it is a plain array, that it is cut off from the tracked `args` is noted."""
    if type(result) is np.ndarray:
        tensors = [x for arg in args for x in (arg if type(arg) in (list, tuple) else (arg,)) if type(x) is Tensor]
        sources = tuple([weakref.ref(x) for x in tensors if x._tracked])
        earlier = next(filter(None, map(cuts.of, tensors)), None)
        cut = cuts.Cut(registry.name_of(function), sources) if sources else earlier
        if cut is not None:
            cuts.mark(result, cut)
    return result


def _is_foreign(value: Any) -> bool:
    """Whether `value` is an array of another kind, which speaks NumPy's protocols itself."""
    kind = type(value)
    if kind in _FAMILIAR or kind is Tensor or isinstance(value, np.ndarray):
        return False
    return hasattr(kind, "__array_function__")


def _plain(arg: Any) -> Any:
    """`arg` with values in the place of Tensors; read-only ones, since some functions write into arrays."""
    if type(arg) is Tensor:
        return arg.data
    if type(arg) in (list, tuple):
        return type(arg)(map(_plain, arg))
    return _taken(arg)


def _taken(arg: Any) -> Any:
    """`arg` as the functions of NumPy take it: data frames, buffers and the like become arrays."""
    return arg if type(arg) in _FAMILIAR or isinstance(arg, np.ndarray) else arguments.setting(arg)


def _shares_memory(array: Any, arg: Any) -> bool:
    """Whether `array` may lie in the memory of an array in `arg`, whose owner may change it."""
    if isinstance(arg, (list, tuple)):
        return any(_shares_memory(array, part) for part in arg)
    return isinstance(arg, np.ndarray) and np.may_share_memory(array, arg)


def _holds(arg: Any, tracked: bool) -> bool:
    """Whether `arg` is a Tensor, a tracked one if that is asked for, or has one in it."""
    if isinstance(arg, (list, tuple, dict)):
        return any(_holds(part, tracked) for part in (arg.values() if isinstance(arg, dict) else arg))
    return type(arg) is Tensor and (arg._tracked or not tracked)


def _tracked(data: Any, function: Callable, args: tuple, kwargs: dict[str, Any] | None, parents: tuple) -> Tensor:
    """The Tensor of `data` that `function` made, with what it made it from."""
    ans: Tensor = _new(Tensor)
    ans._value = data
    ans._tracked = True
    ans._function = function
    ans._args = args
    ans._kwargs = kwargs
    ans._parents = parents
    ans.name = ans._grad = ans._calls = None
    if is_debugging():
        debugging.recorded(ans)
    return ans


def untracked(data: Any, name: str | None = None) -> Tensor:
    """A constant that shares the memory of `data`, which nobody may change from here on."""
    ans: Tensor = _new(Tensor)
    ans._value = data
    ans._tracked = False
    ans._function = None
    ans._parents = ()
    ans.name = name
    ans._grad = ans._cut = None
    return ans


def _constant(data: Any, *inputs: Any, function: Callable | None = None) -> Tensor:
    """The untracked Tensor of `data`, computed from `inputs`: cut off from the graph if one of them is, or was.

    If it is not for `no_grad` that nothing is recorded, it is for the `function`, which is constant in what is tracked.
    """
    ans = untracked(data)
    for x in inputs:
        cut: cuts.Cut | None
        if type(x) is not Tensor or not x._tracked:
            cut = x._cut if type(x) is Tensor else cuts.of(x)
        elif function is not None and is_recording():
            cut = cuts.Cut(registry.name_of(function), (weakref.ref(x),))
        else:
            cut = cuts.NO_GRAD
        if cut is not None:
            ans._cut = cut
            break
    return ans


def replace_data(leaf: Tensor, data: np.ndarray) -> None:
    """`leaf.data = data` for an array of the right shape and dtype that its owner gives away: no check, no copy."""
    leaf._value = data


def replace_all_data(leaves: list[Tensor], arrays: list[np.ndarray]) -> None:
    """`replace_data` for all `leaves` at once: neither Ctrl-C nor another thread comes in between.

    Both come in between two instructions of Python, and here one call of C sets all. What it replaces is alive until
    then, since an array that is freed may call Python.
    """
    replaced = [leaf._value for leaf in leaves]
    deque(map(_set_value, leaves, arrays), maxlen=0)
    del replaced


@_computing
def _binary(function: Callable) -> tuple[Callable[[Tensor, Any], Tensor], Callable[[Tensor, Any], Tensor]]:
    """The methods for `x op y` and `y op x`: `apply` for two arguments, since every step of a program pays for it."""

    def operator(self: Tensor, other: Any) -> Tensor:
        if type(other) is Tensor:
            y = other._value
            parents: tuple[Tensor, ...] = (self, other)
            tracked = self._tracked or other._tracked
        else:
            y = arguments.primal(other)
            if y is NotImplemented:
                return NotImplemented
            parents = (self,)
            tracked = self._tracked
        x = self._value
        try:
            data = function(x, y)
        except TypeError as error:
            data = at_the_users_line(error, function, (x, y))
        if tracked and is_recording():
            return _tracked(data, function, (x, y), None, parents)
        return _constant(data, self, other)

    def reflected(self: Tensor, other: Any) -> Tensor:
        x = arguments.primal(other)
        if x is NotImplemented:
            return NotImplemented
        y = self._value
        try:
            data = function(x, y)
        except TypeError as error:
            data = at_the_users_line(error, function, (x, y))
        if self._tracked and is_recording():
            return _tracked(data, function, (x, y), None, (None, self))
        return _constant(data, other, self)

    return operator, reflected


def _in_place(operator: Callable[[Tensor, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """The method for `x op= y`: `x = x op y`, a new Tensor under the old name, but for a parameter."""

    def augmented(self: Tensor, other: Any) -> Tensor:
        if self._tracked and self._function is None:
            raise TypeError(
                f"{self._label()} requires grad, so it can't be changed in place: write p.data = p.data - step to "
                f"update a parameter, or y = x + 1 to compute something new from it."
            )
        return operator(self, other)

    return augmented


def _tensors_by_position(function: Callable, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """The same call with every Tensor among the positional arguments, where the rules look for them."""
    out = kwargs.get("out")
    if out is None and "out" in kwargs:
        kwargs = {keyword: value for keyword, value in kwargs.items() if keyword != "out"}
    if any(type(target) is Tensor for target in (out if type(out) is tuple else (out,))):
        name = registry.name_of(function)
        raise TypeError(f"{name}(..., out=x) would change the Tensor x in place: write x = {name}(...).")
    if not _holds(kwargs, tracked=False):
        return args, kwargs
    if not isinstance(function, np.ufunc):  # whose arguments have no names
        bound = registry.signature_of(function).bind(*args, **kwargs)
        args, kwargs = bound.args, bound.kwargs
    for keyword, value in kwargs.items() if function in registry.vjps else ():
        if _holds(value, tracked=False):
            name = registry.name_of(function)
            raise TypeError(
                f"{name} got a Tensor as {keyword}=: pass it by position where its derivative rules know it, write the "
                f"formula out in other functions, or pass its values as x.numpy()."
            )
    return args, kwargs


# ---- the class


class Tensor(ArrayMethods):
    """An array in a computation graph.

    `data` is copied: what happens to the original later changes nothing here. A Tensor with `requires_grad=True` is
    *tracked*: so is what is computed from it, and each result records how it was made. `backward()` on a result adds
    its derivative by every such leaf to the leaf's `grad`.

    Raises TypeError for data that is not numbers, or not floats where a gradient is wanted.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> loss = np.sum(x**2)
    >>> loss
    Tensor(5., shape=(), dtype=float64, made by np.sum)
    >>> loss.backward()
    >>> x.grad
    array([2., 4.])
    """

    # `_function(*_args, **_kwargs)` gave `_value`; `_parents[i]` is the Tensor whose values `_args[i]` are, or None if
    # there is none. The values are kept beside it, so that a parameter's new data don't disturb an older graph.
    # `_origin` is there in debug mode only, `_cut` on what is untracked, `_calls` on what a function made.
    __slots__ = (
        *("__weakref__", "_args", "_calls", "_cut", "_function", "_kwargs", "_origin", "_parents", "_tracked"),
        *("_grad", "_value", "name"),
    )

    _value: Any
    _tracked: bool
    _function: Callable | None
    _args: tuple
    _kwargs: dict[str, Any] | None
    _parents: tuple[Tensor | None, ...]
    _grad: np.ndarray | None
    name: str | None
    _origin: debugging.Origin
    _cut: cuts.Cut | None
    _calls: tuple[tuple[int, int, Any, tuple], ...] | None  # see `nn.noting`
    backward: Callable[..., None]  # given by `autodiff`, which is built on Tensor

    def __init__(self, data: Any, *, requires_grad: bool = False, dtype: Any = None, name: str | None = None):
        values = arguments.numbers(data, dtype)
        values.flags.writeable = False
        self._value = values
        self._function = None
        self._parents = ()
        self._grad = None
        self._cut = cuts.of(values) if cuts.arrays else None
        self.name = name
        self.requires_grad = requires_grad

    # ---- values

    @property
    def data(self) -> np.ndarray:
        """The values, as a read-only view; `p.data = array` replaces those of a leaf by a copy of `array`.

        A graph that has used `p` before keeps the old values, so that its gradients stay right.

        Raises ValueError for another shape or for values that the dtype can't hold, TypeError on what a function made.
        """
        values: Any = np.asarray(self._value)
        view = values.view()
        while isinstance(values, np.ndarray):  # the memory itself too, so that view.base is no way around
            values.flags.writeable = False
            values = values.base
        view.flags.writeable = False
        return view

    @data.setter
    def data(self, values: Any) -> None:
        if self._function is not None:
            raise TypeError(
                f"{self._label()} was made by {registry.name_of(self._function)}, so its data can't be replaced: "
                f"compute a new Tensor, or start a new leaf with tg.Tensor(x.data)."
            )
        new = arguments.numbers(values)
        if new.shape != self.shape:
            raise ValueError(f"{self._label()}: expected data of shape {self.shape}, got {new.shape}.")
        if new.dtype != self.dtype and not np.can_cast(new.dtype, self.dtype, casting="same_kind"):
            raise ValueError(f"{self._label()}: expected data that {self.dtype} can hold, got {new.dtype}.")
        new = np.array(new, dtype=self.dtype)
        new.flags.writeable = False
        self._value = new

    def numpy(self) -> np.ndarray:
        """The values without the graph, as an array of your own."""
        return np.array(self._value)

    def item(self) -> Any:
        """The value of a Tensor of size 1 as a Python number."""
        return self._value.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._value.tolist()

    def detach(self) -> Tensor:
        """The same values as a constant, through which no gradient flows."""
        constant = untracked(self._value, self.name)
        constant._cut = cuts.Cut("detach", (weakref.ref(self),)) if self._tracked else cuts.of(self)
        return constant

    # ---- properties

    @property
    def grad(self) -> np.ndarray | None:
        """The sum that `backward` made on a leaf: the derivative with respect to it. None before; others warn."""
        if self._grad is None and self._function is not None:
            debugging.warn(
                f"{self._label()} was made by {registry.name_of(self._function)}, so its grad is None: backward() "
                f"fills in that of leaves, made with tg.parameter(...). For the gradient with respect to others, write "
                f"tg.gradients(loss, x); to update a parameter, p.data = p.data - step, which leaves it a leaf."
            )
        return self._grad

    @grad.setter
    def grad(self, value: np.ndarray | None) -> None:
        self._grad = value.numpy() if type(value) is Tensor else value  # optimizers check what else is given

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to or through this Tensor; it can be switched on a leaf of floats."""
        return self._tracked

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and self.dtype.kind not in "fc":
            raise TypeError(f"requires_grad=True: expected floats, got {self.dtype}; write 1.0 or astype(float).")
        if self._function is not None and not wanted:
            raise TypeError(f"{self._label()} is no leaf: x.detach() gives its values as a constant.")
        self._tracked = bool(wanted)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._value.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self._value.dtype

    # ---- operators

    __add__, __radd__ = _binary(np.add)
    __sub__, __rsub__ = _binary(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide)
    __pow__, __rpow__ = _binary(np.power)
    __matmul__, __rmatmul__ = _binary(np.matmul)
    __mod__, __rmod__ = _binary(np.remainder)

    __iadd__ = _in_place(__add__)
    __isub__ = _in_place(__sub__)
    __imul__ = _in_place(__mul__)
    __itruediv__ = _in_place(__truediv__)
    __ipow__ = _in_place(__pow__)
    __imatmul__ = _in_place(__matmul__)
    __imod__ = _in_place(__mod__)
    __ifloordiv__ = _in_place(ArrayMethods.__floordiv__)

    def __neg__(self) -> Tensor:
        return apply(np.negative, (self,))

    def __getitem__(self, index: Any) -> Any:
        for part in index if type(index) is tuple else (index,):
            if _is_foreign(part):
                return part.__array_function__(primitives.getitem, (type(part),), (self, index), {})
        return apply(primitives.getitem, (self, arguments.index(index)))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "x[index] = value would change a Tensor in place: write x = tg.primitives.set_at(x, index, value), or "
            "np.where(mask, value, x), for a new Tensor; p.data = array gives a parameter new values."
        )

    def __delitem__(self, index: Any) -> None:
        raise TypeError("del x[index] would change a Tensor in place: write x = np.delete(x, index, axis).")

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d Tensor")
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor")
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        if self._tracked and is_recording():
            leaving.leave("float", self, sys._getframe(1))
        return float(self._value)

    def __complex__(self) -> complex:
        if self._tracked and is_recording():
            leaving.leave("complex", self, sys._getframe(1))
        return complex(self._value)

    def __int__(self) -> int:
        if self._tracked and is_recording():
            leaving.leave("int", self, sys._getframe(1))
        return int(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __index__(self) -> int:
        return operator.index(self._value)

    # ---- protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return apply(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        return apply(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._tracked and is_recording():
            raise TypeError(
                f"{self._label()} is tracked, and a plain array would lose its gradient: say x.numpy() or x.detach() "
                f"if that is meant; np.stack([x, y]) makes one Tensor of several, and np.block of lists of lists; "
                f"tg.custom gives a function of another library its derivative; np.asarray(data) @ x is for a data "
                f"frame's own methods."
            )
        if copy is False:
            raise ValueError("np.asarray(x, copy=False) of a Tensor: its values are copied, or read-only as x.data.")
        return np.array(self._value, dtype=dtype)

    def __init_subclass__(cls) -> None:
        raise TypeError("Tensor can't be subclassed: write functions of Tensors, or a tg.nn.Module with parameters.")

    def __reduce__(self) -> tuple:
        if self._function is not None:
            raise TypeError(
                f"{self._label()} is part of a graph, which can't be copied or pickled: say x.detach() for a constant, "
                f"or x.numpy() for its values, to plot them for instance."
            )
        return _rebuilt, (self.numpy(), self._tracked, self.name)

    # ---- text

    def __repr__(self) -> str:
        values = np.array2string(np.asarray(self._value), separator=", ", prefix="Tensor(")
        facts = [f"name={self.name!r}"] if self.name is not None else []
        facts += [f"shape={self.shape}", f"dtype={self.dtype}"]
        if self._function is not None:
            node = self._parents[0] if self._function is primitives.output and self._parents else self
            facts.append(f"made by {registry.name_of(node._function)}")  # type: ignore[union-attr]
        elif self._tracked:
            facts.append("requires_grad=True")
        gap = ",\n       " if "\n" in values else ", "
        return f"Tensor({values}{gap}{', '.join(facts)})"

    def __format__(self, spec: str) -> str:
        if spec and self.size != 1:
            raise TypeError(f"the format {spec!r} is for one number, and {self._label()} holds {self.size}.")
        return format(self.item(), spec) if spec else str(self)

    def _label(self) -> str:
        return f"Tensor {self.name!r}" if self.name else f"a Tensor of shape {self.shape}"


_set_value = Tensor.__dict__["_value"].__set__  # of C

_computing.complete()


def parameter(data: Any, name: str | None = None) -> Tensor:
    """A Tensor that gradients are wanted for: `Tensor(data, requires_grad=True, name=name)`.

    >>> import tinygrad_dl as tg
    >>> tg.parameter([0.5, -1.0], name="w")
    Tensor([ 0.5, -1. ], name='w', shape=(2,), dtype=float64, requires_grad=True)
    """
    return Tensor(data, requires_grad=True, name=name)


def _rebuilt(values: np.ndarray, tracked: bool, name: str | None) -> Tensor:
    return Tensor(values, requires_grad=tracked, name=name)
