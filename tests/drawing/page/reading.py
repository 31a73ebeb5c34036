"""What a page shows, read back from its elements: numbers as arrays, marks in the picture, contrast."""

import numpy as np

_TABLES = """panel => [...panel.querySelectorAll("table.heat")].map(table => [
    table.ariaLabel,
    [...table.tBodies[0].rows].map(row => [...row.querySelectorAll("td")].map(cell => cell.textContent)),
])"""

_MARKS = """() => [...document.querySelectorAll("svg.graph :is(.node, .edge)")]
    .map(element => [element.id, [...element.classList].sort().join(" ")])"""

# What is painted under a text, layer by layer, and the text on it: the contrast of WCAG, for each element with words.
_CONTRASTS = """root => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (r, g, b) => [r, g, b]
    .map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const paint = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); };
  const seen = () => luminance(...canvas.getImageData(0, 0, 1, 1).data);
  const found = [];
  for (const element of document.querySelectorAll(root)) {
    const words = [...element.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    if (!words || !element.checkVisibility() || element.closest("[aria-disabled=true], option, svg")) continue;
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
    canvas.clearRect(0, 0, 1, 1);
    layers.forEach(paint);
    const under = seen();
    paint(getComputedStyle(element).color);
    const over = seen();
    const ratio = (Math.max(over, under) + 0.05) / (Math.min(over, under) + 0.05);
    found.push([element.textContent.trim().slice(0, 40), ratio]);
  }
  return found;
}"""


def number(text):
    return float(text.replace("−", "-"))  # noqa: RUF001 (the minus sign that is shown)


def tables(page, panel="#step"):
    """The arrays in a panel by name, `dW1`, in the order in which they are shown; each is a matrix."""
    found = page.eval_on_selector(panel, _TABLES)
    return {caption.partition(", shape")[0]: np.array([[*map(number, row)] for row in rows]) for caption, rows in found}


def texts(page, selector):
    return page.locator(selector).all_text_contents()


def marks(page):
    """The classes of each node and edge in the picture."""
    return dict(map(tuple, page.evaluate(_MARKS)))


def marked(page, mark):
    """The nodes that have a mark, without their boxes' endings."""
    return {
        id.removesuffix("-value") for id, classes in marks(page).items() if mark in classes.split() and id[0] == "n"
    }


def contrasts(page, root="body *"):
    """The contrast of each text to what is behind it."""
    return page.evaluate(_CONTRASTS, root)


def status(page):
    return page.text_content("#status")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def assert_shows(shown, true):
    """The four digits that are shown are those of the true values."""
    np.testing.assert_allclose(shown, np.atleast_2d(true), rtol=6e-4, atol=1e-12)
