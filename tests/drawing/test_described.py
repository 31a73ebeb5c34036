"""`print` of a drawing says what its picture says: gradients, verdicts, and the formulas of each way."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.drawing import draw
from tinygrad_dl.testing import check_backprop

from .conftest import X, Y, loss_of, net_of
from .pictures import needs_engine, norm, random_net, shown


def line_of(text, name):
    """The line of the node called `name`."""
    (line,) = (line for line in text.split("\n") if line.startswith("#") and name in line.split()[1:4])
    return line


@pytest.mark.parametrize("options", [{"gradients": True}, {"heat": True}, {"show": "both", "gradients": True}])
def test_gradients_that_a_picture_shows_are_printed_with_their_nodes(options):
    net = net_of()
    text = str(draw(loss_of(net), **options))
    loss_of(net).backward()
    for name, parameter in tg.nn.module.course_names(net.named_parameters()).items():
        wanted = (
            f"gradient norm {norm(parameter.grad)}" if parameter.size > 1 else f"gradient {parameter.grad.item():.3g}"
        )
        assert line_of(text, name).endswith(wanted)
    assert "gradient" not in line_of(text, "Y")


def test_stored_gradients_are_printed_as_they_are_stored():
    x = tg.parameter([3.0, 4.0], name="x")
    assert line_of(str(draw(np.sum(x), gradients="stored")), "x").endswith("gradient never computed")
    x.grad = np.array([3.0, 4.0])
    assert line_of(str(draw(np.sum(x), gradients="stored")), "x").endswith("gradient norm 5")


def test_without_facts_the_list_has_no_column_for_them(loss):
    assert str(draw(loss)) == str(draw(loss, shapes=True, memory=True))


def test_a_backward_pass_is_printed_as_its_derivation(loss):
    derivation = str(tg.derive(loss))
    assert str(draw(loss, show="backward")) == derivation
    assert str(draw(loss, show="both")) == f"{draw(loss)}\n\n{derivation}"
    assert derivation in str(draw(loss, show="backward", gradients=True))


def test_formulas_are_those_that_stand_in_the_picture():
    loss, _ = random_net()
    drawing = draw(loss, formulas=True)
    printed = {line.partition("  ")[2] for line in str(drawing).split("\n\n")[1].split("\n")[1:]}
    assert "dZ: dA * (1 - A**2)" in printed
    assert "dW: g @ X.mT" in printed


@needs_engine
def test_a_picture_with_formulas_has_all_that_are_printed():
    loss, _ = random_net()
    drawing = draw(loss, formulas=True)
    drawn = "".join("".join(thing.lines) for thing in shown(drawing).nodes.values()).replace(" ", "")
    for line in str(drawing).split("\n\n")[1].split("\n")[1:]:
        assert line.partition("  ")[2].replace(" ", "") in drawn


def test_a_backward_pass_that_cannot_be_derived_is_printed_rule_by_rule():
    x = tg.parameter([1.0, 2.0], name="x")
    text = str(draw([np.sum(x), np.sum(x * x)], show="backward"))
    assert "#2  dx: g * x" in text.split("\n")


def test_a_report_is_printed_with_its_causes():
    net = net_of()
    tensors = tg.named_tensors(net(X))
    dZ2 = tensors["A2"].data - Y
    report = check_backprop({"dZ2": dZ2, "dW2": dZ2 @ tensors["A1"].data.T}, X, Y, net)
    text = str(draw(loss_of(net), report=report))
    assert line_of(text, "Z2").endswith("dZ2 right")
    assert line_of(text, "W2").endswith("dW2 wrong: 1/m missing")
    assert "The cost is a mean over the m samples" in text


def test_a_long_list_of_formulas_ends_with_the_number_of_the_others():
    x = tg.parameter(1.0, name="x")
    for _ in range(100):
        x = np.tanh(x)
    lines = str(draw(x, formulas=True)).split("\n\n")[1].split("\n")
    assert len(lines) == 62
    assert lines[-1] == "... and 40 more"


@needs_engine
def test_a_backward_picture_explains_errors_per_sample_in_its_foot_and_tooltips(loss):
    picture = shown(draw(loss, show="backward"))
    assert "m = 6 times as large" in " ".join(picture.foot).replace("  ", " ")
    tips = {thing.lines[0]: thing.tooltip for thing in picture.nodes.values()}
    assert "derived, week 3: dZ2 = A2 - Y\nan error per sample, m = 6 times what is shown here" in tips["dZ2"]
    assert "dW1 = dZ1 @ X.T / m" in tips["dW1"]
    squares = shown(draw(np.sum(tg.parameter([1.0, 2.0]) ** 2), show="backward"))
    assert "per sample" not in " ".join(squares.foot)


@needs_engine
@pytest.mark.parametrize(("scale", "words"), [(1, "as errors per sample"), (1 / 6, "as derivatives of the cost")])
def test_a_picture_of_a_report_says_how_the_report_reads_dz(scale, words):
    net = net_of()
    tensors = tg.named_tensors(net(X))
    dZ2 = (tensors["A2"].data - Y) * scale
    dW2 = dZ2 @ tensors["A1"].data.T / (6 * scale)
    picture = shown(
        draw(nn.binary_cross_entropy(net(X), Y), report=check_backprop({"dZ2": dZ2, "dW2": dW2}, X, Y, net))
    )
    assert words in " ".join(picture.foot)
