"""Arguments of a checked function: lists, dicts, numbers, settings and Modules."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.testing.gradcheck.test_check import X, primitive, report_of, wrong_sine
from tinygrad_dl import testing


def test_lists_dicts_numbers_and_settings_are_taken_as_they_are():
    def f(p, x, axis, labels, scale):
        return np.sum(p["W"][0] * x * scale, axis=axis)[labels]

    report = testing.check_gradients(f, {"W": [np.ones((2, 3)), None]}, X, 1, np.array([0, 0]), 2.0)
    assert [row.argument for row in report.rows if row.mode == "vjp"] == ["p['W'][0]", "x", "scale"]


def test_every_argument_is_checked_unless_told_otherwise():
    product = primitive(lambda x, y: x * y, lambda g, ans, x, y: g * y, lambda g, ans, x, y: g * y)
    assert report_of(product, X, X + 1).mistakes[0].argument == "y"
    assert testing.check_gradients(product, X, X + 1, argnums=0).passed
    assert not report_of(product, X, X + 1, argnums=-1).passed


def test_a_module_is_checked_by_its_parameters_and_not_changed():
    net = tg.nn.mlp([3, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    before = net.state_dict()
    report = testing.check_gradients(net, np.ones((3, 5)))
    assert {row.argument for row in report.rows} == {"W1", "b1", "W2", "b2", "A"}
    assert all(np.array_equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())

    def loss(net, X):
        return np.sum(wrong(net(X)))

    wrong = wrong_sine()
    assert report_of(loss, net, np.ones((3, 5))).mistakes[0].argument == "W1"
    net.layers[0].W.requires_grad = False
    assert "W1" not in {row.argument for row in testing.check_gradients(net, np.ones((3, 5))).rows}


def test_the_arguments_are_not_changed():
    x = X.copy()
    x.flags.writeable = False
    testing.check_gradients(lambda x: np.sum(x**2), x)
    assert x.tolist() == X.tolist()


def test_a_function_for_tensors_only_is_checked_with_tensors():
    assert testing.check_gradients(lambda x: np.sin(x) + np.zeros_like(x.numpy()), X).passed
    assert not report_of(lambda x: np.sin(x) * x.detach(), X).passed


@pytest.mark.parametrize("extra", [(lambda t: 2 * t,), (np.ones(2), lambda t: 2 * t)])
def test_a_gradient_by_hand_among_the_arguments_is_answered_with_check_pair(extra):
    with pytest.raises(TypeError, match=r"write tg\.testing\.check_pair\(f, lambda g, x: g \* gradient\(x\), x\)"):
        testing.check_gradients(lambda t: np.sum(t**2), np.ones(3), *extra)


def test_a_function_that_takes_a_function_is_checked():
    assert testing.check_gradients(lambda f, x: f(x), np.tanh, np.ones(3)).passed
    assert testing.check_gradients(lambda f, x: f(x), lambda x: x**2, np.ones(3)).passed


def test_modules_draw_one_mask_in_a_check_and_all_evaluations_share_it():
    rng = np.random.default_rng(0)
    nn = tg.nn
    net = nn.Sequential(nn.Dense(3, 6, rng=rng), nn.tanh, nn.Dropout(0.4, rng=rng), nn.Dense(6, 1, rng=rng))
    inputs = np.random.default_rng(1).normal(size=(3, 5))

    def behind_a_function(x):
        return np.sum(net(x))

    before = rng.bit_generator.state
    net(inputs)
    after = rng.bit_generator.state
    for f, primals in (
        (lambda x: np.sum(net(x)), [inputs]),
        (lambda x: behind_a_function(x), [inputs]),
        (lambda net, x: np.sum(net(x)), [net, inputs]),
        (net, [inputs]),
    ):
        rng.bit_generator.state = before
        assert testing.check_gradients(f, *primals).passed
        assert rng.bit_generator.state in (before, after)  # that of a copy of a Module among the arguments moves on
    wrong = wrong_sine()
    assert report_of(lambda x: np.sum(wrong(net(x))), inputs).mistakes[0].argument == "x"
