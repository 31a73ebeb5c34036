"""`python -m tests.benchmarks.memory`: the peak of memory in a step of a 64-layer net, with checkpoints and without.

It is counted by tracemalloc, in arrays of the size of the net's input, so that it is the same on every machine.
"""

import time

import numpy as np

import tinygrad_dl as tg
from tests.benchmarks.measuring import peak

LAYERS, UNITS, SAMPLES = 64, 64, 1000


def layers():
    rng = np.random.default_rng(0)
    nn = tg.nn
    return [nn.Sequential(nn.Dense(UNITS, UNITS, rng=rng), nn.tanh, np.sin, np.cos, nn.tanh) for _ in range(LAYERS)]


def segments(length):
    parts = layers()
    return tg.nn.Sequential(
        *[tg.checkpoint(tg.nn.Sequential(*parts[i : i + length])) for i in range(0, LAYERS, length)]
    )


def step(net, X):
    np.sum(net(X) ** 2).backward()


def measured(net):
    X = tg.Tensor(np.random.default_rng(1).normal(size=(UNITS, SAMPLES)))
    start = time.perf_counter()
    step(net, X)
    seconds = time.perf_counter() - start
    return peak(lambda: step(net, X)) / X.data.nbytes, seconds


def main():
    print(f"{'a step of a net of 64 layers of 5 functions':44} {'peak, in arrays':>16} {'seconds':>8}")
    nets = {"kept whole": tg.nn.Sequential(*layers())}
    nets |= {f"a checkpoint every {length} layers": segments(length) for length in (1, 4, 8, 16)}
    for name, net in nets.items():
        arrays, seconds = measured(net)
        print(f"{name:44} {arrays:16.0f} {seconds:8.2f}")


if __name__ == "__main__":
    main()
