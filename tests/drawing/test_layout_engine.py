"""The laws of rendering: which program is run, what a file holds, and that a failure says why and breaks nothing."""

import os
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import draw, engine

needs_engine = pytest.mark.skipif(engine.find() is None, reason="no layout engine is installed")
runs_scripts = pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the engine")


@pytest.fixture
def drawing():
    return draw(tg.parameter([1.0, 2.0], name="权重 🎉") * 2)


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))


@pytest.fixture
def system_dot(monkeypatch, tmp_path):
    """A function that puts a shell script first on PATH, as Graphviz's `dot`, and gives its path."""

    def install(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "dot"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return str(program)

    return install


# ---- finding a program


@runs_scripts
def test_the_dot_of_the_system_comes_first(system_dot):
    program = system_dot("exit 0")
    assert engine.find() == program


@runs_scripts
def test_graphviz_pure_is_found_beside_the_interpreter_without_being_on_the_path(no_engine, tmp_path, monkeypatch):
    assert engine.find() is None
    program = tmp_path / "graphviz-pure"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "")
    assert engine.find() == str(program)


def test_without_an_engine_the_error_says_how_to_get_one_and_what_works_without(no_engine, drawing, tmp_path):
    with pytest.raises(RuntimeError, match=r"pip install \"tinygrad-dl\[render\]\".*Graphviz.*\.source.*graph\.gv"):
        drawing.render(tmp_path / "graph.svg")
    assert list(tmp_path.iterdir()) == []


def test_without_an_engine_a_notebook_shows_text_that_says_how_to_get_one(no_engine, drawing):
    assert drawing._repr_svg_() is None
    assert 'pip install "tinygrad-dl[render]"' in repr(drawing)


# ---- what a file holds


@pytest.mark.parametrize("name", ["graph.gv", "graph.dot", "graph.GV"])
def test_a_gv_file_holds_the_source_and_needs_no_engine(no_engine, drawing, tmp_path, name):
    path = drawing.render(tmp_path / name)
    assert path.read_text(encoding="utf-8") == drawing.source


@needs_engine
def test_an_svg_file_holds_the_picture_and_its_path_is_returned(drawing, tmp_path):
    path = drawing.render(str(tmp_path / "graph.svg"))
    assert path == tmp_path / "graph.svg"
    root = ET.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "权重 🎉" in [text.strip() for text in root.itertext()]


@needs_engine
def test_a_png_file_holds_a_png(drawing, tmp_path):
    assert drawing.render(tmp_path / "graph.PNG").read_bytes().startswith(b"\x89PNG\r\n")


@needs_engine
def test_a_notebook_shows_the_picture(drawing):
    assert ET.fromstring(drawing._repr_svg_().encode()).tag == "{http://www.w3.org/2000/svg}svg"


@runs_scripts
def test_a_pdf_is_what_an_engine_that_makes_them_gives(system_dot, drawing, tmp_path):
    system_dot('test "$1" = -Tpdf && echo %PDF')
    assert drawing.render(tmp_path / "graph.pdf").read_text() == "%PDF\n"


@runs_scripts
def test_the_engine_is_given_the_source_as_utf_8(system_dot, drawing, tmp_path):
    system_dot("exec cat")
    assert drawing.render(tmp_path / "graph.svg").read_bytes() == drawing.source.encode("utf-8")


# ---- what goes wrong


@pytest.mark.parametrize("name", ["graph.jpeg", "graph", "graph.svg.txt", ".svg"])
def test_an_unknown_suffix_is_an_error_that_names_those_there_are(drawing, tmp_path, name):
    with pytest.raises(ValueError, match=r"ends in \.svg, \.png, \.pdf, \.gv or \.dot, got '.*" + name):
        drawing.render(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_an_error_that_says_to_make_it(drawing, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*plots' for 'graph\.gv': make it first"):
        drawing.render(tmp_path / "plots" / "graph.gv")


def test_a_folder_in_place_of_the_file_is_an_error(drawing, tmp_path):
    (tmp_path / "graph.gv").mkdir()
    with pytest.raises(IsADirectoryError, match="expected the path of a file"):
        drawing.render(tmp_path / "graph.gv")


@runs_scripts
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('echo "syntax error in line 3" >&2; exit 1', "syntax error in line 3"),
        ('echo "half a picture"; echo "out of memory" >&2; exit 1', "out of memory"),
        ("exit 3", "exit status 3 and no message"),
        ('echo "no plugin" >&2; exit 0', "no plugin"),
        ("exec sleep 60", r"gave up after 0\.3 s"),
    ],
)
def test_a_failure_carries_the_engines_own_words_and_leaves_the_old_file(
    system_dot, drawing, tmp_path, monkeypatch, script, message
):
    monkeypatch.setattr(engine, "_SECONDS", 0.3)
    program = system_dot(script)
    path = tmp_path / "graph.svg"
    path.write_text("the old picture")
    with pytest.raises(RuntimeError, match=message) as error:
        drawing.render(path)
    assert program in str(error.value)
    assert path.read_text() == "the old picture"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bin", "graph.svg"]
    assert drawing._repr_svg_() is None


@runs_scripts
def test_a_program_that_cannot_run_is_an_error_that_says_what_to_install(system_dot, drawing, tmp_path):
    Path(system_dot("")).write_bytes(b"\x7fELF, but of another machine")
    with pytest.raises(RuntimeError, match=r"could not be run.*install"):
        drawing.render(tmp_path / "graph.svg")


@runs_scripts
def test_a_format_that_the_engine_lacks_is_an_error_with_those_it_has(no_engine, system_dot, drawing, tmp_path):
    system_dot("""echo 'Format: "pdf" not recognized. Use one of: png svg' >&2; exit 1""")
    with pytest.raises(RuntimeError, match=r"could not make \.pdf: .* not recognized. Use one of: png svg"):
        drawing.render(tmp_path / "graph.pdf")
    assert not (tmp_path / "graph.pdf").exists()


def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(drawing, tmp_path, monkeypatch):
    path = tmp_path / "graph.gv"
    path.write_text("the old picture")

    def full(self, content):
        self.touch()
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        drawing.render(path)
    assert path.read_text() == "the old picture"
    assert list(tmp_path.iterdir()) == [path]
