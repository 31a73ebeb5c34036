"""A compiled function gives the numbers of the function itself, in every call, and what it can't hold is an error."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_dl as tg
from tests.marks import once
from tinygrad_dl import pytree
from tinygrad_dl.testing import strategies

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 20))
Y = (X[:1] * X[1:] > 0).astype(float)


def values(tree):
    return [leaf.numpy() if type(leaf) is tg.Tensor else leaf for leaf in pytree.leaves(tree)]


def assert_equal(found, expected, rtol=1e-12):
    for a, b in zip(values(found), values(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b))
        scale = 1 + np.max(np.abs(b), initial=0)  # what cancels leaves roundings of terms, not of the result
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)


# ---- the same numbers


@pytest.mark.parametrize(("dtype", "rtol", "least"), [(np.float64, 1e-12, 500), (np.float32, 1e-5, 100)])
def test_random_programs_and_their_derivatives_give_the_same_numbers_on_other_inputs_too(dtype, rtol, least, deep):
    @given(strategies.programs(kinks=True, dtype=dtype))  # for both dtypes the same programs, one of which are many
    @settings(max_examples=max(least if deep else 20, settings.default.max_examples))
    @once
    def check(program):
        argnums = tuple(range(len(program.inputs)))
        first = tg.value_and_grad(lambda *xs: np.sum(np.sin(program(*xs))), argnums)
        second = tg.grad(lambda *xs: sum(np.sum(np.cos(g)) for g in first(*xs)[1]), argnums)
        others = [(0.9 * x + 0.01).astype(dtype) for x in program.inputs]
        for f in (first, second):
            compiled = tg.compile(f)
            with np.errstate(all="ignore"):
                for inputs in (program.inputs, others, program.inputs):
                    assert_equal(compiled(*inputs), f(*inputs), rtol)

    check()


@given(strategies.programs(kinks=True))
@settings(max_examples=2 * settings.default.max_examples)
@once
def test_random_programs_of_constant_tensors_give_the_same_numbers(program):
    """What depends on constant Tensors only is computed once for each of their values."""
    constants = [tg.Tensor(x) for x in program.inputs[1:]]

    def f(x):
        return np.sum(np.sin(program(x, *constants)))

    first = tg.value_and_grad(f)
    second = tg.value_and_grad(lambda x: np.sum(np.cos(first(x)[1])))
    x = program.inputs[0]
    for g in (first, second):
        compiled = tg.compile(g)
        with np.errstate(all="ignore"):
            for scale in (1.0, 0.9, 1.1):
                if scale != 0.9:
                    for constant in constants:
                        constant.data = scale * constant.data + 0.01
                assert_equal(compiled(scale * x), g(scale * x))
                assert_equal(compiled(x), g(x))


@pytest.mark.parametrize("hidden", [tg.nn.tanh, tg.nn.relu])
def test_second_derivatives_of_nets_along_a_direction_are_the_same(hidden):
    net = tg.nn.mlp([2, 5, 4, 3], hidden=hidden, rng=np.random.default_rng(3))
    inputs, labels = tg.Tensor(X), tg.Tensor(np.eye(3)[:, np.arange(20) % 3])
    direction = {name: RNG.normal(size=p.shape) for name, p in net.named_parameters()}

    def along(direction):
        return tg.hvp(lambda net: tg.nn.softmax_cross_entropy(net(inputs), labels), (net,), (direction,))[0]

    compiled = tg.compile(lambda: along(direction))
    for scale in (1.0, 1.0, 0.5):
        for p in net.parameters():
            p.data = scale * p.data
        assert_equal(compiled(), along(direction))
    assert compiled.cache_info().eager == 0


OPTIMIZERS = {
    "SGD": lambda parameters: tg.optim.SGD(parameters, learning_rate=0.5),
    "Momentum": lambda parameters: tg.optim.Momentum(parameters, learning_rate=0.5),
    "RMSProp": lambda parameters: tg.optim.RMSProp(parameters, learning_rate=0.05),
    "Adam": lambda parameters: tg.optim.Adam(parameters, learning_rate=0.05),
}
LOSSES = {
    "sigmoid": (tg.nn.sigmoid, tg.nn.binary_cross_entropy),
    "logits": (tg.nn.identity, tg.nn.binary_cross_entropy_with_logits),
    "square": (tg.nn.identity, tg.nn.mean_squared_error),
}


def training(optimizer="SGD", output="sigmoid", hidden=tg.nn.tanh, sizes=(2, 4, 1), dtype=np.float64):
    output, loss = LOSSES[output]
    net = tg.nn.mlp(list(sizes), hidden=hidden, output=output, dtype=dtype, rng=np.random.default_rng(1))
    descent = OPTIMIZERS[optimizer](net.parameters())

    def step(X, Y):
        descent.zero_grad()
        cost = loss(net(X), Y)
        cost.backward()
        descent.step()
        return cost

    return net, descent, step


def assert_same_training(steps, change=None, **options):
    (net, descent, step), (other, other_descent, other_step) = training(**options), training(**options)
    compiled = tg.compile(other_step)
    for i in range(steps):
        if change:
            change(i, net, descent)
            change(i, other, other_descent)
        assert_equal(compiled(X, Y), step(X, Y))
        for p, q in zip(other.parameters(), net.parameters(), strict=True):
            assert_equal([p, p.grad], [q, q.grad])
    return compiled


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("output", LOSSES)
def test_a_compiled_step_trains_as_the_step_itself(optimizer, output):
    compiled = assert_same_training(4, optimizer=optimizer, output=output)
    assert compiled.cache_info() == (3, 1, 0, 1)


def test_relu_and_softmax_train_the_same():
    Z = np.arange(20) % 3

    def make():
        net = tg.nn.mlp([2, 5, 3], hidden=tg.nn.relu, output=tg.nn.identity, rng=np.random.default_rng(2))
        descent = tg.optim.Adam(net.parameters())

        def step(X, labels):
            descent.zero_grad()
            cost = tg.nn.softmax_cross_entropy(net(X), labels)
            cost.backward()
            descent.step()
            return cost

        return net, step

    (net, step), (other, other_step) = make(), make()
    compiled = tg.compile(other_step)
    for labels in (Z, Z[::-1].copy(), np.eye(3)[:, Z], Z):
        assert_equal(compiled(X, labels), step(X, labels))
    assert_equal(other.parameters(), net.parameters())
    with pytest.raises(ValueError, match="labels in 0"):
        compiled(X, Z + 1)
    assert_equal(other.parameters(), net.parameters())


def test_learning_rates_may_change_at_every_step():
    def change(i, net, descent):
        descent.learning_rate = 0.5 / (1 + i)

    compiled = assert_same_training(6, change, optimizer="Momentum")
    assert compiled.cache_info().currsize == 1


def test_parameters_may_be_replaced_frozen_and_loaded():
    def change(i, net, descent):
        if i == 2:
            net.layers[0].W.data = net.layers[0].W.data * 2
        if i == 3:
            net.layers[0].b.requires_grad = False
        if i == 4:
            net.load_state_dict({name: value + 0.1 for name, value in net.state_dict().items()})

    assert_same_training(6, change)


# ---- results


def test_results_never_alias_the_results_of_another_call():
    net, _, step = training()
    compiled = tg.compile(lambda X, Y: (step(X, Y), [p.grad for p in net.parameters()], net(X), net.layers[0].W.data))
    kept, copies = [], []
    for _ in range(5):
        result = compiled(X, Y)
        kept.append((result, [p.data for p in net.parameters()], [p.grad for p in net.parameters()]))
        copies.append([np.copy(v) for v in values(kept[-1])])
    for result, before in zip(kept, copies, strict=True):
        for a, b in zip(values(result), before, strict=True):
            np.testing.assert_array_equal(a, b)


def test_views_of_intermediate_arrays_are_results_of_their_own():
    f = tg.compile(lambda x: ((x + 1).T, (x * 2)[0], np.reshape(np.exp(x), -1), np.transpose(x + 3, None)))
    first = f(X)
    before = [np.copy(part) for part in first]
    f(X + 5)
    for part, same in zip(first, before, strict=True):
        np.testing.assert_array_equal(part, same)


def test_the_structure_of_results_is_that_of_the_function():
    f = lambda x, n: {"a": (x + n, [x.shape, None, "text", n]), "t": tg.Tensor(x) * 2, 3: np.zeros(2)}  # noqa: E731
    compiled = tg.compile(f)
    for x in (X, X + 1):
        found, expected = compiled(x, 2), f(x, 2)
        assert found.keys() == expected.keys()
        assert type(found["t"]) is tg.Tensor
        assert found["a"][1] == expected["a"][1]
        assert_equal([found["a"][0], found["t"], found[3]], [expected["a"][0], expected["t"], expected[3]])
    compiled(X, 2)[3][:] = 7
    np.testing.assert_array_equal(compiled(X, 2)[3], np.zeros(2))


@tg.primitive
def positives(x):
    return x[x > 0]


@pytest.mark.parametrize("transform", [lambda f: f, tg.vmap, tg.checkpoint, tg.fused])
def test_a_custom_function_and_its_vjp_are_compiled(transform):
    cubed = transform(tg.custom(lambda x: np.asarray(x) ** 3, lambda g, ans, x: g * 3 * x**2))
    f = tg.grad(lambda x: np.sum(cubed(x)))
    compiled = tg.compile(f)
    for factor in (1, 2, 3):
        assert_equal(compiled(factor * X), f(factor * X))
    assert compiled.cache_info()[:3] == (2, 1, 0)


def test_a_primitive_whose_shape_depends_on_values_is_checked():
    compiled = tg.compile(lambda x: positives(x) * 2)
    for x in (X[0], X[0], -X[0], X[0, :3] * 0 + 1):
        np.testing.assert_array_equal(compiled(x), positives(x) * 2)
    assert compiled.cache_info().eager == 1


# ---- other modes


def test_inside_of_a_derivative_or_debug_mode_the_function_itself_runs():
    f = tg.compile(lambda x: np.sum(np.sin(x) ** 2))
    f(X)
    np.testing.assert_allclose(tg.grad(f)(X), np.sin(2 * X), rtol=1e-12)
    np.testing.assert_allclose(tg.hessian(f)(X[0, :2]), np.diag(2 * np.cos(2 * X[0, :2])), rtol=1e-12, atol=1e-15)
    with tg.debug(), np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        tg.compile(lambda x: np.sum(np.log(x)))(tg.parameter(0 * X))


def test_no_grad_is_a_signature_of_its_own():
    w = tg.parameter([1.0, 2.0])
    f = tg.compile(lambda x: (w * x).requires_grad)
    assert f(X[:, 0]) is True
    with tg.no_grad():
        assert f(X[:, 0]) is False


def test_threads_get_their_own_results():
    f = tg.compile(lambda x: np.sum(np.tanh(x @ x.T) ** 2))
    inputs = [RNG.normal(size=(30, 30)) for _ in range(4)]
    expected = [np.sum(np.tanh(x @ x.T) ** 2) for x in inputs]
    wrong = []

    def work(i):
        for _ in range(50):
            if not np.isclose(f(inputs[i]), expected[i], rtol=1e-12):
                wrong.append(i)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert not wrong


def test_compiled_functions_are_copied_and_pickled():
    assert pickle.loads(pickle.dumps(doubled))(X[0, 0]) == 2 * X[0, 0]
    net = Doubling()
    net(X)
    again = copy.deepcopy(net)
    again.factor.data = 3.0
    assert_equal(again(X), 3 * X)
    assert_equal(net(X), 2 * X)


@tg.compile
def doubled(x):
    return 2 * x


class Doubling(tg.nn.Module):
    def __init__(self):
        self.factor = tg.parameter(2.0)

    def __call__(self, x):
        return self.forward(x)

    @tg.compile
    def forward(self, x):
        return (self.factor * x).data


# ---- what one sees


def test_both_sources_compute_the_same_numbers():
    _, _, step = training()
    compiled = tg.compile(step)
    compiled(X, Y)
    inputs = {"W1": RNG.normal(size=(4, 2)), "b1": RNG.normal(size=(4, 1)), "W2": RNG.normal(size=(1, 4))}
    inputs |= {"b2": RNG.normal(size=(1, 1)), "X": X, "Y": Y}
    expected = compiled.program.evaluate(*(inputs[node.name] for node in compiled.program.inputs))
    for buffers in (False, True):
        namespace = {"np": np}
        exec(compiled.source(buffers), namespace)
        found = namespace["step"](*(inputs[node.name] for node in compiled.program.inputs))
        assert_equal(list(found), expected)
    assert "Z1 = W1 @ X + b1" in compiled.source()
    assert "out=" in compiled.source(buffers=True)
    assert len(compiled.program.nodes) < len(compiled.traced.nodes)


def test_there_is_no_source_before_the_first_call():
    with pytest.raises(ValueError, match="call it once"):
        tg.compile(np.sum).source()
    with pytest.raises(TypeError, match="expected a function"):
        tg.compile(3)


def test_programs_are_made_for_the_exact_value_of_a_complex_number():
    compiled = tg.compile(lambda x, number: np.copysign(1.0, number.imag) * x)
    for imag in (0.0, -0.0, 0.0):
        assert compiled(np.ones(1), complex(0.0, imag)) == np.copysign(1.0, imag)


FACTORS = {
    "qr": lambda x: np.linalg.qr(x)[0],
    "eigh": lambda x: np.abs(np.linalg.eigh(x)[1]),
    "eig": lambda x: np.abs(np.linalg.eig(x)[1]),
    "svd": lambda x: np.abs(np.linalg.svd(x)[0]),
}


@pytest.mark.parametrize("name", FACTORS)
def test_programs_check_that_the_factors_of_a_matrix_have_a_derivative(name):
    f = tg.grad(lambda x: np.sum(FACTORS[name](x) * np.arange(9.0).reshape(3, 3)))
    compiled = tg.compile(f)
    for _ in range(3):
        x = RNG.normal(size=(3, 3))
        assert_equal(compiled(x + x.T), f(x + x.T), rtol=1e-9)
    assert compiled.cache_info() == (2, 1, 0, 1)
    for call in (f, compiled):
        with pytest.raises(np.linalg.LinAlgError, match="derivative"):
            call(np.ones((3, 3)))
