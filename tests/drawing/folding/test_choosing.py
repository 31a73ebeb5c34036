"""The laws of the choice: as little summed up as the limit needs, a note about it, and errors with a remedy."""

import numpy as np
import pytest

from tests.drawing.folding.programs import chain, doubling, mlp, recurrent
from tests.marks import in_depth
from tinygrad_dl.drawing.folding import fold


def test_a_note_tells_which_way_was_taken_and_how_to_see_all():
    assert fold(mlp(50), max_nodes=20).note == (
        "207 nodes in 15: repeated blocks are drawn once (×N). max_nodes=207 draws them all."
    )
    assert fold(mlp(50), max_nodes=10).note == (
        "207 nodes in 9: repeated blocks are drawn once (×N), Modules are summed up from depth 1 on. "
        "max_nodes=207 draws them all."
    )
    view = fold(chain(3_000, (np.tanh, np.sin, np.cos)))
    assert (
        view.note
        == f"3,001 nodes in {len(view.units)}: runs of operations are summed up. max_nodes=3001 draws them all."
    )
    assert len(view.units) <= 60
    assert all(unit.kind == "segment" and "operations" in unit.title for unit in view.units[:-1])
    assert fold(mlp(50), depth=0).note == fold(mlp(50)).note == ""


@pytest.mark.parametrize(
    ("error", "settings"),
    [
        (ValueError, {"depth": -1}),
        (ValueError, {"max_nodes": 0}),
        (TypeError, {"depth": 1.5}),
        (TypeError, {"depth": True}),
        (TypeError, {"max_nodes": "all"}),
        (TypeError, {"roll": 3}),
    ],
    ids=str,
)
def test_bad_settings_are_refused_with_a_way_out(error, settings):
    [(name, value)] = settings.items()
    with pytest.raises(error, match=rf"{name}: expected .* got {value!r}: .*draws"):
        fold(doubling(3), **settings)


@pytest.mark.parametrize("make", [lambda: recurrent(833), in_depth(lambda: chain(40_000))])
def test_a_large_graph_of_repeated_blocks_is_small(make):
    assert len(fold(make()).units) < 20
