"""Signatures: the part of the arguments that a program is made for, as a key."""

from __future__ import annotations

import dataclasses
import sys
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from .. import pytree
from .._foreign import dispatches
from ..core.modes import is_grad_enabled
from ..core.tensor import Tensor
from .places import is_generator


class Unsuitable(Exception):
    """Arguments that no program takes: Tensors with a graph, arrays of other libraries."""


class Changeable(Exception):
    """A setting without a key: an object that may be another one in the next call, though it is the same object."""


def signature(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Return the key of a call, and the leaves of its arguments: arrays, Tensors, numbers, and objects.

    >>> signature((np.zeros(3), 2), {})
    ((True, ('array', (3,), dtype('float64')), ('value', <class 'int'>, 2)), [array([0., 0., 0.]), 2])
    """
    leaves: list[Any] = []
    key: list[Any] = [is_grad_enabled()]
    for arg in args:
        if type(arg) is np.ndarray:
            leaves.append(arg)
            key.append(("array", arg.shape, arg.dtype))
        else:
            key.append(_key(arg, leaves))
    for name, arg in kwargs.items():
        key += name, _key(arg, leaves)
    tensors = [leaf for leaf in leaves if type(leaf) is Tensor]
    if len(tensors) > 1:
        last = dict(zip(tensors, range(len(tensors)), strict=True))  # by identity: which of them are the same object
        key.append(tuple(map(last.__getitem__, tensors)) if len(last) < len(tensors) else None)
    return tuple(key), leaves


def _key(arg: Any, leaves: list[Any]) -> Any:
    kind = type(arg)
    if arg is None:
        return None
    if kind is Tensor:
        if arg._function is not None and arg._tracked:
            raise Unsuitable
        leaves.append(arg)
        gradient = arg._grad
        if gradient is None:
            return "tensor", arg.shape, arg.dtype, arg._tracked
        if type(gradient) is not np.ndarray:
            raise Unsuitable
        return "tensor", arg.shape, arg.dtype, arg._tracked, gradient.shape, gradient.dtype
    if kind in (list, tuple):
        return kind, *[_key(part, leaves) for part in arg]
    if kind is dict:
        return kind, *[(name, _key(part, leaves)) for name, part in arg.items()]
    if kind is np.ndarray or isinstance(arg, np.number):
        leaves.append(arg)
        return "array" if kind is np.ndarray else kind, arg.shape, arg.dtype
    if kind is float:
        leaves.append(arg)
        return float
    if isinstance(arg, np.ndarray) or (dispatches(arg) and not isinstance(arg, np.generic)):
        raise Unsuitable
    is_tree = dataclasses.is_dataclass(arg) or isinstance(arg, (list, tuple, dict))
    if is_tree and not isinstance(arg, pytree.registered()):
        return kind, *[(name, _key(part, leaves)) for name, part in (pytree.children(arg) or {}).items()]
    leaves.append(arg)
    if is_generator(arg):
        return kind, type(arg.bit_generator)
    return (
        ("value", *exact(arg))
        if kind in (int, bool, str, bytes, complex) or isinstance(arg, np.generic)
        else ("object", Identity(arg))
    )


class Identity:
    """A key that is equal for the same object only, and keeps it alive."""

    __slots__ = ("value",)

    value: Any

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return type(other) is Identity and other.value is self.value


_PACKAGES = "builtins", "numpy", __name__.partition(".")[0]  # whose functions and classes do not change


def exact(setting: Any) -> Any:
    """A key that only settings of the same types and values have. Raises Changeable for one whose state may change.

    >>> exact((1, 0.0)) == exact((True, 0.0)), exact(0.0) == exact(-0.0), exact(slice(3)) == exact(slice(3))
    (False, False, True)
    """
    kind = type(setting)
    if kind in (NoneType, EllipsisType, bool, int, str, bytes) or isinstance(setting, np.dtype):
        return kind, setting
    if kind in (float, complex):
        return kind, repr(setting)
    if isinstance(setting, np.generic):
        return setting.dtype, setting.tobytes()
    if kind is tuple:
        return kind, *map(exact, setting)
    if kind in (slice, range):
        return kind, *map(exact, (setting.start, setting.stop, setting.step))
    module, name = str(getattr(setting, "__module__", "")), getattr(setting, "__name__", "")
    if module.partition(".")[0] in _PACKAGES and getattr(sys.modules.get(module), name, None) is setting:
        return Identity(setting)
    raise Changeable
