"""Laws of the homework checker: it names what is wrong, blames the first wrong formula, and never says what is not so.

The learners are plain NumPy, in `students`, and know nothing of the checker's table of mistakes.
"""

import itertools

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.marks import in_depth
from tests.testing.backprop import diagnosis_sweep
from tests.testing.backprop.diagnosis_sweep import ALL, NO_ERRORS, check, handed_in, is_named, judged
from tests.testing.backprop.students import Homework
from tinygrad_dl import nn
from tinygrad_dl.testing import check_backprop

# 1 to 5 layers, with each activation of the course twice, and with and without regularisation
NETS = [
    Homework([4, 3], ["sigmoid"], 12, seed=1, regularisation=0.7),
    Homework([3, 5, 1], ["tanh", "sigmoid"], 11, seed=2, regularisation=0.7),
    Homework([3, 4, 5, 1], ["relu", "leaky_relu", "sigmoid"], 16, seed=3),
    Homework([2, 5, 3, 4, 2], ["identity", "tanh", "relu", "sigmoid"], 13, seed=4),
    Homework([3, 4, 3, 5, 2, 1], ["leaky_relu", "sigmoid", "identity", "tanh", "sigmoid"], 15, seed=5),
]
SQUARES = Homework([3, 4, 2], ["tanh", "identity"], 9, seed=6, cost="mean_squared_error")
DEEP = NETS[2]


def each_kind(homework, shortcut, quantities):
    """Every kind of fault in every formula once, each in some layer where it shows."""
    rng, faults = np.random.default_rng(homework.m), homework.faults(shortcut)
    right = handed_in(homework, (), quantities, shortcut)
    found = {}
    for at in rng.permutation(len(faults)):
        kind, place = faults[at]
        gradients = handed_in(homework, [faults[at]], quantities, shortcut)
        if gradients is not None and not diagnosis_sweep.same(gradients, right):
            found.setdefault((kind, place[:2]), faults[at])
    return list(found.values())


def blamed(report):
    """The causes by name that a report has, its alternatives aside."""
    return {row.name: row.cause for row in report if row.causes and row.status == "wrong"}


# ---- it names what is wrong


@pytest.mark.parametrize(
    "homework", [NETS[0], *map(in_depth, [NETS[1], SQUARES, *NETS[2:]])], ids=lambda homework: f"{homework.L} layers"
)
def test_every_mistake_alone_is_named_when_all_gradients_are_given(homework):
    of_the_output = [fault for fault in each_kind(homework, True, ALL) if fault[1] == "A-Y"]
    for shortcut, faults in ((False, each_kind(homework, False, ALL)), (True, of_the_output)):
        for fault in faults:
            word, report = judged(homework, [fault], ALL, shortcut)
            assert word.startswith("named"), f"{fault}\n{report}"


@pytest.mark.deep
@pytest.mark.parametrize("homework", [NETS[1], in_depth(NETS[3])], ids=lambda homework: f"{homework.L} layers")
def test_every_mistake_alone_is_named_from_dW_and_db_alone(homework):
    for fault in each_kind(homework, False, NO_ERRORS):
        word, report = judged(homework, [fault], NO_ERRORS, False)
        assert word.startswith("named"), f"{fault}\n{report}"


def test_mistakes_in_nets_by_rows_and_with_softmax_are_named_in_their_place(deep):
    cases = list(diagnosis_sweep.by_rows_and_softmax(seed=5, nets=1))
    for homework, faults, shortcut in cases[:: 20 if deep else 90]:
        for quantities in (ALL, NO_ERRORS):
            word, report = judged(homework, faults, quantities, shortcut)
            assert report is None or word.startswith("named"), f"{faults}\n{report}"


@pytest.mark.deep
@pytest.mark.parametrize("quantities", [ALL, in_depth(NO_ERRORS)])
def test_nine_of_ten_pairs_of_mistakes_are_both_named_and_no_third_one(quantities):
    words = [judged(*case[:2], quantities, case[2])[0] for case in diagnosis_sweep.pairs(seed=3, count=30)]
    judgeable = [word for word in words if word not in ("error", "invisible", "masked")]
    assert len(judgeable) > 15
    assert "false" not in judgeable
    assert sum(word.startswith("named") for word in judgeable) >= 0.9 * len(judgeable)


def test_a_mistake_in_a_loop_over_the_layers_is_one_kind_in_many_places():
    faults = [("1/m missing", f"{quantity}{layer}") for layer in (1, 2, 3) for quantity in ("dW", "db")]
    report = check(DEEP, DEEP.backward(faults))
    assert blamed(report) == {place: "1/m missing" for _, place in faults}
    assert str(report).count("The cost is a mean") == 1


def test_three_mistakes_in_three_places_are_all_named():
    faults = [("g' missing", "dZ2"), ("keepdims lost", "db2"), ("transpose forgotten", "dA1")]
    homework = Homework([3, 4, 4, 1], ["tanh", "relu", "sigmoid"], 16)
    assert blamed(check(homework, homework.backward(faults))) == {place: kind for kind, place in faults}


@pytest.mark.parametrize("in_dW", ["dA for dZ", "never computed", "W for dW"])
def test_a_dW_that_does_not_depend_on_dZ_says_nothing_about_it(in_dW):
    for of_dZ in ("g' missing", "half of g'"):
        word, report = judged(NETS[0], [(in_dW, "dW1"), (of_dZ, "dZ1")], NO_ERRORS, shortcut=False)
        assert word == "masked" or word.startswith("named"), report


# ---- it never says what is not so


def test_right_submissions_are_right(deep):
    seeds = [*range(80 if deep else 20), 5001579]  # in the last, what is left of a sum depends on relu'(0)
    submissions = [diagnosis_sweep.right_submission(seed) for seed in seeds]
    for homework, gradients in filter(None, submissions):
        report = check(homework, gradients)
        assert report.passed, report


@pytest.mark.parametrize("quantities", [ALL, NO_ERRORS])
def test_autodiff_is_right_in_either_convention(quantities):
    rng = np.random.default_rng(0)
    net = nn.mlp([3, 4, 2], hidden=nn.leaky_relu, output=nn.sigmoid, rng=rng)
    X, Y = rng.normal(size=(3, 20)), rng.integers(0, 2, (2, 20))
    loss = nn.binary_cross_entropy(net(X), Y)
    tensors = {f"d{name}": tensor for name, tensor in tg.named_tensors(loss).items() if name[0] in quantities}
    gradients = tg.gradients(loss, tensors)
    assert check_backprop(gradients, X, Y, net).passed
    by_sample = {name: g * (20 if name[1] in "AZ" else 1) for name, g in gradients.items()}
    assert check_backprop(by_sample, X, Y, net).passed
    if quantities == ALL:
        assert check_backprop(gradients, X, Y, net).convention == "derivative"
        assert check_backprop(by_sample, X, Y, net).convention == "course"
        assert check_backprop(gradients, X, Y, net, convention="course")["dA2"].cause == "1/m twice"
        assert check_backprop(by_sample, X, Y, net, convention="derivative")["dA2"].cause == "1/m missing"


@pytest.mark.parametrize(
    "fault", [("sign", "dZ2"), ("1/m missing", "dA3"), ("1/m twice", "dW1"), ("g' missing", "dZ1")]
)
def test_mistakes_in_true_derivatives_are_named_too(fault):
    report = check(DEEP, DEEP.backward([fault], derivative=True, shortcut=False), convention="derivative")
    assert is_named(report, *fault)
    if fault[0] not in ("1/m missing", "1/m twice"):
        assert check(DEEP, DEEP.backward([fault], derivative=True, shortcut=False)).convention == "derivative"


@pytest.mark.parametrize("quantities", [ALL, in_depth(NO_ERRORS)])
def test_numbers_that_no_mistake_gives_have_a_cause_unknown(quantities):
    rng = np.random.default_rng(0)
    right = {name: g for name, g in DEEP.backward().items() if name[1] in quantities}
    report = check(DEEP, {name: g + 0.1 * rng.normal(size=g.shape) for name, g in right.items()})
    assert {row.status for row in report} == {"unknown"}
    assert not blamed(report)
    one = next(iter(right)), rng.normal(size=right[next(iter(right))].shape)
    assert [row.name for row in check(DEEP, right | dict([one])) if row.status == "unknown"] == [one[0]]


@pytest.mark.deep
@pytest.mark.parametrize("quantities", [ALL, in_depth(NO_ERRORS)])
def test_in_the_smallest_nets_the_true_cause_is_among_those_named(quantities):
    for sizes, m in [([1, 1], 2), ([2, 2], 1)]:
        homework = Homework(sizes, ["identity", "sigmoid"][-len(sizes) + 1 :], m, seed=3)
        for fault in homework.faults(shortcut=False):
            word, report = judged(homework, [fault], quantities, shortcut=False)
            if report is not None and not is_named(report, *fault):
                named = " ".join(filter(None, (row.cause for row in report)))
                divides_by_one = fault[0] == "1/m by the wrong count" and "1/m missing" in named
                halves = "constant factor" in named  # with two samples a factor of m or 1/m is one of 2 or ½
                assert divides_by_one or halves or word in ("unknown",), f"{fault}\n{report}"


def test_an_unknown_cause_comes_with_what_can_be_said():
    gradients = DEEP.backward()
    assert "3.5 times" in check(DEEP, gradients | {"dW2": 3.5 * gradients["dW2"]})["dW2"].note
    gradients["dW2"][1, 2] += 1
    assert "Only 1 of 20 numbers are wrong, the first at (1, 2)" in check(DEEP, gradients)["dW2"].note
    assert "Give dZ1 too" in check(NETS[0], {"dW1": np.arange(12).reshape(3, 4)})["dW1"].note


def test_small_gradients_are_judged_by_their_own_size():
    homework = Homework([3, 4, 1], ["tanh", "sigmoid"], 8)
    homework.parameters["W2"] *= 1e-9
    homework.forward()
    report = check(homework, homework.backward([("sign", "dZ1")]))
    assert np.abs(homework.backward()["dZ1"]).max() < 1e-8
    assert blamed(report) == {"dZ1": "sign"}


def test_right_is_within_a_millionth_and_in_single_precision_within_a_ten_thousandth():
    dZ2, dW2 = (DEEP.backward()[name] for name in ("dZ2", "dW2"))
    for dtype, right, wrong in [(np.float64, 5e-7, 1e-5), (np.float32, 5e-5, 1e-3)]:
        for error in (right, wrong):
            off = dW2.copy()
            off[np.unravel_index(np.abs(off).argmax(), off.shape)] *= 1 + error
            assert check(DEEP, {"dZ2": dZ2, "dW2": off.astype(dtype)}).passed == (error == right)


def test_an_error_that_is_not_given_is_blamed_only_if_what_is_given_must_come_of_it():
    report = check(DEEP, {"dW1": -DEEP.backward()["dW1"]})
    assert [row.name for row in report] == ["dW1"]
    assert report["dW1"].cause == "sign"
    hidden = {cause.place for causes in report["dW1"].alternatives for cause in causes}
    assert hidden == {"dZ1", "dA1", "dZ2", "dA2", "dZ3", "dA3"}
    assert "The same numbers come of it in" in str(report)


def test_what_comes_after_a_transposed_error_may_have_been_computed_before_it_was_transposed():
    gradients = DEEP.backward([("sign", "dZ2")])
    report = check(DEEP, gradients | {"dZ2": gradients["dZ2"].T})
    assert blamed(report) == {"dZ2": "sign and transposed"}
    assert {report[name].inherited_from for name in ("dW2", "db2", "dA1", "dZ1", "dW1", "db1")} == {"dZ2"}


# ---- single precision, saturation, dead units, nan


@pytest.mark.parametrize("fault", [("sign", "dZ2"), ("1/m missing", "dW1"), ("Z for A", "dW2"), ("dA for dZ", "db1")])
def test_mistakes_in_single_precision_are_named(fault):
    gradients = {name: g.astype(np.float32) for name, g in DEEP.backward([fault]).items()}
    assert blamed(check(DEEP, gradients)) == {fault[1]: fault[0]}


@pytest.mark.few_values
@pytest.mark.parametrize(
    ("size", "place"), [*itertools.product([1, 5, 10], ["dA1", "dZ1", "dW1"]), (16, "dA1")]
)  # at 16, dZ is 1e-13 of what it is the difference of
def test_where_the_output_saturates_a_wrong_sign_is_still_wrong(size, place):
    homework = Homework([1, 1], ["sigmoid"], 6)
    homework.X, homework.Y = np.array([[1.9, 2, -1.9, 1.9, -2, 1.8]]), np.array([[1, 1, 0, 1, 0, 1]])
    homework.parameters |= {"W1": np.array([[size + 0.1]]), "b1": np.zeros((1, 1))}
    homework.forward()
    assert check(homework, homework.backward(shortcut=False)).passed
    assert blamed(check(homework, homework.backward([("sign", place)], shortcut=False))) == {place: "sign"}


def test_a_saturated_sigmoid_written_in_another_way_is_right():
    homework = Homework([1, 1], ["sigmoid"], 4)
    homework.X, homework.Y = np.array([[2.0, 2.6, -2.3, 2.5]]), np.array([[1.0, 1, 0, 1]])
    homework.parameters = {"W1": np.array([[11.3]]), "b1": np.zeros((1, 1))}
    dZ = (1 + np.tanh(11.3 * homework.X / 2)) / 2 - homework.Y
    homework.forward()
    assert not np.allclose(dZ, homework.backward()["dZ1"], rtol=1e-5, atol=0)
    assert check(homework, {"dZ1": dZ, "dW1": dZ @ homework.X.T / 4}).passed


def test_what_single_precision_makes_of_a_saturated_output_is_right():
    homework = Homework([1, 1], ["sigmoid"], 4)
    homework.X, homework.Y = np.array([[20.3, 21.1, 19.7, 0.3]]), np.array([[0.0, 1, 0, 1]])
    homework.parameters = {"W1": np.float32([[1.1]]), "b1": np.float32([[0.2]])}
    X, Y = homework.X.astype(np.float32), homework.Y.astype(np.float32)
    A = 1 / (1 + np.exp(-(homework.parameters["W1"] @ X + homework.parameters["b1"])))
    clipped = np.clip(A, 1e-7, 1 - 1e-7)
    dA = -Y / clipped + (1 - Y) / (1 - clipped)
    dZ = dA * A * (1 - A)
    assert np.all(dZ[0, :3] == 0)  # it should be 1 for the first sample: 1 - A is lost
    homework.X = X
    report = check(homework, {"dA1": dA, "dZ1": dZ, "dW1": dZ @ X.T / 4})
    assert report.passed, report


def test_of_dead_units_all_zeros_are_right_and_of_others_never_computed():
    homework = Homework([3, 4, 1], ["relu", "sigmoid"], 8)
    zeros = {"dW1": np.zeros((4, 3)), "db1": np.zeros((4, 1))}
    assert blamed(check(homework, homework.backward() | zeros)) == {"dW1": "never computed", "db1": "never computed"}
    homework.parameters["b1"] -= 100
    assert check(homework, zeros).passed


def test_a_gradient_with_nan_is_wrong_and_what_comes_after_inherits_it():
    gradients = DEEP.backward()
    gradients["dZ2"] = gradients["dZ2"].copy()
    gradients["dZ2"][0, 0] = np.nan
    gradients["dW2"] = gradients["dZ2"] @ DEEP.A[1].T / DEEP.m
    report = check(DEEP, gradients)
    assert (report["dZ2"].status, report["dZ2"].cause) == ("wrong", "not finite")
    assert (report["dW2"].status, report["dW2"].inherited_from) == ("inherited", "dZ2")
    assert report["db2"].status == "right"
