"""Run the tests on each pair of Python and NumPy, and with each set of processor kernels, that this machine offers.

The interpreter that runs this script runs all tests on all their inputs, those aside that its last quick run, as in
`run`, has passed on the same; each other pair a part of the quick tests, as many at once as there are cores. Other
kernels are those of the newest NumPy, so its pairs take turns to use them. The last lines list what this machine lacks,
such as an interpreter. The exit status is 1 if a test fails.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

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
KERNELS = [("Haswell", False), ("Nehalem", True)]  # OpenBLAS's for a core, and True for NumPy's for any processor
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
    return output(python, "-m", "pytest", *arguments, OPENBLAS_NUM_THREADS="1", **environment)


# ---- the runs: each gives the output of its tests


def in_full() -> str:
    """Run all tests on all inputs, but for what this interpreter's quick run in this folder has passed on the same."""
    return tests(sys.executable, "--beyond-quick", "--ignore=tests/test_typing.py")  # which `run` runs beside


def with_numpy(python: str, which: str, home: Path, package: str, kernels: tuple) -> str:
    """Run the tests in a new environment, at `home`, with the lowest or newest NumPy that has a wheel for `python`."""
    output(python, "-m", "venv", "--without-pip", home)
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
            return versions + with_kernels(home / "bin/python", kernels, *more)
    raise Missing(f"no NumPy 2 from 2.{LOWEST} on has a wheel for {python}")


def with_kernels(python: str | Path, kernels: tuple, *more: str) -> str:
    """Run the tests, and some more, with one of KERNELS, or with the kernels that NumPy and OpenBLAS choose."""
    environment = environment_of(python, *kernels) if kernels else {}
    return f"{environment or ''}\n{tests(python, '-p', 'no:cacheprovider', *PART, *more, **environment)}"


def environment_of(python: str | Path, core: str, plain: bool) -> dict[str, str]:
    """The variables for OpenBLAS's kernels for another `core`, and for NumPy's for any processor if `plain`."""
    environment = {"OPENBLAS_CORETYPE": core}
    if plain:
        environment["NPY_DISABLE_CPU_FEATURES"] = output(python, "-c", FEATURES).strip()
    try:
        chosen = output(python, "-W", "error", "-c", PRODUCT, OPENBLAS_VERBOSE="2", **environment)
    except subprocess.CalledProcessError as error:
        raise Missing(f"this processor does not run the kernels for {core}: {error.stdout or error}") from None
    if f"Core: {core}" not in chosen:
        raise Missing(f"this OpenBLAS has no kernels for {core}: {chosen}")
    return environment


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
        passed, failed, missing = [], [], []

        def had(get: Callable, *arguments: Any) -> Any:
            try:
                return get(*arguments)
            except Missing as error:
                missing.append(str(error))

        kernels = [each for each in KERNELS if had(environment_of, sys.executable, *each)]
        pythons = {python: path for python in PYTHONS if (path := had(interpreter, python))}
        for which, python in itertools.product(("newest", "lowest"), pythons):  # the longest first
            if (python, which) != (OWN, "newest"):
                own = kernels.pop() if which == "newest" and kernels else ()
                run = pool.submit(with_numpy, pythons[python], which, folder / f"{python}-{which}", package, own)
                runs[run] = f"Python {python}, {which} NumPy" + (f", kernels for {own[0]}" if own else "")
        for rest in kernels:  # of more sets than there are other Pythons
            runs[pool.submit(with_kernels, sys.executable, rest)] = f"kernels for {rest[0]}"
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
