"""The pictures on a page: which there are, and how long they may take."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import engine
from tinygrad_dl.drawing.page import pictures
from tinygrad_dl.graph.nodes import Graph


def laying_out(monkeypatch, takes, seconds=60.0):
    """Watch what the engine is given: a list of seconds, one for each picture, of which each `takes` so many."""
    clock, given = [0.0], []

    def best(candidates, suffix, left):
        given.append(left)
        clock[0] += takes
        return real(candidates, suffix)

    real = engine.best
    monkeypatch.setattr(engine, "best", best)
    monkeypatch.setattr(pictures, "monotonic", lambda: clock[0])
    return given


@pytest.mark.skipif(engine.problem() is not None, reason="no layout engine is installed")
def test_all_pictures_share_one_deadline_and_the_first_one_shown_is_the_first_laid_out(monkeypatch):
    given = laying_out(monkeypatch, takes=40.0)
    graph = Graph([np.sum(tg.nn.mlp([2, 3, 3, 3, 1], rng=np.random.default_rng(0))(np.ones((2, 4))))])
    found, note = pictures.pictures_of(graph)
    assert given == [60.0, 20.0]
    assert found[0]["name"] == f"all {len(graph.nodes)} nodes"
    left_out = [name for name, _ in pictures._levels(graph) if name not in [picture["name"] for picture in found]]
    assert left_out
    assert all(name in note for name in left_out)


def test_no_two_pictures_show_the_same():
    rng = np.random.default_rng(0)
    for graph in (
        Graph([np.sum(tg.parameter([1.0, 2.0]) ** 2)]),
        Graph([np.sum(tg.nn.mlp([2, 4, 1], rng=rng)(np.ones((2, 5))))]),
        Graph([np.sum(tg.nn.mlp([2, 3, 3, 3, 1], rng=rng)(np.ones((2, 4))))]),
    ):
        levels = pictures._levels(graph)
        assert levels[0][0] == f"all {len(graph.nodes)} nodes"
        shown = [frozenset(tuple(unit.members) for unit in view.units) for _, view in levels]
        assert len({*shown}) == len(shown)
