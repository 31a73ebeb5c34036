"""Functions that are already there stand for a file."""

import linecache
import sys
from types import SimpleNamespace

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import testing
from tinygrad_dl.testing.homework.live import live_file

slope = 0.1


def leaky(x):
    return np.where(x > 0, x, slope * x)


def leaky_backward(dout, x):
    dx = dout * np.where(x > 0, 1, slope)
    return dx


def test_a_function_brings_what_is_beside_it_its_source_and_its_place():
    file = live_file({"leaky": leaky, "leaky_backward": leaky_backward})
    assert {"leaky", "leaky_backward"} <= set(file.functions)
    assert file.variables["slope"] == slope
    assert file.returned_names("leaky_backward") == ["dx"]
    assert file.place(leaky) == f"{__file__}:{leaky.__code__.co_firstlineno}"


def test_a_function_without_source_is_a_file_too():
    names = {"__name__": "nowhere"}
    exec("def f(x): return x", names)
    assert live_file({"f": names["f"]}).returned_names("f") == []
    assert "f" in live_file({"f": names["f"]}).functions


def test_a_cell_of_the_running_notebook_has_the_name_that_ipython_shows(monkeypatch):
    path, text = "/tmp/ipykernel_1/2.py", "def f(x):\n    raise NotImplementedError\n\ndef f_backward(g): return g\n"
    monkeypatch.setitem(linecache.cache, path, (len(text), None, text.splitlines(keepends=True), path))
    compiler = SimpleNamespace(format_code_name={path: ("Cell", "In[3]")}.get)
    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(compile=compiler))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    names = {"__name__": "__main__"}
    exec(compile(text, path, "exec"), names)
    (finding,) = testing.check(names["f"], names["f_backward"]).findings
    assert finding.title == "f, f_backward"
    assert finding.problem.startswith("Cell In[3] line 2: ")
    assert live_file({"f": names["f"]}).path == "Cell In[3]"


class Square(tg.nn.Module):
    """A layer of this package with a backward pass by hand."""

    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dout):
        return 2 * self.x * dout


def test_a_module_is_checked_as_any_object_is():
    x = np.arange(6.0).reshape(2, 3)
    assert testing.check(Square(), x).verdict == "right"
    net = tg.nn.mlp([2, 1], rng=np.random.default_rng(0))
    for inputs in ([x], [x, x[:1]]):
        (finding,) = testing.check(net, *inputs).findings
        assert "expected an object with methods" in finding.problem


def test_a_file_beside_a_notebook_has_its_own_name(monkeypatch):
    compiler = SimpleNamespace(format_code_name=lambda path: None)  # IPython's answer for a path that is no cell
    for shell in (SimpleNamespace(compile=compiler), None):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert live_file({"leaky": leaky}).path == __file__
