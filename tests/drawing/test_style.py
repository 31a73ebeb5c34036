"""Looks: to be read in light and dark, in print, and whoever sees no colours."""

import itertools
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_dl.drawing import style

FILLS = {
    False: {**{kind: look.light[0] for kind, look in style.LOOKS.items()}, "background": style.LIGHT.background},
    True: {**{kind: look.dark[0] for kind, look in style.LOOKS.items()}, "background": style.DARK.background},
}
HEAT = [*style.SCALE, style.heat(0.0, 1.0, 2.0)]


def luminance(colour):
    """The relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, two):
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", [*style.LOOKS, "background"])
def test_all_words_can_be_read_on_every_fill(kind, dark):
    theme = style.DARK if dark else style.LIGHT
    for colour in (theme.text, theme.faint, theme.right, theme.wrong):
        assert contrast(colour, FILLS[dark][kind]) >= 4.5


@pytest.mark.parametrize("fill", HEAT)
def test_words_can_be_read_on_every_colour_of_heat(fill):
    assert contrast(style.LIGHT.text, fill) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_outlines_and_edges_can_be_seen(dark):
    theme = style.DARK if dark else style.LIGHT
    for look in style.LOOKS.values():
        assert contrast((look.dark if dark else look.light)[1], theme.background) >= 2.5
    assert contrast(theme.edge, theme.background) >= 3


def test_each_kind_differs_from_the_others_without_its_colour():
    looks = [style.look(kind) for kind in style.LOOKS]
    outlines = [(look["shape"], look["style"].removeprefix("filled"), look.get("peripheries", "1")) for look in looks]
    assert len(set(outlines)) == len(outlines)


def test_each_kind_has_a_word_in_the_legend_that_no_other_has():
    assert style.WORDS.keys() == style.LOOKS.keys()
    assert len(set(style.WORDS.values())) == len(style.WORDS)


def test_the_colours_of_heat_get_darker_one_by_one_even_in_print():
    lights = [luminance(colour) for colour in style.SCALE]
    assert all(lower < 0.9 * higher for higher, lower in itertools.pairwise(lights))


@given(st.floats(min_value=5e-324, max_value=1e308), st.floats(min_value=5e-324, max_value=1e308))
def test_a_larger_gradient_is_never_paler(one, two):
    low, high = min(one, two), max(one, two)
    place = style.SCALE.index
    assert place(style.heat(low, low, high)) <= place(style.heat(high, low, high))
    middle = math.sqrt(low) * math.sqrt(high)
    assert place(style.heat(low, low, high)) <= place(style.heat(middle, low, high)) <= 5
    assert style.heat(low, low, high) == style.SCALE[0]
    if math.log(high) > math.log(low):
        assert style.heat(high, low, high) == style.SCALE[-1]


def test_each_colour_is_for_an_equal_share_of_the_decades():
    six = [style.heat(10.0**power, 1e-6, 1.0) for power in (-5.5, -4.5, -3.5, -2.5, -1.5, -0.5)]
    assert six == list(style.SCALE)


@pytest.mark.parametrize("value", [0.0, math.inf, math.nan])
def test_what_has_no_place_on_the_scale_is_grey(value):
    assert style.heat(value, 1.0, 10.0) == "#d9d9d9"
    assert "#d9d9d9" not in style.SCALE


def test_what_is_beyond_the_scale_has_its_ends():
    assert style.heat(1e-9, 1.0, 10.0) == style.SCALE[0]
    assert style.heat(1e300, 1e-300, 10.0) == style.SCALE[-1]


@given(st.floats(-2, 2), st.booleans())
def test_pixels_of_positive_and_negative_numbers_differ_to_the_colour_blind_too(value, dark):
    colour, opposite = style.signed_colour(value, dark), style.signed_colour(-value, dark)
    assert re.fullmatch("#[0-9a-f]{6}", colour)
    if abs(value) > 0.5:  # blue and orange differ in the blue part, which no common colour-blindness confuses
        assert abs(int(colour[5:], 16) - int(opposite[5:], 16)) > 80


def test_a_style_sheet_has_the_dark_colours_of_all_kinds():
    css = style.dark_css()
    for kind, look in style.LOOKS.items():
        assert f".node.{kind}" in css
        assert look.dark[0] in css
        assert look.dark[1] in css
    assert css.count("{") == css.count("}")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", style.LOOKS)
def test_a_look_is_of_attributes_of_graphviz(kind, dark):
    look = style.look(kind, dark)
    assert look["fillcolor"] == FILLS[dark][kind]
    assert all(isinstance(value, str) for value in look.values())
