"""The notebooks of `examples/notebooks` run from top to bottom; they are stored without outputs and machine paths."""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
PATHS = re.compile(r"(/(home|Users|root|tmp|work)/|[A-Z]:\\)")


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_the_three_notebooks_are_found():
    assert {path.stem for path in NOTEBOOKS} == {"tour", "course", "numpy_programs"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs_and_without_paths_of_a_machine(path):
    assert not PATHS.search(path.read_text(encoding="utf-8"))
    for cell in cells(path):
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_the_tour_has_ten_cells():
    code = [cell for cell in cells(ROOT / "examples" / "notebooks" / "tour.ipynb") if cell["cell_type"] == "code"]
    assert len(code) == 10


@pytest.mark.deep
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")  # of the libraries of Jupyter
def test_a_notebook_runs_from_top_to_bottom_and_shows_no_path_of_this_machine(path, tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    for library in ("ipykernel", "scipy", "matplotlib"):
        pytest.importorskip(library)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    settings = {"timeout": 300, "kernel_name": "python3", "resources": {"metadata": {"path": str(tmp_path)}}}
    nbclient.NotebookClient(notebook, **settings).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert outputs
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert str(ROOT) not in json.dumps(outputs)
    assert str(tmp_path) not in json.dumps(outputs)
