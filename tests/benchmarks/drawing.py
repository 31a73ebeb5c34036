"""How long a picture takes, from the loss to the SVG: `python -m tests.benchmarks.drawing`.

All nodes are drawn up to 5,000, which is beyond what one can take in; a graph of 100,000 or a million is summed up.
"""

import time

import numpy as np

import tinygrad_dl as tg

rng = np.random.default_rng(0)


def mlp(nodes):
    """A multilayer perceptron whose graph has about so many nodes: W, b, Z and A for a layer, in frames of Modules."""
    net = tg.nn.mlp([4] * (nodes // 4 + 1), rng=rng)
    return tg.nn.mean_squared_error(net(tg.Tensor(rng.normal(size=(4, 3)), name="X")), np.ones((4, 3)))


def recurrent(nodes):
    """A recurrent net, unrolled: five operations and a sample for a step, and three parameters that all steps share."""
    W, U, b = (
        tg.parameter(rng.normal(size=shape), name) for shape, name in (((4, 4), "W"), ((4, 4), "U"), ((4, 1), "b"))
    )
    h = tg.Tensor(np.zeros((4, 3)), name="h0")
    for _ in range(nodes // 6):
        h = np.tanh(W @ h + U @ rng.normal(size=(4, 3)) + b)
    return np.mean(h)


def chain(nodes):
    """Additions and multiplications in a row."""
    y = tg.parameter(np.ones(3), name="y")
    for _ in range(nodes // 2):
        y = y * 1.5 + 0.5
    return np.sum(y)


def doubled(times):
    """y = y + y, again and again: a path for each subset of the additions."""
    y = tg.parameter(1.0, name="y")
    for _ in range(times):
        y = y + y
    return y


def row(name, make, size, max_nodes, bar):
    loss = make(size)
    start = time.perf_counter()
    drawing = tg.draw(loss, max_nodes=max_nodes)
    drawn = time.perf_counter()
    picture = drawing._rendered(".svg")
    end = time.perf_counter()
    print(
        f"{name:32} {drawing.nodes:7,} {drawn - start:9.2f} s {end - drawn:9.2f} s {end - start:9.2f} s "
        f"{bar:>7} {len(picture) / 1e6:7.2f} MB  {drawing.note}"
    )


def main():
    print(f"{'graph':32} {'drawn':>7} {'draw':>11} {'layout':>11} {'together':>11} {'bar':>7} {'SVG':>10}")
    tg.draw(mlp(8))._rendered(".svg")  # what is imported at first use
    for size, bar in ((50, "0.2 s"), (500, "1 s"), (5_000, "10 s")):
        row(f"MLP, {size:,} nodes, all", mlp, size, None, bar)
        row(f"recurrent net, {size:,} nodes, all", recurrent, size, None, bar)
    row("MLP, 100,000 nodes", mlp, 100_000, 300, "5 s")
    row("recurrent net, 100,000 nodes", recurrent, 100_000, 300, "5 s")
    row("chain of 100,000", chain, 100_000, 300, "5 s")
    row("chain of 1,000,000", chain, 1_000_000, 300, "")
    row("y = y + y, 40 times", doubled, 40, None, "")


if __name__ == "__main__":
    main()
