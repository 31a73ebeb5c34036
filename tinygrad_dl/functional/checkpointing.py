"""`checkpoint`: a function that keeps its arguments instead of what it computed, and computes it again to go back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from .. import pytree
from ..batching import core_of, with_core
from ..core import primitives
from ..core.backprop import backward_between, topological_order
from ..core.modes import IN_RULE, is_grad_enabled, with_recording
from ..core.registry import defvjp_jointly
from ..core.tensor import Tensor, apply, untracked
from ..nn.module import Module
from .calls import forget, is_tracked, plain
from .derived import Derived, P, R
from .extending import is_users


@overload
def checkpoint(f: Module) -> Module: ...
@overload
def checkpoint(f: Callable[P, R]) -> Callable[P, R]: ...
def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` itself, for less memory: what it computes in between is not kept, but computed again in the backward pass.

    The value and all derivatives, of any order, are the same. Of a net of n layers a graph keeps about n arrays; if
    each layer is a checkpoint, it keeps one array a layer, and those inside of one layer at a time; checkpoints around
    √n layers each keep about 2√n arrays, for the time of one forward pass more.

    `f` takes and gives arrays, in lists, dicts and the like too. It may use parameters that are no arguments, as a
    Module does: they get their gradients. What it computes from them alone, without its arguments, is kept. A Module
    gives a Module, with the same parameters, which can be a layer of `Sequential`.

    `f` runs once. What is computed again is what it recorded, with the same constants: the mask of a dropout, indices,
    arrays from outside, which are kept. So it does not matter what has changed since. A function of `tg.primitive` or
    `tg.custom` must give the same again: RuntimeError if it does not.

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
    return _CheckpointedModule(f) if isinstance(f, Module) else Derived(_checkpointed(f), checkpoint, f)


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
        return _result(f, (args, kwargs)) if is_grad_enabled() else f(*args, **kwargs)

    return call


def _result(f: Callable, arguments: tuple) -> Any:
    """The result of `f`, as made by one node, which holds a program and no arrays in between."""
    leaves = list(pytree.leaves(arguments))
    primals = [core_of(x) for x in leaves if _is_primal(core_of(x))]
    variables = [_fresh(x) for x in primals]
    supply = iter(variables)
    given = [with_core(x, lambda core: next(supply) if _is_primal(core) else core) for x in leaves]
    args, kwargs = pytree.unflatten(arguments, given)
    found = f(*args, **kwargs)
    program = _Program(f, variables, [core_of(y) for y in pytree.leaves(found)])
    if not program.outputs:
        return found
    made = checkpointed(*primals, *program.outside, program=program)
    instead = dict(zip(program.recorded, made if len(program.outputs) > 1 else [made], strict=True))
    program.recorded = []
    return pytree.map_leaves(
        lambda y: with_core(y, lambda core: instead.get(core, core) if type(core) is Tensor else core), found
    )


class _Program(primitives.Hidden):
    """The calls that led from `variables` to `outputs`, without their values: to be made again.

    `outside` are Tensors of an older graph that were used: parameters, or what was computed from these alone. A value
    has a number: first the variables have theirs, then `outside`, then what each call gave.
    """

    def __init__(self, f: Callable, variables: list[Tensor], outputs: list[Any]):
        self.f = f
        self.recorded = list(dict.fromkeys(filter(is_tracked, outputs)))  # until a node holds their values
        inside, outside = set(variables), dict[Tensor, None]()
        between = []
        for node in topological_order(*self.recorded):
            if not inside.isdisjoint(node._parents):
                inside.add(node)
                between.append(node)
                outside |= dict.fromkeys(x for x in node._parents if x is not None and x._tracked and x not in inside)
        self.recorded = [y for y in self.recorded if y in inside]
        self.outside = list(outside)
        number = {x: i for i, x in enumerate([*variables, *self.outside, *between])}
        self.outputs = [number[y] for y in self.recorded]
        self.calls = [_call(node, number) for node in between]

    def computed(self, values: Sequence[Tensor]) -> list[Tensor]:
        """The outputs, where the variables and the Tensors from outside are these."""
        found: list[Any] = list(values)
        for function, args, kwargs, places, checked in self.calls:
            given = list(args)
            for i, number in places:
                given[i] = found[number]
            if function is primitives.output:
                found.append(given[0][given[1]])
                continue
            found.append(apply(function, tuple(given), kwargs))
            if checked is not None and not _agree(_summary(found[-1]), checked):
                raise RuntimeError(
                    f"checkpoint: {_name(function)}, which {_name(self.f)} calls, does not give in the backward pass "
                    f"what it gave: does it draw random numbers? Draw them outside of it, and pass them as arguments."
                )
        return [found[number] for number in self.outputs]

    def cotangents(self, g: Any, ans: Any, tensors: tuple) -> tuple:
        """Those of `tensors`, the variables and the Tensors from outside, by computing everything again."""
        variables = [primitives.identity(x) if is_tracked(x) else _fresh(x) for x in tensors]
        outputs = with_recording(IN_RULE, self.computed, variables)
        seeds: dict[Tensor, Any] = {}
        for y, u in zip(outputs, g if isinstance(ans, tuple) else [g], strict=True):
            if u is not None:
                seeds[y] = seeds[y] + u if y in seeds else u
        again = any(is_tracked(core_of(x)) for x in (*seeds.values(), *tensors))  # to be differentiated again
        cotangents = backward_between(seeds, variables, topological_order(*seeds), create_graph=again)
        forget(variables)
        return tuple(cotangents)


@primitives.primitive
def checkpointed(*tensors: Any, program: _Program) -> Any:
    """The values of a program, at arrays in the place of its variables and of the Tensors from outside."""
    outputs = program.recorded or with_recording(True, program.computed, [_fresh(x) for x in tensors])
    values = tuple(y._value for y in outputs)
    return values if len(values) > 1 else values[0]


defvjp_jointly(checkpointed, lambda g, ans, *tensors, program: program.cotangents(g, ans, tensors))


def _call(node: Tensor, number: dict[Tensor, int]) -> tuple:
    """The call that made `node`: its function, constants, keywords, which values go where, and what to check."""
    args, places = list(node._args), []
    for i, parent in enumerate(node._parents):
        if parent in number:
            args[i] = None
            places.append((i, number[parent]))
    checked = _summary(node) if is_users(node._function) else None
    return node._function, tuple(args), node._kwargs, places, checked


def _summary(answer: Any) -> list[np.ndarray]:
    """A few numbers for each array in an answer: its norm, and its product with random numbers."""
    parts = answer if isinstance(answer, tuple) else getattr(answer, "_value", answer)
    arrays = [plain(part).ravel() for part in (parts if isinstance(parts, tuple) else [parts])]
    weights = [np.random.default_rng(0).uniform(1, 2, array.size) for array in arrays]
    return [np.array([array.size, np.linalg.norm(array), array @ w]) for array, w in zip(arrays, weights, strict=True)]


def _agree(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    """Return whether summaries are alike, but for rounding, which may depend on where an array lies in memory."""
    return all(np.allclose(a, b, rtol=1e-4, equal_nan=True) for a, b in zip(found, expected, strict=True))


def _is_primal(x: Any) -> bool:
    return isinstance(x, (Tensor, np.ndarray, np.generic)) and x.dtype.kind in "fc"


def _fresh(x: Any) -> Tensor:
    """A new leaf with the values of `x`."""
    leaf = untracked(plain(x))
    leaf.requires_grad = True
    return leaf


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)
