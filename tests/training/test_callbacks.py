"""Callbacks: what they are told and when, and the ready ones."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.training.test_fitting import fit, new_net, problem, rng
from tinygrad_dl.training import Checkpoint, EarlyStopping, every_step


def test_callbacks_see_each_epoch_and_each_step_with_what_has_been_so_far():
    epochs, steps = [], []
    history = fit(
        epochs=3,
        batch_size=5,  # of 12 samples: 3 steps an epoch
        rng=rng(),
        callbacks=[
            lambda state: epochs.append((state.epoch, state.step, state.history.loss[-1])),
            every_step(lambda state: steps.append((state.epoch, state.step, state.loss))),
        ],
    )
    assert [(epoch, step) for epoch, step, _ in epochs] == [(1, 3), (2, 6), (3, 9)]
    assert [loss for *_, loss in epochs] == history.loss
    assert [(epoch, step) for epoch, step, _ in steps] == [((k - 1) // 3, k) for k in range(1, 10)]
    for epoch, loss in enumerate(history.loss):
        means = [5 * steps[3 * epoch][2], 5 * steps[3 * epoch + 1][2], 2 * steps[3 * epoch + 2][2]]
        assert sum(means) / 12 == pytest.approx(loss, rel=1e-12)


def test_training_stops_after_the_epoch_or_step_in_which_a_callback_says_so():
    history = fit(epochs=9, callbacks=[lambda state: state.epoch == 4 and state.stop()])
    assert len(history.loss) == 4
    counted = []
    history = fit(
        epochs=9,
        batch_size=5,
        rng=rng(),
        callbacks=[every_step(lambda state: (counted.append(state.step), state.step == 5 and state.stop()))],
    )
    assert counted == [1, 2, 3, 4, 5]
    assert len(history.loss) == 2


def test_a_method_is_marked_in_its_class_too():
    class Counter:
        steps = 0

        @every_step
        def count(self, state):
            self.steps = state.step

    counter = Counter()
    fit(epochs=2, batch_size=5, rng=rng(), callbacks=[counter.count])
    assert counter.steps == 6


def test_what_a_callback_raises_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        fit(callbacks=[lambda state: 1 / 0])


@pytest.mark.parametrize("callbacks", [print, ["print"], [EarlyStopping]])
def test_callbacks_that_are_none_are_refused(callbacks):
    with pytest.raises(TypeError, match=r"fit: expected (callbacks=\[\.\.\.\]|a callback, got a class)"):
        fit(callbacks=callbacks)


def scripted(values):
    """A metric of the validation data that gives these values, epoch by epoch."""
    values = iter(values)
    return lambda A, Y: next(values) if Y.shape[-1] == 4 else 0.0


@pytest.mark.parametrize(
    ("values", "epochs", "best"),
    [
        ([5, 4, 3, 3.5, 3.4, 9, 1], 5, 3),
        ([1, 2, 3, 4], 3, 1),
        ([4, 3, 2, 1], 4, 4),
        ([np.nan, np.nan, 2, np.nan, 1], 5, 5),
    ],
)
def test_early_stopping_waits_for_its_patience_and_restores_the_best(values, epochs, best):
    seen = []
    net = new_net()
    history = fit(
        net,
        epochs=len(values),
        validation=problem(4),
        metrics={"score": scripted(values)},
        callbacks=[
            lambda state: seen.append(state.net.state_dict()),
            EarlyStopping(patience=2, monitor="validation_score"),
        ],
    )
    assert len(history.loss) == epochs
    assert all(np.array_equal(seen[best - 1][name], values) for name, values in net.state_dict().items())


def test_early_stopping_of_a_measure_to_maximise():
    history = fit(
        epochs=9,
        validation=problem(4),
        metrics={"score": scripted([1, 2, 3, 2, 2, 2, 2, 2, 2])},
        callbacks=[EarlyStopping(patience=2, monitor="validation_score", maximise=True)],
    )
    assert len(history.loss) == 5


def test_early_stopping_of_one_run_has_no_effect_on_the_next():
    stopping, nets = EarlyStopping(monitor="loss"), [new_net(), new_net(seed=1), new_net(seed=1)]
    fit(nets[0], epochs=9, callbacks=[stopping])
    fit(nets[1], epochs=2, callbacks=[stopping])  # with a larger loss
    fit(nets[2], epochs=2, callbacks=[EarlyStopping(monitor="loss")])
    assert all(np.array_equal(nets[1].state_dict()[name], W) for name, W in nets[2].state_dict().items())
    assert stopping.best_epoch == 2


def test_early_stopping_without_validation_says_what_to_pass():
    with pytest.raises(ValueError, match=r"one of loss, got 'validation_loss': pass validation=\(X, Y\)"):
        fit(callbacks=[EarlyStopping()])


def test_early_stopping_of_a_run_resumed_without_validation_takes_no_old_value(tmp_path):
    settings = {"callbacks": [EarlyStopping()], "resume": tmp_path / "run.npz"}
    fit(epochs=2, validation=problem(4), **settings)
    with pytest.raises(ValueError, match=r"one of loss, got 'validation_loss': pass validation=\(X, Y\)"):
        fit(epochs=4, **settings)


def test_a_checkpoint_is_a_run_to_resume_with_the_same_callbacks(tmp_path):
    def run(net, epochs, resume=None):
        callbacks = [EarlyStopping(monitor="loss"), Checkpoint(tmp_path / "run.npz")]
        return fit(net, epochs=epochs, callbacks=callbacks, resume=resume)

    whole, parts = new_net(), new_net()
    run(parts, 3)
    assert run(parts, 6, tmp_path / "run.npz") == run(whole, 6)
    assert all(np.array_equal(parts.state_dict()[name], W) for name, W in whole.state_dict().items())


def test_checkpoints_are_written_every_so_often_and_at_the_end(tmp_path):
    fit(epochs=5, callbacks=[Checkpoint(tmp_path / "run-{epoch}.npz", every=2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-2.npz", "run-4.npz", "run-5.npz"]
    net = new_net()
    sgd = tg.optim.SGD(net.parameters(), learning_rate=0.3)
    history = tg.load_training(tmp_path / "run-4.npz", net, sgd)
    whole = fit(epochs=5)
    assert history.loss == whole.loss[:4]
