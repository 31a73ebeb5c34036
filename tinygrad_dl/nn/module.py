"""`Module`: something with parameters, found by name; and saving them."""

from __future__ import annotations

import os
import types
from collections.abc import Iterable, Iterator, Mapping
from contextvars import copy_context
from typing import Any

import numpy as np

from .. import pytree
from .._files import read_arrays, unlike, whole_file
from ..batching import Batched, core_of
from ..core import arguments, primitives
from ..core.tensor import Tensor, replace_all_data
from .noting import noted


class Module:
    """A function with parameters: every leaf Tensor among its attributes, in nested Modules, lists, tuples and dicts.

    Pictures frame what a call of it computed, if the class defines `__call__`: one assigned later has no frame.

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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        call = vars(cls).get("__call__")
        if isinstance(call, types.FunctionType):  # anything else takes no `self`, or is bound in a way of its own
            cls.__call__ = noted(call)  # type: ignore[method-assign]

    def __call__(self, A: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __call__")

    def __setattr__(self, name: str, value: Any) -> None:
        old = vars(self).get(name)
        if type(old) is type(value) is Tensor and old._function is None and old.requires_grad and value._function:
            raise TypeError(
                f"{name} is a parameter of {type(self).__name__}, and a Tensor that was computed can't take its place: "
                f"p.data = p.data - step gives it new values."
            )
        super().__setattr__(name, value)

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Each parameter once, with its path as a name, such as `layers.0.W`, in the order of definition.

        Raises ValueError if two parameters have one name, as with keys of dicts that contain dots.
        """
        seen: set[Tensor] = set()
        names: set[str] = set()
        for name, parameter in _tensors(self):
            if parameter in seen:
                continue
            if name in names:
                raise ValueError(f"{type(self).__name__} has two parameters named {name!r}.")
            seen.add(parameter)
            names.add(name)
            yield name, parameter

    def parameters(self) -> list[Tensor]:
        """The parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Each Module inside of this one, once, with its path as a name, such as `layers.0`; itself, as "", first.

        >>> import numpy as np
        >>> import tinygrad_dl as tg
        >>> [name for name, _ in tg.nn.mlp([2, 4, 1], rng=np.random.default_rng(0)).named_modules()]
        ['', 'layers.0', 'layers.2']
        """
        seen: set[int] = set()  # by identity: a Module that is a dataclass has no hash
        stack: list[tuple[str, Any]] = [("", self)]
        while stack:
            path, value = stack.pop()
            if id(value) not in seen:  # lists and dicts too, which may contain themselves
                seen.add(id(value))
                if isinstance(value, Module):
                    yield path, value
                stack += [(f"{path}.{name}" if path else str(name), part) for name, part in _parts(value)][::-1]

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter's values, by name."""
        return {name: parameter.numpy() for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Give the parameters the values in `state`, which has exactly their names and shapes: all of them, or none.

        Raises ValueError for a name that is missing or unknown, a wrong shape, or values that are not finite numbers
        that the parameter can hold, TypeError for a `state` that is no dict: then nothing has changed.
        """
        parameters = dict(self.named_parameters())
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict: expected a dict, as state_dict() gives it, got {type(state).__name__}.")
        if difference := unlike(parameters, list(state)):
            raise ValueError(f"the state does not fit this {type(self).__name__}: {difference}.")
        values = [_fitting(name, parameter, state[name]) for name, parameter in parameters.items()]
        replace_all_data(list(parameters.values()), values)

    def save(self, path: str | os.PathLike) -> None:
        """Write the parameters to `path` as an `.npz` archive, all or nothing: an older file stays until the end.

        Raises ValueError for parameters that are not finite or have a name that an archive can't hold, and what
        `whole_file` raises for a path that is no file's, such as FileNotFoundError for a folder that does not exist.
        """
        import zipfile

        state = self.state_dict()
        for name, values in state.items():
            if not np.all(np.isfinite(values)):
                raise ValueError(f"{name} is not finite, and {os.fsdecode(path)!r} was not written.")
            if zipfile.ZipInfo(f"{name}.npy").filename != f"{name}.npy":
                raise ValueError(f"a parameter named {name!r} can't be saved: name it without a NUL or backslash.")
        with whole_file(path) as part, open(part, "wb") as file:
            archive = zipfile.ZipFile(file, "w")  # not np.savez: a parameter may be called `file`
            try:
                for name, values in state.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, values, allow_pickle=False)
                archive.close()
            except BaseException:
                archive.fp = None  # it is not to be closed: that would raise an error of its own for Ctrl-C
                raise
            file.flush()
            os.fsync(file.fileno())

    def load(self, path: str | os.PathLike) -> None:
        """Read the parameters from a file that `save` wrote: all of them, or none.

        Raises FileNotFoundError, or ValueError for a file that is damaged, no `.npz` archive, or of another net: then
        nothing has changed. No file, however made, runs code or takes much more memory than the parameters do.
        """
        state = read_arrays(path, {name: parameter.shape for name, parameter in self.named_parameters()})
        try:
            self.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f"{os.fsdecode(path)!r}: {error}") from None


def _fitting(name: str, parameter: Tensor, given: Any) -> np.ndarray:
    """A new array for `parameter` of the values `given`. Raises ValueError if they do not fit."""
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
    np.seterr(over="ignore")  # what is too large for a float32 becomes inf, and an error
    return values.astype(dtype)


def _tensors(module: Any) -> Iterator[tuple[str, Any]]:
    """The parameters among the attributes and elements of `module`, with their paths; nothing that is inside itself."""
    inside: set[int] = set()  # the Modules and lists on the way to where we are
    stack: list[tuple[str, Any, bool]] = [("", module, False)]
    while stack:
        path, value, left = stack.pop()
        if left:
            inside.discard(id(value))
        elif type(value) in (Tensor, Batched):
            if getattr(core_of(value), "_function", None) in (None, primitives.identity):
                yield path, value  # what a layer computed and kept is no parameter; what it is differentiated by is one
        elif id(value) not in inside and (parts := list(_parts(value))):
            inside.add(id(value))
            stack.append((path, value, True))
            stack += [(f"{path}.{name}" if path else str(name), part, False) for name, part in reversed(parts)]


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    """The attributes of a Module and the elements of a list, tuple or dict, with their names; of anything else none."""
    if isinstance(value, Module):
        return vars(value).items()
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, (list, tuple)) else ()


def course_names(parameters: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Parameters by the names of the course, W1 b1 W2 ..., or by those given with them where these are not unique."""
    paths = dict(parameters)
    named = {tensor.name or path: tensor for path, tensor in paths.items()}
    return named if len(named) == len(paths) else paths


# ---- as an argument of `grad` and the like: see `pytree`


def _trained(module: Module) -> dict[str, Any]:
    """The parameters that gradients are wanted for, by name."""
    return {name: p for name, p in module.named_parameters() if type(p) is Batched or p.requires_grad}


def _with_values(module: Module, values: list[Any]) -> Any:
    """A copy of `module` with `values` in the places of those parameters; it shares with it whatever holds none."""
    return _copied(module, dict(zip(map(id, _trained(module).values()), values, strict=True)))


def _copied(module: Any, copies: dict[int, Any]) -> Any:
    """A copy of `module` and of what is in it, down to those values that `copies` has another for, by identity."""
    done: list[Any] = []
    stack: list[tuple[Any, Any, int]] = [(module, None, 0)]  # what to copy, or how to close what, and of how many parts
    while stack:
        value, close, count = stack.pop()
        if close is not None:
            start = len(done) - count
            done[start:] = [close(value, done[start:])]
        elif id(value) in copies:
            done.append(copies[id(value)])
        else:
            close, parts = _closing(value, copies)
            if close is None:
                done.append(value)
            else:
                stack.append((value, close, len(parts)))
                stack += [(part, None, 0) for part in reversed(parts)]
    return done[0]


def _closing(value: Any, copies: dict[int, Any]) -> tuple[Any, list[Any]]:
    """A function of `value` and of copies of its parts that makes its copy, and the parts; None for what is shared."""
    if isinstance(value, Module):
        copies[id(value)] = copy = object.__new__(type(value))  # known before its attributes, which may lead back to it
        return (lambda _, parts: vars(copy).update(zip(vars(value), parts, strict=True)) or copy), [
            *vars(value).values()
        ]
    if isinstance(value, types.MethodType) and isinstance(value.__self__, Module):
        return (lambda method, parts: types.MethodType(method.__func__, *parts)), [value.__self__]
    if isinstance(value, (dict, list, tuple)):
        return pytree.closed, [*(pytree.opened(value) or {}).values()]
    return None, []


pytree.register(Module, _trained, _with_values)
