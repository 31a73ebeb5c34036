"""Run the tests on each pair of Python and NumPy, and with each set of processor kernels, that this machine offers.

The interpreter that runs this script runs all tests on all their inputs; each other pair a part of the quick tests, as
many at once as there are cores. The last lines list what this machine lacks, such as an interpreter. The exit status is
1 if a test fails.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
LOWEST = int(re.search(r"numpy>=2\.(\d+)", "\n".join(PROJECT["dependencies"]))[1])  # of NumPy 2
OWN = "{}.{}".format(*sys.version_info)
PART = ["tests/core", "tests/guards", "tests/proxies", "tests/rules", "tests/coverage", "tests/functional", "tests/nn"]
PART += [f"tests/test_{name}.py" for name in ("foreign", "functions", "readme", "signatures")]
FEATURES = """
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print(*[name for name in __cpu_dispatch__ if __cpu_features__[name]])
"""
LONGEST = 1800  # seconds for a run
PRODUCT = "import numpy; numpy.ones((64, 64)) @ numpy.ones((64, 64))"


class Missing(Exception):
    """Raised for what this machine does not offer."""


def output(*command: str | Path, **environment: str) -> str:
    """The output of a `command`, errors included. Raises CalledProcessError if it fails or takes too long."""
    try:
        run = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired as error:
        printed = (error.stdout or b"").decode(errors="replace")
        raise subprocess.CalledProcessError(-1, command, f"{printed}\nlonger than {LONGEST} s") from None
    return run.stdout


def tests(python: str | Path, *arguments: str, **environment: str) -> str:
    return output(python, "-m", "pytest", "-p", "no:cacheprovider", *arguments, OPENBLAS_NUM_THREADS="1", **environment)


# ---- the runs: each gives the output of its tests


def in_full() -> str:
    return tests(sys.executable, "--deep", "--ignore=tests/test_typing.py")  # which `run` has run with the linters


def with_numpy(python: str, which: str, folder: Path, package: str) -> str:
    """Run the tests in a new environment with the lowest or newest NumPy that has a wheel for the interpreter."""
    home = folder / f"{python}-{which}"
    output(interpreter(python), "-m", "venv", "--without-pip", home)
    install = (sys.executable, "-m", "pip", f"--python={home}/bin/python", "install", "--quiet", "--no-compile")
    for numpy in [f"numpy==2.{minor}.*" for minor in range(LOWEST, LOWEST + 9)] if which == "lowest" else ["numpy"]:
        try:
            output(*install, "--only-binary=numpy", numpy, package)  # the tests compile the part that they import
        except subprocess.CalledProcessError as error:
            if "No matching distribution found for numpy" not in error.stdout:
                raise
        else:
            versions = output(home / "bin/python", "-c", "import numpy; print('NumPy', numpy.__version__)")
            more = ["tests/testing"] if which == "newest" else []  # what depends on Python more than on NumPy
            return versions + tests(home / "bin/python", *PART, *more)
    raise Missing(f"no NumPy 2 from 2.{LOWEST} on has a wheel for Python {python}")


def with_kernels(core: str, plain: bool) -> str:
    """Run the tests with OpenBLAS's kernels for another `core`, and with NumPy's for any processor if `plain`."""
    environment = {"OPENBLAS_CORETYPE": core}
    if plain:
        environment["NPY_DISABLE_CPU_FEATURES"] = output(sys.executable, "-c", FEATURES).strip()
    try:
        chosen = output(sys.executable, "-W", "error", "-c", PRODUCT, OPENBLAS_VERBOSE="2", **environment)
    except subprocess.CalledProcessError as error:
        raise Missing(f"this processor does not run the kernels for {core}: {error.stdout or error}") from None
    if f"Core: {core}" not in chosen:
        raise Missing(f"this OpenBLAS has no kernels for {core}: {chosen}")
    return f"{environment}\n{tests(sys.executable, *PART, **environment)}"


def interpreter(python: str) -> str:
    """The interpreter of a version of Python, such as "3.12": on the path, or one of pyenv's."""
    found = [shutil.which(f"python{python}") or ""]
    if shutil.which("pyenv"):
        found += map(str, sorted(Path(output("pyenv", "root").strip()).glob(f"versions/{python}.*/bin/python")))
    for path in filter(None, found):
        if subprocess.run([path, "-c", "import venv"], capture_output=True).returncode == 0:
            return path  # no shim of pyenv's for a version that is not chosen
    raise Missing(f"no interpreter of Python {python}")


# ---- all of them


def main() -> int:
    """Start all runs, print the result of each as it ends, and at last what this machine lacks."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(name)
        output(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ".")
        package = f"{next(folder.glob('*.whl'))}[test]"
        runs = {pool.submit(in_full): f"Python {OWN}, newest NumPy, all tests"}
        for python, which in itertools.product(PYTHONS, ("lowest", "newest")):
            if (python, which) != (OWN, "newest"):
                runs[pool.submit(with_numpy, python, which, folder, package)] = f"Python {python}, {which} NumPy"
        runs[pool.submit(with_kernels, "Haswell", plain=False)] = "kernels for Haswell"
        runs[pool.submit(with_kernels, "Nehalem", plain=True)] = "kernels for Nehalem, and NumPy's for any processor"
        passed, failed, missing = [], [], []
        for run in as_completed(runs):
            try:
                print(f"-- {runs[run]}\n{run.result()}", flush=True)
                passed.append(runs[run])
            except Missing as error:
                missing.append(f"{runs[run]}: {error}")
            except subprocess.CalledProcessError as error:
                print(f"-- FAILED: {runs[run]}: {error}\n{error.stdout}", flush=True)
                failed.append(runs[run])
    for what, names in (("passed", passed), ("NOT TO BE HAD HERE, SO NOT TESTED", missing), ("FAILED", failed)):
        print("".join(f"{what}: {name}\n" for name in names), end="")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
