"""The formulas of the report are the lines that `tg.derive` prints for the same net, in the notation of the notes."""

import ast
import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.testing.backprop.course_net import CourseNet
from tinygrad_dl.testing.backprop.formulas import FORMULAS, View, evaluate, fill_in, formulas_of, text_of
from tinygrad_dl.testing.backprop.replay import Replay

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(3, 20)), (RNG.random((1, 20)) > 0.5).astype(float)


def in_numpy(text):
    """A formula of the report in NumPy's syntax; factors side by side are a product of matrices there."""
    formula, _, slope = text.partition(", g' = ")
    slope = re.sub("1 where (.*), else 0", r"\1", slope)
    formula = re.sub(r"g'\(\w+\)", f"({slope})", formula)
    formula = re.sub(r"(\w+) (\w+)$", r"\1 @ \2", formula)
    formula = re.sub(r"= 1/m (.*)", r"= \1 / m", formula)
    return formula.replace("ᵀ", ".T").replace("²", "**2").replace("∘", "*")


def the_net_and_its_derivation(sizes, hidden):
    net = tg.nn.mlp(sizes, hidden=getattr(tg.nn, hidden), output=tg.nn.sigmoid, rng=np.random.default_rng(1))
    names = [f"{letter}{layer}" for layer in range(1, len(sizes)) for letter in "Wb"]
    parameters = {name: p.numpy() for name, p in zip(names, net.parameters(), strict=True)}
    activations = {layer: hidden for layer in range(1, len(sizes) - 1)} | {len(sizes) - 1: "sigmoid"}
    return CourseNet(X, Y, parameters, activations), tg.derive(tg.nn.binary_cross_entropy(net(X), Y))


@pytest.mark.parametrize("sizes", [[3, 4, 1], [3, 4, 2, 1], [3, 4, 4, 2, 1]])
@pytest.mark.parametrize("hidden", ["tanh", "relu", "sigmoid"])
def test_each_formula_is_the_derived_line_and_has_its_numbers(sizes, hidden):
    net, derivation = the_net_and_its_derivation(sizes, hidden)
    derived = {step.quantity: step.formula for step in derivation.steps if step.quantity.startswith("d")}
    assert len(derived) == 4 * net.L - 1  # all but dA[L], which cancels
    values = {"np": np, "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "X": X, "Y": Y, **net.parameters}
    exec(derivation.source, values)
    errors = Replay(net, {}, False).truth
    for name, line in derived.items():
        layer, key = int(name[2:]), formulas_of(name, net)[-1]
        text = fill_in(text_of(key, net), net, layer)
        assert ast.dump(ast.parse(in_numpy(text))) == ast.dump(ast.parse(f"{name} = {line}")), text
        for found in (errors[name], evaluate(FORMULAS[key], View(net, errors, layer))):
            np.testing.assert_allclose(found, values[name], rtol=1e-9, atol=1e-12)
