"""Each rule for readers replaces calls by others of the same value, up to rounding and guards."""

import numpy as np
import pytest

from tinygrad_dl import _functions
from tinygrad_dl._functions import LEAST, TINY
from tinygrad_dl.core import primitives
from tinygrad_dl.derivation import reading
from tinygrad_dl.derivation.reading import _TABLE, Reasons, readable
from tinygrad_dl.tracing.dead_code import without_dead_code
from tinygrad_dl.tracing.printing import source
from tinygrad_dl.tracing.program import Node, Program
from tinygrad_dl.tracing.subexpressions import with_common_once
from tinygrad_dl.tracing.symbols import Symbol
from tinygrad_dl.tracing.trace import Trace

Z = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])
P = np.array([[0.25, 0.5, 1.0], [0.75, 0.5, 0.0]])


def _shifted(z):
    return z - np.rint(np.maximum.reduce(z, axis=0))


def _softmax(z, labels):
    e = np.exp(_shifted(z))
    return e * (np.add.reduce(labels, axis=0) / np.add.reduce(e, axis=0))


def _share(e, axis=0):
    return e / np.sum(e, axis=axis, keepdims=True)


def _share_backward(e, g):
    total = np.sum(e, axis=0, keepdims=True)
    return e * (g / total + np.sum(-g * (e / total) / total, axis=0, keepdims=True))


# ---- a program of Z, P and the number m of samples; its text afterwards
TABLE = [
    (lambda z, p, m: z * 1, "z"),
    (lambda z, p, m: _functions.sigmoid(z), "sigmoid(z)"),
    (lambda z, p, m: _functions.masked(z, p > 0), "z * (p > 0)"),
    (lambda z, p, m: z * (p / m), "z * p / m"),
    (lambda z, p, m: (z / m) * p, "z * p / m"),
    (lambda z, p, m: z * 3, "3 * z"),
    (lambda z, p, m: z * -1, "-z"),
    (lambda z, p, m: -z + p, "p - z"),
    (lambda z, p, m: z + -p, "z - p"),
    (lambda z, p, m: -z + -p / m, "-z - p / m"),
    (lambda z, p, m: -z / p[:1] + p, "p - z / p[:1]"),
    (lambda z, p, m: z - -p, "z + p"),
    (lambda z, p, m: -(-z / p[:1]), "z / p[:1]"),
    (lambda z, p, m: z / -m, "-z / m"),
    (lambda z, p, m: z / m / 4, "z / 4 / m"),
    (lambda z, p, m: -(z / m), "-z / m"),
    (lambda z, p, m: np.negative(-z), "z"),
    (lambda z, p, m: (z / m) @ p.T, "z @ p.T / m"),
    (lambda z, p, m: z @ (p / m).T, "z @ p.T / m"),
    (lambda z, p, m: np.sum(z / m, axis=0), "np.sum(z, axis=0) / m"),
    (lambda z, p, m: np.add.reduce(z), "np.sum(z, axis=0)"),
    (lambda z, p, m: np.add.reduce(z, axis=None), "np.sum(z)"),
    (lambda z, p, m: np.sum(z, axis=(0,), keepdims=True), "np.sum(z, axis=0, keepdims=True)"),
    (lambda z, p, m: np.sum(z[:1], axis=(0, 1), keepdims=True), "np.sum(z[:1], axis=1, keepdims=True)"),
    (lambda z, p, m: np.maximum.reduce(z, axis=1), "np.max(z, axis=1)"),
    (lambda z, p, m: np.reshape(z / m, (3, 2)), "np.reshape(z, (3, 2)) / m"),
    (lambda z, p, m: z / m + p / m, "(z + p) / m"),
    (lambda z, p, m: z / m - p / m, "(z - p) / m"),
    (lambda z, p, m: np.add.reduce(z / m, axis=1), "np.sum(z, axis=1) / m"),
    (lambda z, p, m: np.broadcast_to(z[:1] / m, (2, 3)), "np.broadcast_to(z[:1], (2, 3)) / m"),
    (lambda z, p, m: np.sin(np.broadcast_to(np.sum(z), (2, 3))) * p, "np.sin(np.sum(z)) * p"),
    (lambda z, p, m: z - np.broadcast_to(p[:1], (2, 3)), "z - p[:1]"),
    (lambda z, p, m: np.broadcast_to(p[:1], (2, 3)) / z, "p[:1] / z"),
    (lambda z, p, m: z * np.broadcast_to(p[:1], (2, 3)), "z * p[:1]"),
    (lambda z, p, m: z + np.broadcast_to(p[:1], (2, 3)) / m, "z + p[:1] / m"),
    (lambda z, p, m: np.where(p > 0, np.broadcast_to(m, (2, 3)), 0), "np.where(p > 0, m, 0)"),
    (lambda z, p, m: -np.broadcast_to(p[:1], (2, 3)) @ z.T, "-np.broadcast_to(p[:1], (2, 3)) @ z.T"),
    (lambda z, p, m: np.swapaxes(z, -1, -2), "z.T"),
    (lambda z, p, m: z.T.T + np.transpose(np.transpose(m)), "z + m"),
    (lambda z, p, m: 1 * (z > 0) + 1 * (p > 0), "1 * (z > 0) + 1 * (p > 0)"),  # True + True is True
    (lambda z, p, m: -primitives.astype(z > 0, np.float64), "-(z > 0).astype(np.float64)"),
    (lambda z, p, m: z * primitives.astype(p > 0, np.float64), "z * (p > 0)"),
    (lambda z, p, m: primitives.astype(p > 0, np.float64) / z, "(p > 0) / z"),
    (lambda z, p, m: z + primitives.astype(p > 0, np.float64), "z + (p > 0)"),
    (lambda z, p, m: 1 - primitives.astype(p > 0, np.float64), "1 - (p > 0)"),
    (lambda z, p, m: primitives.astype(z, np.float64), "z"),
    (lambda z, p, m: 0 + z, "z"),
    (lambda z, p, m: np.log(p[:1] + TINY), "np.log(p[:1])"),
    (lambda z, p, m: np.maximum(p[:1], LEAST), "p[:1]"),
    (lambda z, p, m: _functions.log_above_0(p[:1]), "np.log(p[:1])"),
    (lambda z, p, m: _functions.sigmoid(z), "sigmoid(z)"),
    (lambda z, p, m: np.exp(np.minimum(-z, 80)), "np.exp(-z)"),
    (lambda z, p, m: 1 / (1 + np.exp(np.minimum(-z, 80))), "sigmoid(z)"),
    (lambda z, p, m: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), "np.logaddexp(0, z)"),
    (lambda z, p, m: _softmax(z, p), "softmax(z)"),
    (lambda z, p, m: _softmax(z, p * 2), "np.sum(2 * p, axis=0) * softmax(z)"),
    (lambda z, p, m: _share(np.exp(z)), "softmax(z)"),
    (lambda z, p, m: _share(np.exp(z), axis=-1), "softmax(z, axis=1)"),
    (lambda z, p, m: _share(np.exp(z - np.max(z, axis=0))), "softmax(z)"),
    (lambda z, p, m: _share(np.exp(z - p)), "softmax(z - p)"),
    (lambda z, p, m: np.exp(z) / np.sum(np.exp(z), axis=0), "softmax(z)"),
    (lambda z, p, m: np.exp(z[:, :2]) / np.sum(np.exp(z[:, :2]), axis=1), "t / np.sum(t, axis=1)"),
    (lambda z, p, m: _share_backward(np.exp(z), z), "t * (z - np.sum(z * t, axis=0, keepdims=True))"),
    (lambda z, p, m: _share_backward(np.exp(z), -z), "t * (np.sum(z * t, axis=0, keepdims=True) - z)"),
    (lambda z, p, m: _shifted(z) - np.log(np.add.reduce(np.exp(_shifted(z)), axis=0)), "np.log(softmax(z))"),
    (lambda z, p, m: np.where(z <= 0, 0, p), "p * (z > 0)"),
    (lambda z, p, m: _functions.masked(p, z > 0), "p * (z > 0)"),
    (lambda z, p, m: np.where(z <= 0, 0.01 * p, p), "p * np.where(z > 0, 1, 0.01)"),
    (lambda z, p, m: np.where(z <= 0, z / m, p / m), "np.where(z <= 0, z, p) / m"),
]


def _error(a, y):
    return a * (1 - a) * ((1 - y) / np.maximum(1 - a, LEAST) - y / np.maximum(a, LEAST))


TABLE.append((lambda z, p, m: _error(np.exp(-(z**2)) / 2, p), "np.exp(-z**2) / 2 - p"))


def traced(f):
    z, p, m = Node(Z, name="z"), Node(P, name="p"), Node(3, name="m")
    trace = Trace()
    result = trace.run(lambda: f(Symbol(node=z), Symbol(node=p), Symbol(node=m)))
    return Program([z, p, m], trace.nodes, [result._node])


def simplified(f):
    program = traced(f)
    for _ in range(3):
        program = without_dead_code(with_common_once(readable(program, Reasons(), Node(1.0, name="1"))))
    return program


@pytest.mark.parametrize(("f", "text"), TABLE)
def test_a_rule_gives_the_text_that_a_person_writes_and_the_same_value(f, text):
    program = simplified(f)
    assert source(program).endswith(f"return {text}")
    with np.errstate(all="ignore"):
        [expected] = traced(f).evaluate(Z, P, 3)
    [found] = program.evaluate(Z, P, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_every_rule_of_the_table_is_shown_above(monkeypatch):
    used = set()

    def watched(number, rule):
        def replacement(*args, **kwargs):
            found = rule.replacement(*args, **kwargs)
            used.update([number] if found is not None else [])
            return found

        return rule._replace(replacement=replacement)

    rules = {}
    for number, rule in enumerate(_TABLE):
        rules.setdefault(rule.function, []).append(watched(number, rule))
    monkeypatch.setattr(reading, "RULES", rules)
    for f, _ in TABLE:
        simplified(f)
    assert used == set(range(len(_TABLE)))


def test_the_reasons_of_a_rule_are_noted_once():
    reasons = Reasons()
    program = readable(traced(lambda z, p, m: z @ (p / m).T), reasons, Node(1.0))
    assert reasons.of(program.outputs[0]) == ["the factor 1/m moves outwards, to be applied once"]


def test_the_seed_counts_as_one():
    program = traced(lambda z, p, m: z * p)
    seed = program.inputs[1]
    assert readable(program, Reasons(), seed).outputs == [program.inputs[0]]


def test_a_call_that_no_rule_names_is_left_alone():
    program = traced(lambda z, p, m: np.multiply(z, p, dtype=np.float64))
    assert readable(program, Reasons(), Node(1.0)).nodes == program.nodes
