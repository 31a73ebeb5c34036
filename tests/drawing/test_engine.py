"""The laws of rendering: which program is run, what a file holds, and that a failure says why and breaks nothing."""

import os
import subprocess
import sys
import sysconfig
import time
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


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    monkeypatch.delenv("TINYGRAD_DL_DOT", raising=False)
    monkeypatch.setattr(engine, "_chosen", None)


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
    assert set(drawing._repr_mimebundle_()) == {"text/plain"}
    assert 'pip install "tinygrad-dl[render]"' in drawing._repr_mimebundle_()["text/plain"]
    assert 'pip install "tinygrad-dl[render]"' in engine.problem()


@pytest.fixture(params=["environment", "function"])
def set_to(request, monkeypatch):
    """A function that sets the engine to a path, in one way or the other."""
    if request.param == "function":
        return engine.set_engine
    return lambda path: (monkeypatch.setenv("TINYGRAD_DL_DOT", str(path)), engine.find())


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "my dot"
    path.write_text("#!/bin/sh\necho mine $1\n")
    path.chmod(0o755)
    return path


@runs_scripts
def test_what_the_user_sets_comes_first(set_to, program, system_dot):
    system_dot("exit 0")
    set_to(program)
    assert engine.find() == str(program)
    assert engine.problem() is None
    assert engine.render("digraph {}", ".svg") == b"mine -Tsvg\n"


@runs_scripts
def test_the_function_goes_before_the_environment_and_none_undoes_it(program, system_dot, monkeypatch):
    other = system_dot("exit 0")
    monkeypatch.setenv("TINYGRAD_DL_DOT", str(program))
    engine.set_engine(other)
    assert engine.find() == other
    engine.set_engine(None)
    assert engine.find() == str(program)
    monkeypatch.setenv("TINYGRAD_DL_DOT", "")
    assert engine.find() == other


@runs_scripts
def test_a_name_on_the_path_and_a_home_folder_will_do(set_to, program, system_dot, monkeypatch, tmp_path):
    found = system_dot("exit 0")
    set_to("dot")
    assert engine.find() == found
    monkeypatch.setenv("HOME", str(tmp_path))
    set_to("~/my dot")
    assert engine.find() == str(program)


@runs_scripts
def test_what_the_user_sets_is_never_passed_over_where_it_is_no_program(set_to, tmp_path, system_dot):
    system_dot("exit 0")
    (tmp_path / "text").write_text("no program")
    for path, message in [
        ("nowhere", "there is no '.*nowhere'"),
        ("bin", "'.*bin' is a folder"),
        ("text", "'.*text' may not be executed"),
    ]:
        with pytest.raises(
            engine.EngineError, match=rf"(TINYGRAD_DL_DOT|set_engine).*{message}.*path of Graphviz's dot"
        ):
            set_to(tmp_path / path)


@runs_scripts
def test_a_program_that_is_gone_since_it_was_set_is_an_error(set_to, program, system_dot):
    system_dot("exit 0")
    set_to(program)
    program.unlink()
    for find in (engine.find, lambda: engine.render("digraph {}", ".svg")):
        with pytest.raises(engine.EngineError, match=r"there is no '.*my dot'"):
            find()
    assert "there is no" in engine.problem()


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
def test_a_png_file_holds_a_png(tmp_path):
    drawing = draw(tg.parameter([1.0, 2.0], name="W"))
    assert drawing.render(tmp_path / "graph.PNG").read_bytes().startswith(b"\x89PNG\r\n")


@needs_engine
def test_a_notebook_shows_the_picture(drawing):
    svg = drawing._repr_mimebundle_()["image/svg+xml"]
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"


@runs_scripts
def test_a_pdf_is_what_an_engine_that_makes_them_gives(system_dot, drawing, tmp_path):
    system_dot('test "$1" = -Tpdf && echo %PDF')
    assert drawing.render(tmp_path / "graph.pdf").read_text() == "%PDF\n"


@runs_scripts
def test_the_engine_is_given_the_source_as_utf_8(system_dot, drawing):
    system_dot("exec cat")
    assert engine.render(drawing.source, ".png") == drawing.source.encode("utf-8")


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


@pytest.mark.few_values
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
    system_dot, drawing, tmp_path, script, message
):
    program = system_dot(script)
    path = tmp_path / "graph.svg"
    path.write_text("the old picture")
    with pytest.raises(RuntimeError, match=message) as error:
        drawing.render(path, seconds=0.3)
    assert program in str(error.value)
    assert path.read_text() == "the old picture"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bin", "graph.svg"]
    assert isinstance(error.value, engine.Timeout) == ("gave up" in message)


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


# ---- what takes too long


def is_running(pid):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@runs_scripts
@pytest.mark.parametrize("deaf", ["", "trap '' TERM INT; "])
def test_a_timeout_is_told_from_other_failures_and_ends_the_program_with_what_it_started(system_dot, tmp_path, deaf):
    system_dot(f"{deaf}sleep 60 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/parent; wait")
    start = time.perf_counter()
    with pytest.raises(engine.Timeout, match=r"gave up after 0\.5 s on 9 characters"):
        engine.render("digraph{}", ".svg", seconds=0.5)
    assert time.perf_counter() - start < 5
    pids = [int((tmp_path / name).read_text()) for name in ("parent", "child")]
    while any(map(is_running, pids)) and time.perf_counter() - start < 10:
        time.sleep(0.05)
    assert not any(map(is_running, pids))


@runs_scripts
def test_a_program_that_leaves_its_outputs_to_another_times_out_too(system_dot):
    system_dot("sleep 60 &")
    with pytest.raises(engine.Timeout):
        engine.render("digraph{}", ".svg", seconds=0.3)


@runs_scripts
def test_a_program_that_does_not_read_a_large_source_times_out_too(system_dot):
    system_dot("sleep 60")
    with pytest.raises(engine.Timeout):
        engine.render("x" * 10**6, ".svg", seconds=0.3)


@runs_scripts
def test_an_interrupt_ends_the_program(system_dot, tmp_path, monkeypatch):
    system_dot(f"echo $$ >{tmp_path}/parent; exec sleep 60")

    def interrupted(self, content, timeout):
        while not (tmp_path / "parent").exists() or not (tmp_path / "parent").read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine._run([engine.find()], b"", 60)
    monkeypatch.undo()
    assert not is_running(int((tmp_path / "parent").read_text()))


@pytest.fixture
def slow_at(system_dot):
    """An engine that takes forever for a source with the word `slow`, and fails at one with `wrong`."""
    return system_dot(
        'read line; case $line in *slow*) sleep 60;; *wrong*) echo "a mistake" >&2; exit 1;; esac; echo $line'
    )


@runs_scripts
def test_the_best_picture_that_comes_out_in_time_is_taken(slow_at):
    candidates = [
        ("all", "slow 1\n"),
        ("folded", lambda: "slow 2\n"),
        ("straight", lambda: "fast\n"),
        ("none", "never\n"),
    ]
    assert engine.best(candidates, ".svg", 1.0) == (b"fast\n", "straight")
    assert engine.best([("all", "quick\n"), ("never made", lambda: 1 / 0)], ".svg") == (b"quick\n", "all")


@runs_scripts
def test_the_best_has_half_of_the_time_and_the_last_all_that_is_left(slow_at, monkeypatch):
    shares = []

    def late(source, suffix, seconds):
        shares.append(seconds)
        raise engine.Timeout

    monkeypatch.setattr(engine, "render", late)
    with pytest.raises(engine.Timeout):
        engine.best([("a", "x"), ("b", "x"), ("c", "x")], ".svg", 80)
    assert shares == pytest.approx([40, 40, 80], rel=0.01)  # no time passed meanwhile
    shares.clear()
    with pytest.raises(engine.Timeout):
        engine.best([("a", lambda: time.sleep(0.3) or "x"), ("b", "x")], ".svg", 0.2)
    assert shares == pytest.approx([0.01, 0.01])  # never none at all


@runs_scripts
def test_if_all_take_too_long_the_error_says_what_was_tried_how_long_and_what_to_do(slow_at):
    with pytest.raises(engine.Timeout) as error:
        engine.best([("the picture", "slow\n" * 1000), ("straight edges", lambda: "slow\n")], ".svg", 0.6)
    message = str(error.value)
    assert message.startswith(
        f"{slow_at} gave up after 0.6 s: it could not lay out the picture (5,000 characters of DOT)"
    )
    assert "; nor straight edges (5 characters of DOT) in 0." in message
    assert "more seconds" in message
    assert "smaller part" in message


@runs_scripts
def test_another_failure_is_raised_at_once(slow_at):
    with pytest.raises(engine.EngineError, match="a mistake") as error:
        engine.best([("all", "wrong\n"), ("never made", lambda: 1 / 0)], ".svg")
    assert not isinstance(error.value, engine.Timeout)


def test_without_an_engine_no_source_is_made(no_engine):
    with pytest.raises(engine.EngineError, match="no program to lay the graph out"):
        engine.best([("never made", lambda: 1 / 0)], ".svg")


def test_nothing_to_try_is_an_error():
    with pytest.raises(ValueError, match="expected one candidate or more"):
        engine.best([], ".svg")


@pytest.mark.parametrize("wrong", [3, None])
def test_what_is_no_path_is_an_error_that_says_what_is(drawing, wrong):
    with pytest.raises(TypeError, match=r'render: expected a path such as "graph\.svg", got'):
        drawing.render(wrong)
    with pytest.raises(TypeError, match=r"set_engine: expected the path of Graphviz's dot, or None, got int"):
        engine.set_engine(3)


@pytest.mark.parametrize("seconds", [0, -1, "a", None, float("nan")])
def test_seconds_that_are_none_are_an_error(drawing, tmp_path, seconds):
    with pytest.raises(ValueError, match=r"render: expected seconds above 0 for the layout, such as 60, got"):
        drawing.render(tmp_path / "graph.svg", seconds=seconds)
