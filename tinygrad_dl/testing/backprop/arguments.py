"""Validation of the arguments of `check_backprop`, and their conversion to arrays."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...nn import activations as spelled_out
from ...nn import fused
from ...nn.layers import Dense, Sequential
from ..formulas import ACTIVATIONS
from .course_net import Array, CourseNet
from .readings import one_hot

COSTS = {
    "binary_cross_entropy": "bce",
    "mean_squared_error": "mse",
    "half_squared_error": "half",
    "categorical_cross_entropy": "cce",
}
REDUCTIONS = ("mean", "sum", "elements")
_NAMES: dict[Any, str] = {
    **{getattr(spelled_out, name): name for name in ACTIVATIONS},
    **{name: name for name in (*ACTIVATIONS, "softmax")},
    spelled_out.softmax: "softmax",
    **{getattr(fused, name): name for name in ("sigmoid", "relu", "leaky_relu")},
    np.tanh: "tanh",
}


def numbers(name: str, given: Any) -> Array:
    """`given` as an array of floats, in its own precision. TypeError for what holds no real numbers."""
    try:
        array = given.numpy() if type(given) is Tensor else np.asarray(given)
    except ValueError:
        raise TypeError(f"{name}: expected an array of numbers, got rows of different lengths.") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected an array of real numbers, got {type(given).__name__} {str(given)[:40]!r}.")
    return array if array.dtype.kind == "f" else array.astype(float)


def _finite(name: str, given: Any) -> Array:
    array = numbers(name, given)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: expected finite numbers, got {np.sum(~np.isfinite(array))} that are nan or inf.")
    return array.astype(float)


def course_net(X: Any, Y: Any, net: Any, activations: Sequence[Any] | None, cost: str, **settings: Any) -> CourseNet:
    """The net on X and Y. ValueError or TypeError for a cost, names, shapes or values that don't fit."""
    if cost not in COSTS:
        raise ValueError(f"check_backprop: expected cost={' or '.join(map(repr, COSTS))}, got {cost!r}.")
    if settings["reduction"] not in REDUCTIONS:
        reductions = " or ".join(map(repr, REDUCTIONS))
        raise ValueError(f"check_backprop: expected reduction={reductions}, got {settings['reduction']!r}.")
    if isinstance(net, Sequential) and activations is None:
        net, activations = _parts(net)
    if not isinstance(net, Mapping) or not activations:
        raise TypeError(
            "check_backprop: expected a Sequential, or a dict of parameters W1, b1, ... and a list of activations, "
            f"got {type(net).__name__} and {activations!r}."
        )
    names = {layer: _activation(given) for layer, given in enumerate(activations, start=1)}
    softmax = names[len(names)] == "softmax"
    if COSTS[cost] == "bce" and names[len(names)] != "sigmoid":
        raise ValueError(
            f"check_backprop: binary_cross_entropy needs an output by sigmoid, got {names[len(names)]}: end with "
            f"sigmoid, or pass cost='{'categorical_cross_entropy' * softmax or 'mean_squared_error'}'."
        )
    if COSTS[cost] == "cce" and not softmax:
        raise ValueError(f"check_backprop: {cost} needs an output by softmax, got {names[len(names)]}.")
    if "softmax" in [names[layer] for layer in range(1, len(names))]:
        raise ValueError("check_backprop: expected softmax at the output only, got it in a hidden layer.")
    parameters = _parameters("parameters", net, len(names))
    X, Y = _finite("X", X), _finite("Y", Y)
    if COSTS[cost] == "cce" and X.ndim == 2:
        Y = one_hot(Y, len(parameters[f"W{len(names)}"]), X.shape[1])
    if COSTS[cost] == "bce" and Y.size and (Y.min() < 0 or Y.max() > 1):
        raise ValueError(f"Y: binary_cross_entropy needs labels in [0, 1], got {Y.min():.4g} to {Y.max():.4g}.")
    if settings["regularisation"] < 0:
        raise ValueError(f"check_backprop: expected a regularisation of 0 or more, got {settings['regularisation']}.")
    _check_shapes(X, Y, parameters, len(names))
    settings["masks"] = _masks(settings["masks"], parameters, X.shape[1])
    for name in ("updated", "old"):
        settings[name] = _like(name, settings[name], parameters)
    return CourseNet(X, Y, parameters, names, COSTS[cost], **settings)


def _masks(given: Mapping[str, Any] | None, parameters: Mapping[str, Array], m: int) -> dict[str, Array]:
    """The dropout masks D1, ..., each of the shape of its layer's output."""
    masks = {name: _finite(name, mask) for name, mask in (given or {}).items()}
    for name, mask in masks.items():
        if f"W{name[1:]}" not in parameters or name[:1] != "D":
            raise ValueError(f"masks: expected names such as D1, one for a layer with dropout, got {name!r}.")
        if mask.shape != (shape := (len(parameters[f"W{name[1:]}"]), m)):
            raise ValueError(f"{name}: expected a mask of shape {shape}, as A{name[1:]}, got {mask.shape}.")
    return masks


def _parts(net: Sequential) -> tuple[dict[str, Array], list[Any]]:
    """The parameters W1, b1, W2, ... of a Sequential of Dense layers, and the activation of each layer."""
    parameters: dict[str, Array] = {}
    functions: list[Any] = []
    for part in _flat(net):
        if isinstance(part, Dense):
            functions.append("identity")
            parameters |= {f"W{len(functions)}": part.W.numpy(), f"b{len(functions)}": part.b.numpy()}
        elif functions and functions[-1] == "identity":
            functions[-1] = part
        else:
            raise TypeError(f"check_backprop: expected Dense layers, each with at most one activation, got {net!r}.")
    return parameters, functions


def _flat(net: Sequential) -> Iterable[Any]:
    for part in net.layers:
        yield from _flat(part) if isinstance(part, Sequential) else (part,)


def _activation(given: Any) -> str:
    name = _NAMES.get(given) if isinstance(given, str) or callable(given) else None
    if name is None:
        raise ValueError(
            f"check_backprop: expected activations of the course, {', '.join(ACTIVATIONS)}, by name or as the "
            f"functions of tg.nn, got {getattr(given, '__name__', given)!r}."
        )
    return name


def _parameters(what: str, given: Mapping[str, Any], layers: int) -> dict[str, Array]:
    """W1, b1, ..., WL, bL as arrays, if those and no others are there."""
    expected = [f"{quantity}{layer}" for layer in range(1, layers + 1) for quantity in "Wb"]
    if set(given) != set(expected):
        raise ValueError(
            f"check_backprop: expected {what} {', '.join(expected)}, as there are {layers} activations, "
            f"got {', '.join(map(str, given)) or 'none'}."
        )
    return {name: _finite(name, given[name]) for name in expected}


def _like(what: str, given: Mapping[str, Any] | None, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """Other values of the same parameters."""
    others = {} if given is None else _parameters(f"{what} parameters", given, len(parameters) // 2)
    for name, value in others.items():
        if value.shape != parameters[name].shape:
            raise ValueError(f"{what} {name}: expected shape {parameters[name].shape}, got {value.shape}.")
    return others


def _check_shapes(X: Array, Y: Array, parameters: Mapping[str, Array], layers: int) -> None:
    if X.ndim != 2 or not X.size:
        raise ValueError(f"X: expected features × samples, such as (3, 50), got {X.shape}; samples are columns.")
    n, m = X.shape
    for layer in range(1, layers + 1):
        W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
        if W.ndim != 2 or W.shape[1] != n or not W.size:
            advice = "; samples are columns: pass X.T" if layer == 1 and W.shape[-1:] == (m,) else ""
            before = "X" if layer == 1 else f"W{layer - 1}"
            raise ValueError(f"W{layer}: expected (n{layer}, {n}), as {before} has {n} rows, got {W.shape}{advice}.")
        n = len(W)
        if b.shape != (n, 1):
            advice = f": pass b{layer}.reshape({n}, 1)" if b.size == n else ""
            raise ValueError(f"b{layer}: expected a column ({n}, 1), as W{layer} has {n} rows, got {b.shape}{advice}.")
    if Y.shape != (n, m):
        advice = f": pass Y.reshape({n}, {m})" if Y.size == n * m else ""
        raise ValueError(f"Y: expected {(n, m)}, outputs × samples, got {Y.shape}{advice}.")


def gradients_by_name(gradients: Any, net: CourseNet) -> dict[str, Array]:
    """The learner's gradients as arrays, in the order of backprop. TypeError, ValueError: for values, for names."""
    if not isinstance(gradients, Mapping) or not gradients:
        raise TypeError(f"check_backprop: expected a dict such as {{'dW1': ..., 'db1': ...}}, got {gradients!r:.60}.")
    expected = net.names()
    for name in gradients:
        if name not in expected:
            meant = {known.lower(): known for known in expected}
            near = difflib.get_close_matches(str(name).lower().replace("_", ""), meant, n=1)
            advice = f": did you mean {meant[near[0]]}?" if near else "."
            raise ValueError(
                f"check_backprop: expected names such as {', '.join(expected[:4])}, ..., {expected[-2]}, "
                f"got {name!r}{advice}"
            )
    return {name: numbers(name, gradients[name]) for name in expected if name in gradients}
