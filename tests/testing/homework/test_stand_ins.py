"""Drawing does nothing, with or without matplotlib, and missing modules raise where they are used."""

import sys

import pytest

from tinygrad_dl.testing.homework.stand_ins import Missing, stand_in

each = pytest.mark.parametrize

PLOTS = """
import matplotlib, matplotlib.pyplot as plt
from matplotlib import cm
from mpl_toolkits.mplot3d import Axes3D
import seaborn as sns
matplotlib.use("TkAgg")
plt.rcParams["figure.figsize"] = (5, 4)
fig, ax = plt.subplots()
fig, (left, right) = plt.subplots(1, 2)
line, = left.plot([1, 2], cmap=plt.cm.Spectral)
with plt.style.context("x"):
    ax[0].set_title("t")
for each in ax: each.grid()
sns.set()
plt.show()
done = True
def show(x): return plt.imshow(x)
"""


def test_drawing_does_nothing_and_opens_nothing(ran, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed, or were already imported
    file = ran(PLOTS)
    assert file.notes == []
    assert file.variables == {"done": True}
    assert list(file.functions) == ["show"]
    assert sys.modules["matplotlib"] is None


def test_a_progress_bar_that_is_missing_gives_what_it_counts():
    tqdm = stand_in("tqdm", "missing")
    assert list(tqdm.tqdm([1, 2])) == [1, 2]
    assert list(tqdm.trange(3)) == [0, 1, 2]


def test_the_place_of_a_module_that_was_renamed_is_taken_by_the_new_one():
    assert stand_in("cPickle", "missing").loads
    builtins = stand_in("past.builtins", "missing")
    assert (builtins.xrange, builtins.range, builtins.cPickle.__name__) == (range, range, "pickle")


@each(
    "use",
    [
        lambda module: module.f(1),
        lambda module: module.x + 1,
        lambda module: 2 * module.x,
        lambda module: module.x[0],
        lambda module: list(module.x),
        lambda module: float(module.x),
        lambda module: bool(module.x),
        lambda module: type("C", (), {})(*module.x),
        lambda module: __import__("numpy").asarray(module.x),
    ],
)
def test_each_use_of_a_missing_module_raises_and_names_it(use):
    with pytest.raises(ModuleNotFoundError, match=r"h5py\.?\w*: it is missing"):
        use(Missing("h5py", "it is missing"))


def test_an_instance_of_a_missing_class_is_never_found():
    assert not isinstance(3, Missing("torch", "missing").Tensor)
