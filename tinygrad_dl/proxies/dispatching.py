"""`Dispatching`, the base of all proxies, and `Symbolic`, that of proxies that a Tensor may hold as its value.

Type checkers read `dispatching.pyi`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import primitives
from ..core.array_methods import ArrayMethods


def _operator(function: Callable) -> tuple[Callable, Callable]:
    return (
        lambda self, other: self._apply(function, (self, other)),
        lambda self, other: self._apply(function, (other, self)),
    )


class Dispatching(ArrayMethods):
    """A proxy of an array: all its operators, and NumPy's functions of it, call its `_apply`."""

    __slots__ = ()

    _apply: Callable[..., Any]  # of a function, its arguments, and perhaps a dict of keywords: a static method
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))

    __add__, __radd__ = _operator(np.add)
    __sub__, __rsub__ = _operator(np.subtract)
    __mul__, __rmul__ = _operator(np.multiply)
    __truediv__, __rtruediv__ = _operator(np.divide)
    __pow__, __rpow__ = _operator(np.power)
    __matmul__, __rmatmul__ = _operator(np.matmul)
    __mod__, __rmod__ = _operator(np.remainder)
    __and__, __rand__ = _operator(np.bitwise_and)
    __or__, __ror__ = _operator(np.bitwise_or)
    __xor__, __rxor__ = _operator(np.bitwise_xor)

    def __neg__(self) -> Any:
        return self._apply(np.negative, (self,))

    def __invert__(self) -> Any:
        return self._apply(np.invert, (self,))

    def __getitem__(self, index: Any) -> Any:
        return self._apply(primitives.getitem, (self, index))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return self._apply(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return self._apply(function, args, kwargs)


class Symbolic(Dispatching):
    """A proxy that can be the value of a Tensor, so that computations with the Tensor are traced."""

    __slots__ = ()
