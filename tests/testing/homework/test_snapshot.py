"""The state of a namespace, put back."""

import numpy as np

from tinygrad_dl.testing.homework.snapshot import Snapshot, reachable


class Net:
    def __init__(self):
        self.W = np.ones(2)


def test_everything_is_put_back():
    rng, old = np.random.default_rng(0), np.random.RandomState(0)
    names = {"a": np.zeros(2), "costs": [1.0], "p": {"W": np.ones(1)}, "net": Net(), "rng": rng, "old": old}
    snapshot = Snapshot(names)
    expected = rng.normal(), old.randn()
    names["a"] += 1
    names["costs"].append(2.0)
    names["p"]["W"] = 5
    names["net"].W, names["net"].h = None, 1
    names["new"] = 1
    restored = snapshot.restore()
    snapshot.restore()
    assert restored is names
    assert names.keys() == {"a", "costs", "p", "net", "rng", "old"}
    assert (names["a"].tolist(), names["costs"], names["p"]["W"].tolist()) == ([0.0, 0.0], [1.0], [1.0])
    assert vars(names["net"]).keys() == {"W"}
    assert (rng.normal(), old.randn()) == expected


def test_values_inside_of_others_are_found_with_their_paths_and_cycles_end():
    holder = {"nets": [Net()]}
    holder["self"] = holder
    assert ("holder", "nets", 0, "W") in [path for path, _ in reachable({"holder": holder})]
