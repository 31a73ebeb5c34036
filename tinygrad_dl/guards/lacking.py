"""The methods of arrays, and of other libraries' tensors, that Tensors lack: each names what to write instead."""

from __future__ import annotations

import numpy as np

from .._guesses import TENSOR, Missing, add_missing, present

_IN_PLACE = {"byteswap", "fill", "itemset", "partition", "put", "resize", "setfield", "setflags", "sort"}


def _alternative(name: str) -> str:
    """The rest of the message for a method of arrays that Tensors lack."""
    if name in _IN_PLACE:
        return "(), which would change it in place: compute a new Tensor."
    other = f"try np.{name}(x), or " if hasattr(np, name) else ""
    return f": {other}x.numpy().{name} without the gradient."


class Lacking:
    """The names of an array's methods and the guesses, each raising an error; `ArrayMethods` overrides most of them."""

    __slots__ = ()

    def __dir__(self) -> list[str]:
        return present(self, super().__dir__())


for _name in {name for name in dir(np.ndarray) if not name.startswith("_")} | _IN_PLACE:
    setattr(Lacking, _name, Missing(_name, _alternative(_name)))
add_missing(Lacking, TENSOR)
