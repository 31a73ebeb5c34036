"""What a run in parts tells its callbacks of steps: their number, and the state that they kept."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.training.test_fitting import fit, new_net, problem
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
        return {"seen": np.array(self.seen)}

    def load_state_dict(self, state):
        self.seen = state["seen"].tolist()


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
