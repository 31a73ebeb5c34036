"""fit refuses data, losses and optimizers that it cannot train with, and stops before a bad step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.training.test_fitting import fit, new_net, problem, rng
from tinygrad_dl import nn


@given(st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 1), st.integers(0, 11), st.sampled_from("XY"))
def test_nan_and_inf_in_the_data_are_found(value, row, column, name):
    data = dict(zip("XY", problem(), strict=True))
    row = row if name == "X" else 0
    data[name][row, column] = value
    for arguments, which in (({"data": data.values()}, ""), ({"validation": data.values()}, "validation ")):
        net = new_net()
        before = net.state_dict()
        with pytest.raises(ValueError, match=rf"fit: {which}{name}\[{row}, {column}\] is {value}: 1 of \d+ are not"):
            fit(net, **arguments)
        assert np.array_equal(net.state_dict()["layers.0.W"], before["layers.0.W"])


X, Y = problem()


REFUSED = {
    "no epochs": ({"epochs": 0}, ValueError, "epochs to be a whole number of at least 1, got 0"),
    "batches in no order": ({"batch_size": 4}, TypeError, r"batch_size needs rng=np\.random\.default_rng\(seed\)"),
    "a seed as rng": ({"batch_size": 4, "rng": 0}, TypeError, r"rng=np\.random\.default_rng\(0\), got int"),
    "empty batches": (
        {"batch_size": 0, "rng": rng()},
        ValueError,
        "batch_size .* of at least 1, got 0",
    ),
    "epochs of a float": ({"epochs": 2.0}, TypeError, r"^fit: expected epochs .*, got 2.0: int\(x\)"),
    "epochs in words": ({"epochs": "3"}, TypeError, "^fit: expected epochs .*, got '3'"),
    "no number of epochs": ({"epochs": None}, TypeError, "^fit: expected epochs .*, got None"),
    "a True for epochs": ({"epochs": True}, TypeError, "^fit: expected epochs .*, got True"),
    "batches of 4.0": ({"batch_size": 8 / 2, "rng": rng()}, TypeError, "^fit: expected batch_size .*, got 4.0: .* //"),
    "batches of a list": ({"batch_size": [4], "rng": rng()}, TypeError, r"^fit: expected batch_size .*, got \[4\]"),
    "a loss that is a number": ({"loss": 2.0}, TypeError, "expected loss to be a function, such as .*, got 2.0"),
    "validation of one": ({"validation": [X]}, TypeError, r"expected validation=\(X, Y\), a pair"),
    "validation of a number": ({"validation": 0.2}, TypeError, r"expected validation=\(X, Y\), a pair, got 0.2"),
    "a mask": ({"data": (np.ma.array(X, mask=X > 0), Y)}, TypeError, "fit: data: .* got a MaskedArray"),
    "rows as samples": ({"data": (X.T, Y[0])}, ValueError, r"fit: data: .*\(12, 2\) and \(12,\); .*pass X\.T"),
    "other labels": ({"data": (X, Y[:, 1:])}, ValueError, r"fit: data: expected X of shape \(n, m\)"),
    "validation": ({"validation": (X, Y[:, 1:])}, ValueError, r"fit: validation data: expected X of shape \(n, m\)"),
    "nothing": ({"data": (X[:, :0], Y[:, :0])}, ValueError, "at least one sample"),
    "text": ({"data": (X.astype(str), Y)}, TypeError, "expected real numbers in X, got <U"),
    "complex": ({"validation": (X, Y * 1j)}, TypeError, "expected real numbers in validation Y, got complex128"),
    "a metric called loss": ({"metrics": {"loss": nn.accuracy}}, ValueError, "rename the metric"),
    "validation_loss": ({"metrics": {"validation_loss": nn.accuracy}}, ValueError, "rename the metric"),
    "a metric called as another in validation": (
        {"metrics": dict.fromkeys(["a", "validation_a"], nn.accuracy)},
        ValueError,
        "keeps another measure as 'validation_a': rename the metric",
    ),
    "metrics without names": ({"metrics": [nn.accuracy]}, TypeError, "expected metrics by name"),
    "a metric of no function": ({"metrics": {"accuracy": 0.9}}, TypeError, "expected metrics by name"),
    "a metric of each sample": (
        {"metrics": {"a": lambda A, Y: A}},
        TypeError,
        "expected the metric 'a' to give one numb",
    ),
    "no one number": ({"loss": lambda A, Y: A - Y}, TypeError, "expected a loss that gives a Tensor of size 1"),
    "no Tensor": ({"loss": lambda A, Y: 1.0}, TypeError, "expected a loss that gives a Tensor of size 1, got 1"),
    "broadcasting": ({"data": (X, Y[0])}, ValueError, r"one shape, got \(1, 12\) and \(12,\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_trained_on_is_refused(name):
    arguments, error, message = REFUSED[name]
    net = new_net()
    before = net.state_dict()
    with pytest.raises(error, match=message):
        fit(net, **arguments)
    for path, values in net.state_dict().items():
        assert np.array_equal(values, before[path])


def test_a_net_that_is_no_function_is_refused_before_the_optimizer():
    with pytest.raises(TypeError, match=r"fit: expected net to be a function, .*, got \[Sequential"):
        tg.fit([new_net()], X, Y, loss="mse", optimizer="adam", epochs=1)


@pytest.mark.parametrize("optimizer", [dict, "adan", None])
def test_an_optimizer_is_an_object(optimizer):
    with pytest.raises(TypeError, match=r"fit: expected an optimizer, such as tg\.optim\.Adam\(net\.parameters\(\)"):
        tg.fit(new_net(), X, Y, loss=nn.binary_cross_entropy, optimizer=optimizer, epochs=1, progress=False)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("step", [1, 3])
def test_a_loss_that_is_not_finite_stops_the_training_before_the_step(value, step):
    net, states = new_net(), []

    def breaking(A, Y):
        states.append(net.state_dict())
        return nn.binary_cross_entropy(A, Y) + (value if len(states) == step else 0)

    with pytest.raises(FloatingPointError, match=f"the loss became {value}: try a smaller learning rate"):
        fit(net, loss=breaking)
    assert len(states) == step
    for name, values in net.state_dict().items():
        assert np.array_equal(values, states[-1][name])
    assert step == 1 or not np.array_equal(states[0]["layers.0.W"], states[-1]["layers.0.W"])


def test_parameters_that_a_gradient_of_nan_has_spoilt_are_named():
    net = new_net()

    def flat(A, Y):
        return nn.binary_cross_entropy(A, Y) + np.sqrt(np.sum(A * 0))  # 0, with the derivative 0 / 0

    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="became nan: Tensor 'W1' is not finite"):
        fit(net, loss=flat)
