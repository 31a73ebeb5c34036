"""Causes of a wrong gradient that show in its numbers: a constant ratio to the right one, an axis, a forgotten factor.

Nothing here knows a formula, so that it serves for any function; `backprop` names mistakes in the course's formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
RTOL = 1e-4  # of the largest number: the right values may come from differences

FACTORS = {  # a ratio to the right gradient, and what makes it
    2.0: "a factor 2 too much",
    0.5: "a factor ½: a 2 is missing, or a ½ too much",
    4.0: "a factor 4 too much",
    0.25: "a factor ¼ too much",
    1 / np.log(2): "a factor 1/ln 2: a log of base 2 for the natural one",
    np.log(2): "a factor ln 2: a natural log for one of base 2",
    1 / np.log(10): "a factor 1/ln 10: a log of base 10 for the natural one",
    np.log(10): "a factor ln 10: a natural log for one of base 10",
}


def causes_of(
    given: Any,
    expected: Any,
    *,
    samples: int | Sequence[int] = (),
    sizes: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """The causes that explain a `given` gradient by the `expected` one, likeliest first: each alone would do.

    `samples` is m, or what m may be; `sizes` are other numbers to divide by, by name: {"n1": 4}. There is none if the
    gradient is right. A ratio that has several names, such as 2 for m = 2, gives a cause for each.
    """
    if given is None:
        return ("it is None: is a return missing?",)
    try:
        given, expected = np.asarray(given, float), np.asarray(expected, float)
    except (TypeError, ValueError):
        return ("it is no array of numbers",)
    if not np.all(np.isfinite(given)):
        bad = np.count_nonzero(~np.isfinite(given))
        return (f"not finite: {bad} of {given.size} are nan or inf, by 0/0, log(0) or an overflow",)
    if given.shape != expected.shape:
        return tuple(_of_shape(given, expected, samples, sizes or {}))
    if near(given, expected):
        return ()
    return tuple(_of_ratio(given, expected, samples, sizes or {}) or _of_elements(given, expected))


def near(a: Array | float, b: Array | float) -> bool:
    """Return whether two arrays are equal, up to a part of the largest number."""
    return np.shape(a) == np.shape(b) and bool(np.all(np.abs(a - b) <= RTOL * np.max(np.abs(b), initial=0.0)))


def ratio_of(a: Array, b: Array) -> float | None:
    """The number r of a = r b, or None if there is none."""
    square = float(np.vdot(b, b))
    ratio = float(np.vdot(b, a)) / square if square and a.shape == b.shape else 0.0
    return ratio if ratio and near(a, ratio * b) else None


def names_of_ratio(
    ratio: float, samples: int | Sequence[int] = (), sizes: Mapping[str, int] | None = None
) -> list[str]:
    """All names of a ratio between a gradient and the right one, likeliest first; none if it has no name."""
    counts = [m for m in ([samples] if isinstance(samples, (int, np.integer)) else samples) if m > 1]
    names: list[tuple[float, str]] = []
    for m in dict.fromkeys(counts):
        names += [(m, f"1/m missing (m = {m})"), (1 / m, f"1/m too much (m = {m})"), (m**2, f"m for 1/m (m = {m})")]
    names += FACTORS.items()
    for name, n in (sizes or {}).items():
        if n > 1 and n not in counts:
            names += [(n, f"1/{name} missing ({name} = {n})"), (1 / n, f"1/{name} too much ({name} = {n})")]
            names += [(m / n, f"1/{name} for 1/m ({name} = {n}, m = {m})") for m in counts]
    names = [(-1.0, "sign"), *names, *((-value, f"sign, and {name}") for value, name in names)]
    return [name for value, name in names if abs(ratio - value) <= RTOL * abs(value)]


def _of_ratio(given: Array, expected: Array, samples: Any, sizes: Mapping[str, int]) -> list[str]:
    if not np.any(given):
        return ["it is all 0: never computed, or multiplied by 0"]
    ratio = ratio_of(given, expected)
    if ratio is None or (given.size == 1 and not names_of_ratio(ratio, samples, sizes)):
        return []
    times = f"it is {ratio:.6g} times the right one"
    return [f"{name}: {times}" for name in names_of_ratio(ratio, samples, sizes)] or [f"a constant factor: {times}"]


def _of_elements(given: Array, expected: Array) -> list[str]:
    """Causes that show in single elements: transposed, a mask, part of the array."""
    if given.ndim == 2 and near(given.T, expected):
        return ["transposed"]
    if given.ndim == 2 and (ratio := ratio_of(given.T, expected)):
        return [f"transposed, and {name}" for name in names_of_ratio(ratio)]
    if near(np.abs(given), np.abs(expected)):
        return ["sign of some elements: an absolute value, or a minus in one term"]
    off = np.abs(given - expected) > RTOL * np.abs(expected).max(initial=0.0)
    count, first = np.count_nonzero(off), tuple(map(int, np.argwhere(off)[0]))
    if count > off.size / 2 or off.size < 4:
        if near(given - given.mean(), expected - expected.mean()):
            return [f"a constant too much: {float(np.mean(given - expected)):.6g} was added to each"]
        return []
    where = f"only {count} of {off.size} elements are wrong, the first at {list(first)}"
    if not np.any(given[off]):
        return [f"{where}: it is 0 there. Is a mask wrong, or an assignment missing?"]
    if not np.any(expected[off]):
        return [f"{where}: it should be 0 there. Is a mask missing?"]
    if ratio := ratio_of(given[off], expected[off]):
        return [f"{where}: {name}" for name in names_of_ratio(ratio) or [f"{ratio:.6g} times the right ones"]]
    return [where]


def _of_shape(given: Array, expected: Array, samples: Any, sizes: Mapping[str, int]) -> Iterator[str]:
    """Causes of a wrong shape."""
    shapes = f"shape {given.shape}, expected {expected.shape}"
    for what, changed in _reshaped(given, expected):
        if changed.shape == expected.shape:
            if near(changed, expected):
                yield f"{what}: {shapes}"
                return
            if found := _of_ratio(changed, expected, samples, sizes):
                yield from (f"{what} ({shapes}), and {cause}" for cause in found)
                return
    total = expected.sum()
    if given.size == 1 and abs(given.sum() - total) <= RTOL * np.abs(expected).sum():
        yield f"summed over all axes: {shapes}"
        return
    for axis in range(expected.ndim):
        if near(np.squeeze(given), np.squeeze(expected.sum(axis=axis))):
            yield f"summed over axis {axis}, which should be kept: {shapes}"
            return
    if given.T.shape == expected.shape:
        yield f"transposed, and more: {shapes}"
    elif given.ndim >= expected.ndim and given.size > expected.size:
        yield f"a sum over an axis missing, or over the wrong axis: {shapes}"
    else:
        yield f"an axis lost, or a sum over the wrong axis: {shapes}"


def _reshaped(given: Array, expected: Array) -> Iterator[tuple[str, Array]]:
    """Changes of shape, in words, and the array after each."""
    if given.ndim == 2:
        yield "transposed", given.T
    if given.size == expected.size:
        yield "an axis of length 1 lost or kept (keepdims)", given.reshape(expected.shape)
    for axis in range(given.ndim):
        for keep in (True, False):
            yield f"a sum over axis {axis} missing", given.sum(axis=axis, keepdims=keep)
            if given.shape[axis]:
                yield "broadcast: it is repeated along an axis", np.take(given, [0] if keep else 0, axis=axis)


# ---- causes of a wrong pullback: given, besides, how it depends on g


def causes_of_pullback(
    pull: Callable[[Array], Any],
    differentiate: Callable[[Array], Array],
    g: Array,
    *,
    samples: int | Sequence[int] = (),
    sizes: Mapping[str, int] | None = None,
    x: Any = None,
    ans: Any = None,
) -> tuple[str, ...]:
    """The causes of a wrong gradient `pull(g)` with respect to `x`, where `differentiate(g)` is the right one.

    `ans` is the value of the function at `x`. The causes of `causes_of` come last: these here are more special.
    """
    given, expected = pull(g), differentiate(g)
    general = causes_of(given, expected, samples=samples, sizes=sizes)
    if given is None or not np.all(np.isfinite(given)) or near(given, expected):
        return general
    given, twice = np.asarray(given, float), np.asarray(pull(2 * g), float)
    if given.any() and near(twice, given):
        ones = near(given, differentiate(np.ones_like(g)))
        return (f"g forgotten: the result doesn't depend on g{', and is right for g = 1' if ones else ''}",)
    if given.any() and near(twice, 4 * given):
        return ("g twice: the result is quadratic in g",)
    if ratio_of(given, expected) is not None:
        return general
    return (*_of_g(given, expected, g), *_of_elementwise(given, expected, g, x, ans)) or general


def _of_g(given: Array, expected: Array, g: Array) -> Iterator[str]:
    """Causes of a sum over samples, as in db."""
    if g.shape == expected.shape:
        return
    if near(given, g):
        yield f"the sum over an axis is missing: it is g itself, of shape {g.shape}"
    if near(np.full(expected.shape, g.sum()), given) or near(given, g.sum()[()] * np.ones_like(given)):
        yield "summed over all axes, without an axis="
    for axis in range(g.ndim):
        for other in range(g.ndim):
            summed = g.sum(axis=axis)
            right = g.sum(axis=other)
            if axis != other and near(np.squeeze(expected), right) and near(np.squeeze(given), summed):
                yield f"summed over the wrong axis: axis={axis} for axis={other}"


@np.errstate(all="ignore")
def _of_elementwise(given: Array, expected: Array, g: Array, x: Any, ans: Any) -> list[str]:
    """Causes of a wrong derivative of an activation: a function of each element alone."""
    if x is None or ans is None or not np.shape(x) == np.shape(ans) == g.shape == given.shape:
        return []
    z, a, slope = np.asarray(x, float), np.asarray(ans, float), expected / g
    s, t = 1 / (1 + np.exp(-z)), np.tanh(z)
    candidates = {
        "g' missing: it is g itself, without the derivative": 1.0 + 0 * z,
        "g' twice": slope**2,
        "g for g': the function itself for its derivative": a,
        "Z for A: the input itself for the derivative": z,
        "1 - a alone: half of the derivative": 1 - a,
        "Z for A: z (1 - z), where a (1 - a) is the derivative": z * (1 - z),
        "Z for A: 1 - z², where 1 - a² is the derivative": 1 - z**2,
        "1 + a² for 1 - a²": 1 + a**2,
        "1 - a for 1 - a²": 1 - a,
        "a (1 + a) for a (1 - a)": a * (1 + a),
        "A for Z: sigmoid'(sigmoid(z))": _sigmoid_slope(s),
        "A for Z: tanh'(tanh(z))": 1 - np.tanh(t) ** 2,
        "the derivative of another activation: a (1 - a), that of sigmoid in its value": a * (1 - a),
        "the derivative of another activation: 1 - a², that of tanh in its value": 1 - a**2,
        "the derivative of another activation: that of sigmoid": s * (1 - s),
        "the derivative of another activation: that of tanh": 1 - t**2,
        "the derivative of another activation: that of relu": 1.0 * (z > 0),
        "the mask of the wrong sign: z < 0": np.where(z < 0, 1.0, 0.0),
        "the mask of the wrong sign: swapped slopes": slope.max() + slope.min() - slope,
        "the mask from g, not from z": 1.0 * (g > 0),
    }
    found = [
        name + word
        for name, factor in candidates.items()
        for sign, word in ((1, ""), (-1, ", and sign"))
        if near(given, sign * factor * g)
    ]
    below = z < 0
    if np.any(below) and not np.all(below) and near(given[~below], expected[~below]):
        inside = given[below] / g[below]
        if np.ptp(inside) <= RTOL:
            found.append(f"the derivative for negative inputs: {inside[0]:.4g} for {slope[below].mean():.4g}")
    return found


def _sigmoid_slope(z: Array) -> Array:
    s = 1 / (1 + np.exp(-z))
    return s * (1 - s)
