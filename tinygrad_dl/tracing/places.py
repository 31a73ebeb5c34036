"""Places that a function reads besides its arguments: variables of closures and modules, attributes, elements.

`find_places` walks from the function through objects to Tensors, arrays, generators and numbers. While a function is
traced, Symbols stand in these places; afterwards the places that hold other values are those that the function writes.
"""

from __future__ import annotations

import functools
import re
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import _frames
from ..core import registry
from ..core.tensor import Tensor
from ..proxies.dispatching import Symbolic

_PACKAGE = __name__.partition(".")[0]
Number = (bool, int, float, complex, str, type(None), np.generic)


class Place:
    """The attribute or element `key` of a `holder`; `label` is the expression that leads there."""

    __slots__ = ("holder", "is_element", "key", "label")

    holder: Any
    is_element: bool
    key: Any
    label: str

    def __init__(self, holder: Any, key: Any, label: str):
        self.holder, self.key, self.label = holder, key, label
        self.is_element = isinstance(holder, (dict, list, deque))

    def get(self) -> Any:
        """The value there now; `MISSING` if there is none."""
        try:
            return self.holder[self.key] if self.is_element else getattr(self.holder, self.key)
        except (AttributeError, LookupError, ValueError):  # ValueError: an empty cell
            return MISSING

    def set(self, value: Any) -> None:
        """Put a value there, or nothing if it is `MISSING`."""
        if value is MISSING:
            if self.is_element:
                del self.holder[self.key]
            else:
                delattr(self.holder, self.key)
        elif self.is_element:
            self.holder[self.key] = value
        else:
            setattr(self.holder, self.key, value)

    @property
    def identity(self) -> tuple[int, Any]:
        """Equal for the same place."""
        return id(self.holder), self.key


MISSING: Any = type("Missing", (), {"__repr__": lambda self: "missing"})()


class Places:
    """All places found: of leaf Tensors, arrays, generators, and others.

    Attributes
    ----------
    tensors : list of Tensor
        Leaf Tensors, each once.
    arrays, generators, others : list of Place
        Places of arrays or tuples of arrays; of generators of random numbers; of numbers and of the objects walked.
    containers : list
        The lists, dicts, deques and sets walked, the attributes of objects included.
    sized : list
        Containers whose lengths count: those of the user, and the attributes of classes.
    unset : list of Place
        Variables without a value so far.
    frozen : list of str
        Labels of arrays that no Symbol can stand in for.
    """

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.arrays: list[Place] = []
        self.generators: list[Place] = []
        self.others: list[Place] = []
        self.containers: list[tuple[Any, str]] = []
        self.sized: list[Any] = []
        self.unset: list[Place] = []
        self.frozen: list[str] = []
        self._names: set[str] = set()  # in the functions walked
        self._texts: set[str] = set()  # in the functions and places walked, which may name methods for getattr
        self._methods: list[tuple[str, Any, str]] = []  # functions of classes, walked if their name is used
        self._numbers: list[tuple[list[Any], str]] = []  # lists of numbers, which count if their attribute is used
        self._seen: dict[int, Any] = {}  # by identity; it keeps the objects alive, so that ids stay theirs
        self._stack: list[tuple[Any, str, Place | None]] = []
        self._has_symbols = False

    def walk(self, value: Any, label: str) -> None:
        """Find all places that are reached from `value`."""
        self._stack.append((value, label, None))
        while self._stack:
            self._visit(*self._stack.pop())
            if not self._stack:
                used = [method for method in self._methods if self._may_run(method[0], method[2])]
                self._methods = [method for method in self._methods if method not in used]
                self._stack = [(function, label, None) for _, function, label in used]
        for numbers, label in [*self._numbers]:
            if self._names.issuperset(re.findall(r"\.(\w+)", label)):
                self._numbers.remove((numbers, label))
                self.sized.append(numbers)
                self.others += [Place(numbers, i, f"{label}[{i}]") for i in range(len(numbers))]

    def _may_run(self, name: str, label: str) -> bool:
        """Return whether a method is named by the code, or may be called without a name."""
        if name in ("__init__", "__post_init__", "__new__"):  # called where the class is
            return label.rpartition(".")[0].rpartition(".")[2] in self._names
        return name in self._names or name in self._texts or name.startswith("__")

    def leads_to_symbols(self, value: Any) -> bool:
        """Return whether traced arrays are reached from a new object, or may be, as from an iterator."""
        if isinstance(value, Iterator):
            return True
        inside = Places()
        inside._seen = {**self._seen}
        inside.walk(value, "")
        return inside._has_symbols

    def _visit(self, value: Any, label: str, place: Place | None) -> None:
        kind = type(value)
        if kind is np.ndarray or (isinstance(value, tuple) and holds_arrays(value)):
            if place is None:
                self.frozen.append(label)
                return
            self.arrays.append(place)
            if kind is not np.ndarray:
                self._stack.append((kind, kind.__name__, None))  # its methods
            if kind is not np.ndarray and (others := [part for part in _flat(value) if type(part) is not np.ndarray]):
                self.others.append(place)  # another tuple may hold others
                self._stack += [(part, label, None) for part in others]
            return
        if isinstance(value, Number):
            if isinstance(value, str):
                self._texts.add(value)
            if place is not None:
                self.others.append(place)
            return
        if isinstance(value, np.dtype):
            return
        if isinstance(value._value if kind is Tensor else value, Symbolic):
            self._has_symbols = self._has_symbols or id(value) not in self._seen
            return
        if is_generator(value):
            if place is not None:
                self.generators.append(place)
            return
        if value is MISSING:
            self.unset += [place] if place else []
            return
        if place is not None:
            self.others.append(place)
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if kind is Tensor:
            if value._function is None:
                self.tensors.append(value)
        else:
            self._stack += reversed([*self._parts(value, label)])

    def _parts(self, value: Any, label: str) -> Iterator[tuple[Any, str, Place | None]]:
        if isinstance(value, (dict, list, deque, tuple, set, frozenset)) and not _is_of_library(type(value)):
            yield from self._attributes(value, label)
        if isinstance(value, (dict, list, deque)):
            self.containers.append((value, label))
            if isinstance(value, list) and all(isinstance(part, Number) for part in value):
                self._numbers.append((value, label))  # such as a list of losses, which grows
                return
            self.sized.append(value)
            for key, part in [*(value.items() if isinstance(value, dict) else enumerate(value))]:
                yield part, f"{label}[{key!r}]", Place(value, key, f"{label}[{key!r}]")
        elif isinstance(value, (tuple, set, frozenset)):
            if isinstance(value, set):
                self.containers.append((value, label))
                self.sized.append(value)
            for i, part in enumerate(value):
                yield part, f"{label}[{i}]", None
        elif isinstance(value, types.MethodType):
            yield value.__self__, label.rpartition(".")[0] or label, None
            yield value.__func__, label, None
        elif isinstance(value, types.FunctionType):
            self._names.update(_names_in(value.__code__), value.__code__.co_freevars)
            if not _is_of_library(value):
                constants = _flat(tuple([code.co_consts for code in _codes_in(value.__code__)]))
                self._texts.update(part for part in constants if isinstance(part, str))
            yield from _parts_of_function(value, label)
            for table in (registry.vjps, registry.composites):  # a user's rules for it, which may read places too
                if value in table and type(table[value]) is not registry.ChosenRules:
                    yield table[value], label, Place(table, value, label)
            if vars(value).keys() - {"__wrapped__"} and not _is_of_library(value):
                yield from self._attributes(value, label)
        elif type(value).__module__.startswith(__package__):  # a compiled function
            yield getattr(value, "_f", None), label, None
        elif isinstance(value, types.ModuleType) or _is_foreign(value):
            return
        elif isinstance(value, type):
            self.sized.append(vars(value))  # a new attribute may hide that of a base
            yield from ((base, base.__name__, None) for base in value.__bases__ if not _is_of_library(base))
            for name, part in vars(value).items():
                if _is_state(part) and not name.startswith("__"):
                    yield part, f"{label}.{name}", Place(value, name, f"{label}.{name}")
                for attribute in ("__func__", "fget", "func", "__wrapped__"):
                    part = getattr(part, attribute, part)
                if isinstance(part, types.FunctionType):
                    self._methods.append((name, part, f"{label}.{name}"))
        else:
            yield from self._attributes(value, label)

    def _attributes(self, value: Any, label: str) -> Iterator[tuple[Any, str, Place | None]]:
        if isinstance(value, functools.partial):
            yield from ((part, label, None) for part in (value.func, value.args, value.keywords))
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and attributes is not value:
            self.containers.append((attributes, label))
            ours = type(value).__module__.startswith(f"{_PACKAGE}.nn.")
            if not type(value).__module__.startswith(f"{_PACKAGE}."):
                self.sized.append(attributes)
            for name, part in [*attributes.items()]:
                if ours and name == "training" and not getattr(value, "reads_mode", False):
                    continue
                yield part, f"{label}.{name}", Place(attributes, name, f"{label}.{name}")
        for kind in type(value).__mro__:
            for name in np.atleast_1d(vars(kind).get("__slots__", ())).tolist():
                if hasattr(value, name) and not name.startswith("__"):
                    yield getattr(value, name), f"{label}.{name}", Place(value, name, f"{label}.{name}")
        if not _is_of_library(type(value)):
            yield type(value), type(value).__name__, None


def find_places(function: Callable[..., Any], objects: dict[str, Any]) -> Places:
    """The places that `function` reads, and those in the `objects` among its arguments."""
    places = Places()
    places.walk(function, getattr(function, "__name__", "f"))
    for label, value in objects.items():
        places.walk(value, label)
    return places


def _parts_of_function(function: types.FunctionType, label: str) -> Iterator[tuple[Any, str, Place | None]]:
    of_library = _is_of_library(function)
    names = {*_names_in(function.__code__)}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        place = Place(cell, "cell_contents", name)
        value = place.get()
        yield value, name, None if of_library and not isinstance(value, (Tensor, np.ndarray)) else place
        yield from _parts_of_module(value, name, names)
    for name in ("__defaults__", "__kwdefaults__"):
        if defaults := getattr(function, name):
            yield defaults, label, Place(function, name, label)
    if wrapped := getattr(function, "__wrapped__", None):
        yield wrapped, label, None
    if of_library:
        return
    for name in sorted(names):
        value = function.__globals__.get(name, MISSING)
        if isinstance(value, types.ModuleType):
            yield from _parts_of_module(value, name, names)
        else:
            yield value, name, Place(function.__globals__, name, name)


def _parts_of_module(value: Any, label: str, names: set[str]) -> Iterator[tuple[Any, str, Place | None]]:
    """The variables with these names, if `value` is a module of the user."""
    if isinstance(value, types.ModuleType) and not _is_library_module(value):
        for name in sorted(names & vars(value).keys()):
            yield vars(value)[name], f"{label}.{name}", Place(vars(value), name, f"{label}.{name}")


def _names_in(code: types.CodeType) -> Iterator[str]:
    return (name for each in _codes_in(code) for name in each.co_names)


def _codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function, and of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes_in(constant)


def holds_arrays(value: tuple[Any, ...]) -> bool:
    """Return whether an array is in a tuple, or in tuples in it."""
    return any(type(part) is np.ndarray for part in _flat(value))


def _flat(value: tuple[Any, ...]) -> Iterator[Any]:
    for part in value:
        if isinstance(part, tuple):
            yield from _flat(part)
        else:
            yield part


def is_generator(value: Any) -> bool:
    """Return whether `value` is a generator of random numbers."""
    return type(value).__module__.startswith("numpy.random") and hasattr(value, "bit_generator")


def _is_foreign(value: Any) -> bool:
    """Return whether `value` is an object of a library, such as a data frame, whose insides are not the user's."""
    kind = value if isinstance(value, type) else type(value)
    name = _module_of(kind)
    holders = (_PACKAGE, "argparse", "collections", "functools")
    if name.partition(".")[0] in holders or kind is types.SimpleNamespace:
        return False
    module = sys.modules.get(name)  # None of a file that was run and not imported
    return module is not None and _is_library_module(module)


def _is_state(value: Any) -> bool:
    """Return whether an attribute of a class is a number, a container, or an object of the user, no method."""
    if isinstance(value, (*Number, np.ndarray, Tensor, tuple, list, dict, set, deque)) or is_generator(value):
        return True
    return not (hasattr(type(value), "__get__") or _is_foreign(value) or _is_of_library(type(value)))


def _is_of_library(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    if isinstance(code, types.CodeType):
        return _is_library_file(code.co_filename, _module_of(function))
    return _module_of(function).partition(".")[0] in (_PACKAGE, "builtins", "numpy", "functools", "collections")


def _module_of(function: Any) -> str:
    """The name of the module of a function or class; "" for one that `exec` made in a dict without `__name__`."""
    module = getattr(function, "__module__", None) or ""
    own = isinstance(function, type) and isinstance(vars(function).get("__module__"), str)
    return "" if own and module == "builtins" else module


def _is_library_module(module: types.ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:  # such as math, or a module that the user made
        return module.__name__ in sys.builtin_module_names
    return _is_library_file(file, module.__name__)


def _is_library_file(file: str, module: str) -> bool:
    """Return whether a file is of Python, this package or a library: what is installed and uses this package is not."""
    library = _frames.is_library(file)
    if library == "installed":
        return not _uses_package(module.partition(".")[0], len(sys.modules))
    return bool(library) or file.startswith(_frames.PACKAGE)


@functools.lru_cache
def _uses_package(installed: str, imported: int) -> bool:
    """Return whether an `installed` package names a module, class or function of this one, with so many `imported`."""
    modules = [*sys.modules.items()]
    ours = {id(module) for name, module in modules if name.partition(".")[0] == _PACKAGE}
    names = [getattr(module, "__dict__", {}) for name, module in modules if name.partition(".")[0] == installed]
    return any(
        id(value) in ours  # only what is surely no proxy is asked for its module
        or (issubclass(type(value), (type, types.FunctionType)) and _module_of(value).partition(".")[0] == _PACKAGE)
        for value in [value for variables in names for value in variables.values()]
    )
