"""Functions and rules of a user can do to a graph what they like: it is right, or an error that names them."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import registry
from tinygrad_dl.functional import user_ops


@pytest.fixture
def w():
    return tg.parameter([1.0, 2.0, 3.0], name="w")


def twice(rule):
    """2 x as a primitive with this `rule`."""

    @tg.primitive
    def double(x):
        return x * 2

    tg.defvjp(double, rule)
    return double


# ---- functions


def test_a_primitive_may_give_its_own_buffer_again_and_again(w):
    buffer = np.zeros(3)

    @tg.primitive
    def square(x):
        return np.multiply(x, x, out=buffer)

    tg.defvjp(square, lambda g, ans, x: g * 2 * x)
    y, z = square(w), square(w * 10)
    assert y.tolist() == [1.0, 4.0, 9.0]
    assert z.tolist() == [100.0, 400.0, 900.0]
    assert tg.gradients(np.sum(y * z), w).tolist() == (400 * w.numpy() ** 3).tolist()
    constant = square(tg.Tensor([1.0, 1.0, 1.0]))
    buffer[:] = 7
    assert constant.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("part", [lambda table: table, lambda table: table[1:], lambda table: (table, table[0])])
def test_a_primitive_may_give_an_array_that_changes_later(w, part):
    table = np.array([2.0, 3.0, 5.0])

    @tg.primitive
    def look_up(x):
        return part(table)

    tg.defvjp(look_up, lambda g, ans, x: x * 0)
    y = look_up(w)
    y = y[0] if isinstance(y, tuple) else y
    loss, before = np.sum(y**2), y.tolist()
    table[:] = 0
    assert y.tolist() == before
    assert tg.gradients(loss, y).tolist() == [2 * value for value in before]


@pytest.mark.parametrize(
    "change", [lambda x: x.__imul__(2), lambda x: x.sort(), lambda x: np.exp(x, out=x), lambda x: x[1:].fill(0)]
)
def test_a_primitive_that_changes_its_argument_is_named(w, change):
    @tg.primitive
    def careless(x, others):
        change(x)
        return x

    tg.defvjp(careless, lambda g, ans, x, others: g)
    for x in (w, w * 2, tg.Tensor([1.0, 2.0])):
        with pytest.raises(ValueError, match=r"careless changes an array in place.*read-only.*y = 2 \* x instead of"):
            careless(x, [np.ones(3)])
    array = np.array([1.0, 2.0])
    careless(array, None)  # its caller's affair
    assert w.tolist() == [1.0, 2.0, 3.0]


def test_an_array_inside_another_argument_is_read_only_too(w):
    @tg.primitive
    def careless(x, others, *, more=None):
        (others if more is None else more["a"])[0][:] = 0
        return x * 1

    tg.defvjp(careless, lambda g, ans, x, others, *, more=None: g)
    array = np.ones(3)
    for call in (lambda: careless(w, [array]), lambda: careless(w, None, more={"a": (array,)})):
        with pytest.raises(ValueError, match="careless changes an array in place"):
            call()
    assert array.tolist() == [1.0, 1.0, 1.0]


def test_a_primitive_may_give_a_number_or_a_list():
    f = tg.primitive(lambda x: float(x) ** 2)
    tg.defvjp(f, lambda g, ans, x: g * 2 * x)
    assert tg.grad(f)(3.0) == 6.0
    pair = tg.primitive(lambda x: [float(x), 1.0])
    tg.defvjp(pair, lambda g, ans, x: g[0])
    assert tg.grad(lambda x: np.sum(pair(x)))(3.0) == 1.0


@pytest.mark.parametrize("result", [None, "text", np.array([None]), [[1.0], [1.0, 2.0]], np.ma.array([1.0])])
def test_a_primitive_that_gives_no_numbers_is_named(w, result):
    @tg.primitive
    def mystery(x):
        return result

    tg.defvjp(mystery, lambda g, ans, x: g)
    with pytest.raises(TypeError, match=r"(?s)mystery gave .*: expected an array of numbers, or a tuple of them"):
        mystery(w)


def test_a_primitive_that_uses_a_tensor_from_outside_is_named(w):
    scale = tg.parameter(2.0)
    f = tg.primitive(lambda x: x * scale)
    tg.defvjp(f, lambda g, ans, x: g * 2)
    with pytest.raises(TypeError, match=r"<lambda> gave Tensor.*expected an array"):
        f(w)


def test_a_primitive_that_gives_integers_has_no_gradient(w):
    f = tg.primitive(lambda x: x.astype(int))
    tg.defvjp(f, lambda g, ans, x: g)
    with pytest.raises(TypeError, match=r"was given int64 for an argument: only floats have gradients"):
        tg.gradients(np.sum(f(w) * 0.5), w)


def test_a_constant_function_gives_what_it_likes():
    f = tg.primitive(lambda x: "text")
    tg.defnondiff(f)
    assert f(tg.parameter(1.0)) == "text"


# ---- rules


def change_cotangent(g, ans, x):
    g *= 2
    return g


def change_answer(g, ans, x):
    ans -= 1
    return g


def change_primal(g, ans, x):
    np.negative(x, out=x)
    return g


@pytest.mark.parametrize("rule", [change_cotangent, change_answer, change_primal])
def test_a_rule_that_changes_what_it_is_given_is_named(w, rule):
    y = twice(rule)(w * 1)
    with pytest.raises(ValueError, match=r"the derivative rule of double for argument 0 changes an array in place"):
        tg.gradients(np.sum(y), w)
    assert y.tolist() == [2.0, 4.0, 6.0]


def test_other_errors_of_a_rule_are_its_own(w):
    def rule(g, ans, x):
        raise ValueError("my own")

    with pytest.raises(ValueError, match=r"^my own$"):
        tg.gradients(np.sum(twice(rule)(w)), w)


def test_a_rule_may_give_its_own_buffer_again_and_again(w):
    buffer = np.zeros(3)
    double = twice(lambda g, ans, x: np.multiply(g, 2, out=buffer))
    y, z = double(w), double(w * 3)
    assert tg.gradients(np.sum(y + z * 10), w).tolist() == [62.0, 62.0, 62.0]


def test_the_vjp_of_a_custom_function_is_watched_too(w):
    buffer = np.zeros(3)
    double = tg.custom(lambda x: x * 2, lambda g, ans, x: np.multiply(g, 2, out=buffer))
    assert tg.gradients(np.sum(double(w) + double(w * 3) * 10), w).tolist() == [62.0, 62.0, 62.0]
    careless = tg.custom(lambda x: x * 2, change_cotangent)
    with pytest.raises(ValueError, match="changes an array in place"):
        tg.gradients(np.sum(careless(w)), w)


def test_a_rule_may_give_its_cotangent_or_a_primal_back(w):
    double = twice(lambda g, ans, x: g)
    x = w * 1
    y = double(x)
    g = np.ones(3)
    first, second = tg.gradients(y + x, [x, y], cotangent=g)
    assert (first.tolist(), second.tolist(), g.tolist()) == ([2.0] * 3, [1.0] * 3, [1.0] * 3)
    z = twice(lambda g, ans, x: x)(w)
    tg.backward(z, g)
    w.grad[:] = 0
    assert w.tolist() == [1.0, 2.0, 3.0]


def test_lists_among_several_outputs_are_arrays():
    pair = tg.primitive(lambda x: (2 * x, [x[0], x[1]]))
    tg.defvjp(pair, lambda g, ans, x: 2 * g[0] + g[1])
    assert tg.grad(lambda x: np.sum(np.multiply(*pair(x))))(np.array([1.0, 2.0])).tolist() == [4.0, 8.0]


@pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
def test_the_cotangent_of_an_unused_output_is_zero(used):
    def formula(x, y):
        return x * y, np.sin(x) + y

    rules = [
        lambda f: tg.defvjp_jointly(f, lambda g, ans, x, y: (g[0] * y + g[1] * np.cos(x), g[0] * x + g[1])),
        lambda f: tg.defvjp(f, lambda g, ans, x, y: g[0] * y + g[1] * np.cos(x), lambda g, ans, x, y: g[0] * x + g[1]),
        lambda f: tg.defvjp_each(f, lambda i, g, ans, x, y: g[0] * [y, x][i] + g[1] * [np.cos(x), 1][i]),
    ]
    for define in rules:
        both = tg.primitive(formula)
        define(both)
        for transform in (tg.grad, tg.hessian, lambda f, i: tg.vmap(tg.grad(f, i), 0)):
            found, expected = (
                transform(lambda x, y, f=f: np.sum(np.stack([f(x, y)[i] ** 2 for i in used])), (0, 1))(
                    np.array([0.5, 2.0]), np.array([3.0, -1.0])
                )
                for f in (both, formula)
            )
            np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-14)


@pytest.mark.parametrize("define", [tg.defvjp_each, user_ops.defvjp_jointly])
def test_one_rule_for_all_arguments_is_watched_too(w, define):
    @tg.primitive
    def total(x, y):
        return x + y

    def each(argnum, g, ans, x, y):
        return change_cotangent(g, ans, x)

    def jointly(g, ans, x, y):
        return change_cotangent(g, ans, x), None

    define(total, each if define is tg.defvjp_each else jointly)
    with pytest.raises(ValueError, match="the derivative rule of total changes an array in place"):
        tg.gradients(np.sum(total(w, 1.0)), w)
    define(total, (lambda argnum, *args: args[0]) if define is tg.defvjp_each else lambda g, ans, x, y: (g, None))
    assert tg.gradients(np.sum(total(w, w * 2)), w).tolist() in ([3.0] * 3, [1.0] * 3)


def test_none_of_a_joint_rule_is_zero_even_beside_what_is_infinite():
    f = tg.primitive(lambda x, y: x + y)
    user_ops.defvjp_jointly(f, lambda g, ans, x, y: (g, None))
    x, y = tg.parameter([1.0]), tg.parameter([np.inf])
    assert [g.tolist() for g in tg.gradients(f(x, y), [x, y])] == [[1.0], [0.0]]


def test_the_rules_of_the_package_are_called_with_nothing_in_between():
    for function in (np.add, np.tanh, np.matmul, np.linalg.inv):
        for rule in registry.vjps[function]:
            assert not hasattr(rule, "__wrapped__")


def test_a_watched_rule_records_on_tensors(w):
    f = twice(lambda g, ans, x: g * x**2)
    g = tg.gradients(np.sum(f(w)), w, create_graph=True)
    assert tg.gradients(np.sum(g), w).tolist() == [2.0, 4.0, 6.0]


DEFINITIONS = [tg.defvjp, tg.defvjp_each, tg.defvjp_jointly, tg.defcomposite]


@pytest.mark.parametrize("define", [*DEFINITIONS, lambda function, rule: tg.defnondiff(function)])
def test_a_function_that_does_not_dispatch_is_refused_since_its_rule_would_never_be_used(define):
    def swish(x):
        return x / (1 + np.exp(-x))

    for function in (swish, float, "swish"):
        with pytest.raises(TypeError, match=r"expected a function of NumPy, or a primitive: .*@tg\.primitive"):
            define(function, lambda *args: args[0])
    assert swish not in registry.vjps.keys() | registry.composites.keys() | registry.constants


@pytest.mark.parametrize("define", DEFINITIONS)
@pytest.mark.parametrize("rule", ["a rule", 1.0, np.ones(2)])
def test_a_rule_that_is_no_function_is_refused(define, rule):
    f = tg.primitive(lambda x: 2 * x)
    with pytest.raises(TypeError, match="expected a function as rule, got"):
        define(f, rule)
    assert f not in registry.vjps.keys() | registry.composites.keys()


@pytest.mark.parametrize("function", [np.sin, np.add.reduce, np.sort, np.linalg.det])
@pytest.mark.usefixtures("own_rules")
def test_the_rule_of_a_user_for_a_function_of_numpy_is_used(function):
    tg.defvjp(function, lambda g, ans, x, axis=0: g * np.full((2, 2), 7.0))
    assert tg.grad(lambda x: np.sum(function(x)))(np.eye(2)).tolist() == [[7.0, 7.0], [7.0, 7.0]]


@pytest.mark.parametrize(
    "transform",
    [
        *(tg.jacobian, lambda f: tg.vmap(tg.jacobian(f)), lambda f: tg.jacobian(tg.vmap(f))),
        *(lambda f: tg.grad(lambda x: np.sum(f(x) ** 2)), lambda f: tg.hessian(lambda x: np.sum(f(x) ** 2))),
    ],
)
def test_derivatives_inside_of_a_fused_function_are_differentiated(transform):
    def slopes(x):
        return tg.grad(lambda t: np.sum(t**3 * np.sin(x)))(x)

    X = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, 0.3]])
    for f in (slopes, lambda x: slopes(x) * x, lambda x: x + tg.jvp(np.sin, (x,), (x,))[1]):
        np.testing.assert_allclose(transform(tg.fused(f))(X), transform(f)(X), rtol=1e-12, atol=1e-12)
