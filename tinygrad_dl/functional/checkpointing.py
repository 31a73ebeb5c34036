"""`checkpoint`: keep the arguments of a function instead of its intermediate values, and recompute these later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from .. import pytree
from ..batching import core_of, with_core
from ..core import primitives
from ..core.arguments import own
from ..core.backprop import backward_between, recorded_after, seeds_of, topological_order
from ..core.modes import IN_RULE, is_grad_enabled, with_recording
from ..core.registry import defvjp_jointly
from ..core.tensor import Tensor, untracked
from ..nn.module import Module
from ..tracing.symbols import recorder, transparent
from .derived import Derived, P, R
from .trace import as_array, is_tracked, untrack
from .user_ops import is_user_op


@overload
def checkpoint(f: Module) -> Module: ...
@overload
def checkpoint(f: Callable[P, R]) -> Callable[P, R]: ...
def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f` with intermediate values recomputed in the backward pass instead of kept: less memory, more time.

    The value and the derivatives of any order are the same. A graph of n layers keeps about n arrays; with each layer
    a checkpoint it keeps one array per layer, and at any time those inside one layer; with checkpoints around √n layers
    each, about 2√n arrays. The cost is one more forward pass.

    Parameters
    ----------
    f
        A function of arrays of any shape, also in lists, dicts and the like; or a Module. It may use parameters that
        are not arguments, as Modules do: they get their gradients. Values computed from these alone, independently of
        the arguments, are kept.

    Returns
    -------
    checkpointed
        A function of the arguments of `f`; for a Module a Module with the same parameters, which can be a layer of
        `Sequential`.

    Raises
    ------
    TypeError
        If `f` is neither a function nor a Module.
    RuntimeError
        In the backward pass, if a function made with `tg.primitive` or `tg.custom` returns other values than before.

    Notes
    -----
    `f` itself runs once. The recorded calls are repeated, with the same constants, which are kept: dropout masks,
    indices, arrays from outside. So later changes to anything `f` uses do not matter.

    References
    ----------
    T. Chen, B. Xu, C. Zhang and C. Guestrin, Training deep nets with sublinear memory cost, arXiv:1604.06174, 2016.

    Examples
    --------
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
    return _CheckpointedModule(f) if isinstance(f, Module) else Derived(_wrap(f), checkpoint, f)


class _CheckpointedModule(Module):
    """A Module whose call is a checkpoint."""

    def __init__(self, module: Module):
        self.module = module

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _wrap(self.module)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"checkpoint({self.module!r})"


def _wrap(f: Callable) -> Callable:
    def call(*args, **kwargs):
        return _run(f, (args, kwargs)) if is_grad_enabled() else f(*args, **kwargs)

    return call


def _run(f: Callable, arguments: tuple) -> Any:
    """Call `f`, and replace its graph by one node, which keeps a program instead of intermediate arrays."""
    leaves = list(pytree.leaves(arguments))
    cores = [core_of(x) for x in leaves if _is_primal(core_of(x))]
    primals = [x if type(x) is Tensor else own(x) for x in cores]  # the user may change an array later
    variables = [primitives.identity(x) if is_tracked(x) else _new_leaf(x) for x in primals]
    supply = iter(variables)
    given = [with_core(x, lambda core: next(supply) if _is_primal(core) else core) for x in leaves]
    args, kwargs = pytree.unflatten(arguments, given)
    found = f(*args, **kwargs)
    program = _Program(f, variables, [core_of(y) for y in pytree.leaves(found)])
    untrack(variables)
    if not program.outputs:
        return found
    made = checkpointed(*primals, *program.outside, program=program)
    instead = dict(zip(program.recorded, made if len(program.outputs) > 1 else [made], strict=True))
    program.recorded = []
    return pytree.map_leaves(
        lambda y: with_core(y, lambda core: instead.get(core, core) if type(core) is Tensor else core), found
    )


class _Program(primitives.Hidden):
    """The recorded calls from `variables` to `outputs`, without their values, to be repeated.

    `outside` are the Tensors that the calls took from an older graph: parameters, or values computed from parameters
    alone. Values are numbered: first the variables, then `outside`, then the answers of the calls.
    """

    def __init__(self, f: Callable, variables: list[Tensor], outputs: list[Any]):
        self.f = f
        self.recorded = list(dict.fromkeys(filter(is_tracked, outputs)))  # until a node keeps their values
        inside, outside = set(variables), dict[Tensor, None]()
        ended = set[Tensor]()  # computed from variables of a transform in `f` that has ended: constants
        between = []
        for node in recorded_after(min([x._order for x in variables], default=0), self.recorded):
            tracked = [x for x in node._parents if x is not None and x._tracked]
            if not inside.isdisjoint(tracked):
                inside.add(node)
                between.append(node)
                outside |= dict.fromkeys(x for x in tracked if x not in inside and x not in ended)
            elif node._parents and ended.issuperset(tracked):
                ended.add(node)
        self.recorded = [y for y in self.recorded if y in inside]
        self.outside = list(outside)
        number = {x: i for i, x in enumerate([*variables, *self.outside, *between])}
        self.outputs = [number[y] for y in self.recorded]
        self.calls = [_step(node, number) for node in between]

    def recompute(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Compute the outputs from `values` of the variables and of the Tensors from outside."""
        found: list[Any] = list(values)
        for function, args, kwargs, places, checked in self.calls:
            given = list(args)
            for i, number in places:
                given[i] = found[number]
            if function is primitives.output:
                found.append(given[0][given[1]])
                continue
            found.append(function(*given, **(kwargs or {})))  # traced arrays may be among them
            if checked is not None and not _agree(_summary(found[-1]), checked):
                raise RuntimeError(
                    f"checkpoint: {_name(function)}, called by {_name(self.f)}, does not return in the backward pass "
                    f"what it returned in the forward pass. If it draws random numbers, pass them as arguments instead."
                )
        return [found[number] for number in self.outputs]

    def cotangents(self, g: Any, ans: Any, tensors: tuple) -> tuple:
        """The cotangents of `tensors`, the variables and the Tensors from outside, by recomputing the outputs."""
        variables = [primitives.identity(x) if is_tracked(x) else _new_leaf(x) for x in tensors]
        outputs = with_recording(IN_RULE, self.recompute, variables)
        seeds = seeds_of(zip(outputs, g if isinstance(ans, tuple) else [g], strict=True))
        nested = any(is_tracked(core_of(x)) for x in (*seeds.values(), *tensors))  # an outer derivative
        cotangents = backward_between(seeds, variables, topological_order(*seeds), create_graph=nested)
        untrack(variables)
        return tuple(cotangents)


@primitives.array_function
def checkpointed(*tensors: Any, program: _Program) -> Any:
    """The outputs of a program, for given values of its variables and of the Tensors from outside."""
    outputs = program.recorded or with_recording(True, program.recompute, [_new_leaf(x) for x in tensors])
    values = tuple(y._value for y in outputs)
    return values if len(values) > 1 else values[0]


defvjp_jointly(checkpointed, lambda g, ans, *tensors, program: program.cotangents(g, ans, tensors))
transparent.add(checkpointed)  # a compiled function, which frees buffers itself, has the calls of its program


def _step(node: Tensor, number: dict[Tensor, int]) -> tuple:
    """The call that made `node`: function, constants, keywords, (position, number) of each value, and a summary."""
    args, places = list(node._args), []
    for i, parent in enumerate(node._parents):
        if parent in number:
            args[i] = None
            places.append((i, number[parent]))
    checked = _summary(node) if is_user_op(node._function) and recorder.get() is None else None
    return node._function, tuple(args), node._kwargs, places, checked


def _summary(answer: Any) -> list[np.ndarray]:
    """A few numbers for each array in an answer: its size, its norm and its product with random numbers."""
    parts = answer if isinstance(answer, tuple) else getattr(answer, "_value", answer)
    arrays = [as_array(part).ravel() for part in (parts if isinstance(parts, tuple) else [parts])]
    weights = [np.random.default_rng(0).uniform(1, 2, array.size) for array in arrays]
    return [np.array([array.size, np.linalg.norm(array), array @ w]) for array, w in zip(arrays, weights, strict=True)]


def _agree(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    """Return whether two summaries agree up to rounding, which may depend on the alignment of an array in memory."""
    return all(np.allclose(a, b, rtol=1e-4, equal_nan=True) for a, b in zip(found, expected, strict=True))


def _is_primal(x: Any) -> bool:
    return isinstance(x, (Tensor, np.ndarray, np.generic)) and x.dtype.kind in "fc"


def _new_leaf(x: Any) -> Tensor:
    """A new leaf with the values of `x`."""
    leaf = untracked(as_array(x))
    leaf.requires_grad = True
    return leaf


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)
