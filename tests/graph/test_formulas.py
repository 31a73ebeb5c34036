"""The formula of every rule evaluates to what the rule gives; the classics read as they are written."""

import math
import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rows import every_function
from tests.tracing.evaluating import RNG, X, Y, assert_formulas_hold, made
from tinygrad_dl.graph.formulas import derivative, expression, parameter_names
from tinygrad_dl.nn import fused

# ---- every rule


@every_function(share=2)
def test_the_formulas_of_every_example_give_what_the_function_and_its_rules_give(case):
    """At the values at which they were traced, and beside them: no value stands in a formula as if it were constant."""
    for node in made(case.call(*[tg.parameter(x) for x in case.arrays()])):
        assert_formulas_hold(node)


LABELS, ONE_HOT = np.array([2, 0, 1]), np.eye(3)[:, [2, 0, 1]]
PROBABILITIES = tg.parameter(RNG.uniform(0.1, 0.9, (3, 3)))
FUSED = {
    "affine": lambda: fused.affine(X, Y.T, tg.parameter(np.ones((2, 1)))),
    "sigmoid": lambda: fused.sigmoid(X),
    "binary_cross_entropy": lambda: fused.binary_cross_entropy(PROBABILITIES, tg.parameter(ONE_HOT)),
    "with logits": lambda: fused.binary_cross_entropy_with_logits(X, tg.parameter(np.array([[1.0, 0.0, 0.3]] * 2))),
    "labels": lambda: fused.softmax_cross_entropy(PROBABILITIES, LABELS),
    "one-hot": lambda: fused.softmax_cross_entropy(PROBABILITIES, ONE_HOT),
}


@pytest.mark.parametrize("call", FUSED)
def test_the_formulas_of_every_fused_operation_hold(call):
    assert_formulas_hold(FUSED[call]())


CLASSICS = {
    "g * (1 - ans**2)": (lambda: np.tanh(X), 0),
    "g * y": (lambda: X * Y, 0),
    "g * x": (lambda: X * Y, 1),
    "g / y": (lambda: X / Y, 0),
    "-g * ans / y": (lambda: X / Y, 1),
    "-g": (lambda: X - Y, 1),
    "g * (2 * x)": (lambda: X**2, 0),
    "g * (3 * x**2)": (lambda: X**3, 0),
    "g * ans": (lambda: np.exp(X), 0),
    "g / x": (lambda: np.log(X), 0),
    "g / (2 * ans)": (lambda: np.sqrt(X), 0),
    "g * np.cos(x)": (lambda: np.sin(X), 0),
    "g * np.sign(x)": (lambda: np.abs(X), 0),
    "g @ A.T": (FUSED["affine"], 0),
    "W.T @ g": (FUSED["affine"], 1),
    "np.sum(g, axis=1, keepdims=True)": (FUSED["affine"], 2),
    "g * (ans * (1 - ans))": (FUSED["sigmoid"], 0),
    "g / 3 * ((1 - Y) / np.maximum(1 - A, 1e-35) - Y / np.maximum(A, 1e-35))": (FUSED["binary_cross_entropy"], 0),
    "g / 3 * (sigmoid(Z) - Y)": (FUSED["with logits"], 0),
    "g @ y.mT": (lambda: X @ Y.T, 0),
    "x.mT @ g": (lambda: X @ Y.T, 1),
    "np.broadcast_to(g, x.shape)": (lambda: np.sum(X), 0),
    "np.broadcast_to(np.expand_dims(g, 0), x.shape)": (lambda: np.sum(X, axis=0), 0),
    "np.broadcast_to(g / 6, x.shape)": (lambda: np.mean(X), 0),
    "np.where(x == 0, g / 2, np.where(x == ans, g, 0))": (lambda: np.maximum(X, 0), 0),
    "g * np.exp(x - ans)": (lambda: np.logaddexp(X, 0), 0),
    "g * (np.logical_not(x < 0) & np.logical_not(x > 1))": (lambda: np.clip(X, 0, 1), 0),
    "g.T": (lambda: X.T, 0),
    "np.reshape(g, x.shape)": (lambda: X.reshape(3, 2), 0),
    "np.cumsum(g[:, ::-1], axis=1)[:, ::-1]": (lambda: np.cumsum(X, axis=1), 0),
    "scatter_add(g, np.s_[0, 1:], x)": (lambda: X[0, 1:], 0),
    "scatter_add(g, index, x)": (lambda: X[np.array([1, 0])], 0),
    "g[2:4]": (lambda: np.concatenate([X, Y]), 1),
    "-(ans.mT @ g @ ans.mT)": (lambda: np.linalg.inv(X[:, :2]), 0),
    'np.einsum("ik,kj->ij", g, operands[1])': (lambda: np.einsum("ij,kj->ik", X, Y), 1),
    "np.broadcast_to(g / 1.5, x.shape) * (x - np.mean(x, keepdims=True))": (lambda: np.var(X[0]), 0),
    "np.broadcast_to(g / (3 * np.where(ans == 0, 1, ans)), x.shape) * (x - np.mean(x, keepdims=True))": (
        *(lambda: np.std(X[0]), 0),  # where a condition that is a single number stays one
    ),
}


@pytest.mark.parametrize("text", CLASSICS)
def test_a_rule_reads_as_it_is_written(text):
    call, argnum = CLASSICS[text]
    assert derivative(call(), argnum) == text


def test_the_names_of_a_graph_stand_for_those_of_the_rule():
    assert derivative(np.tanh(X), 0, {"g": "dA1", "ans": "A1", "x": "Z1"}) == "dA1 * (1 - A1**2)"
    assert derivative(np.sum(X), 0, {"x": "Z1"}) == "np.broadcast_to(g, Z1.shape)"
    joined = np.concatenate([X, Y], axis=1)
    assert expression(joined, {"arrays[0]": "U", "arrays[1]": "V"}) == "np.concatenate([U, V], axis=1)"


def test_a_name_that_is_none_in_python_is_told_from_what_is_around_it():
    names = {"x": "layer 1", "y": "a - b", "g": "W[0]", "ans": "layers.0.Z"}
    assert expression(X - Y, names) == "(layer 1) - (a - b)"
    assert derivative(X - Y, 1, names) == "-W[0]"
    assert derivative(np.tanh(X), 0, names) == "W[0] * (1 - layers.0.Z**2)"
    assert derivative(np.sum(X), 0, names) == "np.broadcast_to(W[0], (layer 1).shape)"
    assert derivative(np.log(X), 0, names) == "W[0] / (layer 1)"


EXPRESSIONS = {
    "1 - y": lambda: 1 - X,
    "x * y": lambda: X * Y,
    "x * 0.5": lambda: X * 0.5,
    "x * 3.0": lambda: X * np.float32(3),
    "-x": lambda: -X,
    "x**-2": lambda: X**-2,
    "np.tanh(x)": lambda: np.tanh(X),
    "np.sum(x, axis=0)": lambda: X.sum(axis=0, keepdims=False),
    "np.sum(x, (0, 1), keepdims=True)": lambda: np.sum(X, (0, 1), keepdims=True),
    "affine(W, A, b)": FUSED["affine"],
    "x[0, 1:]": lambda: X[0, 1:],
    "x[..., None]": lambda: X[..., None],
    "x[()]": lambda: X[()],
    "x[index]": lambda: X[X.numpy() > 1],
    "x[index[0], ::-1]": lambda: X[[0, 1], ::-1],
    "x.T": lambda: X.T,
    "x.mT": lambda: X.mT,
    "x.astype(np.float32)": lambda: X.astype(np.float32),
    "np.reshape(x, (3, 2))": lambda: X.reshape(3, 2),
    "np.concatenate([arrays[0], arrays[1]])": lambda: np.concatenate([X, Y]),
    'np.einsum("ij,kj->ik", operands[0], operands[1])': lambda: np.einsum("ij,kj->ik", X, Y),
    "np.where(condition, x, 0)": lambda: np.where(X > 1, X, 0),
    "np.sum(x, where=where)": lambda: np.sum(X, where=X.numpy() > 1),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_operation_reads_like_the_call_that_made_it(text):
    assert expression(EXPRESSIONS[text]()) == text


def test_a_leaf_is_its_name():
    assert expression(tg.parameter([1.0], name="W1")) == "W1"
    assert parameter_names(X) == []


def test_of_several_outputs_each_that_is_used_has_a_cotangent():
    _, vectors = np.linalg.eigh(X @ X.T)
    node = vectors._parents[0]
    lower = "np.array([[0.5, 0.0], [1.0, 0.5]]) * (t + t.mT)"  # the triangle that is read
    assert derivative(node, 0, outputs=[0]) == f"{lower}, t = ans[1] * np.expand_dims(g[0], -2) @ ans[1].mT"
    assert {"g[0]", "g[1]"} <= set(re.findall(r"g\[.\]", derivative(node, 0)))
    assert expression(vectors) == "outputs[1]"
    assert derivative(vectors, 0) == "(None, g)"


def test_a_rule_takes_the_branch_that_it_takes_for_the_values_at_hand():
    with np.errstate(all="ignore"):
        assert derivative(np.logaddexp(X, np.inf), 0) != derivative(np.logaddexp(X, 0), 0)
    assert derivative(X[0] @ Y[0], 0) == "g * y"


def test_a_constant_argument_has_the_derivative_0():
    assert derivative(np.where(X > 1, X, Y), 0) == "0"


# ---- what can't be printed

UNTRACEABLE = {
    "calls math": lambda g, ans, x: g * math.exp(x[0, 0]),
    "makes plain arrays": lambda g, ans, x: g * np.asarray(x),
    "writes in place": lambda g, ans, x: np.multiply(g, x, out=x),
    "fills an array": lambda g, ans, x: np.add.at(g, 0, 1.0),
    "raises": lambda g, ans, x: 1 / 0,
}


@pytest.mark.parametrize("what", UNTRACEABLE)
def test_a_rule_that_cannot_be_followed_is_told_by_name(what):
    @tg.primitive
    def mystery(x):
        return x + 0

    tg.defvjp(mystery, UNTRACEABLE[what])
    formula = derivative(mystery(X), 0)
    assert formula == "the rule of mystery"
    assert not formula.evaluable
    assert derivative(mystery(X), 7) == "the rule of mystery"


def test_a_checkpoint_and_a_custom_function_are_told_by_name():
    for f in (tg.checkpoint(np.sin), tg.custom(np.sin, lambda g, ans, x: g * np.cos(x))):
        (node,) = made(f(X))
        assert derivative(node, 0).startswith("the rule of ")
        assert expression(node).endswith("(x)") or expression(node).endswith("(tensors[0])")
        assert not expression(node).evaluable


def test_a_function_without_a_name_is_no_python():
    f = tg.primitive(lambda x: x + 0)
    tg.defvjp(f, lambda g, ans, x: g)
    assert expression(f(X)) == "<lambda>(x)"
    assert not expression(f(X)).evaluable
    assert derivative(f(X), 0).evaluable


def test_an_array_too_large_to_print_is_told_by_its_shape():
    formula = derivative(np.repeat(tg.parameter(np.ones(40)), 3), 0)
    assert formula == "scatter_add(np.ravel(g), array(120,), np.zeros(41))[1:]"
    assert not formula.evaluable


def test_tracing_records_nothing_and_warns_of_nothing():
    with np.errstate(all="raise"):
        assert derivative(tg.parameter([0.0]) ** 0.5, 0) == "g * (0.5 * x**-0.5)"
