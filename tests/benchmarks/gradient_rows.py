"""What gradient checkers are asked about: functions with a derivative rule that is right, or has a bug in it.

A row's `make(xp, primitive)` builds the function: `xp` is NumPy, or the module of a peer that goes by the same names,
and `primitive(forward, *rules)` gives `forward` derivative rules of its own, one per argument. A rule
`(g, ans, *primals)` is the vector-Jacobian product for its argument, as in `tg.defvjp`. The forward function and the
rule stand under each other, so that one can see whether the row tells the truth.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

RIGHT, BUG = True, False


class Row(NamedTuple):
    """A function to check at `primals`, to an `order`, in a `mode`: "vjp" is backward, "jvp" is forward."""

    name: str
    right: bool
    primals: tuple[np.ndarray, ...]
    make: Callable[[Any, Callable], Callable]
    order: int = 1
    mode: str = "vjp"


def arrays(*values: Any) -> tuple[np.ndarray, ...]:
    """One array of float64 for each argument."""
    return tuple(np.array(value, dtype=np.float64) for value in values)


CURVED = arrays([0.3, -1.2, 2.0])  # where a sine is curved and no derivative of it is zero
AT_ZERO = arrays([0.0, 1.0, -1.0])
TIED = arrays([2.0, 1.0, 2.0])
PAIR = arrays([1.5, 0.7, 2.0], [0.6, 1.9, 3.0])
WEIGHTS = (np.random.default_rng(0).uniform(-1, 1, (64, 64)),)
SQUARES = tuple(np.random.default_rng(1).uniform(0.5, 1.5, (2, 3, 3)))

# ---- the scale of the gradient, and of the value


def sine(scale: float, factor: float = 1.0) -> Callable:
    """scale · sin x, whose derivative is taken to be scale · cos x times a `factor`: 1 is right."""
    return lambda xp, primitive: primitive(
        lambda x: scale * xp.sin(x),
        lambda g, ans, x: g * (factor * scale) * xp.cos(x),
    )


def high_line(slope: float, claimed: float) -> Callable:
    """1e12 + slope · x, whose derivative is `claimed` to be another number, or the same."""
    return lambda xp, primitive: primitive(
        lambda x: 1e12 + slope * x,
        lambda g, ans, x: g * claimed,
    )


SCALE = [
    Row("gradients near 1", RIGHT, CURVED, sine(1)),
    Row("gradients near 1: sign", BUG, CURVED, sine(1, -1)),
    Row("gradients near 1: 0.05 % too large", BUG, CURVED, sine(1, 1.0005)),
    Row("gradients near 1e-6", RIGHT, CURVED, sine(1e-6)),
    Row("gradients near 1e-6: sign", BUG, CURVED, sine(1e-6, -1)),
    Row("gradients near 1e-12", RIGHT, CURVED, sine(1e-12)),
    Row("gradients near 1e-12: sign", BUG, CURVED, sine(1e-12, -1)),
    Row("values and gradients near 1e12", RIGHT, CURVED, sine(1e12)),
    Row("values and gradients near 1e12: sign", BUG, CURVED, sine(1e12, -1)),
    Row("1e12 + 3x", RIGHT, CURVED, high_line(3, 3)),
    Row("1e12 + 3x: sign", BUG, CURVED, high_line(3, -3)),
    Row("1e12 + 1e-6x, all lost to rounding", RIGHT, CURVED, high_line(1e-6, 1e-6)),  # floats are 1e-4 apart there
]

# ---- many weights


def sum_of_sines(error: float) -> Callable:
    """Σ sin w, with a relative `error` in the derivative by one of the weights."""
    factors = np.ones((64, 64))
    factors[40, 17] += error
    return lambda xp, primitive: primitive(
        lambda w: xp.sum(xp.sin(w)),
        lambda g, ans, w: g * xp.cos(w) * xp.asarray(factors),
    )


MANY = [
    Row("4,096 weights", RIGHT, WEIGHTS, sum_of_sines(0)),
    Row("4,096 weights: one is 1 % off", BUG, WEIGHTS, sum_of_sines(0.01)),
]

# ---- kinks and ties: right is what lies between the slopes on either side


def relu(slope_at_zero: float) -> Callable:
    """max(0, x), whose derivative at 0 is taken to be `slope_at_zero`: from 0 to 1 is right."""
    return lambda xp, primitive: primitive(
        lambda x: xp.where(x > 0, x, 0 * x),
        lambda g, ans, x: g * xp.where(x == 0, slope_at_zero, 1.0 * (x > 0)),
    )


def absolute(slope_at_zero: float) -> Callable:
    """|x|, whose derivative at 0 is taken to be `slope_at_zero`: from -1 to 1 is right."""
    return lambda xp, primitive: primitive(
        lambda x: xp.abs(x),
        lambda g, ans, x: g * xp.where(x == 0, slope_at_zero, xp.sign(x)),
    )


def relu_from_across_the_kink(xp, primitive):
    return primitive(
        lambda x: xp.where(x > 0, x, 0 * x),
        lambda g, ans, x: g * (x > 1e-6),
    )


def max_shared(xp, primitive):
    return primitive(
        lambda x: xp.max(x),
        lambda g, ans, x: g * (x == ans) / xp.sum(x == ans),
    )


def max_to_the_first(xp, primitive):
    return primitive(
        lambda x: xp.max(x),
        lambda g, ans, x: g * (xp.arange(len(x)) == xp.argmax(x)),
    )


def max_to_each(xp, primitive):
    return primitive(
        lambda x: xp.max(x),
        lambda g, ans, x: g * (x == ans),  # of two tied, both get all: together they grow by 2
    )


def max_to_the_smallest(xp, primitive):
    return primitive(
        lambda x: xp.max(x),
        lambda g, ans, x: g * (xp.arange(len(x)) == xp.argmin(x)),
    )


def sort(xp, primitive):
    return primitive(
        lambda x: x[xp.argsort(x)],
        lambda g, ans, x: g[xp.argsort(xp.argsort(x))],
    )


def sort_not_undone(xp, primitive):
    return primitive(
        lambda x: x[xp.argsort(x)],
        lambda g, ans, x: g[xp.argsort(x)],  # sorts the cotangent too
    )


KINKS = [
    Row("relu at 0, slope 0", RIGHT, AT_ZERO, relu(0)),
    Row("relu at 0, slope 1", RIGHT, AT_ZERO, relu(1)),
    Row("relu at 0, slope 2", BUG, AT_ZERO, relu(2)),
    Row("relu at 0, slope -0.5", BUG, AT_ZERO, relu(-0.5)),
    Row("|x| at 0, slope 0", RIGHT, AT_ZERO, absolute(0)),
    Row("|x| at 0, slope 1.5", BUG, AT_ZERO, absolute(1.5)),
    Row("max, two tied: shared evenly", RIGHT, TIED, max_shared),
    Row("max, two tied: all to the first", RIGHT, TIED, max_to_the_first),
    Row("max, two tied: all to each", BUG, TIED, max_to_each),
    Row("max, two tied: all to the smallest", BUG, TIED, max_to_the_smallest),
    Row("sort, two tied", RIGHT, arrays([2.0, 3.0, 1.0, 2.0]), sort),
    Row("sort, two tied: permutation not undone", BUG, arrays([2.0, 3.0, 1.0, 2.0]), sort_not_undone),
]

# ---- next to a kink, next to the edge of the domain, and noise


def logarithm(sign: float) -> Callable:
    return lambda xp, primitive: primitive(
        lambda x: xp.log(x),
        lambda g, ans, x: sign * g / x,
    )


def square_root(factor: float) -> Callable:
    return lambda xp, primitive: primitive(
        lambda x: xp.sqrt(x),
        lambda g, ans, x: g * factor / ans,
    )


def rounded_sine(sign: float) -> Callable:
    """sin x rounded to the 24 bits that a float32 has."""
    return lambda xp, primitive: primitive(
        lambda x: xp.round(2**24 * xp.sin(x)) / 2**24,
        lambda g, ans, x: sign * g * xp.cos(x),
    )


NEAR = [
    Row("relu at 1e-7", RIGHT, arrays([1e-7, -1e-7]), relu(0)),
    Row("relu at 1e-7: slope of the other side", BUG, arrays([1e-7]), relu_from_across_the_kink),
    Row("|x| at 1e-7", RIGHT, arrays([1e-7, -1e-7]), absolute(0)),
    Row("log at 1e-9", RIGHT, arrays([1e-9]), logarithm(1)),
    Row("log at 1e-9: sign", BUG, arrays([1e-9]), logarithm(-1)),
    Row("sqrt at 1e-9", RIGHT, arrays([1e-9]), square_root(0.5)),
    Row("sqrt at 1e-9: factor 2", BUG, arrays([1e-9]), square_root(1)),
    Row("sine, rounded to float32 inside", RIGHT, CURVED, rounded_sine(1)),
    Row("sine, rounded to float32 inside: sign", BUG, CURVED, rounded_sine(-1)),
]

# ---- two arguments

# fmt: off
TWO_ARGUMENTS = [  # the function; the rule for x and the rule for y; the same with a bug
    ("x - y", PAIR, lambda x, y: x - y,
        lambda g, ans, x, y: g,              lambda g, ans, x, y: -g,
        lambda g, ans, x, y: g * x,          lambda g, ans, x, y: g),
    ("x * y", PAIR, lambda x, y: x * y,
        lambda g, ans, x, y: g * y,          lambda g, ans, x, y: g * x,
        lambda g, ans, x, y: g * x,          lambda g, ans, x, y: g * y),
    ("x / y", PAIR, lambda x, y: x / y,
        lambda g, ans, x, y: g / y,          lambda g, ans, x, y: -g * ans / y,
        lambda g, ans, x, y: g * y,          lambda g, ans, x, y: g * ans / y),
    ("x @ y", SQUARES, lambda x, y: x @ y,
        lambda g, ans, x, y: g @ y.T,        lambda g, ans, x, y: x.T @ g,
        lambda g, ans, x, y: g @ y,          lambda g, ans, x, y: x @ g),
]
# fmt: on


def _of(forward: Callable, *rules: Callable) -> Callable:
    return lambda xp, primitive: primitive(forward, *rules)


ARGUMENTS = [
    row
    for name, primals, f, by_x, by_y, bug_by_x, bug_by_y in TWO_ARGUMENTS
    for row in (
        Row(name, RIGHT, primals, _of(f, by_x, by_y)),
        Row(f"{name}: bug in argument 0", BUG, primals, _of(f, bug_by_x, by_y)),
        Row(f"{name}: bug in argument 1", BUG, primals, _of(f, by_x, bug_by_y)),
    )
]

# ---- second order, and forward mode


def sine_twice(sign: float) -> Callable:
    """sin x, whose derivative is right, and whose second derivative is -`sign` · sin x: 1 is right."""

    def make(xp, primitive):
        cosine = primitive(
            lambda x: xp.cos(x),
            lambda g, ans, x: -sign * g * xp.sin(x),
        )
        return primitive(
            lambda x: xp.sin(x),
            lambda g, ans, x: g * cosine(x),
        )

    return make


MODES = [
    Row("second derivative", RIGHT, CURVED, sine_twice(1), order=2),
    Row("second derivative: sign", BUG, CURVED, sine_twice(-1), order=2),
    Row("forward mode", RIGHT, CURVED, sine(1), mode="jvp"),
    Row("forward mode: sign", BUG, CURVED, sine(1, -1), mode="jvp"),
    Row("forward mode, relu at 0", RIGHT, AT_ZERO, relu(0), mode="jvp"),
    Row("forward mode, tangents near 1e-6: sign", BUG, CURVED, sine(1e-6, -1), mode="jvp"),
]

# ---- a failure to read


def one_wrong_element(xp, primitive):
    """tanh(scaled(A, W)) of 4×4 arrays, where the rule of `scaled` by A has the wrong sign above 2: in one element."""

    def scaled(A, W):
        return A * W

    scaled = primitive(
        scaled,
        lambda g, ans, A, W: g * W * xp.where(A > 2, -1.0, 1.0),
        lambda g, ans, A, W: g * A,
    )

    def net(A, W):
        return xp.tanh(scaled(A, W))

    return net


A, W = np.random.default_rng(2).uniform(0.2, 0.8, (2, 4, 4))
A[2, 1] = 2.1
TO_READ = Row("4 x 4: one element has the wrong sign", BUG, (A, W), one_wrong_element)

ROWS = [*SCALE, *MANY, *KINKS, *NEAR, *ARGUMENTS, *MODES, TO_READ]
