"""A record of the checker and of NumPy, to see whether a learner's file has changed them."""

from __future__ import annotations

import builtins
import hashlib
import hmac
import importlib
import json
import math
import os
import pkgutil
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

OWN = __package__.split(".")[0]
LIBRARIES: tuple[ModuleType, ...] = (builtins, hashlib, hmac, json, math, os)


def load_checker() -> None:
    """Import all that the checks use, so that none of it is looked for when the learner's folder can be searched."""
    for name in ("..gradcheck", "..backprop", "..repair"):
        package = importlib.import_module(name, __package__)
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in (".discovery", ".inner_gradients"):  # which imports the recognisers; one of them imports this late
        importlib.import_module(name, __package__)


class Record:
    """The contents of the modules at one time; `changed` names the first difference from them."""

    def __init__(self) -> None:
        self._modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] in (OWN, "numpy")}
        self._modules |= {module.__name__: module for module in LIBRARIES}
        self._values = [(vars(module), name, value) for module, name, value in self._globals()]
        self._members = [
            (cls, name, member)
            for _, _, cls in self._values
            if isinstance(cls, type) and str(cls.__module__).startswith(OWN)
            for name, member in vars(cls).items()
            if callable(member) or isinstance(member, (property, staticmethod, classmethod))
        ]
        functions = [v for _, _, v in (*self._values, *self._members) if isinstance(v, FunctionType)]
        self._codes = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in functions]

    def _globals(self) -> Iterator[tuple[ModuleType, str, Any]]:
        """The globals of the checker, and the functions, classes and modules of the libraries."""
        for module in self._modules.values():
            own = module.__name__.startswith(OWN)
            for name, value in list(vars(module).items()):
                if not name.startswith("__") and (own or callable(value) or isinstance(value, ModuleType)):
                    yield module, name, value

    def changed(self) -> str:
        """The first thing that is not as it was: "numpy.dot"; "" if all is."""
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                return f"sys.modules[{name!r}]"
        missing = object()
        for names, name, value in self._values:
            if names.get(name, missing) is not value:
                return f"{names.get('__name__')}.{name}"
        for cls, name, member in self._members:
            if vars(cls).get(name, missing) is not member:
                return f"{cls.__module__}.{cls.__qualname__}.{name}"
        for function, *parts in self._codes:
            now = function.__code__, function.__defaults__, function.__kwdefaults__
            if any(a is not b for a, b in zip(parts, now, strict=True)):
                return f"{function.__module__}.{function.__qualname__}"
        return ""
