"""`keep_memory`, in processes of their own, since it holds for a whole process."""

import ctypes
import platform
import subprocess
import sys

import pytest

import tinygrad_dl as tg

GLIBC = platform.libc_ver()[0] == "glibc"
FAULTS = """
import resource, sys
import numpy as np
import tinygrad_dl as tg
if sys.argv[1] == "keep":
    assert tg.keep_memory()
x = np.ones(500_000)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        y = [x + 1 for _ in range(4)]
        del y
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def faults(how):
    run = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.deep
@pytest.mark.skipif(not GLIBC, reason="what other C libraries do is their own affair")
def test_arrays_cost_page_faults_by_default_and_none_once_memory_is_kept():
    pages = 20 * 4 * 4_000_000 // 4096
    assert faults("by default") > pages / 2  # importing the package switches nothing on
    assert faults("keep") < pages / 100


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_without_glibc_nothing_changes_and_a_warning_says_so(monkeypatch, error):
    class NoMallopt:
        def __init__(self, name):
            if error is OSError:
                raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", NoMallopt)
    with pytest.warns(UserWarning, match="no glibc"):
        assert tg.keep_memory() is False
