"""Functions that are already there stand for a file."""

import numpy as np

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
