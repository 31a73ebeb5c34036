"""Functions computed again in the backward pass: the same derivatives of any order, less memory, nothing lost."""

import tracemalloc

import numpy as np
import pytest

import tinygrad_dl as tg

X = np.random.default_rng(0).normal(size=(20, 500))
x = np.array([0.3, -0.5])


def f(x):
    return np.sum(np.sin(x) * np.exp(x[0]))


def layers(count, wrap=lambda layer: layer):
    rng = np.random.default_rng(1)
    nn = tg.nn
    return [wrap(nn.Sequential(nn.Dense(20, 20, rng=rng), nn.tanh, np.sin, np.cos, nn.tanh)) for _ in range(count)]


def peak_and_gradients(net):
    """The peak of memory in a step, in arrays of the size of X, and what the step gives."""
    tracemalloc.start()
    np.sum(net(X) ** 2).backward()
    peak = tracemalloc.get_traced_memory()[1] / X.nbytes
    tracemalloc.stop()
    return peak, [parameter.grad for parameter in net.parameters()]


def test_the_peak_of_memory_of_64_layers_falls_and_the_gradients_are_the_same():
    plain, expected = peak_and_gradients(tg.nn.Sequential(*layers(64)))
    each, found = peak_and_gradients(tg.nn.Sequential(*layers(64, tg.checkpoint)))
    eights = [tg.checkpoint(tg.nn.Sequential(*layers(64)[i : i + 8])) for i in range(0, 64, 8)]
    segments, again = peak_and_gradients(tg.nn.Sequential(*eights))
    assert plain > 64 * 5  # five arrays a layer
    assert each < 64 * 1.5  # one a layer, and those of one layer
    assert segments < 8 + 8 * 5 * 1.5  # one a segment, and those of one segment
    for a, b, c in zip(expected, found, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
        np.testing.assert_allclose(a, c, rtol=1e-12)


@pytest.mark.parametrize("transform", [tg.grad, tg.hessian, lambda f: tg.jacobian(tg.hessian(f)), tg.value_and_grad])
def test_derivatives_of_any_order_are_those_of_the_function(transform):
    np.testing.assert_equal(transform(tg.checkpoint(f))(x), transform(f)(x))


def test_forward_mode_and_vmap_see_through_it():
    again = tg.checkpoint(f)
    np.testing.assert_allclose(tg.jvp(again, (x,), (x,)), tg.jvp(f, (x,), (x,)), rtol=1e-15)
    many = np.stack([x, 2 * x])
    np.testing.assert_allclose(tg.vmap(tg.grad(again))(many), tg.vmap(tg.grad(f))(many), rtol=1e-14)
    total = tg.grad(lambda w: np.sum(tg.vmap(tg.checkpoint(lambda x: np.sum(np.sin(w * x))))(many)))(2.0)
    assert total == pytest.approx(np.sum(many * np.cos(2 * many)))


def test_parameters_from_outside_get_their_gradients_and_what_is_computed_from_them():
    w = tg.parameter(2.0)
    h = np.exp(w)  # an older graph, not made again
    y = tg.checkpoint(lambda x: (w * w) * x * h)(x)
    np.sum(y).backward()
    assert w.grad == pytest.approx(np.sum(x) * (4 * np.exp(2) + 4 * np.exp(2)))


def test_a_checkpoint_of_plain_arrays_gives_the_gradient_of_the_parameters_and_keeps_nothing_in_between():
    w = tg.parameter(2.0)
    y = tg.checkpoint(lambda x: np.sum(np.sin(np.cos(x * w))))(x)
    order = []
    stack = [y]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += [parent for parent in node._parents if parent is not None]
    assert len(order) == 2  # the value, and w
    y.backward()
    assert w.grad == pytest.approx(np.sum(np.cos(np.cos(2 * x)) * -np.sin(2 * x) * x))


def test_the_second_derivative_reaches_parameters_from_outside():
    w = tg.parameter(3.0)
    slope = tg.grad(lambda x: tg.checkpoint(lambda x: (w * w) * x**3)(x))(2.0)
    slope.backward()
    assert w.grad == 2 * 3 * 3 * 4


def test_structures_settings_and_constants_pass_through():
    def g(p, *, scale, mode):
        assert mode == "a"
        return {"y": p["x"] * scale, "n": 3}, p["k"]

    found = tg.checkpoint(g)({"x": tg.parameter(x), "k": 5}, scale=2.0, mode="a")
    assert found[0]["n"] == 3
    assert found[1] == 5
    assert tg.gradients(np.sum(found[0]["y"]), found[0]["y"]).tolist() == [1, 1]
    assert type(tg.checkpoint(np.sin)(x)) is np.ndarray
    assert not tg.checkpoint(np.sin)(tg.Tensor(x)).requires_grad
    with tg.no_grad():
        assert not tg.checkpoint(np.sin)(tg.parameter(x)).requires_grad


def test_several_outputs_and_outputs_that_are_arguments():
    def g(a, b):
        return a * b, a, np.sum(b)

    def total(a, b, g):
        p, q, r = g(a, b)
        return np.sum(p * q) * r

    expected = tg.grad(lambda a, b: total(a, b, g), (0, 1))(x, 2 * x)
    np.testing.assert_equal(tg.grad(lambda a, b: total(a, b, tg.checkpoint(g)), (0, 1))(x, 2 * x), expected)
    assert tg.grad(lambda a: np.sum(tg.checkpoint(g)(a, a)[1]))(x).tolist() == [1, 1]


def test_no_grad_inside_hides_what_is_computed_there():
    def g(x):
        with tg.no_grad():
            hidden = x * 1.0
        return np.sum(x * hidden)

    assert np.array_equal(tg.grad(tg.checkpoint(g))(x), x)


def test_checkpoints_nest():
    inner = tg.checkpoint(np.sin)
    g = tg.checkpoint(lambda x: np.sum(inner(inner(x)) ** 2))
    np.testing.assert_allclose(tg.grad(g)(x), tg.grad(lambda x: np.sum(np.sin(np.sin(x)) ** 2))(x), rtol=1e-15)


def test_a_module_gives_a_module_with_its_parameters():
    dense = tg.nn.Dense(2, 3, rng=np.random.default_rng(0))
    net = tg.nn.Sequential(tg.checkpoint(dense), tg.nn.tanh)
    assert net.parameters() == [dense.W, dense.b]
    assert repr(net) == "Sequential(checkpoint(Dense(2, 3)), tanh)"
    np.sum(net(x[:, np.newaxis])).backward()
    assert dense.W.grad is not None


def test_a_function_keeps_its_name():
    assert tg.checkpoint(f).__name__ == "f"
    with pytest.raises(TypeError, match="expected a function or a Module, got 3"):
        tg.checkpoint(3)


# ---- what is not the same when it is computed again


def test_the_mask_of_a_dropout_is_that_of_the_forward_pass():
    rng, count = np.random.default_rng(0), 0

    def dropout(x):
        nonlocal count
        count += 1
        return np.mean(x * (rng.uniform(size=x.shape) < 0.5))

    for _ in range(20):
        masks = np.random.default_rng(0)
        masks.bit_generator.state = rng.bit_generator.state
        assert np.array_equal(tg.grad(tg.checkpoint(dropout))(np.ones(4)), (masks.uniform(size=4) < 0.5) / 4)
    assert count == 20  # never in a backward pass


@pytest.mark.parametrize(
    "f",
    [
        lambda x, W, i: np.sum(x * W),
        lambda x, W, i: np.sum(np.where(W > 0, x, -x) ** 2),
        lambda x, W, i: np.sum(x[i] ** 2) * float(W[0]),
        lambda x, W, i: np.sum(np.take(x, i)) * tg.Tensor(W)[0],
        lambda x, W, i: np.sum(np.average(x, weights=W**2)),
    ],
)
def test_an_array_from_outside_that_changes_in_between_does_no_harm(f):
    W, i = np.array([2.0, -2.0]), np.array([0, 0])
    expected = tg.hessian(lambda x: f(x, W.copy(), i.copy()))(x), tg.grad(lambda x: f(x, W.copy(), i.copy()))(x)
    leaf = tg.parameter(x)
    y = tg.checkpoint(lambda x: f(x, W, i))(leaf)
    W[:], i[:] = [-50.0, 60.0], [1, 1]
    [found] = tg.gradients(y, [leaf], create_graph=True)
    np.testing.assert_array_equal(found.data, expected[1])
    rows = [tg.gradients(found[k], leaf) if found[k].requires_grad else np.zeros(2) for k in range(2)]
    np.testing.assert_array_equal(rows, expected[0])


def test_a_parameter_with_new_data_gives_the_gradient_at_the_old_ones():
    w = tg.parameter(2.0)
    y = tg.checkpoint(lambda x: np.sum(x * w**3))(x)
    w.data = np.array(100.0)
    y.backward()
    assert w.grad == pytest.approx(12 * np.sum(x))


def test_a_loop_that_a_setting_ends_is_that_of_the_forward_pass():
    sizes = [2, 1]
    leaf = tg.parameter(x)
    y = tg.checkpoint(lambda x: x[: sizes.pop(0)])(leaf)
    np.sum(y).backward()
    assert leaf.grad.tolist() == [1, 1]


def test_a_black_box_that_gives_something_else_the_second_time_is_an_error():
    rng = np.random.default_rng(0)

    @tg.custom(vjp=lambda g, ans, x: g)
    def noise(x):
        return x * rng.uniform(size=x.shape)

    def twice(x):
        return np.sum(noise(noise(x) * 0))  # the same value whatever was drawn

    with pytest.raises(RuntimeError, match=r"noise, called by twice, does not return in the backward pass"):
        tg.grad(tg.checkpoint(twice))(np.ones(3))


def test_a_black_box_that_gives_the_same_is_none():
    box = tg.custom(lambda x: np.sort(x), vjp=lambda g, ans, x: g[np.argsort(np.argsort(x))])
    weights = np.array([1.0, 2.0])
    assert tg.grad(tg.checkpoint(lambda x: np.sum(weights * box(np.sin(x)))))(x) == pytest.approx(
        np.cos(x) * weights[::-1]
    )


def test_functions_of_several_outputs_are_computed_again():
    def g(a):
        values, vectors = np.linalg.eigh(a + a.T)
        return np.sum(values**2) + np.sum(vectors[:, 0] ** 4)

    a = np.random.default_rng(0).normal(size=(3, 3))
    np.testing.assert_allclose(tg.grad(tg.checkpoint(g))(a), tg.grad(g)(a), rtol=1e-12)


def test_one_output_given_twice_gets_both_cotangents():
    def g(x):
        y = x**2
        return y, {"again": y}

    def total(x):
        first, second = tg.checkpoint(g)(x)
        return np.sum(first) + 10 * np.sum(second["again"])

    np.testing.assert_allclose(tg.grad(total)(x), 22 * x, rtol=1e-15)


def test_values_that_the_function_keeps_aside_have_their_gradients():
    kept = []

    def layer(w, x):
        kept.append(np.sin(w * x))
        return kept[-1] ** 2

    def loss(wrap):
        def of(w, x):
            kept.clear()
            return np.sum(wrap(layer)(w, wrap(layer)(2.0, x))) + np.sum(kept[0] * kept[1] ** 3)

        return of

    w = np.array([2.0, 3.0])
    for transform in (tg.grad, tg.hessian):
        for argnum in (0, 1):
            found, expected = (transform(loss(wrap), argnum)(w, x) for wrap in (tg.checkpoint, lambda f: f))
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def test_derivatives_per_sample_of_plain_arrays_are_plain_arrays():
    def slopes(x):
        return tg.vmap(tg.grad(lambda s: np.sum(np.tanh(x * s))))(np.array([1.0, 2.0]))

    found = tg.checkpoint(slopes)(x)
    assert type(found) is np.ndarray
    assert np.array_equal(found, slopes(x))
    by_x = tg.grad(lambda x: np.sum(tg.checkpoint(slopes)(x) ** 2))(x)
    np.testing.assert_allclose(by_x, tg.grad(lambda x: np.sum(slopes(x) ** 2))(x), rtol=1e-12)


def test_a_graph_that_the_function_has_freed_is_an_error():
    W = tg.parameter([1.0, 2.0])

    def freed(x):
        y = W * 2
        np.sum(y).backward(keep_graph=False)
        return x * y

    with pytest.raises(RuntimeError, match="was freed"):
        np.sum(tg.checkpoint(freed)(x)).backward()
