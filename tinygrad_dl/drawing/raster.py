"""PNG of an SVG by another program, for letters that the font of the engine graphviz-pure lacks."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import warnings
from pathlib import Path
from shutil import which

_SCALE = 1.5  # pixels of CSS, of which a point has 4/3: 144 dots an inch, as of the engines
_SECONDS = 60.0
# Tried with graphviz-pure 0.2.2: Latin, Greek, Cyrillic and Hebrew letters and a few signs.
_HAS = re.compile(  # the signs: arrows, ∂∆∏∑ minus √∞∩∫≈≠≡≤≥
    "[\x00-\u0590\u05d0-\u05ff\u1e00-\u20cf\u2190-\u2195\u2202\u2206\u220f\u2211\u2212\u221a\u221e\u2229\u222b\u2248\u2260\u2261"
    "\u2264\u2265]"
)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge", "chrome")


def missing_letters(text: str) -> str:
    """The letters of `text` for which the font of graphviz-pure has an empty box only.

    >>> missing_letters("权重 W1: α ∂J"), missing_letters("W1: α ∂J")
    ('权重', '')
    """
    return "".join(dict.fromkeys(letter for letter in text if not _HAS.match(letter)))


def other_png(svg: bytes, letters: str) -> bytes | None:
    """The PNG of a picture by rsvg-convert or a browser, or None, with a warning, if none can draw `letters`."""
    if _have_font(letters):
        for convert in (_by_rsvg, _by_browser):
            png = convert(svg)
            if png is not None:
                return png
    warnings.warn(
        f"the PNG has empty boxes for {letters[:20]!r}: the bundled layout engine has no font for them. Write .svg, or "
        f"install a font that has them and Graphviz, rsvg-convert or Chromium.",
        UserWarning,
        stacklevel=7,
    )
    return None


def _have_font(letters: str) -> bool:
    """Return whether a font of this machine has the `letters`, as far as fontconfig, if it is there, knows."""
    program = which("fc-list")
    if program is None:
        return True
    codes = " ".join(f"{ord(letter):x}" for letter in letters)
    return bool(subprocess.run([program, f":charset={codes}"], capture_output=True, check=False).stdout.strip())


def _by_rsvg(svg: bytes) -> bytes | None:
    program = which("rsvg-convert")
    return None if program is None else _run([program, "--zoom", str(_SCALE), "--format", "png"], svg)


def _by_browser(svg: bytes) -> bytes | None:
    program = next(filter(None, map(which, _BROWSERS)), None)
    size = re.search(rb'<svg\b[^>]*?\bwidth="([\d.]+)pt" height="([\d.]+)pt"', svg)
    if program is None or size is None:
        return None
    width, height = (round(float(points) * 4 / 3 + 0.5) for points in size.groups())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # a browser may write until its end
        page, png = Path(folder) / "picture.html", Path(folder) / "picture.png"
        page.write_bytes(b'<!doctype html><meta charset="utf-8"><body style="margin: 0">' + svg)
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        options = ["--headless", "--hide-scrollbars", f"--user-data-dir={folder}/profile", *sandbox]
        options += [f"--force-device-scale-factor={_SCALE}", f"--window-size={width},{height}", f"--screenshot={png}"]
        _run([program, *options, page.as_uri()], b"")
        return png.read_bytes() if png.exists() else None


def _run(command: list[str], given: bytes) -> bytes | None:
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
