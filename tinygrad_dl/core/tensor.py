"""`Tensor`: an array that records the NumPy function that made it, and the Tensors that it was made from.

Operators, methods and NumPy's own functions (through its protocols, NEP 13 and NEP 18) are recorded. There is no
calculus here: derivative rules are in `rules/`, the chain rule is in `backprop`.
"""

from __future__ import annotations

import itertools
import operator
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _frames
from ..guards import cuts, leaving, misfits
from ..guards.numpy_warnings import Computing, at_the_users_line
from ..proxies.dispatching import Symbolic
from . import arguments, primitives, registry
from .array_methods import ArrayMethods
from .display import Displayed
from .modes import is_observed, is_recording, observing

_new = object.__new__
_later = itertools.count(-1, -1).__next__  # the order of a node, below those of all that it is made from
_NOT_SIMPLE = -1, None
_computing = Computing(globals())


# ---- recording: every call with a Tensor goes through `apply`, or through an operator made by `_binary`


@_computing
def apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
    """Call `function` on the values of its arguments, and record the call if an argument is tracked.

    Raises TypeError where a gradient would be lost silently: for a function without rules, for instance.
    """
    count, keeping = registry.simple.get(function, _NOT_SIMPLE)
    if kwargs or len(args) > count:
        return calls.apply_any(function, args, kwargs)
    values: list[Any] = []
    recording, tracked, others = is_recording(), False, False
    for arg in args:
        if type(arg) is Tensor:
            values.append(arg._value)
            if arg._tracked:
                tracked = True
        else:
            others = True
            if type(arg) is float or type(arg) is int:
                values.append(arg)
            elif type(arg) is np.ndarray:
                values.append(arguments.constant(arg) if recording else arg)
            else:
                return calls.apply_any(function, args, kwargs)
    recorded = tracked and recording
    compute = (recorded and keeping) or primitives.on_arrays.get(function, function)
    try:
        data = compute(*values)
    except TypeError as error:  # perhaps NumPy's, about to warn here: let it warn at the user's line
        data = at_the_users_line(error, compute, tuple(values))
    except ValueError:
        misfits.explain(function, values, args)
        raise
    if not recorded:
        if others or type(data) is not np.ndarray:
            return calls.unrecorded_any(data, function, args)
        return unrecorded(data, *args)
    parents = tuple([arg if type(arg) is Tensor else None for arg in args]) if others else args
    if isinstance(data, tuple):
        return calls.record_several(data, function, tuple(values), None, parents)
    if compute is not function and data.dtype.kind not in "fc" and calls.has_derived_rules(function):
        return calls.without_gradient(data, function, args)
    return record(data, function, tuple(values), None, parents)


def record(
    data: Any,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
    parents: tuple[Any, ...],
) -> Tensor:
    """A tracked Tensor of the values `data`, the answer of `function(*args, **kwargs)`.

    `parents[i]` is the Tensor of the values `args[i]`, or None.
    """
    ans: Tensor = _new(Tensor)
    ans._value = data
    ans._tracked = True
    ans._function = function
    ans._args = args
    ans._kwargs = kwargs
    ans._parents = parents
    ans._order = _later()
    ans.name = ans._grad = ans._calls = None
    if is_observed():
        observing.value().recorded(ans)
    return ans


def untracked(data: Any, name: str | None = None) -> Tensor:
    """A constant Tensor. It shares the memory of `data`, which must not change any more."""
    ans: Tensor = _new(Tensor)
    ans._value = data
    ans._tracked = False
    ans._function = None
    ans._parents = ()
    ans._order = 0
    ans.name = name
    ans._grad = ans._cut = None
    return ans


def unrecorded(data: Any, *inputs: Any, function: Callable[..., Any] | None = None) -> Tensor:
    """A constant Tensor of `data`, computed from `inputs`; it remembers what cut it off from tracked inputs.

    That is `no_grad`, or `function`, which is constant in its tracked arguments.
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


def replace_all_data(leaves: list[Tensor], arrays: list[np.ndarray]) -> None:
    """Set the data of all `leaves` at once, without a check or a copy; takes ownership of the `arrays`.

    Neither Ctrl-C nor another thread can come in between: both come between two instructions of Python, and a single
    call of C sets all. The old arrays live until then, since an array that is freed may call Python.
    """
    replaced = [leaf._value for leaf in leaves]
    list(map(_set_value, leaves, arrays))
    del replaced


@_computing
def _binary(
    function: Callable, compute: Callable
) -> tuple[Callable[[Tensor, Any], Tensor], Callable[[Tensor, Any], Tensor]]:
    """The methods for `x op y` and `y op x`: `apply` specialised to two arguments, for speed.

    `compute` gives the values: an operator of Python, which takes an eighth of a ufunc's time for two numbers.
    """

    def operator(self: Tensor, other: Any) -> Tensor:
        if type(other) is Tensor:
            y = other._value
            parents: tuple[Tensor, ...] = (self, other)
            tracked = self._tracked or other._tracked
        else:
            y = other if type(other) is float else arguments.primal(other)
            if y is NotImplemented:
                return NotImplemented
            parents = (self,)
            tracked = self._tracked
        x = self._value
        try:
            data = compute(x, y)
        except TypeError as error:
            data = at_the_users_line(error, function, (x, y))
        except ValueError:
            misfits.explain(function, (x, y), (self, other))
            raise
        if tracked and is_recording():
            return record(data, function, (x, y), None, parents)
        return unrecorded(data, self, other)

    def reflected(self: Tensor, other: Any) -> Tensor:
        x = arguments.primal(other)
        if x is NotImplemented:
            return NotImplemented
        y = self._value
        try:
            data = compute(x, y) if type(x) is not complex else function(x, y)  # it would take a float64 for a float
        except TypeError as error:
            data = at_the_users_line(error, function, (x, y))
        except ValueError:
            misfits.explain(function, (x, y), (other, self))
            raise
        if self._tracked and is_recording():
            return record(data, function, (x, y), None, (None, self))
        return unrecorded(data, other, self)

    operator.__qualname__ = f"Tensor.{function.__name__}"  # for the message of pow(x, y, z), which Tensors lack
    return operator, reflected


@_computing
def _power(x: Any, y: Any) -> Any:
    """The power x**y, of an array x as `np.power` rounds it."""
    return np.power(x, y) if type(x) is np.ndarray else x**y


def _in_place(operator: Callable[[Tensor, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """The method for `x op= y`, which is `x = x op y`: a new Tensor. Raises TypeError for parameters."""

    def augmented(self: Tensor, other: Any) -> Tensor:
        if self._tracked and self._function is None:
            raise TypeError(
                f"{self._label()} requires grad, so it can't be changed in place: write p.data = p.data - step to "
                f"update a parameter, or y = x + 1 to compute something new from it."
            )
        return operator(self, other)

    return augmented


# ---- the class


class Tensor(ArrayMethods, Displayed):
    """An array in a computation graph.

    A Tensor with `requires_grad=True` is *tracked*. Results of computations with it are tracked too, and record how
    they were made. `backward()` on a result adds the gradient with respect to each tracked leaf to the leaf's `grad`.

    Parameters
    ----------
    data
        Numbers of any shape: an array, a number, nested lists, a data frame. They are copied.
    requires_grad
        Record operations on it, for gradients with respect to it.
    dtype
        The dtype of the elements; that of `data` if left out.
    name
        A name for pictures and messages.

    Raises
    ------
    TypeError
        If `data` is not numeric, or is not of a float type although `requires_grad` is True.

    Examples
    --------
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

    # `_value` is the answer of `_function(*_args, **_kwargs)`; `_parents[i]` is the Tensor of the values `_args[i]`, or
    # None. An argument's values are kept, so that new data of a parameter leave older graphs as they are. Later nodes
    # have a lower `_order`; leaves have 0. `_origin` exists in debug mode only, `_cut` on untracked Tensors, `_calls`
    # on answers of functions, `_kept` on answers of functions whose rules keep values.
    __slots__ = (
        *("__weakref__", "_args", "_calls", "_cut", "_function", "_kept", "_kwargs", "_order", "_origin", "_parents"),
        *("_grad", "_tracked", "_value", "name"),
    )

    _value: Any
    _tracked: bool
    _function: Callable[..., Any] | None
    _args: tuple[Any, ...]
    _kept: Any
    _kwargs: dict[str, Any] | None
    _parents: tuple[Tensor | None, ...]
    _order: int
    _grad: np.ndarray | None
    name: str | None
    _origin: Any
    _cut: cuts.Cut | None
    _calls: tuple[tuple[int, int, Any, tuple[Any, ...]], ...] | None  # see `nn.call_tracking`

    if TYPE_CHECKING:  # given by `backprop`, which is built on Tensor

        def backward(self, cotangent: Any = None, *, keep_graph: bool = True) -> None:
            """See `backprop.backward`."""

    def __init__(self, data: Any, *, requires_grad: bool = False, dtype: Any = None, name: str | None = None):
        values = arguments.numbers(data, dtype)
        if type(values) is np.ndarray:
            values.flags.writeable = False
        self._value = values
        self._function = None
        self._parents = ()
        self._order = 0
        self._grad = None
        self._cut = cuts.of(values) if cuts.arrays else None
        self.name = name
        self.requires_grad = requires_grad

    # ---- values

    @property
    def data(self) -> np.ndarray:
        """The values, as a read-only view; `p.data = array` gives a leaf a copy of `array`.

        Graphs that have used `p` before keep the old values, so that their gradients stay right. `p.data -= step` is an
        error: write `p.data = p.data - step`.

        Raises
        ------
        ValueError
            If the new array has another shape, or values that the dtype can't hold, or a statement changes the data in
            place.
        TypeError
            If the Tensor is not a leaf.
        """
        leaving.refuse_writes(self, sys._getframe(1))
        if isinstance(self._value, Symbolic):
            return self._value  # type: ignore[return-value]
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
        if new.dtype != self.dtype:
            if not np.can_cast(new.dtype, self.dtype, casting="same_kind"):
                raise ValueError(f"{self._label()}: expected data that {self.dtype} can hold, got {new.dtype}.")
            new = new.astype(self.dtype)
        if type(new) is np.ndarray:
            new.flags.writeable = False
        self._value = new

    def numpy(self) -> np.ndarray:
        """Return a copy of the values, a NumPy array without the graph."""
        return arguments.own(self._value)

    def item(self) -> Any:
        """Return the value of a Tensor of size 1 as a Python number."""
        return self._value.item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers."""
        return self._value.tolist()

    def detach(self) -> Tensor:
        """Return a constant Tensor of the same values, through which no gradient flows."""
        constant = untracked(self._value, self.name)
        constant._cut = cuts.Cut("detach", (weakref.ref(self),)) if self._tracked else cuts.of(self)
        return constant

    # ---- properties

    @property
    def grad(self) -> np.ndarray | Any:  # Any stands for None: after backward() nobody need look for it
        """The gradient that `backward` has added up on a leaf; None before. Reading it elsewhere warns."""
        if self._grad is None and self._function is not None:
            _frames.warn(
                f"{self._label()} was made by {registry.name_of(self._function)}, so its grad is None: backward() "
                f"fills in that of leaves, made with tg.parameter(...). For the gradient with respect to others, write "
                f"tg.gradients(loss, x); to update a parameter, p.data = p.data - 0.1 * p.grad, which leaves it a leaf."
            )
        return self._grad

    @grad.setter
    def grad(self, value: np.ndarray | None) -> None:
        self._grad = value.numpy() if type(value) is Tensor else value  # optimizers check what else is given

    @property
    def requires_grad(self) -> bool:
        """True if gradients flow to or through this Tensor; it can be set on leaves of float types."""
        return self._tracked

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and self.dtype.kind not in "fc":
            raise TypeError(
                f"expected floats, got {self.dtype}; write 1.0 or astype(float): integers have no gradient."
            )
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

    if not TYPE_CHECKING:  # checkers have those of ArrayMethods
        __add__, __radd__ = _binary(np.add, operator.add)
        __sub__, __rsub__ = _binary(np.subtract, operator.sub)
        __mul__, __rmul__ = _binary(np.multiply, operator.mul)
        __truediv__, __rtruediv__ = _binary(np.divide, operator.truediv)
        __pow__, __rpow__ = _binary(np.power, _power)
        __matmul__, __rmatmul__ = _binary(np.matmul, np.matmul)
        __mod__, __rmod__ = _binary(np.remainder, np.remainder)

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

    def __getitem__(self, index: Any) -> Tensor:
        for part in index if type(index) is tuple else (index,):
            if calls.is_foreign(part):
                return part.__array_function__(primitives.getitem, (type(part),), (self, index), {})
        index = arguments.index(index)
        if self._tracked and is_recording():  # `apply` for one Tensor and a setting
            return record(self._value[index], primitives.getitem, (self._value, index), None, (self, None))
        return apply(primitives.getitem, (self, index))

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

    def __iter__(self) -> Iterator[Tensor]:
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

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return apply(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._tracked and is_recording():
            raise TypeError(
                f"{self._label()} is tracked, and a plain array would lose its gradient: write np.stack([x, y]) for "
                f"np.array([x, y]), and np.block for lists of lists; x.numpy() or x.detach() if that is meant; "
                f"tg.custom gives a function of another library its derivative; np.asarray(data) @ x is for a data "
                f"frame's own methods."
            )
        if copy is False:
            raise ValueError("np.asarray(x, copy=False) of a Tensor: its values are copied, or read-only as x.data.")
        return np.array(self._value, dtype=dtype)

    def __init_subclass__(cls) -> None:
        raise TypeError("Tensor can't be subclassed: write functions of Tensors, or a tg.nn.Module with parameters.")

    def __reduce__(self) -> tuple[Any, ...]:
        if self._function is not None:
            raise TypeError(
                f"{self._label()} is part of a graph, which can't be copied or pickled: write x.detach() for a "
                f"constant, or x.numpy() for its values, to plot them for instance."
            )
        return _rebuilt, (self.numpy(), self._tracked, self.name)


_set_value = Tensor.__dict__["_value"].__set__  # of C


def parameter(data: Any, name: str | None = None) -> Tensor:
    """Return a Tensor to differentiate with respect to: `Tensor(data, requires_grad=True, name=name)`.

    Parameters
    ----------
    data
        Floats of any shape, which are copied.
    name
        A name for pictures and messages.

    Returns
    -------
    Tensor
        A leaf of the shape of `data`.

    Raises
    ------
    TypeError
        If `data` is not of a float type.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> tg.parameter([0.5, -1.0], name="w")
    Tensor([ 0.5, -1. ], name='w', shape=(2,), dtype=float64, requires_grad=True)
    """
    return Tensor(data, requires_grad=True, name=name)


def origin(node: Any) -> str:
    """The end of a message: the line that recorded `node`; empty if no Observer has noted it."""
    return f", recorded in\n  {node._origin.line}" if hasattr(node, "_origin") else ""


def _rebuilt(values: np.ndarray, tracked: bool, name: str | None) -> Tensor:
    return Tensor(values, requires_grad=tracked, name=name)


from . import calls  # noqa: E402  # which is built on Tensor

_computing.complete()
