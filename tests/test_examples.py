"""Each example trains to the same history compiled as it does eagerly: its calls of `fit` run both ways."""

import copy
import os
import runpy
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg

EXAMPLES = Path(__file__).parent.parent / "examples"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.py")}
TRAINING = sorted(name for name, text in TEXTS.items() if "tg.fit(" in text and "engine=" not in text)
LOOPS = sorted(name for name, text in TEXTS.items() if "tg.value_and_grad(" in text)  # they train by themselves

STEPS = 100  # of gradient descent, in epochs of one or more
# Both compute the same numbers but for rounding, about 1e-16 of a gradient in each step, and each step makes the
# difference of two nets a little larger. After 100 steps of these examples it is 1e-10 of a gradient at most; after
# 1,500 it can be all of it, where Adam jumps to and fro in a narrow valley, and each way is as right as the other.
# Roundings of float32 are a billion times as large: 2e-6 of a weight after 100 steps of the convolutional net.
TOLERANCE = {"float64": {"rtol": 1e-6, "atol": 1e-12}, "float32": {"rtol": 1e-3, "atol": 1e-4}}


def both_ways(fit, histories):
    """A `fit` that trains copies of the net for a few epochs, eagerly and compiled, and compares what comes out."""

    def compared(net, X, Y, *, optimizer, epochs, batch_size=None, rng=None, **settings):
        few = max(2, STEPS // -(-X.shape[-1] // (batch_size or X.shape[-1])))
        settings |= {"epochs": min(epochs, few), "batch_size": batch_size, "progress": False, "gradient_norms": True}
        found = []
        for compiled in (False, True):
            net_, optimizer_, rng_ = copy.deepcopy((net, optimizer, rng))
            history = fit(net_, X, Y, optimizer=optimizer_, rng=rng_, compile=compiled, **settings)
            found.append(({**history, **history.gradient_norms}, net_.state_dict()))
        tolerance = TOLERANCE[min(str(p.dtype) for p in net.parameters())]
        for eager, compiled in zip(*found, strict=True):
            assert eager.keys() == compiled.keys()
            for name, values in eager.items():
                np.testing.assert_allclose(compiled[name], values, **tolerance, err_msg=name)
        histories.append(history)
        return tg.History({name: values + values[-1:] * (epochs - len(values)) for name, values in history.items()})

    return compared


def test_examples_that_train_are_found():
    assert {"shallow_network", "deep_network", "decision_boundary", "activations"} <= {*TRAINING}
    assert {"recurrent", "lstm", "attention", "embedding"} <= {*LOOPS}


@pytest.mark.deep
@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.filterwarnings("error:fit. trained without compile=True:UserWarning")
def test_an_example_has_the_same_history_compiled_and_eager(name, monkeypatch, tmp_path):
    for library in ("matplotlib", "sklearn", "PIL", "joblib"):
        pytest.importorskip(library)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # in this process, where `fit` is replaced
    histories = []
    monkeypatch.setattr(tg, "fit", both_ways(tg.fit, histories))
    runpy.run_path(shutil.copy(EXAMPLES / f"{name}.py", tmp_path), run_name="__main__")  # its pictures go there
    assert histories
    for history in histories:
        assert history.loss[-1] < history.loss[0]


def compiled_beside_eager(value_and_grad, steps):
    """A `value_and_grad` whose functions run compiled, and compare what they give with what the plain ones give."""

    def made(f):
        eager, compiled = value_and_grad(f), tg.compile(value_and_grad(f))

        def both(parameters, *args):
            (value, gradient), (expected, gradients) = compiled(parameters, *args), eager(parameters, *args)
            np.testing.assert_allclose(value, expected, rtol=1e-12)
            for name, expected in gradients.items():
                scale = np.max(np.abs(expected))
                np.testing.assert_allclose(gradient[name], expected, rtol=1e-10, atol=1e-12 * scale, err_msg=name)
            steps.append(compiled)
            return value, gradient

        return both

    return made


@pytest.mark.deep
@pytest.mark.parametrize("name", LOOPS)
def test_an_example_with_its_own_loop_has_the_same_gradients_compiled_at_each_step(name, monkeypatch, tmp_path):
    steps = []
    monkeypatch.setattr(tg, "value_and_grad", compiled_beside_eager(tg.value_and_grad, steps))
    runpy.run_path(shutil.copy(EXAMPLES / f"{name}.py", tmp_path), run_name="__main__")  # it asserts what it has learnt
    assert len(steps) > 50
    assert steps[-1].cache_info().misses == 1
    assert steps[-1].cache_info().eager == 0


def test_the_derivation_of_the_example_is_that_of_the_notes_as_text(capsys):
    runpy.run_path(EXAMPLES / "derive_backprop.py", run_name="__main__")
    _, _, compared = capsys.readouterr().out.partition("the notes\n")
    lines = compared.partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == ["dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]
    assert all(line.endswith("the same") for line in lines)


@pytest.mark.deep
def test_workers_give_the_same_bits_while_another_cluster_runs_and_with_all_threads_of_blas():
    pytest.importorskip("distributed")
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-W", "error", EXAMPLES / "many_workers.py"]
    with socket.socket() as other:
        with suppress(OSError):  # if it is taken, so much the better
            other.bind(("127.0.0.1", 8787))  # where Dask has its page, if it is not told another place
            other.listen()
        found = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert found.stdout.endswith("the same bits as alone: True\n"), found.stderr
