"""README, its translation and the guides are true: programs print the shown output, commands run, names exist."""

import ast
import io
import linecache
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import tinygrad_dl as tg
from tests.documents import CHECK, DOCUMENTS, GUIDES, ROOT, TRANSLATIONS, commands, name, original, programs, text
from tests.testing.in_process import check_here
from tinygrad_dl import __main__ as command_line
from tinygrad_dl import testing
from tinygrad_dl.testing.homework import files, repairs

README, TRANSLATED = ROOT / "README.md", ROOT / "README.zh-CN.md"
HOW_IT_WORKS = GUIDES / "how_it_works.md"
ELSEWHERE = {"python -m tinygrad_dl coverage | tail -3"}  # tests/coverage/test_table.py and .ci/run
ORIGINALS = [path for path in DOCUMENTS if path not in TRANSLATIONS]  # a translation has the same programs
PROGRAMS = {name(path): list(programs(path)) for path in ORIGINALS}
COMMANDS = {name(path): [c for c in commands(path) if c.line not in ELSEWHERE] for path in ORIGINALS}


def each(examples):
    """Parametrise by the examples of the documents: the name of the document and a number identify one."""
    numbered = [
        pytest.param(example, id=f"{document}-{number}")
        for document, found in examples.items()
        for number, example in enumerate(found, 1)
    ]
    return pytest.mark.parametrize("example", numbered)


@pytest.mark.every_value
@pytest.mark.usefixtures("own_rules")
@each(PROGRAMS)
def test_programs_print_what_the_document_shows(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("example.py").write_text(example.source, encoding="utf-8")  # which messages quote
    linecache.clearcache()
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(example.source, "example.py", "exec"), {"__name__": "document"})
    assert without_rounding(printed.getvalue()) == without_rounding(example.output)


@each(COMMANDS)
def test_commands_print_what_the_document_shows(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "check_isolated", check_here)
    for limit in ("SECONDS", "SECONDS_OF_STEP", "SHARE", "TRIAL"):
        monkeypatch.setattr(repairs, limit, 300.0)  # as a slow machine finds the same causes, later
    for file, source in example.files.items():
        Path(file).write_text(source, encoding="utf-8")
    assert example.line.startswith(CHECK), example.line
    command_line.main(["check", *shlex.split(example.line.removeprefix(CHECK))])
    assert without_rounding(capsys.readouterr().out) == without_rounding(example.output)


def without_rounding(printed):
    """With 0 for what rounding alone makes, which another processor does otherwise: also the noise of differences."""
    return re.sub(r"± \de-\d\d", "± 0e+00", re.sub(r"\d\.\de-(1[5-9]|2\d)", "0.0e+00", printed))


def test_programs_and_commands_are_found():
    assert PROGRAMS["README.md"]
    assert COMMANDS["README.md"]
    assert sum(map(len, PROGRAMS.values())) > 20


@pytest.mark.parametrize("document", TRANSLATIONS, ids=name)
def test_a_translation_has_the_programs_of_its_original(document):
    def trees(path):  # comments are translated
        return [(ast.dump(ast.parse(source)), output) for source, output in programs(path)]

    assert trees(document) == trees(original(document))
    assert [(c.line, c.output) for c in commands(document)] == [
        (c.line, c.output) for c in commands(original(document))
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_linked_files_exist(document):
    links = re.findall(r"\]\(([^)]+)\)", text(document)) + re.findall(r'src="([^"]+)"', text(document))
    for link in links:
        assert link.startswith("https://") or (document.parent / link).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_names_of_the_package_exist(document):
    for module, path in re.findall(r"\b(tg|testing)\.([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)", text(document)):
        value = tg if module == "tg" else testing
        for attribute in path.split("."):
            assert hasattr(value, attribute), f"{module}.{path}"
            value = getattr(value, attribute)


@pytest.mark.parametrize("document", [README, TRANSLATED], ids=name)
def test_readme_is_a_front_page_of_at_most_200_lines(document):
    assert len(text(document).splitlines()) <= 200


def test_readme_links_every_guide():
    for guide in GUIDES.glob("*.md"):
        assert f"(examples/guides/{guide.name})" in text(TRANSLATED if guide in TRANSLATIONS else README)


def test_readme_has_the_two_commands_of_the_gate():
    """`.ci/run` takes the lines that start with `python -m venv`: the first trains, the second tests."""
    found, translated = (
        re.findall(r"^python -m venv .*$", text(path), flags=re.MULTILINE) for path in (README, TRANSLATED)
    )
    first, second = found
    assert first.endswith("examples/shallow_network.py")
    assert second.endswith("-m pytest")
    assert translated == found


def test_changes_and_citation_have_the_version_of_the_package():
    assert re.search(r"^## ([\d.]+)", text(ROOT / "CHANGELOG.md"), flags=re.MULTILINE).group(1) == tg.__version__
    assert re.findall(r"version = {(.*)}", text(HOW_IT_WORKS)) == [tg.__version__]


def test_the_diagram_names_every_module():
    diagram = re.search(r"```text\ntinygrad_dl/\n(.*?)```", text(HOW_IT_WORKS), flags=re.DOTALL).group(1)
    named = {line.split()[0].rstrip("/") for line in diagram.splitlines()}
    package = Path(tg.__file__).parent
    there = {path.name for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert named == there - {"__init__.py"}


def test_the_numbers_of_lines_are_right_to_a_tenth():
    package = Path(tg.__file__).parent
    simple, core, whole = (int(n.replace(",", "")) for n in re.findall(r"\b(\d+,\d00)\s+lines", text(HOW_IT_WORKS)))
    paths = {
        simple: [package / "core" / f"{name}.py" for name in ("registry", "tensor", "backprop")],
        core: (package / "core").rglob("*.py"),
        whole: package.rglob("*.py"),
    }
    for told, modules in paths.items():
        assert told == pytest.approx(sum(len(text(path).splitlines()) for path in modules), rel=0.1)
