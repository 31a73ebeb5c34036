"""`Module`: the base class of functions with parameters, found by name; saving and loading them."""

from __future__ import annotations

import os
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextvars import copy_context
from itertools import repeat
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .. import _html, pytree
from .._files import describe_difference, read_arrays, write_arrays
from .._guesses import MODULE, add_missing, present
from ..batching import Batched, core_of
from ..core import arguments, primitives
from ..core.tensor import Tensor, replace_all_data
from .call_tracking import track_calls

_MOST_ROWS = 40  # of a table in a notebook


class Module:
    """Base class of functions with parameters: the leaf Tensors among its attributes, in nested containers too.

    Attributes may hold Modules, lists, tuples and dicts. Pictures frame the nodes of a call if the class statement
    defines `__call__`; a `__call__` that is assigned later has no frame.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> class Scale(tg.nn.Module):
    ...     def __init__(self):
    ...         self.factor = tg.parameter(2.0)
    ...
    ...     def __call__(self, A):
    ...         return self.factor * A
    >>> dict(Scale().named_parameters()).keys()
    dict_keys(['factor'])
    """

    training: bool  # the mode, which `train` and `eval` set
    reads_mode = False  # True for layers of this package that compute something else in another mode

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a Module in training mode; a subclass need not call `__init__` of this class."""
        module = super().__new__(cls)
        vars(module)["training"] = True  # in the instance, where a compiled step sees that it changes
        return module

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        call = vars(cls).get("__call__")
        if isinstance(call, types.FunctionType):  # other callables take no `self`, or are bound in their own way
            cls.__call__ = track_calls(call)  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs for some inputs; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} defines no __call__: define it, or call one of its layers.")

    if not TYPE_CHECKING:  # for checkers it would make every name an attribute

        def __setattr__(self, name, value):
            old = vars(self).get(name)
            if type(old) is Tensor and old._function is None and old.requires_grad:
                computed = type(value) is Tensor and value._function is not None
                if computed or isinstance(value, (np.ndarray, np.generic, int, float)):
                    what = "a computed Tensor" if computed else f"a plain {type(value).__name__}"
                    raise TypeError(
                        f"{name} is a parameter of {type(self).__name__}, and {what} can't replace it: write p.data = "
                        f"p.data - step to give it new values, or pass tg.Tensor(values) for a constant."
                    )
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return present(self, super().__dir__())

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield each parameter once, in the order of definition, with its path as its name.

        Yields
        ------
        name : str
            The path, such as `layers.0.W`.
        parameter : Tensor
            The parameter.

        Raises
        ------
        ValueError
            If two parameters have the same name, which keys with dots can cause.
        """
        names: set[str] = set()
        for name, parameter in _objects(self):
            if type(parameter) in (Tensor, Batched) and _is_leaf(parameter):
                if name in names:
                    raise ValueError(f"{type(self).__name__} has two parameters named {name!r}.")
                names.add(name)
                yield name, parameter

    def parameters(self) -> list[Tensor]:
        """Return the parameters, in the order of `named_parameters`.

        Returns
        -------
        list of Tensor
            Each parameter once.
        """
        return [parameter for _, parameter in self.named_parameters()]

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield this Module and each nested one, once, with its path as its name.

        Yields
        ------
        name : str
            The path, such as `layers.0`; "" for the Module itself, which comes first.
        module : Module
            The Module.

        Examples
        --------
        >>> import numpy as np
        >>> import tinygrad_dl as tg
        >>> [name for name, _ in tg.nn.mlp([2, 4, 1], rng=np.random.default_rng(0)).named_modules()]
        ['', 'layers.0', 'layers.2']
        """
        return ((path, value) for path, value in _objects(self) if isinstance(value, Module))

    def train(self) -> Mode:
        """Switch this Module and all in it to training mode, in which dropout draws masks; the mode of a new Module.

        Returns
        -------
        Mode
            A context manager that switches back at its end; it may be ignored.
        """
        return Mode(self, True)

    def eval(self) -> Mode:
        """Switch this Module and all in it to evaluation mode, for predictions; `fit` leaves a net in it.

        Returns
        -------
        Mode
            A context manager that switches back at its end; it may be ignored.

        Examples
        --------
        >>> import numpy as np
        >>> import tinygrad_dl as tg
        >>> dropout = tg.nn.Dropout(0.5, rng=np.random.default_rng(0))
        >>> with dropout.eval():
        ...     dropout(np.ones(3))
        array([1., 1., 1.])
        >>> dropout.training
        True
        """
        return Mode(self, False)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of the values of every parameter.

        Returns
        -------
        dict of str to array
            The arrays, by the names of `named_parameters`.
        """
        return {name: parameter.numpy() for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Set the values of all parameters; on an error, none has changed.

        Parameters
        ----------
        state : mapping of str to array
            Values by name, with exactly the names and shapes of the parameters.

        Raises
        ------
        ValueError
            If a name is missing or unknown, a shape differs, or a value is not finite or does not fit the dtype.
        TypeError
            If `state` is not a mapping.
        """
        parameters = dict(self.named_parameters())
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict: expected a dict, as state_dict() returns, got {type(state).__name__}.")
        if difference := describe_difference(parameters, list(state)):
            raise ValueError(f"the state does not fit this {type(self).__name__}: {difference}.")
        values = [_convert_values(name, parameter, state[name]) for name, parameter in parameters.items()]
        replace_all_data(list(parameters.values()), values)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the parameters to an `.npz` archive. An older file is replaced at the end, or stays on an error.

        Parameters
        ----------
        path : str or path-like
            The file; its name is used as given.

        Raises
        ------
        ValueError
            If a parameter is not finite, or its name contains a NUL or backslash.
        OSError
            If the file cannot be written: FileNotFoundError if its folder is missing, IsADirectoryError for a folder.
        """
        state = self.state_dict()
        check_loadable(path, state)
        write_arrays(path, state)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Read all parameters from a file written by `save`; on an error, none has changed.

        A file, even a hostile one, runs no code and takes little more memory than the parameters do.

        Parameters
        ----------
        path : str or path-like
            The file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged, not an `.npz` archive, or holds the parameters of another net.
        """
        state = read_arrays(path, {name: parameter.shape for name, parameter in self.named_parameters()})
        try:
            self.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f"{os.fsdecode(path)!r}: {error}") from None

    def _repr_html_(self) -> str:
        found = list(self.named_parameters())
        rows = [[_html.Code(name), f"{p.shape}", f"{p.dtype}", f"{p.size:,}"] for name, p in found[:_MOST_ROWS]]
        more = [f"... and {len(found) - _MOST_ROWS:,} more parameters"] if len(found) > _MOST_ROWS else []
        head = ["parameter", "shape", "dtype", "numbers"]
        total = f"{sum(p.size for _, p in found):,} parameters"
        return _html.block(_html.title(repr(self), total), _html.table(rows, head, numbers=[3]), _html.note(*more))


add_missing(Module, MODULE)


class Mode:
    """A switch of Modules to training or evaluation mode, which the end of a `with` block takes back."""

    def __init__(self, module: Module, training: bool):
        self._parts, self._training = [part for _, part in module.named_modules()], training
        self._before = [part.training for part in self._parts]
        try:
            self._set([training] * len(self._parts))
        except BaseException:
            self._set(self._before)
            raise

    def _set(self, modes: list[bool]) -> None:
        list(map(object.__setattr__, self._parts, repeat("training"), modes))  # Ctrl-C can't come in between

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self._set(self._before)

    def __repr__(self) -> str:
        return f"{self._parts[0]!r} in {'training' if self._training else 'evaluation'} mode"


def check_loadable(path: str | os.PathLike[str], state: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError, before a file is replaced, if the parameters in `state` are not finite."""
    for name, values in state.items():
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{name} is not finite, and {os.fsdecode(path)!r} was not written.")


def _convert_values(name: str, parameter: Tensor, given: Any) -> np.ndarray:
    """Convert the values `given` to a new array for `parameter`. Raises ValueError if they do not fit."""
    if type(parameter) is not Tensor or parameter._function is not None:
        raise ValueError(f"{name} is being differentiated, so its values can't be replaced.")
    try:
        given = given.numpy() if type(given) is Tensor else given
        values = arguments.numbers(given)
    except (TypeError, ValueError):
        values = None
    dtype = parameter.dtype
    if values is None or values.shape != parameter.shape or not np.can_cast(values.dtype, dtype, "same_kind"):
        got = f"{given.dtype} of shape {given.shape}" if type(given) is np.ndarray else f"a {type(given).__name__}"
        raise ValueError(f"{name}: expected {dtype} of shape {parameter.shape}, got {got}.")
    new = copy_context().run(_cast, values, dtype)  # an interrupt can't leave its error state to the caller
    if not np.all(np.isfinite(new)) or (dtype.kind in "iu" and np.any(new != values)):
        raise ValueError(f"{name}: expected finite values that {dtype} can hold.")
    return new


def _cast(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    np.seterr(over="ignore")  # numbers too large for a float32 become inf, which raises an error
    return values.astype(dtype)


_SIMPLE = frozenset({int, float, str, bool, types.NoneType, types.FunctionType, np.ndarray})  # types without parameters


def _objects(module: Module) -> Iterator[tuple[str, Any]]:
    """Yield `module` and each object in it once, with its path: attributes, and elements of nested containers."""
    seen: dict[int, Any] = {}  # by identity, and alive, so that no other object gets its id
    stack: list[tuple[str, Any]] = [("", module)]
    while stack:
        path, value = stack.pop()
        if id(value) not in seen:
            seen[id(value)] = value
            yield path, value
            if type(value) is not Tensor:
                start = f"{path}." if path else ""
                parts = [(f"{start}{name}", x) for name, x in _children(value) if type(x) not in _SIMPLE]
                stack += parts[::-1]


def _is_leaf(parameter: Any) -> bool:
    """Return whether it is a leaf or a variable of differentiation; a Tensor that a layer computed is neither."""
    return getattr(core_of(parameter), "_function", None) in (None, primitives.identity)


def _children(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return the named attributes of a Module, or elements of a list, tuple or dict; empty for other values."""
    if isinstance(value, Module):
        return vars(value).items()
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, (list, tuple)) else ()


def generators(net: Any) -> dict[str, np.random.Generator]:
    """The random generators in a net, each once, by path; of a function, none."""
    objects = _objects(net) if isinstance(net, Module) else ()
    return {path: value for path, value in objects if isinstance(value, np.random.Generator)}


def hidden_parameters(net: Module) -> Iterator[tuple[str, Tensor, str]]:
    """Yield each leaf that requires grad in an object that is no Module, with its path and the class of the object."""
    for path, value in _objects(net):
        attributes = {} if isinstance(value, Module) else getattr(value, "__dict__", {})
        for name, part in enumerate(value) if isinstance(value, (set, deque)) else attributes.items():
            if type(part) is Tensor and part._function is None and part.requires_grad:
                yield f"{path}.{name}", part, type(value).__name__


def course_names(parameters: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Key parameters by their course names, W1 b1 W2 ..., or by their paths if the course names are not unique."""
    paths = dict(parameters)
    named = {tensor.name or path: tensor for path, tensor in paths.items()}
    return named if len(named) == len(paths) else paths


# ---- Modules as arguments of `grad` and other transforms: see `pytree`


def trainable(module: Module) -> dict[str, Any]:
    """Return the parameters that require grad, by name."""
    return {name: p for name, p in module.named_parameters() if type(p) is Batched or p.requires_grad}


def _replace_parameters(module: Module, values: list[Any]) -> Any:
    """Copy `module` with `values` for its trainable parameters; attributes without parameters are shared."""
    return _copy_with(module, dict(zip(map(id, trainable(module).values()), values, strict=True)))


def _copy_with(module: Any, copies: dict[int, Any]) -> Any:
    """Copy `module` and its contents recursively, replacing the objects whose id is a key of `copies`."""
    done: list[Any] = []
    stack: list[tuple[Any, Any, int]] = [(module, None, 0)]  # (value, None, 0) to copy, (value, rebuild, n) to rebuild
    while stack:
        value, rebuild, count = stack.pop()
        if rebuild is not None:
            start = len(done) - count
            done[start:] = [rebuild(value, done[start:])]
        elif id(value) in copies:
            done.append(copies[id(value)])
        else:
            rebuild, parts = _rebuilder(value, copies)
            if rebuild is None:
                done.append(value)
            else:
                stack.append((value, rebuild, len(parts)))
                stack += [(part, None, 0) for part in reversed(parts)]
    return done[0]


def _rebuilder(value: Any, copies: dict[int, Any]) -> tuple[Any, list[Any]]:
    """Return `rebuild(value, copied_parts)` and the parts of `value`; None for a value to share."""
    if isinstance(value, Module):
        copies[id(value)] = copy = object.__new__(type(value))  # before its attributes, for cycles
        return (lambda _, parts: vars(copy).update(zip(vars(value), parts, strict=True)) or copy), [
            *vars(value).values()
        ]
    if isinstance(value, types.MethodType) and isinstance(value.__self__, Module):
        return (lambda method, parts: types.MethodType(method.__func__, *parts)), [value.__self__]
    if isinstance(value, (dict, list, tuple)):
        return pytree.with_children, [*(pytree.children(value) or {}).values()]
    return None, []


pytree.register(Module, trainable, _replace_parameters)
