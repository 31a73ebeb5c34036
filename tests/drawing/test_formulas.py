"""The laws of formulas: what is printed of a rule, evaluated, is what the rule gives; and it reads as one writes it."""

import ast
import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import primitives, pytree, registry
from tinygrad_dl.autodiff import topological_order
from tinygrad_dl.coverage.examples import CASES
from tinygrad_dl.drawing.formulas import derivative, expression, literals, parameter_names
from tinygrad_dl.drawing.formulas.printing import printed
from tinygrad_dl.drawing.formulas.symbols import Symbol
from tinygrad_dl.nn import fused

RNG = np.random.default_rng(0)
X, Y = tg.parameter([[0.5, 1.5, 2.5], [0.7, 1.7, 2.7]]), tg.parameter([[1.5, 0.5, 2.0], [0.6, 1.2, 0.9]])
A, B = X[:, :2].detach().numpy(), Y[:, :2].detach().numpy()

PRIMITIVES = {function.__name__: function for function in primitives.on_arrays}


def made(ans):
    """The Tensors in the graph of `ans` that a function made."""
    order = topological_order(*[y for y in pytree.leaves(ans) if type(y) is tg.Tensor])
    return [node for node in order if node._function is not None]


def tracked(node):
    return [i for i, parent in enumerate(node._parents) if parent is not None and parent.requires_grad]


def random_cotangent(ans):
    if isinstance(ans, primitives.Outputs):
        return primitives.Outputs(random_cotangent(y) if y.dtype.kind in "fc" else None for y in ans)
    g = RNG.normal(size=ans.shape) + (1j * RNG.normal(size=ans.shape) if ans.dtype.kind == "c" else 0)
    return g.astype(ans.dtype)


def namespace(node, args):
    """The arguments by the names that the formulas have for them."""
    names = {"np": np, **PRIMITIVES, **(node._kwargs or {})}
    for name, arg in zip(parameter_names(node), args, strict=True):
        if "[" in name:
            names.setdefault(name.partition("[")[0], []).append(arg)
        else:
            names[name] = arg
    return names


def evaluated(formula, names):
    names = dict(names)
    for name, text in formula.bindings:
        names[name] = eval(text, names)
    return eval(formula.result, names)


def assert_equal(found, expected):
    if isinstance(expected, tuple):
        for part, right in zip(found, expected, strict=True):
            assert_equal(part, right) if right is not None else None
    elif expected is not None:
        assert np.shape(found) == np.shape(expected)
        scale = np.max(np.abs(expected), initial=0)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * (scale if np.isfinite(scale) else 1))


def nearby(node):
    """The arguments of `node`, the differentiable ones changed a little, and what the function makes of them."""
    moved = [i for i in tracked(node) if not isinstance(node._args[i], tuple)]
    args = list(node._args)
    for i in moved:
        args[i] = args[i] * (1 - 1e-7 * RNG.uniform(1, 2, np.shape(args[i])))
    compute = primitives.on_arrays.get(node._function, node._function)
    ans = compute(*args, **(node._kwargs or {}))
    return args, primitives.Outputs(ans) if isinstance(ans, tuple) else ans


def assert_formulas_hold(node):
    with np.errstate(all="ignore"):
        text = expression(node)
        assert text.evaluable, text
        assert_equal(evaluated(text, namespace(node, node._args)), node._value)
        for argnum in tracked(node):
            formula = derivative(node, argnum)
            assert formula.evaluable, formula
            for args, ans in ((node._args, node._value), nearby(node)):
                g = random_cotangent(ans)
                expected = registry.vjps[node._function][argnum](g, ans, *args, **(node._kwargs or {}))
                assert_equal(evaluated(formula, {**namespace(node, args), "g": g, "ans": ans}), expected)


# ---- every rule


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
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
    assert derivative(node, 0, outputs=[0]) == "(t + t.mT) / 2, t = ans[1] * np.expand_dims(g[0], -2) @ ans[1].mT"
    assert {"g[0]", "g[1]"} <= set(re.findall(r"g\[.\]", derivative(node, 0)))
    assert expression(vectors) == "outputs[1]"
    assert derivative(vectors, 0) == "(None, g)"


def test_a_rule_takes_the_branch_that_it_takes_for_the_values_at_hand():
    with np.errstate(all="ignore"):
        assert derivative(np.logaddexp(X, np.inf), 0) != derivative(np.logaddexp(X, 0), 0)
    assert derivative(X[0] @ Y[0], 0) == "g * y"


def test_a_constant_argument_has_the_derivative_0():
    assert derivative(np.where(X > 1, X, Y), 0) == "0"


# ---- precedence

LEAVES = {name: Symbol(RNG.uniform(0.3, 0.9, (2, 2)), name=name) for name in "xyz"}
NUMBERS = st.sampled_from([0, 1, 2, 3, -1, -2, 0.5, -1.5])
ARITHMETIC = {
    **{"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power},
    **{"%": np.remainder, "//": np.floor_divide, "@": np.matmul},
}
COMPARISONS = [np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal]


def joined(functions, left, right):
    return st.tuples(st.sampled_from(functions), left, right)


def symbolic(terms):
    operand = terms | NUMBERS
    conditions = joined(COMPARISONS, terms, operand)
    logical = [np.bitwise_and, np.bitwise_or, np.bitwise_xor]
    conditions |= joined(logical, conditions, conditions | st.booleans())
    conditions |= st.tuples(st.just(np.invert), conditions)
    arithmetic = [function for function in ARITHMETIC.values() if function is not np.matmul]
    return (
        joined(arithmetic, terms, operand)
        | joined(arithmetic, operand, terms)
        | joined([np.matmul], terms, terms)
        | st.tuples(st.just(np.negative), terms)
        | joined([np.multiply], conditions, terms)
        | st.tuples(st.just(np.transpose), terms)
        | st.tuples(st.just(primitives.getitem), terms, st.just((slice(None), slice(None, None, -1))))
    )


def computed(tree, leaves):
    """A tree of functions, computed: of Symbols, which remember it, or of arrays."""
    if not isinstance(tree, tuple):
        return leaves[tree] if isinstance(tree, str) else tree
    function, *args = tree
    if function is primitives.getitem:
        return function(computed(args[0], leaves), args[1])
    return function(*(computed(arg, leaves) for arg in args))


trees = st.recursive(st.sampled_from(sorted(LEAVES)), symbolic, max_leaves=12)


@given(trees)
@settings(max_examples=500, deadline=None)
def test_an_expression_evaluates_to_its_value_and_no_parentheses_are_too_many(tree):
    with np.errstate(all="ignore"):
        formula = printed(computed(tree, LEAVES))
        arrays = {name: leaf._value for name, leaf in LEAVES.items()}
        np.testing.assert_array_equal(evaluated(formula, {"np": np, **arrays}), computed(tree, arrays))
    for text in (formula.result, *(text for _, text in formula.bindings)):
        meant = ast.dump(ast.parse(text, mode="eval"))
        for start, stop in grouping(text):
            without = f"{text[:start]} {text[start + 1 : stop]} {text[stop + 1 :]}".strip()
            assert text[start - 1] in "-~" or not is_same(without, meant), (text, without)  # --x is hard to read


def grouping(text):
    """Where parentheses open and close that are not those of a call."""
    opened = []
    for i, character in enumerate(text):
        if character == "(":
            opened.append(i)
        elif character == ")":
            start = opened.pop()
            if not start or not re.match(r"[\w\]]", text[start - 1]):
                yield start, i


def is_same(text, meant):
    try:
        return ast.dump(ast.parse(text, mode="eval")) == meant
    except SyntaxError:
        return False


x, y, z = LEAVES.values()
PARENTHESES = {
    "-x**2": lambda: -(x**2),
    "(-x)**2": lambda: (-x) ** 2,
    "(-2)**x": lambda: (-2) ** x,
    "-2 * x": lambda: -2 * x,
    "x**-y": lambda: x**-y,
    "x**(y * z)": lambda: x ** (y * z),
    "(x**y)**z": lambda: (x**y) ** z,
    "x**y**z": lambda: x ** (y**z),
    "x - (y - z)": lambda: x - (y - z),
    "x - y - z": lambda: x - y - z,
    "x / (y * z)": lambda: x / (y * z),
    "-x * y": lambda: -x * y,
    "-(x * y)": lambda: -(x * y),
    "(x + y) @ z": lambda: (x + y) @ z,
    "(x @ y).T": lambda: (x @ y).T,
    "x.mT[0]": lambda: x.mT[0],
    "(x < y) == (y < z)": lambda: (x < y) == (y < z),
    "(x < y) & (y < z)": lambda: (x < y) & (y < z),
    "~(x < y)": lambda: ~(x < y),
    "x[:, None] - -1": lambda: x[:, None] - -1,
}


@pytest.mark.parametrize("text", PARENTHESES)
def test_there_are_just_the_parentheses_that_are_needed(text):
    with np.errstate(invalid="ignore"):
        assert printed(PARENTHESES[text]()) == text


def test_only_what_changes_nothing_is_left_out():
    condition = x < y
    for unchanged in (x * 1, 1 * x, x - 0, x**1, np.real(x), np.conjugate(x), primitives.values(x)):
        assert unchanged is x
    for unchanged in (condition & True, True & condition, np.logical_and(True, condition), condition | False):
        assert unchanged is condition
    assert printed([x * 1.0, 0 - x, 1**x, x**0, condition * 1]) == "[x * 1.0, 0 - x, 1**x, x**0, (x < y) * 1]"
    assert printed([condition & False, condition | True]) == "[(x < y) & False, (x < y) | True]"


# ---- what is used more than once


def test_what_is_used_more_than_once_is_printed_once():
    t = np.exp(x - 1)
    assert printed(y * t / np.sum(t)) == "y * t / np.sum(t), t = np.exp(x - 1)"
    u = t / np.sum(t)
    assert printed(u * np.log(u)) == "t2 * np.log(t2), t1 = np.exp(x - 1), t2 = t1 / np.sum(t1)"


def test_operators_on_names_and_numbers_are_short_enough_to_be_repeated():
    t = 1 - x
    assert printed(t * np.log(t)) == "(1 - x) * np.log(1 - x)"


def test_a_binding_takes_no_name_that_is_in_use():
    t = np.exp(x - y)
    assert printed(t * np.log(t), {"x": "t", "y": "t1"}) == "t2 * np.log(t2), t2 = np.exp(t - t1)"


def test_the_length_of_a_formula_is_linear_in_what_was_computed():
    @tg.primitive
    def doubled(x):
        return 2.0**60 * x

    def rule(g, ans, x):
        for _ in range(60):
            g = g + g
        return g

    tg.defvjp(doubled, rule)
    formula = derivative(doubled(X), 0)
    assert len(formula) < 60 * 30
    np.testing.assert_array_equal(evaluated(formula, {"g": A}), 2.0**60 * A)


def test_a_rule_of_thousands_of_steps_is_printed_without_recursion_so_that_python_can_read_it():
    @tg.primitive
    def slow(x):
        return x

    def rule(g, ans, x):
        for _ in range(3000):
            g = np.sin(g)
        return g

    tg.defvjp(slow, rule)
    formula = derivative(slow(X), 0)
    np.testing.assert_array_equal(evaluated(formula, {"np": np, "g": np.ones((2, 3))}), rule(np.ones((2, 3)), 0, 0))


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
        assert derivative(node, 1).startswith("the rule of ")
        assert expression(node).endswith("(..., x)") or expression(node).endswith("(..., tensors[0])")


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


# ---- constants


@given(st.floats() | st.integers() | st.complex_numbers())
def test_a_number_evaluates_to_what_it_was(number):
    np.testing.assert_equal(eval(literals.number(number), {"np": np}), number)


ARRAYS = {
    "np.zeros((2, 3))": np.zeros((2, 3)),
    "np.zeros((0, 3))": np.zeros((0, 3)),
    "np.ones(4, int)": np.ones(4, int),
    "np.ones(2, bool)": np.ones(2, bool),
    "np.full((2, 1), 0.5)": np.full((2, 1), 0.5),
    "np.eye(3)": np.eye(3),
    "np.eye(2, 3, dtype=int)": np.eye(2, 3, dtype=int),
    "np.tri(3)": np.tri(3),
    "np.arange(4)": np.arange(4),
    "np.arange(3.0)": np.arange(3.0),
    "np.arange(1, 4)": np.arange(1, 4),
    "np.arange(3, 0, -1)": np.arange(3, 0, -1),
    "np.arange(0, -3, -1)": np.arange(0, -3, -1),
    "np.arange(0.5, 3.5)": np.arange(0.5, 3.5),
    "np.arange(1, 7).reshape(2, 3)": np.arange(1, 7).reshape(2, 3),
    "np.arange(3)[:, None]": np.arange(3)[:, None],
    "np.linspace(0.0, 1.0, 50)": np.linspace(0, 1, 50),
    "np.array([3, 1, 2])": np.array([3, 1, 2]),
    "np.array([3, 1], np.uint8)": np.array([3, 1], np.uint8),
    "np.array([[0.5, np.nan], [-np.inf, 2.0]])": np.array([[0.5, np.nan], [-np.inf, 2.0]]),
    "np.array([1j, (2+0j)])": np.array([1j, 2]),
    "np.array([np.nan])": np.array([np.nan]),
    "np.array([-np.inf, np.inf])": np.array([-np.inf, np.inf]),
    "np.zeros(2, np.int32)": np.zeros(2, np.int32),
    "np.array([True, False])": np.array([True, False]),
}


@pytest.mark.parametrize("text", ARRAYS)
def test_an_array_is_printed_by_its_pattern_or_its_numbers(text):
    x = ARRAYS[text]
    assert literals.array(x) == text
    found = eval(literals.array(x), {"np": np})
    np.testing.assert_array_equal(found, x)
    assert found.shape == x.shape
    assert found.dtype == x.dtype


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 30])
def test_any_array_of_numbers_evaluates_to_what_it_was_or_is_not_printed(count):
    for shape, scale in itertools.product([(count,), (2, count), (count, 1), (count, count)], [1, 0.5, 100]):
        for x in (RNG.integers(-1, 2, shape) * scale, np.arange(math.prod(shape)).reshape(shape) * scale - 1):
            text = literals.array(x)
            assert text is not None or x.size > 10
            if text is not None:
                np.testing.assert_array_equal(eval(text, {"np": np}), x)
                assert eval(text, {"np": np}).shape == x.shape
