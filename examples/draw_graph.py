"""Draw a graph: forward pass, backprop with its formulas, vanishing gradients, and a wrong hand derivation.

Each picture is an SVG in `output/` that follows the theme of your browser; hover over a node for its details.
"""

from pathlib import Path

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import nn, testing

OUTPUT = Path(__file__).parent / "output"


def shallow_net(rng):
    """The course's shallow net on points of the plane, and its cost (week 3)."""
    X = tg.Tensor(rng.normal(size=(2, 200)), name="X")
    Y = tg.Tensor((X.data[:1] * X.data[1:] > 0).astype(float), name="Y")
    net = nn.mlp([2, 4, 1], hidden=nn.tanh, output=nn.sigmoid, rng=rng)
    cost = nn.binary_cross_entropy(net(X), Y)
    cost.name = "cost"
    return net, X.data, Y.data, cost


def homework(net, X, Y):
    """A backward pass by hand with two mistakes: Z for A in tanh', and no 1/m in dW1."""
    tensors = tg.named_tensors(net(X))
    Z1, A1, A2 = (tensors[name].data for name in ("Z1", "A1", "A2"))
    dZ2 = A2 - Y
    dZ1 = tensors["W2"].data.T @ dZ2 * (1 - Z1**2)
    return {"dZ2": dZ2, "dW2": dZ2 @ A1.T / X.shape[1], "dZ1": dZ1, "dW1": dZ1 @ X.T}


def recurrent_net(rng, steps=200):
    """h = tanh(W h + U x + b), again and again: 1,000 operations."""
    W = tg.parameter(rng.normal(size=(8, 8)) / 4, name="W")
    U = tg.parameter(rng.normal(size=(8, 3)), name="U")
    b = tg.parameter(np.zeros((8, 1)), name="b")
    h = tg.Tensor(np.zeros((8, 5)), name="h0")
    for _ in range(steps):
        h = np.tanh(W @ h + U @ rng.normal(size=(3, 5)) + b)
    loss = np.mean(h**2)
    loss.name = "loss"
    return loss


def derivative_of_tanh():
    """dz of the sum of tanh(z), made with create_graph=True: its graph is that of the rule, 1 - tanh(z)²."""
    z = tg.parameter([1.0, 2.0], name="z")
    dz = tg.gradients(np.sum(np.tanh(z)), z, create_graph=True)
    dz.name = "dz"
    return dz


def main():
    OUTPUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    net, X, Y, cost = shallow_net(rng)
    deep = nn.mlp([2] + [8] * 12 + [1], hidden=nn.sigmoid, output=nn.sigmoid, rng=rng)
    report = testing.check_backprop(homework(net, X, Y), X, Y, net)
    drawings = {
        "forward": tg.draw(cost),
        "backprop": tg.draw(cost, show="both", gradients=True),
        "second_order": tg.draw(derivative_of_tanh(), values=True),
        "homework": tg.draw(cost, report=report),
        "vanishing": tg.draw(lambda X: nn.binary_cross_entropy(deep(X), Y), X, heat=True, depth=1),
        "recurrent": tg.draw(recurrent_net(rng), heat=True),
    }
    for name, drawing in drawings.items():
        print(f"\n{drawing.render(OUTPUT / f'{name}.svg')}: {drawing.nodes} nodes")
        for line in filter(None, (drawing.note, *drawing.verdict)):
            print(f"  {line}")
    print(f"\nWithout a layout engine there is a text, which print(drawing) shows:\n\n{drawings['forward']}")


if __name__ == "__main__":
    main()
