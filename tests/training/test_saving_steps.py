"""What a run in parts tells its callbacks of steps: their number, and the state that they kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.training.test_fitting import fit, new_net, problem, rng
from tinygrad_dl.training import every_step


class Counter:
    """A callback with a state: the number of its calls, and the numbers of the steps it saw."""

    def __init__(self, stop_at=0):
        self.seen, self.stop_at = [], stop_at

    def __call__(self, state):
        self.seen.append(state.step)
        if state.step == self.stop_at:
            state.stop()

    def state_dict(self):
        return {"seen": np.array(self.seen), "last": self.seen[-1] if self.seen else 0}

    def load_state_dict(self, state):
        self.seen = state["seen"].tolist()
        assert state["last"] == (self.seen or [0])[-1]


@given(st.integers(1, 12), st.lists(st.integers(1, 12), max_size=3, unique=True).map(sorted))
def test_the_steps_of_a_run_in_parts_are_counted_on_whichever_step_stopped_a_part(tmp_path_factory, size, stops):
    path = tmp_path_factory.mktemp("run") / "run.npz"
    net = new_net()
    for stop_at in [*stops, 0]:
        counter = Counter(stop_at)
        history = fit(
            net, make=tg.optim.Adam, epochs=5, batch_size=size, rng=rng(), callbacks=[every_step(counter)], resume=path
        )
        assert counter.seen == list(range(1, history.steps + 1))
        optimizer = tg.optim.Adam(net.parameters())
        tg.load_training(path, net, optimizer, rng(), [every_step(Counter())])
        assert int(optimizer.state_dict()["t.0"]) == history.steps
    assert len(history.loss) == 5


@pytest.mark.parametrize("first", [4, None])
def test_steps_made_are_no_guess_from_the_size_of_the_minibatches(first, tmp_path):
    fit(epochs=2, batch_size=first, rng=rng(), resume=tmp_path / "run.npz")  # of 12 samples
    steps = []
    note = every_step(lambda state: steps.append(state.step))
    fit(epochs=3, batch_size=6, rng=rng(), callbacks=[note], resume=tmp_path / "run.npz")
    made = 2 * (3 if first else 1)
    assert steps == [made + 1, made + 2]


@pytest.mark.parametrize("mark", [every_step, lambda callback: callback], ids=["step", "epoch"])
def test_the_state_of_a_callback_is_saved_whether_it_is_called_at_steps_or_epochs(mark, tmp_path):
    net = new_net()
    adam, counter = tg.optim.Adam(net.parameters()), Counter()
    fit(net, data=problem(), epochs=2, callbacks=[mark(counter)])
    tg.save_training(tmp_path / "run.npz", net, adam, callbacks=[mark(counter)])
    other = Counter()
    tg.load_training(tmp_path / "run.npz", net, adam, callbacks=[other])  # with a mark or without
    assert other.seen == counter.seen == [1, 2]


def test_a_function_for_each_step_has_no_state():
    assert not hasattr(every_step(print), "state_dict")


@pytest.mark.parametrize("value", ["text", None, {"a": 1}, np.array(["text"]), np.array([None])])
def test_a_state_that_could_not_be_loaded_is_not_saved(value, tmp_path):
    counter = Counter()
    counter.state_dict = lambda: {"seen": value}
    with pytest.raises(TypeError, match=r"callback 0\.seen: expected numbers in a state_dict that is to be saved, got"):
        fit(callbacks=[counter], resume=tmp_path / "run.npz")
    assert not [*tmp_path.iterdir()]
