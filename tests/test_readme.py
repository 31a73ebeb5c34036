"""The README says what is so: its programs print what it shows, and what it names exists."""

import io
import linecache
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import registry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```.*?```text\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize(("program", "output"), PROGRAMS)
def test_programs_print_what_the_readme_shows(program, output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("example.py").write_text(program, encoding="utf-8")  # which messages quote
    linecache.clearcache()
    monkeypatch.setattr(registry, "vjps", dict(registry.vjps))  # what a program defines ends with it
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(program, "example.py", "exec"), {"__name__": "readme"})
    assert without_rounding(printed.getvalue()) == without_rounding(output)


def without_rounding(text):
    """With 0 for what rounding alone makes, which another processor does otherwise: also the noise of differences."""
    return re.sub(r"± \de-\d\d", "± 0e+00", re.sub(r"\d\.\de-(1[5-9]|2\d)", "0.0e+00", text))


def test_every_program_in_the_readme_is_checked():
    assert len(PROGRAMS) == README.count("```python") > 0


def test_linked_files_exist():
    links = re.findall(r"\]\(([^)]+)\)", README) + re.findall(r'src="([^"]+)"', README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_diagram_names_every_module():
    diagram = re.search(r"```text\ntinygrad_dl/\n(.*?)```", README, flags=re.DOTALL).group(1)
    named = {line.split()[0].rstrip("/") for line in diagram.splitlines()}
    package = Path(tg.__file__).parent
    there = {path.name for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert named == there - {"__init__.py"}
