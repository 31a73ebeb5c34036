"""Stand-ins for modules that a file imports: drawing does nothing, and a missing module fails only where it is used."""

from __future__ import annotations

import builtins
import functools
import importlib
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

DRAWING = ("matplotlib", "mpl_toolkits", "pylab", "seaborn")  # never the real ones: no window opens, nothing is drawn
QUIET = ("IPython", "tqdm", "ipywidgets", "google", "termcolor")  # do nothing if they are not installed
RENAMED = {"cPickle": "pickle", "urllib2": "urllib.request", "Queue": "queue", "ConfigParser": "configparser"}
PYTHON_2 = {"xrange": range, "unicode": str, "basestring": str, "long": int, "reduce": functools.reduce}
OLD_BUILTINS = ("past.builtins", "six.moves", "future.builtins")  # modules that have these, and the present builtins
UNPACKED = {"subplots": 2, "hist": 3, "plot": 1}  # how many values a call of matplotlib gives


class StandIn:
    """Marks the objects below, which are no data of the file."""


class Quiet(StandIn):
    """An object that does nothing: called, indexed, entered and iterated over."""

    def __init__(self, name: str = "", count: int = 2):
        self.__name__, self._count = name, count

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Quiet(name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Give another such object; a progress bar gives what it counts, a decorator its function."""
        if self.__name__ in ("tqdm", "tqdm_notebook", "trange", "njit", "jit") and args:
            return range(*args) if self.__name__ == "trange" else args[0]
        return Quiet("", UNPACKED.get(self.__name__, 2))

    def __iter__(self) -> Iterator[Any]:
        return iter([Quiet() for _ in range(self._count)])

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: Any) -> Any:
        return Quiet()

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class QuietModule(ModuleType):
    """A module of such objects."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Quiet(name)


class Missing(StandIn):
    """A module that is not there, or a name of it: any use raises ModuleNotFoundError."""

    def __init__(self, name: str, why: str):
        self.__dict__.update(_name=name, _why=why)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._name}.{name}", self._why)

    def __instancecheck__(self, instance: Any) -> bool:
        return False

    def _use(self, *args: Any, **kwargs: Any) -> Any:
        raise ModuleNotFoundError(f"{self._name}: {self._why}")

    __call__ = __iter__ = __len__ = __bool__ = __float__ = __enter__ = __array__ = __mro_entries__ = _use
    __getitem__ = __setitem__ = __setattr__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _use
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __neg__ = __lt__ = __gt__ = _use

    def __exit__(self, *error: object) -> None:
        pass


def stand_in(module: str, why: str) -> Any:
    """An object in place of the module of that name, which can't be imported: the reason is `why`."""
    if module in RENAMED:
        return importlib.import_module(RENAMED[module])
    if module in OLD_BUILTINS:
        renamed = {name: importlib.import_module(new) for name, new in RENAMED.items()}
        return SimpleNamespace(**{**vars(builtins), **PYTHON_2, **renamed})
    return QuietModule(module) if module.split(".")[0] in QUIET else Missing(module, why)
