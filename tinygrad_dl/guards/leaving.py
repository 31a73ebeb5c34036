"""Conversions of a tracked Tensor to a plain number, `float(x)`, `complex(x)` or `int(x)`, which lose the gradient.

Writes into `x.data`, which is read-only, are found in the same way, by the instruction that reads `x.data`.

`float(x)` by name in the user's own code is deliberate. A call of `float` by NumPy, `math` or another library is not:
the gradient would be lost silently, so that is an error. In CPython the caller's current instruction distinguishes the
two; if it does not, there is a warning.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable
from types import BuiltinFunctionType, CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import _frames
from ..core import registry
from ..core.modes import IN_FUNCTION, IN_RULE, is_checking, is_recording

HARMLESS = "harmless"
MEANT = "meant"
UNCLEAR = "unclear"
_KINDS = (float, complex, int)
_DUNDERS = ("__float__", "__complex__", "__int__")
_CALLERS = {"builtins", "collections", "functools", "itertools", "operator", "_functools", "_operator"}  # of functions
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
_PREPARING = {"PUSH_NULL", "PRECALL", "KW_NAMES", "EXTENDED_ARG", "COPY", "NOP", "CACHE"}


def leave(kind: str, tensor: Any, frame: FrameType) -> None:
    """Check the conversion `kind(tensor)` of a tracked Tensor by the code in `frame`.

    Raises TypeError if it is not deliberate, or in a derivative rule. Warns if that is unclear, and also for deliberate
    conversions inside a function that is being differentiated, and in debug mode.
    """
    asker, mode = caller_of(frame), is_recording()
    if asker is HARMLESS:
        return
    if mode is IN_RULE and kind != "int":
        raise TypeError(
            f"{kind}(x) in a derivative rule has no derivative, so a second derivative would be wrong: write np.exp "
            f"instead of math.exp."
        )
    if asker is not MEANT and asker is not UNCLEAR:
        raise TypeError(
            f"{asker} took {tensor._label()} out of the graph, as a plain number, so the gradient would be "
            f"lost, in\n  {_frames.line_of(_frames.users_frame(frame))}\n"
            f"{_remedy(asker)} Write x.item() for a number without a gradient."
        )
    if kind != "int" and (asker is UNCLEAR or mode is IN_FUNCTION or is_checking()):
        _frames.warn(
            f"{kind}(x) took {tensor._label()} out of the graph, so the gradient is lost. Write np.exp for math.exp, "
            f"np.stack for Z[i] = x; write x.item() for a number without a gradient."
        )


def refuse_writes(tensor: Any, frame: FrameType) -> None:
    """Raise ValueError if the code in `frame` reads `tensor.data` to change it in place; NumPy refuses that later."""
    change = sys.implementation.name == "cpython" and _site(frame).changes
    if change:
        of_leaf = tensor._function is None
        p = tensor.name if tensor.name and tensor.name.isidentifier() else "p" if of_leaf else "x"
        target = f"{p}.data" if of_leaf else p
        new = f"{target} - step" if change == "all" else f"tg.primitives.set_at({target}, index, value)"
        raise ValueError(f"the data of {tensor._label()} are read-only, since graphs use them: write {target} = {new}.")


def caller_of(frame: FrameType) -> str:
    """Find the caller of a conversion in `frame`: HARMLESS, MEANT, UNCLEAR, or the name of a function or assignment.

    MEANT are calls of float, complex and int in the user's own code, by name, or passed to a function that calls them,
    such as `map` or `sorted`. HARMLESS are uses without a gradient to lose: formatting, and tests for nan.
    """
    if sys.implementation.name != "cpython":
        return UNCLEAR
    site = _site(frame)
    if site.text:
        return HARMLESS
    if site.assigns:
        return site.assigns
    library = _frames.is_library(frame.f_code.co_filename)
    asker = _called_name(site, frame)
    if asker is UNCLEAR:
        asker = _passed_function(site, frame)
    if not library or asker is HARMLESS:
        return asker
    users = _frames.users_frame(frame)
    if library is not _frames.NUMPY:
        if asker is MEANT and _got_it_from_caller(site, frame):  # as a pool of threads is
            return MEANT if library == "standard" else UNCLEAR
        if asker is UNCLEAR:
            return _passed_function(_site(users), users)
    asker = _called_name(_site(users), users)
    if asker in (HARMLESS, MEANT, UNCLEAR):
        return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}"
    return asker


def _called_name(site: _Site, frame: FrameType) -> str:
    """The name of the function called in `frame`; MEANT for float and the like, UNCLEAR if it calls other functions."""
    if not site.names:  # a method of an expression
        if site.method in _DUNDERS:
            return MEANT
        of_arrays = hasattr(np.ndarray, site.method) and not hasattr(list, site.method)
        return f"np.ndarray.{site.method}" if of_arrays else UNCLEAR
    first, *names = site.names
    function = _value(first, frame)
    for name in names:
        if isinstance(function, (ModuleType, type)):
            function = getattr(function, name, None)
        elif name in _DUNDERS:
            return MEANT
        elif name in getattr(function, "__dict__", ()):
            function = function.__dict__[name]
        elif isinstance(held := getattr(type(function), name, None), type):
            function = held
        else:  # a method
            kind = type(function)
            return UNCLEAR if kind.__module__ in _CALLERS else f"{registry.name_of(kind)}.{name}"
    if asker := _of_number(function):
        return asker
    module = getattr(function, "__module__", None) or ""
    if module in _CALLERS or not (isinstance(function, type) or hasattr(function, "__name__")):
        return UNCLEAR
    name = registry.name_of(function)
    return name if "." in name else f"{module.lstrip('_')}.{name}"


def _passed_function(site: _Site, frame: FrameType) -> str:
    """The caller if it is a function passed as an argument, as `float` in `list(map(float, x))`; else UNCLEAR."""
    askers = {_of_number(_resolve(names, frame)) for names in site.passed} - {""}
    return askers.pop() if len(askers) == 1 else UNCLEAR


def _got_it_from_caller(site: _Site, frame: FrameType) -> bool:
    """Return whether a library that calls float, or passes it on, got it from its caller, not under a global name."""
    names = [names for names in (site.names, *site.passed) if names and names[0] and names[0][0] != "."]
    return any(_of_number(_resolve(each, frame)) is MEANT for each in names)


def _resolve(names: tuple[str, ...], frame: FrameType) -> Any:
    """The value of `names`, a variable and attributes; None if an attribute is computed by a class."""
    value = _value(names[0], frame)
    for name in names[1:]:
        fields = getattr(value, "__dict__", {})
        value = getattr(value, name, None) if isinstance(value, (ModuleType, type)) else fields.get(name)
    return value


def _of_number(function: Any) -> str:
    """The caller for a call of `function` on a number: MEANT, HARMLESS or its name; empty for most functions.

    MEANT are float, complex, int and the user's subclasses of them.
    """
    if isinstance(function, type):
        return MEANT if issubclass(function, _KINDS) and not issubclass(function, np.generic) else ""
    if not isinstance(function, BuiltinFunctionType) or function.__module__ not in ("math", "cmath"):
        return ""
    return HARMLESS if function.__name__.startswith("is") else f"{function.__module__}.{function.__name__}"


def _remedy(asker: str) -> str:
    module, _, name = asker.rpartition(".")
    if asker.endswith("= x"):
        return (
            "np.stack makes one Tensor of several, tg.primitives.set_at(z, i, x) a changed copy of z; instead of "
            "functions of math write NumPy's, np.exp for math.exp."
        )
    if module in ("math", "cmath") and hasattr(np, name):
        return f"Write NumPy's function, which has a derivative: np.{name} for {asker}."
    return (
        "Write it with operators and functions of NumPy that take x as an array: np.exp for math.exp, np.stack for "
        "Z[i] = x or a list, np.sum(z) + x for initial=x; for another function define a derivative with tg.custom."
    )


# ---- instructions


class _Site(NamedTuple):
    """An instruction: it formats a number as text, assigns it to an element or attribute, or calls `names`.

    It may also read an attribute that the statement changes in place: `changes` is "all" for `x.data -= 1`, "element"
    for `x.data[0] = 1`.

    `method` is the last name if it is an attribute of an expression. `passed` are the names that are not called there,
    as `float` in `list(map(float, x))`. A name with a leading dot is a global.
    """

    text: bool = False
    changes: str = ""
    assigns: str = ""
    names: tuple[str, ...] = ()
    method: str = ""
    passed: tuple[tuple[str, ...], ...] = ()


_sites: dict[tuple[int, int], tuple[CodeType, _Site]] = {}  # by the id of the code, since its hash takes long


def _site(frame: FrameType) -> _Site:
    code, offset = frame.f_code, frame.f_lasti
    known = _sites.get((id(code), offset))
    if known is None:
        if len(_sites) >= 1000:  # a notebook compiles code without end
            _sites.clear()
        known = _sites[id(code), offset] = code, _read(code, offset)
    return known[1]


def _read(code: CodeType, offset: int) -> _Site:
    instructions = list(dis.get_instructions(code))
    at = max(k for k, i in enumerate(instructions) if i.offset <= offset)  # in a call of Python it is past the call
    at += instructions[at].opname == "PRECALL"  # an optimised PRECALL makes the call itself
    here = instructions[at]
    if here.opname == "BINARY_OP" and here.argrepr.startswith("%"):
        return _Site(text=True)
    if here.opname in ("STORE_SUBSCR", "STORE_SLICE"):
        return _Site(assigns="z[i] = x")
    if here.opname == "STORE_ATTR":
        return _Site(assigns=f"z.{here.argval} = x")
    if here.opname == "LOAD_ATTR" and here.argval == "data":
        return _Site(changes=_changes(instructions, at))
    start, end = _ends(here)
    if start is None:  # Python runs without column positions
        return _Site()
    if here.opname == "CALL_KW":
        del instructions[at - 1]  # the names of its keywords
    inside = [i for i in instructions if i is not here and i.opname not in _PREPARING and _within(i, start, end)]
    calls = {_ends(i)[0] for i in (*inside, here) if i.opname.startswith("CALL") and "INTRINSIC" not in i.opname}
    chains = _chains(i for i in inside if _ends(i)[0] not in calls)
    passed = tuple(tuple(map(_name, chain)) for chain in chains)
    callee = [i for i in inside if i.offset < offset and _ends(i)[0] == start and _ends(i)[1] < end]
    if start not in calls or here.opname == "FOR_ITER":
        callee = []
    callee = (_chains(callee) or [[]])[-1]  # in an assert that pytest has rewritten, a variable comes after it
    names = tuple(map(_name, callee))
    if names and callee[0].opname in _ATTRIBUTES:
        names = ("", *names)  # an attribute of an expression in parentheses
    method = names[-1] if len(names) > 1 else ""
    return _Site(names=names if all(names) else (), method=method, passed=tuple(n for n in passed if all(n)))


def _changes(instructions: list[dis.Instruction], at: int) -> str:
    """The part of an attribute, read at an instruction, that the statement changes in place: "all", "element" or ""."""
    before = [i.opname for i in instructions[:at] if i.opname != "EXTENDED_ARG"]
    if before[-1:] == ["COPY"]:  # of the object, for the assignment after the operation
        return "all"
    start = _ends(instructions[at])[0]
    stores = (i for i in instructions[at:] if i.opname in ("STORE_SUBSCR", "STORE_SLICE"))
    return "element" if start is not None and any(_ends(store)[0] == start for store in stores) else ""


def _chains(instructions: Iterable[dis.Instruction]) -> list[list[dis.Instruction]]:
    """Split instructions into chains: each loads a name, followed by its attributes."""
    chains: list[list[dis.Instruction]] = []
    for instruction in instructions:
        loads = instruction.opname.startswith("LOAD_") and instruction.opname not in _ATTRIBUTES
        if loads or not chains:
            chains.append([])
        chains[-1].append(instruction)
    return chains


def _name(instruction: dis.Instruction) -> str:
    """The name that an instruction loads, with a leading dot for a global; empty if it loads none."""
    if not instruction.opname.startswith("LOAD_") or instruction.opname == "LOAD_CONST":
        return ""
    if not isinstance(instruction.argval, str):  # two at once
        return ""
    return f".{instruction.argval}" if instruction.opname == "LOAD_GLOBAL" else instruction.argval


def _ends(instruction: dis.Instruction) -> tuple[Any, Any]:
    p = instruction.positions
    if p is None or p.lineno is None or p.col_offset is None:
        return None, None
    return (p.lineno, p.col_offset), (p.end_lineno, p.end_col_offset)


def _within(instruction: dis.Instruction, start: tuple[int, int], end: tuple[int, int]) -> bool:
    first, last = _ends(instruction)
    return first is not None and start <= first and last <= end


def _value(name: str, frame: FrameType) -> Any:
    if name[0] == ".":
        name = name[1:]
    elif name in (scope := frame.f_locals):
        return scope[name]
    return frame.f_globals[name] if name in frame.f_globals else frame.f_builtins.get(name)
