"""Each identity alone: it applies, and keeps the numbers."""

import numpy as np
import pytest

from tinygrad_dl import _functions
from tinygrad_dl.core import primitives
from tinygrad_dl.tracing import algebra, identities
from tinygrad_dl.tracing.dead_code import without_dead_code
from tinygrad_dl.tracing.trace import trace

X, S = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, -0.0]]), np.array(0.7)
EXTREME = np.array([[np.inf, -np.inf, 1e300], [-1e300, 0.0, 81.0]])
# name -> table, formula, the calls that remain, arguments
IDENTITIES = {
    "sigmoid": (
        *(identities.OF_FORMULAS, lambda z: 1 / (1 + np.exp(np.minimum(-z, 80)))),
        *([_functions.sigmoid], [X, EXTREME]),
    ),
    "softplus": (
        *(identities.OF_FORMULAS, lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))),
        *([_functions.softplus], [X]),
    ),
    "guarded logarithm": (
        *(identities.OF_FORMULAS, lambda x: np.log(np.abs(x) + 1e-30)),
        *([np.absolute, _functions.log_above_0], [X, EXTREME]),
    ),
    "logarithm spelled out": (
        *(identities.AFTERWARDS, lambda x: _functions.log_above_0(x)),
        *([np.add, np.log], [np.abs(X)]),
    ),
    "product of repeated": (
        *(identities.OF_RULES, lambda x: np.broadcast_to(np.sum(x), (2, 3)) * x),
        *([np.sum, np.multiply], [X, EXTREME]),
    ),
    "sum over a tuple of one axis": (
        *(identities.OF_RULES, lambda x: np.sum(x, axis=(1,), keepdims=True)),
        *([np.sum], [X, EXTREME]),
    ),
    "sum over axes of length 1": (
        *(identities.OF_RULES, lambda x: np.sum(x[:1], axis=(0, 1), keepdims=True)),
        *([primitives.getitem, np.sum], [X, EXTREME]),
    ),
    "negative of repeated": (
        *(identities.OF_RULES, lambda x: -np.broadcast_to(np.sum(x), (2, 3))),
        *([np.sum, np.negative, np.broadcast_to], [X, EXTREME]),
    ),
    "factor out of a product": (
        *(identities.OF_RULES, lambda x: (np.sum(x) * x) * np.exp(x)),
        *([np.sum, np.exp, np.multiply, np.multiply], [X]),
    ),
    "factor out of a quotient": (
        *(identities.OF_RULES, lambda x: (np.sum(x) * x) / np.exp(x)),
        *([np.sum, np.exp, np.divide, np.multiply], [X]),
    ),
    "factor out of a sum": (
        *(identities.OF_RULES, lambda x: np.sum(np.sum(x) * np.exp(x), axis=0, keepdims=True)),
        *([np.sum, np.exp, np.sum, np.multiply], [X]),
    ),
    "sign of a factor": (
        *(identities.OF_RULES, lambda x: -(np.sum(x) * x)),
        *([np.sum, np.negative, np.multiply], [X, EXTREME]),
    ),
    "common factor": (
        *(identities.OF_RULES, lambda x: (s := np.sum(x)) * np.exp(x) + s * x),
        *([np.sum, np.exp, np.add, np.multiply], [X]),
    ),
    "common factor of two signs": (
        *(identities.OF_RULES, lambda x: (s := np.sum(x)) * np.exp(x) + -s * x),
        *([np.sum, np.exp, np.subtract, np.multiply], [X]),
    ),
    "sign of a difference": (
        *(identities.AFTERWARDS, lambda x: np.sum(x) / -4 * (np.exp(x) - x)),
        *([np.sum, np.exp, np.divide, np.subtract, np.multiply], [X]),
    ),
    "swapped axes": (identities.OF_RULES, lambda x: np.swapaxes(x, -1, -2) * 2, [np.transpose, np.multiply], [X]),
    "product of a selection": (
        *(identities.OF_RULES, lambda x: np.where(x <= 0, x, 0) * 0.1),
        *([np.less_equal, np.multiply, np.where], [X, EXTREME]),
    ),
    "sum of selections": (
        *(identities.OF_RULES, lambda x: np.where(c := x <= 0, np.exp(-x), 0) + np.where(c, 0, x)),
        *([np.less_equal, np.negative, np.exp, np.where], [X, EXTREME]),
    ),
    "mask": (
        *(identities.AFTERWARDS, lambda x: np.where(x == 1, x, 0)),
        *([np.equal, _functions.masked], [X, EXTREME]),
    ),
    "mask of the opposite": (
        *(identities.AFTERWARDS, lambda x: np.where(x <= 0, 0, x)),
        *([np.greater, _functions.masked], [X, EXTREME]),
    ),
}


KINDS = algebra.EXACT, algebra.READING


@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.filterwarnings("ignore")
def test_an_identity_keeps_the_numbers(name):
    table, formula, calls, arguments = IDENTITIES[name]
    for x in arguments:
        for dtype in (np.float64, np.float32):
            values = x.astype(dtype)
            program = without_dead_code(algebra.simplified(trace(formula, values).program, KINDS, table))
            assert [node.function for node in program.nodes] == calls
            (found,) = program.evaluate(values)
            assert found.dtype == dtype
            # a factor is multiplied earlier or later: one rounding each
            np.testing.assert_allclose(found, formula(values), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    "formula",
    [
        lambda z: 1 / (1 + np.exp(np.minimum(-z, 79))),  # which has a kink at -79
        lambda z: 2 / (1 + np.exp(np.minimum(-z, 80))),
        lambda z: 1 / (1 + np.exp(np.maximum(-z, 80))),
        lambda z: 1 / (1 + np.exp(np.minimum(z, 80))),
    ],
)
def test_only_the_sigmoid_is_taken_for_one(formula):
    program = trace(formula, X).program
    assert len(algebra.simplified(program, rules=identities.OF_FORMULAS).nodes) == len(program.nodes)


def test_a_mask_needs_the_whole_shape():
    for formula in (lambda x: np.where(x[0] <= 0, 0, x), lambda x: np.where(x <= 0, 0, x[0])):
        program = algebra.simplified(trace(formula, X).program, rules=identities.AFTERWARDS)
        assert program.nodes[-1].function is np.where


@pytest.mark.parametrize(("dtype", "rounded"), [(np.float16, True), (np.float64, False)])
def test_a_sigmoid_rounded_to_the_dtype_of_its_argument_is_one_whose_rule_takes_the_rounded_answer(dtype, rounded):
    def formula(z):
        return (1 / (1 + np.exp(np.minimum(-z.astype(np.float32), 80)))).astype(dtype)

    program = trace(formula, X.astype(np.float16)).program
    program = without_dead_code(algebra.simplified(program, KINDS, identities.OF_FORMULAS))
    wide = [primitives.astype, _functions.sigmoid, primitives.astype]
    assert [node.function for node in program.nodes] == ([_functions.sigmoid] if rounded else wide)


def test_axes_of_length_1_are_not_summed():
    for shape, axis in (((1, 3), 1), ((2, 1), 0), ((1, 1), 1), ((2, 3), (0, 1))):
        program = trace(lambda x: np.sum(x, axis=(0, 1), keepdims=True), np.ones(shape)).program
        (node,) = without_dead_code(algebra.simplified(program, rules=identities.OF_RULES)).nodes
        assert node.kwargs["axis"] == axis
