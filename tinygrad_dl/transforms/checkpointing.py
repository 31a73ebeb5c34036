"""`checkpoint`: a function that keeps its arguments instead of what it computed, and computes it again to go back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import primitives, pytree
from ..autodiff import pulled_back, topological_order
from ..batching import active_levels, core_of, with_core, within
from ..grad_mode import is_grad_enabled, is_recording, recording
from ..nn.module import Module
from ..registry import defvjp_jointly
from ..tensor import Tensor, untracked
from .calls import forget, is_tracked, plain


def checkpoint(f: Callable) -> Callable:
    """`f` itself, for less memory: what it computes in between is not kept, but computed again in the backward pass.

    The value and all derivatives, of any order, are the same. Of a net of n layers a graph keeps about n arrays; if
    each layer is a checkpoint, it keeps one array a layer, and those inside of one layer at a time; checkpoints around
    √n layers each keep about 2√n arrays, for the time of one forward pass more.

    `f` takes and gives arrays, in lists, dicts and the like too. It may use parameters that are no arguments, as a
    Module does: they get their gradients. What it computes from them alone, without its arguments, is kept. A Module
    gives a Module, with the same parameters, which can be a layer of `Sequential`.

    `f` must compute the same when it is called again: RuntimeError if it does not, as with a dropout whose `rng` has
    moved on, or if a parameter was given new data in between.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> def steep(x):
    ...     for _ in range(50):
    ...         x = x + np.sin(x)
    ...     return x
    >>> bool(tg.grad(tg.checkpoint(steep))(0.1) == tg.grad(steep)(0.1))
    True
    """
    if not callable(f):
        raise TypeError(f"checkpoint: expected a function or a Module, got {f!r:.60}.")
    return _CheckpointedModule(f) if isinstance(f, Module) else functools.wraps(f, updated=())(_checkpointed(f))


class _CheckpointedModule(Module):
    """A Module that is computed as `checkpoint` says."""

    def __init__(self, module: Module):
        self.module = module

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _checkpointed(self.module)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"checkpoint({self.module!r})"


def _checkpointed(f: Callable) -> Callable:
    def call(*args, **kwargs):
        return _Run(f, (args, kwargs)).result() if is_grad_enabled() else f(*args, **kwargs)

    return call


class _Run:
    """One call of `f`, that can be made again. Arrays and Tensors of floats among the arguments are its `primals`.

    `outside` is what `f` found elsewhere, such as parameters, or computed from that alone: Tensors of an older graph.
    """

    def __init__(self, f: Callable, arguments: tuple):
        self.f, self.arguments, self.levels, self.mode = f, arguments, active_levels(), is_recording()
        self.leaves = list(pytree.leaves(arguments))
        self.primals = [core_of(x) for x in self.leaves if _is_primal(core_of(x))]
        self.outside: list[Tensor] = []
        self.kept: Any = None  # the values, while the call is being recorded

    def result(self) -> Any:
        """What `f` gives, as made by one node, which holds the primals and nothing in between."""
        found, inside, self.outside = self.computed([_fresh(x) for x in self.primals])
        values = tuple(y._value for y in inside)
        if not values:
            return found
        self.kept = values if len(values) > 1 else values[0]
        made = checkpointed(self, *self.primals, *self.outside)
        self.kept = None
        instead = dict(zip(inside, made if len(values) > 1 else [made], strict=True))
        return pytree.mapped(
            lambda y: with_core(y, lambda core: instead.get(core, core) if type(core) is Tensor else core), found
        )

    def computed(self, primals: Sequence[Tensor]) -> tuple[Any, list[Tensor], list[Tensor]]:
        """What `f` gives for these `primals`; the outputs that depend on them; and the Tensors from outside."""
        supply = iter(primals)
        given = [with_core(x, lambda core: next(supply) if _is_primal(core) else core) for x in self.leaves]
        args, kwargs = pytree.rebuilt(self.arguments, given)
        with recording(self.mode), within(self.levels):
            found = self.f(*args, **kwargs)
        outputs = list(dict.fromkeys(y for y in map(core_of, pytree.leaves(found)) if is_tracked(y)))
        inside, outside = set(primals), dict[Tensor, None]()
        for node in topological_order(*outputs):
            parents = [parent for parent in node._parents if parent is not None and parent.requires_grad]
            if not inside.isdisjoint(parents):
                inside.add(node)
                outside |= dict.fromkeys(parent for parent in parents if parent not in inside)
        return found, [y for y in outputs if y in inside], list(outside)

    def cotangents(self, g: Any, ans: Any, tensors: tuple) -> tuple:
        """Those of `tensors`, which are the primals and the Tensors from outside, by computing everything again."""
        count = len(self.primals)
        variables = [primitives.identity(x) if is_tracked(x) else _fresh(x) for x in tensors[:count]]
        _, inside, outside = self.computed(variables)
        self._check(outside, tensors[count:])
        several = isinstance(ans, tuple)
        pairs = list(zip(inside, ans if several else [ans], g if several else [g], strict=True))
        for y, before, _ in pairs:
            _check_same(y, before, self.f)
        seeds = {y: u for y, _, u in pairs if u is not None}
        again = any(is_tracked(core_of(x)) for x in (*seeds.values(), *tensors))  # to be differentiated again
        cotangents = pulled_back(seeds, [*variables, *outside], topological_order(*seeds), create_graph=again)
        forget(variables)
        return tuple(cotangents)

    def _check(self, outside: list[Tensor], before: tuple) -> None:
        """Raise a RuntimeError unless what `f` finds elsewhere is what it found."""
        if len(outside) != len(before):
            raise _differs(self.f, "it uses other Tensors from outside than it did")
        for tensor, first, value in zip(outside, self.outside, before, strict=True):
            if tensor is not first:  # computed from parameters again
                _check_same(tensor, value, self.f)
            elif tensor._value is not (value._value if type(value) is Tensor else value):
                what = f"{tensor._label()} was given new data in between"
                raise _differs(self.f, what)


@primitives.primitive
def checkpointed(run: _Run, *tensors: Any) -> Any:
    """The values of a call, which may be made again at other arrays in the place of its primals."""
    if run.kept is not None:
        return run.kept
    _, inside, _ = run.computed([_fresh(x) for x in tensors[: len(run.primals)]])
    values = tuple(y._value for y in inside)
    return values if len(values) > 1 else values[0]


defvjp_jointly(checkpointed, lambda g, ans, run, *tensors: (None, *run.cotangents(g, ans, tensors)))


def _is_primal(x: Any) -> bool:
    return isinstance(x, (Tensor, np.ndarray, np.generic)) and x.dtype.kind in "fc"


def _fresh(x: Any) -> Tensor:
    """A new leaf with the values of `x`."""
    leaf = untracked(plain(x))
    leaf.requires_grad = True
    return leaf


def _check_same(again: Tensor, before: Any, f: Callable) -> None:
    new, old = again._value, plain(before)
    if new.shape != old.shape or new.dtype != old.dtype:
        raise _differs(f, f"it gives shape {new.shape} instead of {old.shape}")
    tolerance = float(np.finfo(old.dtype).eps) ** 0.5  # rounding may depend on where an array lies in memory
    if not np.allclose(new, old, tolerance, tolerance * np.abs(old[np.isfinite(old)]).max(initial=0), equal_nan=True):
        raise _differs(f, "it gives other values")


def _differs(f: Callable, what: str) -> RuntimeError:
    return RuntimeError(
        f"checkpoint: {getattr(f, '__name__', None) or repr(f)} does not compute in the backward pass what it did: "
        f"{what}. Does it draw random numbers, or use something that has changed since? Pass such things as arguments."
    )
