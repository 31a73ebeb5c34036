"""A report on a hand derivation in a picture: at the names that it is about, with the cause."""

import pytest

import tinygrad_dl as tg
from tinygrad_dl import testing
from tinygrad_dl.drawing import draw, style

from .conftest import X, Y, loss_of, net_of
from .pictures import SVG, needs_engine, shown
from .test_style import contrast


@pytest.fixture(scope="module")
def reported(net, loss):
    """A report that finds dZ1 wrong, and what comes of it, and dW2 right."""
    named = tg.named_tensors(loss)
    A1, A2, Z1, W2 = (named[name].data for name in ("A1", "A2", "Z1", "W2"))
    m = X.shape[1]
    dZ2 = A2 - Y
    dZ1 = W2.T @ dZ2 * (1 - Z1**2)
    gradients = {"dZ2": dZ2, "dW2": dZ2 @ A1.T / m, "dZ1": dZ1, "dW1": dZ1 @ X.T / m}
    return testing.check_backprop(gradients, X, Y, net)


@needs_engine
@pytest.mark.parametrize("show", ["forward", "backward"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_stands_at_the_names_that_it_is_about_with_the_cause(loss, reported, show, theme):
    picture = shown(draw(loss, report=reported, show=show, theme=theme))
    colours = style.DARK if theme == "dark" else style.LIGHT
    prefix = "d" if show == "backward" else ""
    things = {thing.lines[0]: thing for thing in picture.nodes.values()}
    statuses = {row.name: row.status for row in reported}
    assert statuses == {"dZ2": "right", "dW2": "right", "dZ1": "wrong", "dW1": "inherited"}
    for row in reported:
        thing = things[f"{prefix}{row.name[1:]}"]
        assert f"{row.name} {row.verdict}" in thing.lines
        verdict = "right" if row.status == "right" else "wrong"
        assert verdict in thing.classes
        assert thing.strokes[0] == getattr(colours, verdict)
    cause = reported["dZ1"].causes[0]
    assert cause.why in " ".join(things[f"{prefix}Z1"].tooltip.split())
    assert "week" in things[f"{prefix}Z1"].tooltip
    for name in ("A1", "b1"):
        assert not {"right", "wrong"} & {*things[prefix + name].classes}


@needs_engine
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("show", ["forward", "backward"])
def test_with_heat_a_report_has_the_outline_and_heat_the_fill(loss, reported, theme, show):
    picture = shown(draw(loss, report=reported, heat=True, theme=theme, show=show))
    plain = shown(draw(loss, heat=True, theme=theme, show=show))
    things = {thing.lines[0].removeprefix("d"): thing for thing in picture.nodes.values()}
    assert {"wrong", "heat"} <= {*things["Z1"].classes}
    assert {"right", "heat"} <= {*things["W2"].classes}
    assert {"right", "wrong"}.isdisjoint(things["A1"].classes)
    assert things["Z1"].strokes[0] != things["W2"].strokes[0]
    for id, thing in picture.nodes.items():
        assert thing.fills == plain.nodes[id].fills
        for text in thing.element.iter(f"{SVG}text"):
            assert contrast(text.get("fill"), thing.fills[0]) >= 4.5, thing.lines


@needs_engine
@pytest.mark.parametrize("show", ["forward", "backward"])
def test_a_report_on_what_is_summed_up_says_what_is_wrong_in_it(show):
    net = net_of(6)
    loss = loss_of(net)
    named = tg.named_tensors(loss)
    gradients = {f"d{name}": tg.gradients(loss, named[name]) for name in ("W2", "W3", "W4")}
    gradients["dW3"] = -gradients["dW3"]
    report = testing.check_backprop(gradients, X, Y, net)
    for options in ({"roll": True}, {"depth": 0}):
        picture = shown(draw(loss, report=report, show=show, **options))
        (thing,) = [thing for thing in picture.nodes.values() if "2 of 3 right" in thing.lines]
        assert "not dW3" in thing.lines
        assert "wrong" in thing.classes


def test_a_report_on_other_names_is_an_error(reported):
    x = tg.parameter(1.0, "x")
    with pytest.raises(ValueError, match=r"the report is about dZ2, .*, and this graph has none of these names"):
        draw(x * 2, report=reported)


def test_what_is_no_report_is_an_error(loss):
    with pytest.raises(TypeError, match=r"expected report=testing\.check_backprop\(\.\.\.\), got dict"):
        draw(loss, report={"dW1": 1})
