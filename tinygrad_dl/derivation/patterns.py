"""Functions recognised by their formulas: sigmoid, softplus, softmax, and the errors in which their slopes cancel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn import activations
from ..nn.fused import sigmoid
from ..tracing.algebra import is_complement
from ..tracing.program import Node, shape_of

softmax = activations.softmax


def made_by(x: Any, *functions: Any) -> bool:
    """Return whether `x` is a call of one of the `functions`."""
    return type(x) is Node and x.function in functions


def is_number(x: Any, *values: float) -> bool:
    """Return whether `x` is a number, one of the `values` if there are any."""
    return type(x) in (int, float, np.float64, np.float32) and (not values or x in values)


def sigmoid_of(new: Any, x: Any, y: Any) -> Any:
    """The sigmoid 1 / (1 + e^-z)."""
    if is_number(x, 1) and made_by(y, np.add) and is_number(y.args[0], 1) and made_by(y.args[1], np.exp):
        inside = y.args[1].args[0]
        return new(sigmoid, inside.args[0]) if made_by(inside, np.negative) else None
    return None


def softplus(new: Any, x: Any, y: Any) -> Any:
    """The softplus max(z, 0) + log(1 + e^-|z|)."""
    if made_by(x, np.maximum) and is_number(x.args[1], 0) and made_by(y, np.log1p):
        z, e = x.args[0], y.args[0]
        if made_by(e, np.exp) and made_by(e.args[0], np.negative):
            size = e.args[0].args[0]
            return new(np.logaddexp, 0, z) if made_by(size, np.absolute) and size.args[0] is z else None
    return None


def _axis_of(total: Any) -> int | None:
    """The axis of a sum that broadcasts back along it, or None."""
    if not made_by(total, np.add.reduce, np.sum) or len(total.args) != 1:
        return None
    ndim = len(shape_of(total.args[0]))
    axis = total.kwargs.get("axis", 0 if total.function is np.add.reduce or ndim == 1 else None)
    axis = axis % ndim if type(axis) is int and ndim else None
    return axis if axis == 0 or total.kwargs.get("keepdims") else None


def softmax_of(new: Any, e: Any, total: Any) -> Any:
    """The softmax e^z / sum(e^z), also of z less a number for each sample, by which exponentials can't overflow."""
    axis = _axis_of(total)
    if axis is None or not made_by(e, np.exp) or total.args[0] is not e:
        return None
    z = e.args[0]
    if made_by(z, np.subtract) and shape_of(z.args[0]) == z.shape:
        lengths = (*(1 for _ in z.shape), *shape_of(z.args[1]))[-len(z.shape) :]
        z = z.args[0] if lengths[axis] == 1 else z
    return new(softmax, z, **({"axis": axis} if axis else {}))


def scaled_softmax(new: Any, x: Any, y: Any) -> Any:
    """The product e^z (s / sum(e^z)), often with s = sum(P) = 1."""
    for e, share in ((x, y), (y, x)):
        found = softmax_of(new, e, share.args[1]) if made_by(share, np.divide) else None
        if found is not None:
            s = share.args[0]
            is_1 = is_number(s, 1) or (made_by(s, np.add.reduce, np.sum) and np.allclose(s.value, 1))
            return found if is_1 else new(np.multiply, s, found)
    return None


def log_softmax(new: Any, x: Any, y: Any) -> Any:
    """The logarithm of a softmax, z - log(sum(e^z))."""
    if made_by(y, np.log) and made_by(y.args[0], np.add.reduce, np.sum):
        e = y.args[0].args[0]
        found = softmax_of(new, e, y.args[0]) if made_by(e, np.exp) and e.args[0] is x else None
        return None if found is None else new(np.log, found)
    return None


def error_of_softmax(new: Any, x: Any, y: Any) -> Any:
    """The product e (g / t + sum(-g a / t)) for a = e / t and t = sum(e), which is a (g - sum(g a))."""
    for e, terms in ((x, y), (y, x)):
        if not (made_by(e, np.exp) and made_by(terms, np.add, np.subtract)):
            continue
        is_minus = terms.function is np.subtract  # sum(u a / t) - u / t, where g is -u
        part, back = reversed(terms.args) if is_minus else terms.args
        a = softmax_of(new, e, part.args[1]) if made_by(part, np.divide) else None
        if a is None or _axis_of(back) != _axis_of(part.args[1]):
            continue
        g, total = part.args
        factor = _factor(back.args[0], a, total)
        if factor is g if is_minus else _are_opposite(factor, g):
            terms = g, new(np.sum, new(np.multiply, g, a), **back.kwargs)
            return new(np.multiply, a, new(np.subtract, *(reversed(terms) if is_minus else terms)))
    return None


def _factor(x: Any, a: Any, total: Any) -> Any:
    """The u of u a / total, or None."""
    if not (made_by(x, np.divide) and x.args[1] is total and made_by(x.args[0], np.multiply)):
        return None
    u, other = x.args[0].args
    return u if made_by(other, softmax) and (other.args, other.kwargs) == (a.args, a.kwargs) else None


def _are_opposite(x: Any, y: Any) -> bool:
    return any(made_by(p, np.negative) and p.args[0] is q for p, q in ((x, y), (y, x)))


def error_of_sigmoid(new: Any, x: Any, y: Any) -> Any:
    """The product of A (1 - A) and (1 - Y) / (1 - A) - Y / A, which is A - Y."""
    for slope, of_cost in ((x, y), (y, x)):
        if made_by(slope, np.multiply) and made_by(of_cost, np.subtract):
            A, (p, q) = slope.args[0], of_cost.args
            if is_complement(slope.args[1], A) and made_by(p, np.divide) and made_by(q, np.divide):
                Y = q.args[0]
                if p.args[1] is slope.args[1] and q.args[1] is A and is_complement(p.args[0], Y):
                    return new(np.subtract, A, Y)
    return None
