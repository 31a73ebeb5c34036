"""The sources of a compiled step run by themselves, with NumPy and this package, and compute the same numbers."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal
from tinygrad_dl import nn

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.1, 0.9, (3, 20)), (RNG.random((1, 20)) > 0.5).astype(float)
IMAGES = RNG.uniform(size=(2, 5, 5, 4))


def training(layers, x=X, y=Y, loss=nn.mean_squared_error, optimizer=tg.optim.SGD, dtype=np.float64):
    """A step of a net on data that never changes, in which a bias is a column and all updates are one."""
    net = nn.Sequential(*layers(np.random.default_rng(1)))
    for parameter in net.parameters():
        parameter.data = parameter.data.astype(dtype if parameter.dtype.kind == "f" else parameter.dtype)
    descent = optimizer(net.parameters(), learning_rate=0.1)
    x, y = tg.Tensor(x.astype(dtype)), tg.Tensor(y.astype(dtype))

    def step():
        descent.zero_grad()
        cost = loss(net(x), y)
        cost.backward()
        descent.step()
        return cost, [parameter.grad for parameter in net.parameters()]

    return step


def dense(rng, output=nn.identity):
    return nn.Dense(3, 4, rng=rng), nn.tanh, nn.Dense(4, 1, rng=rng), output


STEPS = {
    "dense": lambda: training(dense),
    "probabilities": lambda: training(lambda rng: dense(rng, nn.sigmoid), loss=nn.binary_cross_entropy),
    "Adam": lambda: training(dense, optimizer=tg.optim.Adam),
    "float32": lambda: training(dense, dtype=np.float32, loss=nn.binary_cross_entropy_with_logits),
    "relu and softmax": lambda: training(
        lambda rng: (nn.Dense(3, 4, rng=rng), nn.relu, nn.Dense(4, 3, rng=rng)),
        y=np.eye(3)[:, np.arange(20) % 3],
        loss=nn.softmax_cross_entropy,
    ),
    "batch norm": lambda: training(
        lambda rng: (nn.Dense(3, 4, rng=rng), nn.BatchNorm(4), nn.relu, nn.Dense(4, 1, rng=rng))
    ),
    "convolution": lambda: training(
        lambda rng: (nn.Conv2D(2, 3, 2, rng=rng), nn.relu, nn.max_pool2d, nn.flatten, nn.Dense(12, 1, rng=rng)),
        *(IMAGES, Y[:, :4]),
    ),
    "a long sum": lambda: lambda: sum((np.tanh(tg.Tensor(X) * i) for i in range(9)), tg.Tensor(X)),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("what", STEPS)
def test_both_sources_compute_the_same_numbers(what, threads):
    if threads > 1 and what in ("batch norm", "convolution", "a long sum"):
        pytest.skip("it can't be split")
    compiled = tg.compile(STEPS[what](), threads)
    compiled()
    program = compiled.program
    for seed in (0, 1):  # twice: what is kept is not that of the first run
        inputs = [data_like(node, np.random.default_rng(seed)) for node in program.inputs]
        expected = program.evaluate(*inputs)
        for buffers in (False, True):
            namespace = {"np": np}
            exec(compiled.source(buffers), namespace)
            for _ in range(2):
                found = namespace["step"](*inputs)
                found = [*found] if type(found) is tuple else [found]
                assert_equal(found, expected, rtol=1e-10 if inputs[0].dtype == np.float64 else 1e-4)


def data_like(node, rng):
    """Random data for an input of a program; labels are those of classes."""
    known = [array for array in (Y, np.eye(3)[:, np.arange(20) % 3]) if array.shape == node.shape]
    if known:
        return rng.permutation(known[0], axis=1).astype(node.dtype)
    return rng.uniform(0.1, 0.9, node.shape).astype(node.dtype)[()]
