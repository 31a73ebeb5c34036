"""Runs in files: a run that was killed and resumed ends with the same bits; misfits change nothing."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.training.test_fitting import fit, new_net, problem, rng
from tinygrad_dl._files import write_arrays
from tinygrad_dl.training import EarlyStopping

MAKERS = [tg.optim.SGD, tg.optim.Momentum, tg.optim.RMSProp, tg.optim.Adam]


def bits(net):
    return {name: values.tobytes() for name, values in net.state_dict().items()}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize("generator", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_a_run_in_two_parts_gives_the_same_bits_as_one(make, compile, generator, tmp_path):
    settings = {"make": make, "batch_size": 5, "compile": compile, "validation": problem(4)}
    whole, first, second = new_net(), new_net(), new_net(seed=1)
    history = fit(whole, epochs=5, rng=np.random.Generator(generator(3)), **settings)
    path = tmp_path / "run.npz"
    fit(first, epochs=2, rng=np.random.Generator(generator(3)), resume=path, **settings)
    resumed = fit(second, epochs=5, rng=np.random.Generator(generator(4)), resume=path, **settings)
    assert bits(second) == bits(whole)
    assert resumed == history
    again = fit(new_net(), epochs=5, rng=np.random.Generator(generator(5)), resume=path, **settings)
    assert again == history  # nothing is left to do


def test_early_stopping_goes_on_where_it_was(tmp_path):
    def run(net, epochs, resume=None):
        stopping = EarlyStopping(patience=3)
        fit(net, epochs=epochs, rate=3.0, validation=problem(4, seed=5), callbacks=[stopping], resume=resume)
        return stopping.best_epoch

    whole, parts = new_net(), new_net()
    best = run(whole, 12)
    for epochs in (2, 5, 12):
        last = run(parts, epochs, tmp_path / "run.npz")
    assert last == best


def test_a_run_that_was_stopped_early_has_ended(tmp_path):
    def run(net, patience):
        stopping = EarlyStopping(patience)
        return fit(
            net, epochs=20, rate=30.0, validation=problem(4, seed=5), callbacks=[stopping], resume=tmp_path / "run.npz"
        )

    first, again = new_net(), new_net()
    history = run(first, 2)
    assert len(history.loss) < 20
    assert run(again, 2) == history
    assert bits(again) == bits(first)
    assert len(run(again, 3).loss) > len(history.loss)  # with more patience it goes on


def test_early_stopping_keeps_parameters_of_any_name_apart_from_its_own_state(tmp_path):
    class Line(tg.nn.Module):
        def __init__(self):
            self.best, self.best_epoch = tg.parameter(np.ones((1, 2)), name="W"), tg.parameter(0.5)

        def __call__(self, X):
            return tg.nn.sigmoid(self.best @ X + self.best_epoch)

    whole, parts = Line(), Line()
    fit(whole, epochs=4, callbacks=[EarlyStopping(monitor="loss")])
    for epochs in (2, 4):
        fit(parts, epochs=epochs, callbacks=[EarlyStopping(monitor="loss")], resume=tmp_path / "run.npz")
    assert bits(parts) == bits(whole)


PROGRAM = """
import os, signal, sys
import numpy as np
import tinygrad_dl as tg

path, kill_at = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
X = rng.normal(size=(2, 20))
Y = (X[:1] > 0).astype(float)
net = tg.nn.mlp([2, 3, 1], output=tg.nn.sigmoid, rng=rng)
adam = tg.optim.Adam(net.parameters(), tg.optim.schedules.InverseTime(0.1, decay=0.1))

@tg.training.every_step
def kill(state):
    if state.step == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

history = tg.fit(net, X, Y, loss="bce", optimizer=adam, epochs=4, batch_size=7, rng=rng, callbacks=[kill],
                 resume=path, gradient_norms=True, progress=False)
print(history.loss, history.gradient_norms, [p.numpy().tobytes().hex() for p in net.parameters()])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is of POSIX")
@pytest.mark.parametrize("kill_at", [1, 5, 9])
def test_a_run_that_was_killed_at_any_step_ends_with_the_same_bits(kill_at, tmp_path):
    def run(path, kill_at):
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), str(kill_at)]
        environment = {**os.environ, "PYTHONPATH": str(Path(tg.__file__).parents[1])}
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)

    whole = run(tmp_path / "whole.npz", 0)
    assert whole.returncode == 0, whole.stderr
    assert run(tmp_path / "killed.npz", kill_at).returncode == -9
    resumed = run(tmp_path / "killed.npz", 0)
    assert resumed.stdout == whole.stdout


# ---- misfits


def state_of(net, optimizer, source):
    return (
        bits(net),
        {n: v.tobytes() for n, v in optimizer.state_dict().items()},
        json.dumps(source.bit_generator.state, default=repr),
    )


def saved(path, *, sizes=(2, 3, 1), make=tg.optim.Adam, source=None):
    net = tg.nn.mlp(list(sizes), rng=rng())
    optimizer = make(net.parameters(), learning_rate=0.1)
    tg.save_training(path, net, optimizer, source or rng(5), tg.History(loss=[1.0]))
    return path


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"sizes": (2, 4, 1)}, r"expected the shape \(3, 2\)"),
        ({"sizes": (2, 3, 3, 1)}, "the names of its arrays do not fit"),
        ({"make": tg.optim.SGD}, "is of training with SGD, got a Adam: make the same optimizer"),
        ({"source": np.random.Generator(np.random.Philox(1))}, "rng was a Philox, got a PCG64"),
    ],
)
def test_a_file_of_another_run_is_refused_and_changes_nothing(other, message, tmp_path):
    path = saved(tmp_path / "run.npz", **other)
    net, source = tg.nn.mlp([2, 3, 1], rng=rng(7)), rng(8)
    adam = tg.optim.Adam(net.parameters())
    before = state_of(net, adam, source)
    with pytest.raises(ValueError, match=message):
        tg.load_training(path, net, adam, source)
    assert state_of(net, adam, source) == before


def test_a_file_with_a_generator_needs_one(tmp_path):
    path = saved(tmp_path / "run.npz")
    net = tg.nn.mlp([2, 3, 1], rng=rng(7))
    with pytest.raises(ValueError, match="holds the random generators 'rng', got none"):
        tg.load_training(path, net, tg.optim.Adam(net.parameters()))


def test_a_file_with_the_state_of_callbacks_needs_them_and_none_else(tmp_path):
    net, path = new_net(), tmp_path / "run.npz"
    adam = tg.optim.Adam(net.parameters())
    tg.save_training(path, net, adam, callbacks=[EarlyStopping()])
    with pytest.raises(ValueError, match="holds the state of callback 0, got none: pass the same callbacks="):
        tg.load_training(path, net, adam)
    tg.save_training(path, net, adam)
    with pytest.raises(ValueError, match="holds the state of none, got callback 1: pass the same callbacks="):
        tg.load_training(path, net, adam, callbacks=[print, EarlyStopping()])


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_damaged_file_is_refused_and_changes_nothing(kept, tmp_path):
    path = saved(tmp_path / "run.npz")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    net, source = tg.nn.mlp([2, 3, 1], rng=rng(7)), rng(8)
    adam = tg.optim.Adam(net.parameters())
    before = state_of(net, adam, source)
    with pytest.raises(ValueError, match=r"run\.npz"):
        tg.load_training(path, net, adam, source)
    assert state_of(net, adam, source) == before


def test_an_archive_of_parameters_alone_is_no_run(tmp_path):
    net = new_net()
    net.save(tmp_path / "net.npz")
    with pytest.raises(ValueError, match="no complete archive with 'about' in it"):
        tg.load_training(tmp_path / "net.npz", net, tg.optim.Adam(net.parameters()))


def test_a_folder_that_is_missing_is_an_error_before_training(tmp_path):
    steps = []
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        fit(resume=tmp_path / "none" / "run.npz", callbacks=[steps.append])
    assert not steps


def test_a_net_without_names_can_not_be_saved(tmp_path):
    X, Y = problem()
    w = tg.parameter(np.ones((1, X.shape[0])))
    with pytest.raises(TypeError, match="expected a Module"):
        tg.fit(
            lambda X: w @ X, X, Y, loss="mse", optimizer=tg.optim.SGD([w], 0.1), epochs=1, resume=tmp_path / "run.npz"
        )


class Broken(EarlyStopping):
    def load_state_dict(self, state):
        raise KeyError("best")


def test_a_callback_that_can_not_load_its_state_leaves_the_net_and_the_optimizer_alone(tmp_path):
    net, path = new_net(), tmp_path / "run.npz"
    tg.save_training(path, net, tg.optim.Adam(net.parameters()), rng(), callbacks=[Broken()])
    other, source = new_net(seed=1), rng(8)
    adam = tg.optim.Adam(other.parameters())
    before = state_of(other, adam, source)
    with pytest.raises(KeyError, match="best"):
        tg.load_training(path, other, adam, source, callbacks=[Broken()])
    assert state_of(other, adam, source) == before


def test_a_file_whose_last_part_does_not_fit_changes_nothing_before_it(tmp_path):
    path = saved(tmp_path / "run.npz")
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["optimizer.t.0"] = np.array(1.5)  # no number of steps
    write_arrays(path, arrays)
    net, source = tg.nn.mlp([2, 3, 1], rng=rng(7)), rng(8)
    adam = tg.optim.Adam(net.parameters())
    before = state_of(net, adam, source)
    with pytest.raises(ValueError, match=r"Adam: t\.0: expected int64 of shape \(\), got float64"):
        tg.load_training(path, net, adam, source)
    assert state_of(net, adam, source) == before


def places(tree, path=()):
    """The path of each dict, list and value of a tree."""
    yield path
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield from places(tree[key], (*path, key))


def damaged(about, path, put):
    """A copy with another value, or none, at a path."""
    tree = about = json.loads(json.dumps(about))
    for key in path[:-1]:
        tree = tree[key]
    if put is None:
        del tree[path[-1]]
    else:
        tree[path[-1]] = put
    return about


@pytest.mark.parametrize("put", [None, "text", [["text"]], {"name": "text"}], ids=repr)
@pytest.mark.parametrize("generator", [np.random.PCG64, np.random.Philox, np.random.SFC64])
def test_a_damaged_description_is_refused_or_whole_and_a_refusal_changes_nothing(generator, put, tmp_path):
    def training(seed):
        net, source, stopping = new_net(seed), np.random.Generator(generator(seed)), EarlyStopping(monitor="loss")
        net.dropout = tg.nn.Dropout(0.5, rng=np.random.Generator(generator(seed + 9)))
        adam = tg.optim.Adam(net.parameters())
        return net, adam, source, stopping

    net, adam, source, stopping = training(1)
    history, path = tg.History(loss=[1.0, 0.5]), tmp_path / "run.npz"
    history.gradient_norms = {"W1": [1.0, 2.0]}
    tg.save_training(path, net, adam, source, history, [stopping])
    with np.load(path) as archive:
        arrays = dict(archive)
    whole = json.loads(arrays["about"].tobytes())
    net, adam, source, stopping = training(2)
    before = json.dumps(net.dropout.rng.bit_generator.state, default=repr), state_of(net, adam, source)
    for place in places(whole):
        if place and place[-1] != "format" and (put is None or place != ("optimizer",)):
            about = damaged(whole, place, put)
            write_arrays(path, arrays | {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)})
            refusal = ""
            try:
                tg.load_training(path, net, adam, source, [stopping])
            except ValueError as error:
                refusal = str(error)
            if not refusal:  # an element or a name less, or one more
                net, adam, source, stopping = training(2)
            assert not refusal or "run.npz" in refusal
            after = json.dumps(net.dropout.rng.bit_generator.state, default=repr), state_of(net, adam, source)
            assert after == before, place


def test_a_description_that_is_no_json_is_refused_with_the_name_of_the_file(tmp_path):
    path = saved(tmp_path / "run.npz")
    for text in (b"{", b"\xff", b"[" * 100_000):
        write_arrays(path, {"about": np.frombuffer(text, np.uint8)})
        net = new_net()
        with pytest.raises(ValueError, match=r"run\.npz' is not a complete file of save_training"):
            tg.load_training(path, net, tg.optim.Adam(net.parameters()), rng())


def test_a_net_that_is_not_finite_stays_as_it_was_after_an_error(tmp_path):
    net, path = new_net(), tmp_path / "run.npz"
    tg.save_training(path, net, tg.optim.Adam(net.parameters()), callbacks=[Broken()])
    other = new_net(seed=1)
    other.parameters()[0].data = np.full((3, 2), np.nan)
    before = bits(other)
    with pytest.raises(KeyError, match="best"):
        tg.load_training(path, other, tg.optim.Adam(other.parameters()), callbacks=[Broken()])
    assert bits(other) == before


def test_a_run_that_diverges_leaves_its_last_file_which_can_be_resumed(tmp_path):
    def run(blow_up):
        def diverge(state):
            if state.epoch == 2 and blow_up:
                state.net.parameters()[0].data = np.full((3, 2), np.inf)

        return fit(new_net(), epochs=3, callbacks=[diverge], resume=tmp_path / "run.npz")

    with pytest.raises(ValueError, match=r"layers\.0\.W is not finite, and .*run\.npz' was not written"):
        run(blow_up=True)
    assert run(blow_up=False) == fit(new_net(), epochs=3)


@pytest.mark.parametrize("values", ["text", ["text"], [None], [1j], {"a": [1.0]}, 1.0, [[1.0]]], ids=repr)
def test_a_history_that_could_not_be_loaded_is_not_saved(values, tmp_path):
    net, path = new_net(), saved(tmp_path / "run.npz")
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"expected lists of numbers in a history that is to be saved, got .*mine"):
        tg.save_training(path, net, tg.optim.Adam(net.parameters()), history=tg.History(loss=[1.0], mine=values))
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [np.float32(0.5), np.int64(3), np.array(2.0), np.True_, np.nan, 7])
def test_numbers_of_numpy_in_a_history_are_saved(number, tmp_path):
    net, path = new_net(), tmp_path / "run.npz"
    adam = tg.optim.Adam(net.parameters())
    tg.save_training(path, net, adam, history=tg.History(loss=[1.0], mine=[number]))
    assert np.array_equal(tg.load_training(path, net, adam)["mine"], [number], equal_nan=True)


def test_an_optimizer_without_a_state_is_refused_before_training(tmp_path):
    class Both:
        def step(self):
            raise AssertionError

    net = new_net()
    with pytest.raises(TypeError, match=r"expected an Optimizer with a state, got <tests"):
        tg.save_training(tmp_path / "run.npz", net, Both())


def test_a_parameter_outside_of_the_net_is_refused_before_training_as_it_would_not_be_saved(tmp_path):
    net, scale = new_net(), tg.parameter(2.0, name="scale")
    descent = tg.optim.SGD([*net.parameters(), scale], learning_rate=0.1)
    settings = {"loss": lambda A, Y: scale * np.mean((A - Y) ** 2), "epochs": 1, "resume": tmp_path / "run.npz"}
    with pytest.raises(ValueError, match=r"the optimizer has Tensor 'scale' too, which is not saved: make it a part"):
        tg.fit(net, *problem(), optimizer=descent, **settings)
    assert scale.item() == 2
