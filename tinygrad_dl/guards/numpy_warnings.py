"""NumPy's warnings, such as "divide by zero encountered in log", issued at the user's own line.

NumPy warns at the line of Python that called it, which is a line of this package. Python shows a warning once per line,
so the user would see the first one only, at an unhelpful line.
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


NOWHERE: Any = []  # a module with this registry of warnings, which is not a dict, cannot warn


def _refusal() -> str:
    """The message of the error that Python raises instead of the warning; empty if it raises none."""
    try:
        warnings.warn_explicit("", PendingDeprecationWarning, "", 0, registry=NOWHERE)
    except Exception as error:
        return str(error)
    return ""


_REFUSAL = _refusal()


class Computing:
    """A decorator for functions that call NumPy for the user, so that no warning is issued at their lines.

    Python raises TypeError there instead, before it applies its filters; `at_the_users_line` then repeats the call.
    Without a warning this costs nothing. Other functions of the module can warn as usual: decorated functions have
    separate globals, which `complete` fills at the end of the module.
    """

    def __init__(self, module: dict[str, Any]):
        self._module = module
        self._globals = {**module}

    def __call__(self, function: _F) -> _F:
        """Decorate a function: return it with other globals."""
        made: Any = FunctionType(function.__code__, self._globals, function.__name__, function.__defaults__)
        made.__kwdefaults__ = function.__kwdefaults__
        update_wrapper(made, function)
        del made.__wrapped__
        return made

    def complete(self) -> None:
        """Copy the globals of the module, complete by now, to the decorated functions."""
        self._globals.update(self._module)
        if _REFUSAL:
            self._globals["__warningregistry__"] = NOWHERE


def at_the_users_line(
    error: TypeError, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
) -> Any:
    """Call `function` from the user's current line, if `error` stands for a warning; else raise `error`.

    NumPy's warning is then issued at that line, with the filters and the registry of the user's own module.
    """
    if str(error) != _REFUSAL:
        raise error
    frame = _frames.users_frame(sys._getframe())
    user = frame.f_code
    code = _call.__code__.replace(co_filename=user.co_filename, co_name=user.co_name, co_firstlineno=frame.f_lineno)
    try:
        return FunctionType(code, frame.f_globals)(function, args, kwargs or {})
    except Exception as failed:  # a warning that a filter turns into an error
        if failed.__context__ is error:
            failed.__context__ = None
        raise


_call: Any = lambda function, args, kwargs: function(*args, **kwargs)  # noqa: E731 (one line, the user's)
