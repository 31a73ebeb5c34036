"""Tensors of a graph by name."""

import tinygrad_dl as tg


def test_named_tensors_are_those_in_the_graph_and_the_last_of_each_name():
    x = tg.parameter(1.0, name="x")
    y = x * 2
    z = y * tg.Tensor(3.0, name="data")
    y.name = z.name = "A"
    assert tg.named_tensors(z) == {"x": x, "A": z}
    assert tg.named_tensors(x, z).keys() == {"x", "A"}
