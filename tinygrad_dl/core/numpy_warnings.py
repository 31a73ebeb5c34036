"""NumPy's warnings, such as "divide by zero encountered in log", at the user's own line.

NumPy warns at the line of Python that called it, which is one of this package, and Python shows a warning once a line:
the first would be shown, with a line that helps nobody, and the rest of the program would be silent.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import update_wrapper
from types import FunctionType
from typing import Any, TypeVar

from .. import _frames

_F = TypeVar("_F", bound=Callable)


_NOWHERE: Any = []  # the registry of warnings of a module that Python can't warn in, since it is no dict


def _refusal() -> str:
    """The error with which Python refuses to warn; empty if it does not."""
    try:
        warnings.warn_explicit("", PendingDeprecationWarning, "", 0, registry=_NOWHERE)
    except Exception as error:
        return str(error)
    return ""


_REFUSAL = _refusal()


class Computing:
    """A decorator for the functions of a module that call NumPy for the user: no warning comes at their lines.

    In them Python raises TypeError instead, before it looks at its filters; `at_the_users_line` calls NumPy anew. Where
    nothing is warned of, this costs nothing. The rest of the module may be warned at as ever: the functions have
    globals of their own, which `complete` fills at the end of the module.
    """

    def __init__(self, module: dict[str, Any]):
        self._module = module
        self._globals = {**module}

    def __call__(self, function: _F) -> _F:
        made: Any = FunctionType(function.__code__, self._globals, function.__name__, function.__defaults__)
        made.__kwdefaults__ = function.__kwdefaults__
        update_wrapper(made, function)
        del made.__wrapped__
        return made

    def complete(self) -> None:
        """Give the functions the globals of their module, all of which are there by now."""
        self._globals.update(self._module)
        if _REFUSAL:
            self._globals["__warningregistry__"] = _NOWHERE


def at_the_users_line(error: TypeError, function: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """Call `function` as the line of the user's code that runs, if `error` says that it was about to warn; else raise.

    So NumPy's warning is one of that line, under the filters, and the registry, of the user's own module.
    """
    if str(error) != _REFUSAL:
        raise error
    frame = _frames.users_frame(sys._getframe())
    user = frame.f_code
    code = _call.__code__.replace(co_filename=user.co_filename, co_name=user.co_name, co_firstlineno=frame.f_lineno)
    try:
        return FunctionType(code, frame.f_globals)(function, args, kwargs or {})
    except Exception as failed:  # of a warning that is to be an error
        if failed.__context__ is error:
            failed.__context__ = None
        raise


_call: Any = lambda function, args, kwargs: function(*args, **kwargs)  # noqa: E731 (one line, the user's)
