"""Learners by the thousand against the homework checker: a report from this module, run with `python -m`."""

import collections
import itertools
import time

import numpy as np

from tests.testing.backprop.students import ACTIVATIONS, Homework
from tinygrad_dl.testing import check_backprop

ALL, NO_ERRORS = "AZWb", "Wb"  # which gradients are handed in


def check(homework, gradients, **settings):
    """The checker's report on gradients of this homework."""
    settings = {"regularisation": homework.regularisation, "leaky_slope": homework.slope} | settings
    data = homework.X, homework.Y, homework.parameters, homework.activations
    if homework.rows:
        X, Y, parameters, activations = data
        data = X.T, Y.T, {name: value.T for name, value in parameters.items()}, activations
        gradients = {name: np.transpose(g) for name, g in gradients.items()}
    return check_backprop(gradients, *data, cost=homework.cost, **settings)


def random_homework(rng, layers=None):
    """A net of 1 to 5 layers with the course's activations, random data and, half the time, regularisation."""
    layers = layers or int(rng.integers(1, 6))
    outputs = 1 if rng.random() < 0.7 else int(rng.integers(2, 6))
    sizes = [*map(int, rng.integers(2, 7, layers)), outputs]
    activations = [*map(str, rng.choice(ACTIVATIONS, layers - 1)), "sigmoid"]
    m, seed, regularisation = int(rng.integers(7, 30)), int(rng.integers(1e9)), float(rng.choice([0, 0.7]))
    return Homework(sizes, activations, m, seed, regularisation)


def handed_in(homework, faults, quantities, shortcut):
    """What a learner with these faults hands in; None if the code would end with an error."""
    try:
        with np.errstate(all="ignore"):
            gradients = homework.backward(faults, shortcut=shortcut)
    except ValueError:
        return None
    return {name: g for name, g in gradients.items() if name[1] in quantities}


def same(a, b):
    """Whether two hand-ins have the same numbers, as far as anyone can tell."""
    return all(
        a[name].shape == b[name].shape and np.allclose(a[name], b[name], rtol=1e-6, atol=1e-10 * np.abs(b[name]).max())
        for name in b
    )


def judged(homework, faults, quantities, shortcut):
    """How the checker did on a hand-in, in a word, and its report.

    "named": every fault in its place (anywhere, if that place is not handed in), and nothing else is said.
    "named, or": every fault, and something that gives the same numbers. "same numbers": another explanation, of no
    more kinds of mistakes. "unknown": it says that it does not know. "false": it names more than there is.
    "invisible", "masked", "error": there was nothing to find, less than all to find, or nothing to hand in.
    """
    gradients = handed_in(homework, faults, quantities, shortcut)
    if gradients is None:
        return "error", None
    if same(gradients, handed_in(homework, (), quantities, shortcut)):
        return "invisible", None
    for fewer in itertools.combinations(faults, len(faults) - 1):
        less = handed_in(homework, fewer, quantities, shortcut)
        if fewer and less is not None and same(gradients, less):
            return "masked", None
    report = check(homework, gradients)
    places = [f"dZ{homework.L}" if place == "A-Y" else place for _, place in faults]
    if all(is_named(report, kind, place) for (kind, _), place in zip(faults, places, strict=True)):
        return ("named, or" if any(row.alternatives for row in report) else "named"), report
    if any(row.status == "unknown" for row in report):
        return "unknown", report
    kinds = {cause.kind for row in report for cause in row.causes}
    return ("same numbers" if len(kinds) <= len({kind for kind, _ in faults}) else "false"), report


def is_named(report, kind, place):
    """Whether the report names the mistake, in its place if that was handed in."""
    anywhere = place not in report or not report[place].given
    return any(
        cause.kind == kind and (anywhere or cause.place == place)
        for row in report
        for causes in (row.causes, *row.alternatives)
        for cause in causes
    )


def right_submission(seed):
    """Right gradients, and what they are of: in all the ways to be right that learners have.

    Either convention and cost, any subset, float32, clipped logs, either slope of relu at 0; one sample, one unit,
    large inputs that saturate, tiny weights, dead units, columns of zeros. None if the numbers are not finite.
    """
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(1, 6))
    cost = "binary_cross_entropy" if rng.random() < 0.75 else "mean_squared_error"
    activations = [str(name) for name in rng.choice(ACTIVATIONS, layers)]
    if cost == "binary_cross_entropy":
        activations[-1] = "sigmoid"
    sizes, m = [int(n) for n in rng.integers(1, 7, layers + 1)], int(rng.choice([1, 2, 5, 20, 200]))
    regularisation, slope = float(rng.choice([0, 0.1, 3])), float(rng.choice([0.01, 0.2]))
    homework = Homework(sizes, activations, m, seed, regularisation, slope, cost)
    biases = [name for name in homework.parameters if name[0] == "b"]
    match rng.integers(5):
        case 0:
            homework.X *= rng.choice([1, 5, 30])
        case 1:
            for name in homework.parameters:
                homework.parameters[name] *= rng.choice([1, 5, 30])
        case 2:
            for name in homework.parameters:
                homework.parameters[name] *= 0 if name in biases else rng.choice([0, 1e-3])
        case 3:
            for name in biases:
                homework.parameters[name] -= 2
        case 4:
            homework.X *= rng.random(homework.X.shape) < 0.3
            for name in biases:
                homework.parameters[name] *= 0
    dtype = np.float32 if rng.random() < 1 / 3 else np.float64
    clip = [None, ("clip", 1e-15), ("clip", 1e-8), ("clip", 1e-5), ("add", 1e-15), ("add", 1e-8)][rng.integers(6)]
    derivative, shortcut, at_zero = rng.random() < 0.4, rng.random() < 0.5, rng.choice([0, 0, 1])
    with np.errstate(all="ignore"):
        gradients = _rightly(homework, dtype, derivative, shortcut, at_zero, clip)
    share = rng.choice([0.3, 0.7, 1])
    quantities = "Wb" if rng.random() < 0.3 else "AZWb"
    gradients = {name: g for name, g in gradients.items() if name[1] in quantities and rng.random() < share}
    if not gradients or not all(np.all(np.isfinite(g)) for g in gradients.values()):
        return None
    if dtype is np.float32 and rng.random() < 0.7:
        homework.parameters = {name: value.astype(dtype) for name, value in homework.parameters.items()}
    return homework, gradients


def _rightly(homework, dtype, derivative, shortcut, at_zero, clip):
    """Backprop without faults, in `dtype`, with a derivative of relus at 0, and with logs kept away from log(0)."""
    for name, value in homework.parameters.items():
        homework.parameters[name] = value.astype(dtype).astype(float)
    homework.X = homework.X.astype(dtype).astype(float)
    parameters = {name: value.astype(dtype) for name, value in homework.parameters.items()}
    m, L, Y, A, Z = homework.m, homework.L, homework.Y.astype(dtype), {0: homework.X.astype(dtype)}, {}
    slope = dtype(homework.slope)
    for layer, name in enumerate(homework.activations, start=1):
        z = Z[layer] = parameters[f"W{layer}"] @ A[layer - 1] + parameters[f"b{layer}"]
        if name == "sigmoid":
            A[layer] = 1 / (1 + np.exp(-z))
        elif name == "tanh":
            A[layer] = np.tanh(z)
        else:
            A[layer] = z if name == "identity" else np.where(z > 0, z, (slope if name == "leaky_relu" else 0) * z)
    gradients, dA = {}, 2 * (A[L] - Y)
    if homework.cost == "binary_cross_entropy":
        kind, ε = clip or ("add", 0)
        a, plus = (np.clip(A[L], ε, 1 - ε), 0) if kind == "clip" else (A[L], dtype(ε))
        dA = -Y / (a + plus) + (1 - Y) / (1 - a + plus)
    dA, late = (dA / m, 1) if derivative else (dA, 1 / m)
    for layer in range(L, 0, -1):
        name, z, a = homework.activations[layer - 1], Z[layer], A[layer]
        below = {"leaky_relu": slope, "relu": 0}.get(name, 1)
        steps = np.where(z > 0, 1, np.where(z == 0, at_zero or below, below)).astype(dtype)
        dZ = dA * (a * (1 - a) if name == "sigmoid" else 1 - a**2 if name == "tanh" else steps)
        if shortcut and layer == L and homework.cost == "binary_cross_entropy":
            dZ = (a - Y) / m if derivative else a - Y
        W = parameters[f"W{layer}"]
        dW = late * (dZ @ A[layer - 1].T) + homework.regularisation / m * W
        db = late * dZ.sum(axis=1, keepdims=True)
        gradients |= {f"dA{layer}": dA, f"dZ{layer}": dZ, f"dW{layer}": dW, f"db{layer}": db}
        dA = W.T @ dZ
    return gradients


def singles(seed, nets):
    """Every fault alone, in nets of 1 to 5 layers."""
    rng = np.random.default_rng(seed)
    for layers, _ in itertools.product(range(1, 6), range(nets)):
        homework = random_homework(rng, layers)
        for shortcut in (True, False):
            for fault in homework.faults(shortcut):
                yield homework, (fault,), shortcut


def by_rows_and_softmax(seed, nets):
    """Every fault alone, in nets of 2 to 4 layers with softmax, or with samples as rows, or both."""
    rng = np.random.default_rng(seed)
    for layers, softmax, rows, _ in itertools.product((2, 3, 4), (True, False), (True, False), range(nets)):
        if not (softmax or rows):
            continue
        homework = random_homework(rng, layers)
        if softmax:
            outputs = int(rng.integers(2, 6))
            homework = Homework(
                [*homework.sizes[:-1], outputs],
                [*homework.activations[:-1], "softmax"],
                homework.m,
                int(rng.integers(1e9)),
                homework.regularisation,
                cost="categorical_cross_entropy",
            )
        homework.rows = rows
        for fault in homework.faults(shortcut=True):
            if not (rows and fault[0] == "keepdims lost"):  # (n,) for (1, n) does no harm
                yield homework, (fault,), True


def pairs(seed, count):
    """Two faults at once."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        homework, shortcut = random_homework(rng), bool(rng.random() < 0.5)
        faults = homework.faults(shortcut)
        first, second = rng.choice(len(faults), 2, replace=False)
        yield homework, (faults[first], faults[second]), shortcut


def sweep(title, cases, verbose):
    cases = list(cases)
    for quantities in (ALL, NO_ERRORS):
        counts, start, slowest = collections.Counter(), time.perf_counter(), 0.0
        for homework, faults, shortcut in cases:
            before = time.perf_counter()
            word, report = judged(homework, faults, quantities, shortcut)
            slowest = max(slowest, time.perf_counter() - before)
            counts[word] += 1
            if verbose and word in ("unknown", "false", "same numbers"):
                verdicts = {row.name: row.verdict for row in report if row.causes or row.status == "unknown"}
                print(f"  {word}: {faults} {homework.sizes} {homework.activations} m={homework.m}: {verdicts}")
        found = counts["named"] + counts["named, or"]
        judgeable = found + counts["unknown"] + counts["false"] + counts["same numbers"]
        print(
            f"{title}, {quantities} handed in: {found}/{judgeable} named = {found / judgeable:.1%}; {dict(counts)}; "
            f"{time.perf_counter() - start:.0f} s, slowest {slowest:.1f} s"
        )


def main(count=1000, seed=0, verbose=True):
    wrong, checked, at = 0, 0, 10**6 * (seed + 1)
    while checked < count:
        at += 1
        submission = right_submission(at)
        if submission is not None:
            checked += 1
            report = check(*submission)
            if not report.passed:
                wrong += 1
                print(at, report)
    print(f"right submissions: {wrong} of {checked} called wrong")
    sweep("single mistakes", singles(seed, 2), verbose)
    sweep("single mistakes, softmax or rows", by_rows_and_softmax(seed, 1), verbose)
    sweep("pairs of mistakes", pairs(seed, count), verbose)


if __name__ == "__main__":
    import sys

    main(*map(int, sys.argv[1:]))
