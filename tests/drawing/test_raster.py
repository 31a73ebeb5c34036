"""Letters that the bundled engine has no font for are drawn by another program, or the user is warned."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import engine, raster

bundled = pytest.mark.skipif(not engine.is_bundled(), reason="graphviz-pure is not the engine")
PNG = b"\x89PNG\r\n\x1a\n"


def drawing(name):
    return tg.draw(np.sum(tg.parameter([1.0, 2.0], name=name)))


def is_box(letter):
    """Whether the engine draws the same picture for a letter as for a Chinese one that it lacks."""
    one, other = (
        engine.render(f'digraph {{ a [label="{x}" fixedsize=true fontname=Helvetica] }}', ".png")
        for x in (letter, "权")
    )
    return one == other


@bundled
@pytest.mark.few_values
@pytest.mark.parametrize("letter", "AéŁαΣЖא×√∂→²…€重한か∘∇🙂")
def test_the_letters_that_are_missing_are_those_that_the_engine_draws_as_empty_boxes(letter):
    assert (raster.missing_letters(letter) == letter) == is_box(letter)


def no_program(monkeypatch, *names):
    monkeypatch.setattr(raster, "which", lambda name: None if name in names else shutil.which(name))


@bundled
def test_without_another_program_there_is_a_warning_with_the_letters_and_a_picture_all_the_same(monkeypatch, tmp_path):
    no_program(monkeypatch, "fc-list", "rsvg-convert", *raster._BROWSERS)
    with pytest.warns(UserWarning, match="empty boxes for '权重'.*Write .svg, or install a font"):
        path = drawing("权重").render(tmp_path / "a.png")
    assert path.read_bytes().startswith(PNG)


@bundled
def test_without_a_font_there_is_the_same_warning(monkeypatch, tmp_path):
    monkeypatch.setattr(raster, "_have_font", lambda letters: False)
    with pytest.warns(UserWarning, match="empty boxes"):
        drawing("权重").render(tmp_path / "a.png")


@bundled
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a shebang")
def test_another_program_gets_the_svg_and_gives_the_picture(monkeypatch, tmp_path):
    program = tmp_path / "rsvg-convert"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsvg = sys.stdin.buffer.read()\n"
        "assert '权重' in svg.decode()\nsys.stdout.buffer.write(b'a picture')\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setattr(raster, "_have_font", lambda letters: True)
    monkeypatch.setattr(raster, "which", lambda name: str(program) if name == program.name else None)
    assert drawing("权重").render(tmp_path / "a.png").read_bytes() == b"a picture"


@bundled
@pytest.mark.deep
@pytest.mark.skipif(not any(map(shutil.which, raster._BROWSERS)), reason="there is no browser")
def test_a_browser_gives_a_picture_of_the_size_that_the_engine_gives(monkeypatch, tmp_path):
    monkeypatch.setattr(raster, "_have_font", lambda letters: True)
    no_program(monkeypatch, "rsvg-convert")
    svg = drawing("权重")._render(".svg")
    sizes = [
        int.from_bytes(png[16:20])
        for png in (raster.other_png(svg, "权"), engine.render(drawing("权重").source, ".png"))
    ]
    assert abs(sizes[0] - sizes[1]) <= 4


def test_letters_that_every_font_has_need_no_other_program(monkeypatch, tmp_path):
    monkeypatch.setattr(raster, "other_png", None)
    assert drawing("W α").render(Path(tmp_path) / "a.png").read_bytes().startswith(PNG)


def test_a_program_that_fails_or_hangs_gives_none(monkeypatch):
    assert raster._run([sys.executable, "-c", "raise SystemExit(1)"], b"") is None
    assert raster._run(["/no/such/program"], b"") is None
    monkeypatch.setattr(raster, "_SECONDS", 0.05)
    assert raster._run([sys.executable, "-c", "import time; time.sleep(9)"], b"") is None
