"""Plots draw into figures of their own or the test's, which end with the test, and leave the settings as they were."""

import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close_new_figures():
    before, settings = plt.get_fignums(), dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == settings
    for number in set(plt.get_fignums()) - set(before):
        plt.close(number)
