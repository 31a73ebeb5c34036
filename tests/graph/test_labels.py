"""Labels show any text as typed, and characters that no picture can hold as Python writes them."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinygrad_dl.drawing import engine, svg
from tinygrad_dl.graph import labels

pytestmark = pytest.mark.skipif(engine.problem() is not None, reason="no layout engine is installed")

SVG = "{http://www.w3.org/2000/svg}"
TITLE = "{http://www.w3.org/1999/xlink}title"
TEXTS = st.text(st.characters(codec=None, categories=None), max_size=30) | st.text(
    "\\NGETHLlrn&<>;/b\"' \n-[]{}|#amp", max_size=30
)
NASTY = [
    *(
        "",
        " ",
        "  ",
        "\n",
        "a\n",
        "\n\na",
        "\\",
        "\\\\",
        "a\\",
        "\\N",
        "\\\\N",
        "\\G \\E \\T \\H \\L",
        "\\l\\r\\n",
        "&#92;N",
    ),
    *("<b>", "<b>bold</b>", "<", ">", "<>", "<<x>>", "]]>", "<!-- x -->", "--", "-->", "<![CDATA[x]]>", "<?x?>"),
    *(
        "&",
        "&amp;",
        "&amp;amp;",
        "&nbsp;",
        "&#38;",
        "&#0;",
        "&unknown;",
        '"',
        '\\"',
        "'",
        '"a" + "b"',
        "{a|b}",
        "%d",
        "${x}",
    ),
    *(
        "</script>",
        "</svg>",
        "</title><script>alert(1)</script>",
        "javascript:x",
        "权重 🎉",
        "👨‍👩‍👧",
        "e\u0301",
        "\u0301",
        "a" * 10_000,
    ),
    *(
        "\x00\x01\x1b[31m\x7f\x85",
        "\t",
        "\r\n",
        "\ud800",
        "\udfff\ud800",
        "\ufffe\uffff",
        "\ufdd0",
        "\U0001fffe",
        "\ufeff",
    ),
    *(
        "\u202eabc\u202c",
        "\u200e\u200f",
        "\u2028\u2029",
        "\xa0",
        " a  b ",
        "\xad",
        "&" * 10_000,
        "🎉" * 10_000,
        "\\" * 9_999,
    ),
]


def dot(attributes):
    """A node with `attributes`, as the package `graphviz` writes it."""
    from graphviz import Digraph

    digraph = Digraph("graph")
    digraph.node("n0", **attributes)
    return digraph.source


def picture(source):
    """The root of the picture, by an XML parser that knows nothing of Graphviz, after all that is done to it."""
    return ET.fromstring(svg.with_style(engine.render(source, ".svg"), "text { fill: white }"))


def as_python_writes_it(character):
    """What XML 1.0 has no `Char` for, and control characters, by the table of its specification."""
    code = ord(character)
    is_char = code in (0x9, 0xA) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
    return character if is_char and character != "\t" and not 0x7F <= code <= 0x9F else repr(character)[1:-1]


def shown(text):
    return "".join(map(as_python_writes_it, text))


def with_soft_spaces(text):
    """Graphviz writes hard spaces, which look alike, where XML would swallow soft ones."""
    return text.replace("\xa0", " ")


def cut(text, longest):
    if len(text) <= longest:
        return text
    head, tail = -(-(longest - 1) // 2), (longest - 1) // 2
    return f"{text[:head]}…{text[-tail:]}"


def texts(root):
    return [with_soft_spaces("".join(element.itertext())) for element in root.iter(SVG + "text")]


def every(examples):
    def decorate(test):
        for text in examples:
            test = example(text)(test)
        return test

    return decorate


@every(NASTY)
@given(TEXTS)
def test_an_html_like_label_shows_any_text_as_typed(text):
    lines = [cut(line, 40) for line in with_soft_spaces(shown(text)).split("\n")]
    lines = lines if len(lines) <= 4 else [*lines[:2], "…", lines[-1]]
    for label in ("<{}>", "<<b>{}</b>>", "<<table><tr><td>{}</td></tr></table>>"):
        root = picture(dot({"label": label.format(labels.html(text)), "tooltip": "x"}))
        assert texts(root) == [line or " " for line in lines]  # an empty line takes its place


@every(NASTY)
@given(TEXTS)
def test_a_tooltip_shows_any_text_as_typed_of_nodes_edges_and_frames(text):
    from graphviz import Digraph

    digraph, cluster = Digraph("graph"), Digraph("cluster_0")
    cluster.node("n0", "x", tooltip=labels.tip(text))
    cluster.attr(tooltip=labels.tip(text))
    digraph.subgraph(cluster)
    digraph.edge("n0", "n0", tooltip=labels.tip(text))
    tips = [with_soft_spaces(link.get(TITLE)) for link in picture(digraph.source).iter(f"{SVG}a")]
    assert tips == 3 * [with_soft_spaces(shown(cut(text, 1500)))] if text else "n0" not in tips


@pytest.mark.parametrize("align", ["left", "right"])
def test_lines_are_aligned_as_asked(align):
    text = labels.html("a\na long line\na", align=align)
    first, second, third = (float(line.get("x")) for line in picture(dot({"label": f"<{text}>"})).iter(f"{SVG}text"))
    assert first == third
    assert first == second if align == "left" else first > second
    assert labels.html("a", align=align) == "a"


@settings(max_examples=20)
@given(st.text("mW权🎉 ", min_size=1, max_size=10_000))
def test_no_name_makes_a_picture_miles_wide(text):
    root = picture(dot({"label": f"<{labels.html(text)}>", "shape": "box", "fontsize": "12"}))
    assert float(root.get("width").removesuffix("pt")) < 40 * 12 * 1.5
