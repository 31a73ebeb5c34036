"""Other nets, costs and ways to write the same: softmax, rows, sums, ½, dropout, steps, dA one index late."""

import itertools

import numpy as np
import pytest

from tests.testing.backprop.students import Homework, g, g_prime
from tinygrad_dl.testing import check_backprop


class Softmax:
    """A net of tanh and relu with softmax, written by rows as in many a script; the learner knows class numbers."""

    def __init__(self, sizes, m, seed=0):
        rng = np.random.default_rng(seed)
        self.X, self.y = rng.normal(size=(m, sizes[0])), rng.integers(0, sizes[-1], m)
        self.hidden = ["tanh", "relu", "sigmoid"][: len(sizes) - 2]
        self.W = [rng.normal(size=shape) for shape in itertools.pairwise(sizes)]
        self.b = [rng.normal(size=(1, n)) for n in sizes[1:]]

    def gradients(self, mean=True):
        outputs, zs = [self.X], []
        for name, W, b in zip([*self.hidden, "softmax"], self.W, self.b, strict=True):
            zs.append(outputs[-1] @ W + b)
            e = np.exp(zs[-1])
            outputs.append(e / e.sum(axis=1, keepdims=True) if name == "softmax" else g(name, zs[-1], 0.01))
        delta = outputs[-1].copy()
        delta[range(len(self.y)), self.y] -= 1
        delta /= len(self.y) if mean else 1
        found = {}
        for layer in range(len(self.W), 0, -1):
            found |= {f"dZ{layer}": delta, f"dW{layer}": outputs[layer - 1].T @ delta}
            found[f"db{layer}"] = delta.sum(axis=0, keepdims=True)
            if layer > 1:
                slope = g_prime(self.hidden[layer - 2], zs[layer - 2], outputs[layer - 1], 0.01)
                delta = delta @ self.W[layer - 1].T * slope
        return found

    @property
    def parameters(self):
        both = enumerate(zip(self.W, self.b, strict=True), start=1)
        return {name: value for i, (W, b) in both for name, value in ((f"W{i}", W), (f"b{i}", b))}

    def check(self, gradients, **settings):
        settings = {"cost": "categorical_cross_entropy"} | settings
        return check_backprop(gradients, self.X, self.y, self.parameters, [*self.hidden, "softmax"], **settings)


SOFTMAX = Softmax([3, 5, 4, 2], 11)


def causes(report):
    return {row.name: row.cause for row in report if row.status != "right" and row.cause}


@pytest.mark.parametrize("given", ["Z W b", "W b", "W"])
@pytest.mark.parametrize("mean", [True, False])
def test_softmax_by_rows_with_class_numbers_is_right_for_the_reduction_that_it_has(given, mean):
    gradients = {name: value for name, value in SOFTMAX.gradients(mean).items() if name[1] in given}
    report = SOFTMAX.check(gradients, reduction="mean" if mean else "sum")
    assert report.passed, report
    assert report["dW1"].expected_shape == (3, 5)
    other = SOFTMAX.check(gradients, reduction="sum" if mean else "mean", convention="derivative")
    assert set(causes(other).values()) == {"1/m too much" if mean else "1/m missing"}


@pytest.mark.parametrize("labels", ["numbers", "column", "rows of one 1"])
def test_labels_come_as_numbers_or_with_a_one_for_the_class(labels):
    y = {"numbers": SOFTMAX.y, "column": SOFTMAX.y[:, None], "rows of one 1": np.eye(2)[SOFTMAX.y]}[labels]
    names = [*SOFTMAX.hidden, "softmax"]
    settings = {"cost": "categorical_cross_entropy"}
    assert check_backprop(SOFTMAX.gradients(), SOFTMAX.X, y, SOFTMAX.parameters, names, **settings).passed
    with pytest.raises(ValueError, match="expected class numbers from 0 to 1, got 1 to 2"):
        check_backprop(SOFTMAX.gradients(), SOFTMAX.X, SOFTMAX.y + 1, SOFTMAX.parameters, names, **settings)


@pytest.mark.parametrize(
    ("name", "change", "cause"),
    [
        ("dW2", lambda g: -g, "sign"),
        ("dW3", lambda g: g.T, "transposed"),
        ("db2", lambda g: g.sum(), "sum over everything"),
        ("dW1", lambda g: 11 * g, "multiplied by m"),
        ("db3", lambda g: g / 11, "1/m twice"),
        ("dW2", lambda g: 2 * g, "constant factor"),
        ("dW1", np.zeros_like, "never computed"),
    ],
)
def test_a_mistake_in_a_net_by_rows_is_named_with_formulas_by_rows(name, change, cause):
    gradients = SOFTMAX.gradients()
    report = SOFTMAX.check(gradients | {name: change(gradients[name])})
    assert causes(report) == {name: cause}
    assert "A2ᵀ dZ3" in str(report) or name != "dW3"


def test_a_wrong_axis_by_rows_is_named_by_its_number():
    gradients = SOFTMAX.gradients()
    report = SOFTMAX.check(gradients | {"db1": gradients["dZ1"].sum(axis=1, keepdims=True)})
    assert str(report["db1"].causes[0]) == "sum over the wrong axis (axis=1)"
    assert "axis=0" in report["db1"].causes[0].why


def test_a_mistake_in_dZ_of_softmax_is_named_where_only_dW_and_db_are_given():
    net = Softmax([3, 4, 3], 7)
    given = {n: -v for n, v in net.gradients().items() if n[1] in "Wb"}
    assert causes(net.check(given)) == {"dZ2": "sign"}
    given = {n: 2 * v for n, v in net.gradients().items() if n[1] in "Wb"}
    assert causes(net.check(given)) == {"dZ2": "constant factor"}


# ---- costs and conventions, in the course's columns

SQUARES = Homework([3, 4, 2], ["tanh", "sigmoid"], 9, seed=6, cost="mean_squared_error")
DEEP = Homework([3, 5, 4, 1], ["tanh", "relu", "sigmoid"], 11, seed=3)


def check(homework, gradients, **settings):
    settings = {"cost": homework.cost} | settings
    return check_backprop(gradients, homework.X, homework.Y, homework.parameters, homework.activations, **settings)


@pytest.mark.parametrize(
    ("factor", "settings"),
    [
        (1, {}),
        (1 / 2, {"cost": "half_squared_error"}),
        (1 / 2, {"reduction": "elements"}),
        (9, {"reduction": "sum"}),
        (-9 / 2, {"cost": "half_squared_error", "reduction": "sum", "steps": True}),
    ],
)
def test_the_convention_that_is_given_is_no_mistake_and_another_one_is(factor, settings):
    gradients = {n: factor * v for n, v in SQUARES.backward().items() if n[1] in "Wb"}
    assert check(SQUARES, gradients, **settings).passed
    if settings:
        assert not check(SQUARES, gradients).passed
        assert len({*causes(check(SQUARES, gradients)).values()}) <= 2
        assert not check(SQUARES, {n: -v for n, v in gradients.items()}, **settings).passed


@pytest.mark.parametrize("quantities", ["AZWb", "Wb"])
@pytest.mark.parametrize("factor", [2, 4, 0.5, 1 / np.log(2), 1 / np.log(10)])
@pytest.mark.parametrize("at", ["dA3", "dZ3", "dW2", "db1", "dA1"])
def test_a_constant_factor_is_named_as_one_and_never_as_two_mistakes(at, factor, quantities):
    right = DEEP.backward(shortcut=False)
    layer, wrong = int(at[2:]), dict(right)
    after = {n for n in right if int(n[2:]) < layer or (int(n[2:]) == layer and at[1] == "A")}
    after |= {f"d{q}{layer}" for q in "ZWb"} if at[1] in "AZ" else set()
    for name in {at} | after if at[1] in "AZ" else {at}:
        wrong[name] = factor * right[name]
    report = check(DEEP, {n: v for n, v in wrong.items() if n[1] in quantities})
    assert len(causes(report)) == 1
    assert "constant factor" in next(iter(causes(report).values()))
    for row in report:
        assert all(len(each) <= 1 for each in (row.causes, *row.alternatives))


@pytest.mark.parametrize("quantities", ["AWb", "AZWb"])
def test_dA_one_index_late_is_a_reading_and_no_mistake(quantities):
    def late(gradients, dA0):
        moved = {n.replace("dA", "dA-"): v for n, v in gradients.items() if n[1] in quantities}
        named = {f"dA{int(n[3:]) + 1}" if "-" in n else n: v for n, v in moved.items()}
        return {n: v for n, v in named.items() if n != "dA4"} | {"dA1": dA0}

    right = DEEP.backward()
    report = check(DEEP, late(right, DEEP.parameters["W1"].T @ right["dZ1"]))
    assert report.passed, report
    assert "dA3 holds dA2" in str(report)
    wrong = DEEP.backward([("sign", "dA1")])
    report = check(DEEP, late(wrong, DEEP.parameters["W1"].T @ wrong["dZ1"]))
    assert causes(report) == {"dA2": "sign"}


def test_w_for_its_transpose_and_an_updated_w_are_named_from_dW_and_db_alone():
    net = Homework([3, 4, 4, 1], ["tanh", "relu", "sigmoid"], 11, seed=3)
    for kind, place in [("transpose forgotten", "dA1"), ("updated W", "dA1")]:
        given = {n: v for n, v in net.backward([(kind, place)]).items() if n[1] in "Wb"}
        report = check(net, given)
        assert kind in report[place].cause


# ---- dropout


def dropout(net, keep_prob, mistake=""):
    """The course's backward pass with dropout in the hidden layers, and its masks."""
    rng = np.random.default_rng(5)
    masks = {f"D{i}": (rng.random((n, net.m)) < keep_prob) * 1.0 for i, n in enumerate(net.sizes[1:-1], start=1)}
    A, Z = {0: net.X}, {}
    for i, name in enumerate(net.activations, start=1):
        Z[i] = net.parameters[f"W{i}"] @ A[i - 1] + net.parameters[f"b{i}"]
        A[i] = g(name, Z[i], 0.01) * (masks[f"D{i}"] / keep_prob if i < net.L else 1)
    dZ, found = A[net.L] - net.Y, {}
    for i in range(net.L, 0, -1):
        found |= {f"dW{i}": dZ @ A[i - 1].T / net.m, f"db{i}": dZ.mean(axis=1, keepdims=True)}
        if i > 1:
            dA = net.parameters[f"W{i}"].T @ dZ
            dA = dA if mistake == "mask missing" else dA * masks[f"D{i - 1}"]
            dA = dA if mistake == "keep_prob missing" else dA / keep_prob
            before = A[i - 1] if mistake == "A after dropout in g'" else g(net.activations[i - 2], Z[i - 1], 0.01)
            dZ = dA * g_prime(net.activations[i - 2], Z[i - 1], before, 0.01)
    return found, masks


@pytest.mark.parametrize("mistake", ["", "mask missing", "keep_prob missing", "A after dropout in g'"])
def test_dropout_with_the_masks_of_the_forward_pass(mistake):
    net = Homework([3, 6, 1], ["tanh", "sigmoid"], 11, seed=1)
    gradients, masks = dropout(net, 0.6, mistake)
    report = check(net, gradients, masks=masks, keep_prob=0.6)
    named = [c.kind for row in report for each in (row.causes, *row.alternatives) for c in each]
    assert report.passed if not mistake else mistake in named
