"""Bugs planted in the real rules: each is found by `check_gradients`, and the right rule is blamed.

Every mutant replaces one rule of the table by a wrong one. The function is then met in the middle of an expression of
other functions, whose rules are right, so that there is something to be mistaken about.
"""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import testing
from tinygrad_dl.core import primitives, registry
from tinygrad_dl.nn import fused

A = np.array([[0.3, -0.7, 1.2], [0.9, 0.4, -1.1]])
B = np.array([[1.3, 0.6, -0.8], [0.5, -1.4, 0.7]])
P = np.abs(A) + 0.3
ROW = np.array([0.8, -0.5, 1.1])
Z = A + 1j * B

# what is wrong, the function, the number of its argument, the wrong rule, how it is called, with what
MUTANTS = [
    ("sign", np.add, 1, lambda g, ans, x, y: -g, np.add, A, B),
    ("sign", np.subtract, 1, lambda g, ans, x, y: g, np.subtract, A, B),
    ("sign", np.cos, 0, lambda g, ans, x: g * np.sin(x), np.cos, A),
    ("sign", np.divide, 1, lambda g, ans, x, y: g * ans / y, np.divide, A, B),
    ("sign", np.tanh, 0, lambda g, ans, x: g * (1 + ans**2), np.tanh, A),
    ("sign", np.arccos, 0, lambda g, ans, x: g / np.sqrt(1 - x**2), np.arccos, A / 2),
    ("sign", np.log1p, 0, lambda g, ans, x: g / (1 - x), np.log1p, P),
    ("sign", np.reciprocal, 0, lambda g, ans, x: g * ans**2, np.reciprocal, A),
    ("factor", np.square, 0, lambda g, ans, x: g * x, np.square, A),
    ("factor", np.sqrt, 0, lambda g, ans, x: g / ans, np.sqrt, P),
    ("factor", np.cbrt, 0, lambda g, ans, x: g / (2 * ans**2), np.cbrt, P),
    ("factor", np.exp2, 0, lambda g, ans, x: g * ans, np.exp2, A),
    ("factor", np.log10, 0, lambda g, ans, x: g / x, np.log10, P),
    ("factor", np.log2, 0, lambda g, ans, x: g / (x * np.log(10)), np.log2, P),
    ("factor", np.deg2rad, 0, lambda g, ans, x: g * (180 / np.pi), np.deg2rad, A),
    ("factor", np.mean, 0, lambda g, ans, x: np.broadcast_to(g, x.shape), np.mean, A),
    ("factor", np.var, 0, lambda g, ans, x: g * (x - x.mean()) / x.size, np.var, A),
    ("factor 1 + 1e-5", np.sin, 0, lambda g, ans, x: g * np.cos(x) * 1.00001, np.sin, A),
    ("missing term", np.power, 0, lambda g, ans, x, y: g * x ** (y - 1), np.power, P, 2.5),
    ("missing term", np.expm1, 0, lambda g, ans, x: g * ans, np.expm1, A),
    ("missing term", np.arcsinh, 0, lambda g, ans, x: g / np.sqrt(x**2), np.arcsinh, A),
    ("missing term", np.tan, 0, lambda g, ans, x: g * ans**2, np.tan, A),
    ("missing term", np.var, 0, lambda g, ans, x: 2 * g * x / x.size, np.var, A),
    ("missing term", np.power, 1, lambda g, ans, x, y: g * ans, np.power, P, B),
    ("missing term", fused.sigmoid, 0, lambda g, ans, z: g * (1 - ans), tg.nn.sigmoid, A),
    ("missing factor", np.multiply, 0, lambda g, ans, x, y: g, np.multiply, A, B),
    ("missing factor", np.maximum, 1, lambda g, ans, x, y: g, np.maximum, A, B),
    ("missing factor", np.max, 0, lambda g, ans, x: np.broadcast_to(g, x.shape), np.max, A),
    ("missing factor", fused.affine, 0, lambda g, ans, W, A, b: np.ones_like(g) @ A.T, fused.affine, A, B.T, A[:, :1]),
    ("wrong argument", np.multiply, 1, lambda g, ans, x, y: g * y, np.multiply, A, B),
    ("wrong argument", np.sinh, 0, lambda g, ans, x: g * np.cosh(ans), np.sinh, A),
    ("wrong argument", np.exp, 0, lambda g, ans, x: g * x, np.exp, A),
    ("wrong argument", np.log, 0, lambda g, ans, x: g / ans, np.log, P),
    ("wrong argument", np.hypot, 0, lambda g, ans, x, y: g * y / ans, np.hypot, A, B),
    ("wrong argument", np.matmul, 0, lambda g, ans, x, y: g @ x, np.matmul, A @ A.T, B @ B.T),
    ("wrong argument", np.logaddexp, 0, lambda g, ans, x, y: g * np.exp(y - ans), np.logaddexp, A, B),
    ("swapped", np.arctan2, 0, lambda g, ans, y, x: -g * y / np.hypot(x, y) ** 2, np.arctan2, A, B),
    ("swapped", np.minimum, 0, lambda g, ans, x, y: np.where(x < y, 0, g), np.minimum, A, B),
    ("swapped", np.where, 1, lambda g, ans, c, x, y: np.where(c, 0, g), lambda x: np.where(A > 0, x, 0), B),
    ("swapped", np.divide, 0, lambda g, ans, x, y: g * y, np.divide, A, B),
    ("lost broadcasting", np.add, 1, lambda g, ans, x, y: g[0], np.add, A, ROW),
    ("lost broadcasting", np.multiply, 1, lambda g, ans, x, y: _first_row(g * x, y), np.multiply, A, ROW),
    ("lost broadcasting", np.sum, 0, lambda g, ans, x, **k: g * np.eye(*x.shape), np.sum, A),
    ("lost broadcasting", np.broadcast_to, 0, lambda g, ans, x, shape: g[0], lambda x: np.broadcast_to(x, (4, 3)), ROW),
    ("transposed", np.transpose, 0, lambda g, ans, x: g, np.transpose, A @ A.T + A[:, :2]),
    ("transposed", np.matmul, 1, lambda g, ans, x, y: x @ g, np.matmul, A[:, :2], B[:, :2]),
    ("wrong order", np.reshape, 0, lambda g, ans, x, shape: g.T.reshape(x.shape), lambda x: np.reshape(x, (3, 2)), A),
    ("wrong order", np.moveaxis, 0, lambda g, ans, x, s, d: g.reshape(x.shape), lambda x: np.moveaxis(x, 0, 1), A),
    ("lost sum", primitives.getitem, 0, lambda g, ans, x, i: _set(x, i, g), lambda x: x[[0, 0, 2]], ROW),
    ("lost zeros", np.prod, 0, lambda g, ans, x: g * ans / np.where(x == 0, 1, x), np.prod, ROW * [1, 0, 1]),
    ("lost conj", np.absolute, 0, lambda g, ans, x: g * x / ans, np.abs, Z),
    ("lost conj", np.conjugate, 0, lambda g, ans, x: g, np.conj, Z),
    ("lost conj", np.var, 0, lambda g, ans, x: 2 * g * (x - x.mean()) / x.size, np.var, Z),
    ("needless conj", np.multiply, 0, lambda g, ans, x, y: g * np.conj(y), np.multiply, Z, Z * 1j + 1),
    ("needless conj", np.exp, 0, lambda g, ans, x: g * np.conj(ans), np.exp, Z),
    ("one element", np.sin, 0, lambda g, ans, x: g * np.cos(x) * np.where(x == x.flat[-1], 1.01, 1), np.sin, A),
    ("wrong beside a kink", np.absolute, 0, lambda g, ans, x: g * np.abs(np.sign(x)), np.abs, A),
    ("wrong at a kink", np.absolute, 0, lambda g, ans, x: g * np.where(x == 0, 2, np.sign(x)), np.abs, ROW * [1, 0, 1]),
    ("wrong at a tie", np.maximum, 0, lambda g, ans, x, y: g * ((x > y) + 2 * (x == y)), np.maximum, A, A),
    ("wrong for large", np.tanh, 0, lambda g, ans, x: g * (1 - ans**2) * np.where(abs(x) > 1, 1.1, 1), np.tanh, A),
]  # fmt: skip


def _first_row(g, y):
    return g[0] if y.shape == (3,) else g


def _set(x, index, g):
    total = np.zeros_like(x)
    total[index] = g
    return total


def plant(monkeypatch, function, argnum, rule):
    rules = registry.vjps[function]
    monkeypatch.setitem(registry.vjps, function, tuple(rule if i == argnum else r for i, r in enumerate(rules)))
    registry.rule_parameters.cache_clear()


def around(call):
    """The function in the middle of others, none of them the function itself."""

    def f(*args):
        ans = call(*[1.0 * x if call is not np.multiply else x + 0.0 for x in args])
        return np.float_power(2.0, 0.1 * (np.real(ans) + np.imag(ans) if np.iscomplexobj(ans) else ans))

    return f


@pytest.fixture(scope="module")
def reports(deep):
    """The mutants, each with the report on it; None if it was not found. Every fifth of them in the quick run."""
    found = []
    for mutant in MUTANTS[:: 1 if deep else 5]:
        _, function, argnum, rule, call, *args = mutant
        with pytest.MonkeyPatch.context() as patch:
            plant(patch, function, argnum, rule)
            try:
                testing.check_gradients(around(call), *args)
                found.append((mutant, None))
            except testing.GradientError as error:
                found.append((mutant, error.report))
        registry.rule_parameters.cache_clear()
    return found


def test_every_planted_bug_is_found(reports):
    assert [mutant[:3] for mutant, report in reports if report is None] == []
    assert all(len(str(report).split("\n")) <= 40 for _, report in reports)


def test_the_right_rule_is_blamed(reports):
    wrong = []
    for (kind, function, argnum, *_), report in reports:
        blame = report.blame
        if blame is None or (blame.function, blame.argnum) != (registry.name_of(function), argnum):
            wrong.append((kind, registry.name_of(function), argnum, blame))
        else:
            assert __file__.endswith(blame.place.split("/")[-1].split(":")[0])
    assert len(wrong) <= 0.05 * len(reports), wrong


def test_there_are_enough_of_them():
    assert len(MUTANTS) >= 40
