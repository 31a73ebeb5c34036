"""Plot every activation and its derivative, by autodiff, and show that without activations a deep net is linear."""

from pathlib import Path

import matplotlib
import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.drawing import plots

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OUTPUT = Path(__file__).parent / "output"
ACTIVATIONS = [nn.identity, nn.sigmoid, nn.tanh, nn.relu, nn.leaky_relu, nn.elu, nn.softplus, nn.gelu]


def draw_activations(path):
    """One panel per activation: g(z) and g'(z)."""
    figure, panels = plt.subplots(2, 4, figsize=(12, 6), sharex=True, sharey=True, layout="constrained")
    for g, panel in zip(ACTIVATIONS, panels.flat, strict=True):
        plots.activation(g, ax=panel)
        panel.label_outer()
    panel.set_ylim(-1.3, 3.3)
    figure.savefig(path, dpi=120)


def draw_fits(path):
    """The notes' picture: a few points, and the fits of a net without and of one with activations."""
    rng = np.random.default_rng(1)
    x = np.linspace(-2, 2, 12)[np.newaxis, :]
    y = np.sin(2 * x) + 0.3 * x + 0.1 * rng.normal(size=x.shape)
    nets = {}
    for g, name in ((nn.identity, "without activation: a line"), (nn.tanh, "with tanh: it bends")):
        net = nets[name] = nn.mlp([1, 16, 1], hidden=g, rng=rng)
        adam = tg.optim.Adam(net.parameters(), learning_rate=0.02)
        history = tg.fit(net, x, y, loss=nn.mean_squared_error, optimizer=adam, epochs=1500, progress=False)
        print(f"fit {name}: mean squared error {history.loss[-1]:.4f}")
    plots.fits(nets, x, y).figure.savefig(path, dpi=120)


def show_bend():
    """y = 3 max(0, 2x + 1) + 1 is 6x + 4 for x > -0.5 and 1 otherwise; autodiff finds both slopes."""
    x = np.array([-2.0, -1.0, -0.5, 0.0, 1.0])

    def y(x):
        return 3 * nn.relu(2 * x + 1) + 1

    print("\ny = 3 max(0, 2x + 1) + 1")
    for row in zip(x, y(x), tg.elementwise_grad(y)(x), strict=True):
        print("  x = {:4}: y = {:4}, dy/dx = {}".format(*row))


def show_linear_collapse():
    """Week 3: W2 (W1 X + b1) + b2 = (W2 W1) X + (W2 b1 + b2), and so on for any depth."""
    rng = np.random.default_rng(0)
    net = nn.mlp([3, 50, 40, 30, 20, 2], hidden=nn.identity, rng=rng)
    X = rng.normal(size=(3, 1000))
    W, b = np.eye(3), np.zeros((3, 1))
    for layer in net.layers[::2]:
        W, b = layer.W.data @ W, layer.W.data @ b + layer.b.data
    difference = np.abs(net(X).data - (W @ X + b)).max()
    parameters = sum(p.size for p in net.parameters())
    print(f"\n5 layers, {parameters} parameters, no activation: equal to one layer of {W.size + b.size} parameters")
    print(f"  largest difference between the two over {X.shape[1]} samples: {difference:.1e}")


if __name__ == "__main__":
    OUTPUT.mkdir(exist_ok=True)
    draw_activations(OUTPUT / "activations.png")
    draw_fits(OUTPUT / "fits.png")
    show_bend()
    show_linear_collapse()
    print(f"\npictures: {OUTPUT / 'activations.png'}, {OUTPUT / 'fits.png'}")
